//! A test whose fault was never met fails.

use weir_lab::lab::{Lab, fault};
use weir_lab::script::{BackendScript, BackendStep};

use crate::{CRASHING_THEN_HEALTHY, ONE_APP};

const HEALTHY_FIRST: &str = "
    upstream app { server healthy:1; server spare:1 backup; }
    server { listen 80; location / { proxy_pass http://app; } }";

#[tokio::test]
#[should_panic(expected = "no request met the fault of spare:1; if that is meant: \
    .allow_unused(\"spare:1\")\nseen      healthy:1 200; GET / HTTP/1.1 was answered with 200")]
async fn a_fault_that_nobody_met_fails_the_test() {
    let lab = Lab::new(HEALTHY_FIRST)
        .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
        .backend("spare:1", BackendScript::each([BackendStep::Reset]))
        .start()
        .await
        .unwrap();
    lab.get("/").await;
}

#[tokio::test]
#[should_panic(expected = "no request met the fault of app:1 (refused)")]
async fn a_refusing_address_must_be_asked() {
    let lab = Lab::new(ONE_APP).backend("app:1", fault("refused")).start();
    drop(lab.await.unwrap());
}

#[tokio::test]
#[should_panic(expected = "no request met the fault of app:1")]
async fn in_memory_too() {
    let lab = Lab::new(ONE_APP)
        .in_memory()
        .backend("app:1", BackendScript::full());
    drop(lab.start().await.unwrap());
}

#[tokio::test]
async fn a_fault_may_be_allowed_to_wait() {
    let lab = Lab::new(HEALTHY_FIRST)
        .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
        .backend("spare:1", BackendScript::refuse())
        .allow_unused("spare:1")
        .start()
        .await
        .unwrap();
    assert_eq!(lab.get("/").await.text(), "fine");
}

#[tokio::test]
async fn a_healthy_backend_may_be_left_alone() {
    let lab = Lab::new(CRASHING_THEN_HEALTHY)
        .backend("crashing:1", BackendScript::answers("404 Not Found", "no"))
        .backend("healthy:1", BackendScript::answers("200 OK", "fine"))
        .start()
        .await
        .unwrap();
    assert_eq!(lab.get("/").await.status, Some(404));
}

#[tokio::test]
async fn a_fault_met_on_the_third_connection_is_met() {
    let fine = BackendScript::answers("200 OK", "fine")
        .connections
        .at(0)
        .cloned();
    let fine = fine.unwrap();
    let script = BackendScript::in_turn([fine.clone(), fine, vec![BackendStep::Reset]]);
    let conf =
        "server { listen 80; location / { proxy_http_version 1.0; proxy_pass http://app:1; } }";
    let lab = Lab::new(conf)
        .backend("app:1", script)
        .start()
        .await
        .unwrap();
    for status in [200, 200, 502] {
        assert_eq!(lab.get("/").await.status, Some(status));
    }
}
