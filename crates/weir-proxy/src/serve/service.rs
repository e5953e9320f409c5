//! The proxy inside another server: a `tower::Service` over `http` types.
//!
//! A thread of its own runs one worker, as in the `weir` command; each call opens an in-process
//! connection to it. So a request that comes through the service meets the same parser, clocks,
//! retries and log lines as one that comes over a socket.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderValue, Request, Response, Uri, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tower_service::Service;
use weir_log::Logs;

use crate::facts::ClientAddress;
use crate::plan::{Plan, PlanFault, create_temp_folders};
use crate::serve::host::{self, Host, Surroundings};
use weir_io::dial::Dialer;
use weir_io::stream::Stream;

/// Bytes that wait between the caller and the worker, each way.
const PIPE: usize = 64 * 1024;

/// What an error of the caller's body is turned into.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The proxy as a service; clones share one worker.
///
/// Requests are answered by the servers of the configuration's first `listen`, which is not bound.
/// The worker ends, after the requests under way, when the last clone and the last response are
/// gone.
#[derive(Clone, Debug)]
pub struct ProxyService {
    connections: mpsc::UnboundedSender<Accepted>,
}

/// The address that `$remote_addr` and log lines show; an extension of the request. Without it
/// they show `unix:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(
    /// The client's address.
    pub SocketAddr,
);

/// Why a service cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is faulty; displays nginx's line.
    #[error(transparent)]
    Config(#[from] weir_conf::Faults),
    /// Names, logs or folders of the configuration.
    #[error(transparent)]
    Plan(#[from] PlanFault),
    /// There is no server to answer.
    #[error("no server is configured")]
    NoServer,
    /// A thread or its runtime cannot be started.
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
}

/// Why there is no answer at all; every failure of an upstream is an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The worker has ended.
    #[error("the proxy has ended")]
    Ended,
    /// The proxy closed without an answer (`return 444`), or the caller's body failed.
    #[error("the proxy closed the connection without an answer")]
    Closed(#[from] hyper::Error),
}

/// A call on its way to the worker.
#[derive(Debug)]
struct Accepted {
    stream: DuplexStream,
    client: ClientAddress,
}

impl ProxyService {
    /// Serves the configuration in `text`; `prefix` is the base of its relative paths.
    ///
    /// Error lines reach the files that `error_log` names, and any subscriber of `tracing` as events
    /// of [`weir_log::ERROR_LOG_TARGET`]. [`weir_log::DebugLog`] is what `error_log … debug` needs.
    ///
    /// # Errors
    ///
    /// A faulty configuration, or logs and folders that cannot be opened.
    pub fn from_config(text: &str, prefix: &Path) -> Result<Self, StartError> {
        let plan = prepare(text, prefix)?;
        let (connections, accepted) = mpsc::unbounded_channel();
        host::start_thread("weir", move || work(plan, accepted))?;
        Ok(Self { connections })
    }

    fn connect(&self, client: Option<Client>) -> Result<DuplexStream, CallError> {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        let client = client.map_or(ClientAddress::Unix, |Client(address)| {
            ClientAddress::Inet(address)
        });
        let accepted = Accepted {
            stream: theirs,
            client,
        };
        self.connections
            .send(accepted)
            .map_err(|_| CallError::Ended)?;
        Ok(ours)
    }
}

/// Reads the configuration in `text`, opens its logs and makes its folders; `prefix` is the base of
/// relative paths.
///
/// # Errors
///
/// As [`ProxyService::from_config`].
pub fn prepare(text: &str, prefix: &Path) -> Result<Arc<Plan>, StartError> {
    let mut config = weir_conf::load_str(text, prefix)?;
    let listens = config.http.as_mut().map(|http| &mut http.listens);
    let Some(listens) = listens.filter(|listens| !listens.is_empty()) else {
        return Err(StartError::NoServer);
    };
    for listen in listens {
        // Who calls from the same process has no use for TLS.
        listen.options.ssl = false;
    }
    let config = Arc::new(config);
    create_temp_folders(&config, None)?;
    Ok(Arc::new(Plan::new(config, &Logs::default(), None)?))
}

/// Serves until nobody can call any more, and then what is under way.
async fn work(plan: Arc<Plan>, mut accepted: mpsc::UnboundedReceiver<Accepted>) {
    let host = Host::new(plan, Surroundings::alone(Dialer::System));
    while let Some(Accepted { stream, client }) = accepted.recv().await {
        host.serve(Stream::Memory(stream), 0, client, None);
    }
    host.worker().drain();
    host.idle().await;
}

impl<B> Service<Request<B>> for ProxyService
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    type Response = Response<ProxyBody>;
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let connected = self.connect(request.extensions().get::<Client>().copied());
        Box::pin(async move {
            let (mut sender, connection) = http1::handshake(TokioIo::new(connected?)).await?;
            let mut driver = Driver::of(async move {
                // An error is also an error of the response or of its body.
                let _ = connection.await;
            });
            let answer = sender.send_request(origin_form(request));
            tokio::pin!(answer);
            let response = std::future::poll_fn(|cx| {
                // The answer decides; the driver only moves bytes.
                driver.poll(cx);
                answer.as_mut().poll(cx)
            })
            .await?;
            Ok(response.map(|body| ProxyBody { body, driver }))
        })
    }
}

/// HTTP/1.1 with the target as a path, and the host in `Host`.
fn origin_form<B>(mut request: Request<B>) -> Request<B> {
    *request.version_mut() = Version::HTTP_11;
    let host = request
        .uri()
        .authority()
        .map(Authority::as_str)
        .and_then(|host| host.parse().ok());
    if let Some(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    } else {
        request
            .headers_mut()
            .entry(HOST)
            .or_insert(HeaderValue::from_static("localhost"));
    }
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    if let Ok(uri) = path.parse::<Uri>() {
        *request.uri_mut() = uri;
    }
    request
}

/// Moves the bytes of the in-process connection, as long as there are any.
struct Driver(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Driver {
    fn of(connection: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(connection)))
    }

    fn poll(&mut self, cx: &mut Context<'_>) {
        let running = self.0.as_mut();
        if running.is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
            self.0 = None;
        }
    }
}

/// The body of an answer. A body that was cut upstream ends in an error.
pub struct ProxyBody {
    body: Incoming,
    driver: Driver,
}

impl std::fmt::Debug for ProxyBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyBody")
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}

impl Body for ProxyBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.driver.poll(cx);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
