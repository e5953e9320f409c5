//! hyper's HTTP/2, as a client that is not weir's own.

use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::site::{PATIENCE, Site};

/// One connection.
pub(crate) struct Client {
    requests: SendRequest<Full<Bytes>>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<hyper::Result<()>>,
}

impl Client {
    /// Connects; each stream and the connection have `window` bytes of room.
    pub(crate) async fn connect(site: &Site, window: u32) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", site.port)).await.unwrap();
        let (requests, connection) = Builder::new(TokioExecutor::new())
            .initial_stream_window_size(window)
            .initial_connection_window_size(window)
            .handshake(TokioIo::new(socket))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        Self {
            requests,
            connection,
        }
    }

    /// Sends a request without waiting for its answer's body.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Bytes) -> Response<Incoming> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://a.test{path}"))
            .body(Full::new(body))
            .unwrap();
        let mut requests = self.requests.clone();
        let answer = timeout(PATIENCE, requests.send_request(request)).await;
        let answer = answer.expect("an answer in time").unwrap();
        assert_eq!(answer.version(), Version::HTTP_2);
        answer
    }

    /// The body of the answer to a GET.
    pub(crate) async fn get(&self, path: &str) -> Bytes {
        body(self.ask("GET", path, Bytes::new()).await).await
    }
}

/// The whole body of an answer.
pub(crate) async fn body(answer: Response<Incoming>) -> Bytes {
    let body = timeout(PATIENCE, answer.into_body().collect()).await;
    body.expect("a body in time").unwrap().to_bytes()
}
