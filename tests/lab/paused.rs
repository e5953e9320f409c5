//! Clocks of weir, on the clock of the test.

use std::time::Duration;

use tokio::time::Instant;
use weir_lab::lab::{Lab, LabError};
use weir_lab::script::{BackendScript, BackendStep, ClientStep, Payload};

use crate::{CRASHING_THEN_HEALTHY, ONE_APP};

/// A request whose upload the backend does not read.
fn long_upload() -> Payload {
    let mut payload = Payload::from("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
    payload
        .0
        .extend(Payload::repeated(b"a".as_slice().into(), 1_000_000).0);
    payload
}

/// The 504 of one of weir's clocks against nginx's defaults: how long it took, to the second, why
/// (`$upstream_failure`), and what was being done.
async fn check(script: BackendScript, request: Payload, reason: &str, doing: &str) {
    let lab = Lab::new(
        "client_max_body_size 0; server { listen 80; location / { proxy_pass http://app:1; } }",
    )
    .in_memory()
    .backend("app:1", script)
    .start()
    .await
    .unwrap();
    let start = Instant::now();
    let answer = lab.send(request).await;
    assert_eq!((answer.status, start.elapsed().as_secs()), (Some(504), 60));
    lab.expect_attempts([("app:1", 504)]).await;
    let attempt = &lab.access_lines().await[0].attempts[0];
    assert_eq!(attempt.failure.as_deref(), Some(reason));
    let errors = lab.error_lines().await;
    let timed_out = errors
        .iter()
        .find(|line| line.message == "upstream timed out");
    assert_eq!(
        timed_out.and_then(|line| line.doing.as_deref()),
        Some(doing)
    );
}

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn sixty_seconds_to_connect() {
    let script = BackendScript::full();
    check(
        script,
        GET.into(),
        "connection_timeout",
        "connecting to upstream",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn sixty_seconds_to_take_the_request() {
    let script = BackendScript::each([BackendStep::Head, BackendStep::Stall]);
    check(
        script,
        long_upload(),
        "connection_write_timeout",
        "sending request to upstream",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn sixty_seconds_to_answer() {
    let script = BackendScript::each([BackendStep::Head, BackendStep::Stall]);
    check(
        script,
        GET.into(),
        "http_response_timeout",
        "reading response header from upstream",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_failed_is_asked_again_after_ten_seconds() {
    let crash = vec![BackendStep::Head, BackendStep::Close];
    let fine = BackendScript::answers("200 OK", "back")
        .connections
        .at(0)
        .cloned();
    let script = BackendScript::in_turn([crash, fine.unwrap()]);
    let lab = Lab::new(CRASHING_THEN_HEALTHY)
        .in_memory()
        .backend("crashing:1", script)
        .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
        .start()
        .await
        .unwrap();
    let texts = async |count: usize| {
        let mut texts = Vec::new();
        for _ in 0..count {
            texts.push(lab.get("/").await.text().to_owned());
        }
        texts
    };
    assert_eq!(texts(3).await, ["fine", "fine", "fine"]);
    lab.expect_attempts([
        ("crashing:1", 502),
        ("healthy:1", 200),
        ("healthy:1", 200),
        ("healthy:1", 200),
    ])
    .await;
    lab.pass(Duration::from_secs(11)).await;
    let later = texts(4).await;
    // Its weight grows back with each choice, so it is not the first.
    assert!(later.iter().any(|text| text == "back"), "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_takes_its_time() {
    let body = "x".repeat(1000);
    let lab = Lab::new(ONE_APP)
        .in_memory()
        .backend("app:1", BackendScript::answers("200 OK", &body))
        .start()
        .await
        .unwrap();
    let start = Instant::now();
    let answers = lab
        .play(&[
            ClientStep::Send(GET.into()),
            ClientStep::ReceiveSlowly {
                bytes: 10,
                every: Duration::from_secs(1),
            },
        ])
        .await
        .unwrap();
    assert_eq!(answers[0].text(), body);
    assert!(start.elapsed() > Duration::from_secs(100));
}

#[tokio::test]
async fn what_needs_a_socket_says_so() {
    let check = async |script: BackendScript, expected: &str| {
        let lab = Lab::new(ONE_APP).in_memory().backend("app:1", script);
        let fault: LabError = lab.start().await.unwrap_err();
        assert_eq!(fault.to_string(), expected);
    };
    let reset = BackendScript::each([BackendStep::Reset]);
    check(reset, "app:1 cannot be in memory: a reset needs a socket").await;
}
