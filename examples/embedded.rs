//! weir inside another server: a hyper server whose own pages live under `/app`, and whose other
//! requests the proxy answers, with nginx's retries, pages and log lines.
//!
//! ```text
//! cargo run --example embedded -- --once    # one call, no socket
//! cargo run --example embedded              # then: curl -i http://127.0.0.1:PORT/  and  /app
//! ```

use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;
use weir_proxy::serve::service::{Client, ProxyService};

/// Nothing listens on port 9: every answer is the 502 that nginx would give.
const CONFIG: &str = "
    error_log stderr;
    events {}
    http {
        access_log off;
        server {
            listen 80;
            location / { proxy_pass http://127.0.0.1:9; }
        }
    }
";

type Answer = Result<
    Response<Either<Full<Bytes>, weir_proxy::serve::service::ProxyBody>>,
    Box<dyn std::error::Error + Send + Sync>,
>;

async fn answer(proxy: ProxyService, client: SocketAddr, mut request: Request<Incoming>) -> Answer {
    if request.uri().path() == "/app" {
        return Ok(Response::new(Either::Left(Full::from(
            "the server's own page\n",
        ))));
    }
    request.extensions_mut().insert(Client(client));
    Ok(proxy.oneshot(request).await?.map(Either::Right))
}

async fn serve(proxy: ProxyService, stream: TcpStream, client: SocketAddr) {
    let service = service_fn(move |request| answer(proxy.clone(), client, request));
    let served = Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        eprintln!("{client}: {error}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let proxy = ProxyService::from_config(CONFIG, folder.path())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    if std::env::args().any(|arg| arg == "--once") {
        return show_one(&proxy).await;
    }
    loop {
        let (stream, client) = listener.accept().await?;
        tokio::spawn(serve(proxy.clone(), stream, client));
    }
}

/// One call without a socket: what a test of a service would do.
async fn show_one(proxy: &ProxyService) -> Result<(), Box<dyn std::error::Error>> {
    let request = Request::get("/").body(Full::<Bytes>::default())?;
    let response = proxy.clone().oneshot(request).await?;
    let status = response.status();
    let page = response.into_body().collect().await?.to_bytes();
    println!("{status}\n{}", String::from_utf8_lossy(&page));
    Ok(())
}
