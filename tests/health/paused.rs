//! Times of checks, on a clock that stands still between them.

use std::time::Duration;

use weir_lab::lab::Lab;
use weir_lab::script::{BackendScript, BackendStep, Payload};

const CONF: &str = "upstream u { zone u 64k; server app:1; }
    server { listen 80; location / { proxy_pass http://u; health_check; } }";

#[tokio::test(start_paused = true)]
async fn a_check_comes_five_seconds_after_the_end_of_the_last_one() {
    let lab = Lab::new(CONF)
        .in_memory()
        .backend("app:1", BackendScript::answers("200 OK", "fine"))
        .start()
        .await
        .unwrap();
    for (pass, checks) in [(1, 1), (3, 1), (2, 2), (5, 3), (60, 15)] {
        lab.pass(Duration::from_secs(pass)).await;
        let saw = lab.backend("app:1").saw();
        assert_eq!(saw.len(), checks, "{pass}");
        assert!(saw.iter().all(|request| request.line() == "GET /"));
    }
    assert!(lab.access_lines().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_silence_takes_a_peer_out() {
    let fine = vec![
        BackendStep::Request,
        BackendStep::Send(Payload::answer("200 OK", "fine")),
        BackendStep::Close,
    ];
    let lab = Lab::new(CONF)
        .in_memory()
        .backend(
            "app:1",
            BackendScript::in_turn([vec![BackendStep::Request, BackendStep::Stall], fine]),
        )
        .start()
        .await
        .unwrap();
    lab.pass(Duration::from_secs(59)).await;
    assert!(lab.error_lines().await.is_empty());
    lab.pass(Duration::from_secs(2)).await;
    assert_eq!(lab.get("/").await.status, Some(502));
    lab.pass(Duration::from_secs(5)).await;
    assert_eq!(lab.get("/").await.status, Some(200));
    let errors = lab.error_lines().await;
    let told: Vec<_> = errors.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "upstream timed out",
            "peer is unhealthy",
            "no live upstreams",
            "peer is healthy"
        ]
    );
    let doing = errors[1].doing.as_deref();
    assert_eq!(
        doing,
        Some(
            "reading response header from upstream, health check \"\" of peer app:1 in upstream \"u\""
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_has_a_minute_too() {
    let drip = vec![
        BackendStep::Send("-".into()),
        BackendStep::Sleep(Duration::from_secs(20)),
    ];
    let script = [
        BackendStep::Request,
        BackendStep::Send("HTTP/1.1 200 OK\r\n\r\n".into()),
        BackendStep::Loop(drip),
    ];
    let conf = CONF.replace("health_check", "health_check match=fine");
    let lab = Lab::new(&format!("match fine {{ body ~ fine; }} {conf}"))
        .in_memory()
        .backend("app:1", BackendScript::each(script))
        .start()
        .await
        .unwrap();
    lab.pass(Duration::from_secs(59)).await;
    assert!(lab.error_lines().await.is_empty());
    lab.pass(Duration::from_secs(2)).await;
    let errors = lab.error_lines().await;
    let told: Vec<_> = errors.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(told, ["upstream timed out", "peer is unhealthy"]);
}
