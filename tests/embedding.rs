//! The proxy as a service inside another server.

use std::fs;

use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use tower::ServiceExt;
use weir_proxy::serve::service::ProxyService;

const CONFIG: &str =
    "error_log logs/error.log; events {} http { access_log off; server { listen 80;
    location /text { return 200 text; }
    location /nothing { return 204; }
    location /fault { return 500; } } }";

/// The in-process connection may end before the answer's body is asked for, and is not asked again.
#[tokio::test]
async fn answers_are_read_to_their_end_also_where_the_connection_ends_first() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("logs")).expect("a folder for logs");
    let proxy = ProxyService::from_config(CONFIG, folder.path()).expect("a service");
    for (method, path, length) in [
        ("GET", "/text", 4),
        ("HEAD", "/text", 0),
        ("GET", "/nothing", 0),
        ("HEAD", "/fault", 0),
    ] {
        for _ in 0..20 {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("Connection", "close")
                .body(Empty::<Bytes>::new())
                .expect("a request");
            let answer = proxy.clone().oneshot(request).await.expect("an answer");
            let body = answer.into_body().collect().await.expect("a body");
            assert_eq!(body.to_bytes().len(), length, "{method} {path}");
        }
    }
}
