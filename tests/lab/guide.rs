//! The code of `docs/testing.md`, word for word.

use std::time::Duration;

use tokio::time::Instant;
use weir_lab::lab::{Lab, fault};
use weir_lab::script::{BackendScript, BackendStep, ClientStep, Payload};

const GUIDE: &str = include_str!("../../docs/testing.md");

#[test]
fn the_guide_shows_what_is_tested_here() {
    let here = include_str!("guide.rs");
    let blocks: Vec<&str> = GUIDE.split("```rust\n").skip(1).collect();
    assert!(blocks.len() > 3, "{} blocks", blocks.len());
    for block in blocks {
        let (code, _) = block.split_once("```").unwrap();
        assert!(here.contains(code), "not in tests/lab/guide.rs:\n{code}");
    }
}

#[tokio::test]
async fn a_dead_server_is_passed_over() {
    let lab = Lab::new(
        "upstream app { server dead:1; server healthy:1; }
         server { listen 80; location / { proxy_pass http://app; } }",
    )
    .backend("dead:1", fault("refused"))
    .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
    .start()
    .await
    .unwrap();

    let answer = lab.get("/").await;

    assert_eq!((answer.status, answer.text()), (Some(200), "fine"));
    lab.expect_attempts([("dead:1", 502), ("healthy:1", 200)])
        .await;
}

#[tokio::test]
async fn the_second_connection_is_reset_in_mid_head() {
    let fine = vec![
        BackendStep::Request,
        BackendStep::Send(Payload::answer("200 OK", "fine")),
        BackendStep::Close,
    ];
    let reset = vec![
        BackendStep::Request,
        BackendStep::Send("HTTP/1.1 200 OK\r\nContent-".into()),
        BackendStep::Reset,
    ];
    let lab = Lab::new("server { listen 80; location / { proxy_pass http://app:1; } }")
        .backend("app:1", BackendScript::in_turn([fine, reset]))
        .start()
        .await
        .unwrap();

    assert_eq!(lab.get("/").await.status, Some(200));
    assert_eq!(lab.get("/").await.status, Some(502));

    let errors = lab.error_lines().await;
    let reset = errors.iter().find(|line| line.errno.is_some()).unwrap();
    assert_eq!(reset.message, "recv() failed");
    assert_eq!(
        reset.doing.as_deref(),
        Some("reading response header from upstream")
    );
}

async fn start_my_service() -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        use http_body_util::Full;
        use hyper::service::service_fn;
        let (socket, _) = listener.accept().await.unwrap();
        let service = service_fn(|_| async {
            Ok::<_, std::convert::Infallible>(hyper::Response::new(Full::new(&b"mine"[..])))
        });
        let io = hyper_util::rt::TokioIo::new(socket);
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
        connection.await.unwrap();
    });
    address
}

#[tokio::test]
async fn my_service_steps_in() {
    let service = start_my_service().await;
    let lab = Lab::new(
        "upstream app { server dead:1; server mine:1; }
         server { listen 80; location / { proxy_pass http://app; } }",
    )
    .backend("dead:1", fault("refused"))
    .upstream("mine:1", service)
    .start()
    .await
    .unwrap();
    assert_eq!(lab.get("/").await.text(), "mine");
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_silence_is_a_504() {
    let lab = Lab::new("server { listen 80; location / { proxy_pass http://app:1; } }")
        .in_memory()
        .backend("app:1", BackendScript::each([BackendStep::Stall]))
        .start()
        .await
        .unwrap();
    let start = Instant::now();
    assert_eq!(lab.get("/").await.status, Some(504));
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_is_a_499() {
    let lab = Lab::new("server { listen 80; location / { proxy_pass http://app:1; } }")
        .in_memory()
        .backend(
            "app:1",
            BackendScript::each([BackendStep::Head, BackendStep::Stall]),
        )
        .start()
        .await
        .unwrap();
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".into();
    lab.play(&[
        ClientStep::Send(request),
        ClientStep::Sleep(Duration::from_secs(10)),
        ClientStep::Close,
    ])
    .await
    .unwrap();
    assert_eq!(lab.access_lines().await[0].status, 499);
    assert_eq!(lab.backend("app:1").saw()[0].line(), "GET /");
}
