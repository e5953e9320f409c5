//! What weir tried, and what the backends saw of it.

use weir_lab::lab::{Lab, fault};
use weir_lab::script::{BackendScript, BackendStep};

use crate::{CRASHING_THEN_HEALTHY, ONE_APP};

fn crash() -> BackendScript {
    BackendScript::each([BackendStep::Request, BackendStep::Close])
}

fn healthy() -> BackendScript {
    BackendScript::answers("200 OK", "fine")
}

#[tokio::test]
async fn a_crash_before_the_head_is_retried() {
    let lab = Lab::new(CRASHING_THEN_HEALTHY)
        .backend("crashing:1", crash())
        .backend("healthy:1", healthy())
        .start()
        .await
        .unwrap();
    let answer = lab.get("/").await;
    assert_eq!((answer.status, answer.text()), (Some(200), "fine"));
    lab.expect_attempts([("crashing:1", 502), ("healthy:1", 200)])
        .await;
    for name in ["crashing:1", "healthy:1"] {
        let seen = lab.backend(name).saw();
        assert_eq!(seen.len(), 1, "{name}");
        assert_eq!(seen[0].line(), "GET /");
        assert_eq!(seen[0].header("connection"), None);
    }
}

#[tokio::test]
async fn a_posted_order_is_not_sent_twice() {
    let lab = Lab::new(CRASHING_THEN_HEALTHY)
        .backend("crashing:1", crash())
        .backend("healthy:1", healthy())
        .start()
        .await
        .unwrap();
    let order = "POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 4\r\n\r\none!";
    assert_eq!(lab.send(order).await.status, Some(502));
    lab.expect_attempts([("crashing:1", 502)]).await;
    assert_eq!(lab.backend("crashing:1").saw()[0].body, b"one!");
    assert_eq!(lab.backend("healthy:1").saw(), []);
}

#[tokio::test]
async fn an_expectation_is_about_what_came_since_the_last() {
    let lab = Lab::new(ONE_APP).backend("app:1", healthy()).start();
    let lab = lab.await.unwrap();
    lab.expect_attempts([]).await;
    lab.get("/").await;
    lab.expect_attempts([("app:1", 200)]).await;
    lab.get("/").await;
    lab.get("/").await;
    lab.expect_attempts([("app:1", 200), ("app:1", 200)]).await;
}

#[tokio::test]
#[should_panic(expected = "\nexpected  app:1 200\n\
    seen      app:1 502 (connection_refused); GET / HTTP/1.1 was answered with 502\n\
    logged    [error] *1 connect() failed (111: Connection refused) while connecting to upstream")]
async fn a_wrong_expectation_shows_what_there_was() {
    let lab = Lab::new(ONE_APP)
        .backend("app:1", BackendScript::refuse())
        .start();
    let lab = lab.await.unwrap();
    lab.get("/").await;
    lab.expect_attempts([("app:1", 200)]).await;
}

#[tokio::test]
async fn faults_of_the_catalogue_have_names() {
    let lab = Lab::new(ONE_APP).backend("app:1", fault("refused")).start();
    let lab = lab.await.unwrap();
    assert_eq!(lab.get("/").await.status, Some(502));
    lab.expect_attempts([("app:1", 502)]).await;
}

#[tokio::test]
async fn backends_at_unix_sockets() {
    let lab = Lab::new("server { listen 80; location / { proxy_pass http://unix:app.sock; } }")
        .backend("unix:app.sock", healthy())
        .start()
        .await
        .unwrap();
    assert_eq!(lab.get("/").await.text(), "fine");
    lab.expect_attempts([("unix:app.sock", 200)]).await;
}

#[tokio::test]
async fn two_labs_at_once_know_nothing_of_each_other() {
    let start = |body| {
        Lab::new(ONE_APP)
            .backend("app:1", BackendScript::answers("200 OK", body))
            .start()
    };
    let (one, other) = (start("one").await.unwrap(), start("other").await.unwrap());
    let (first, second) = tokio::join!(one.get("/"), other.get("/"));
    assert_eq!((first.text(), second.text()), ("one", "other"));
    other.get("/").await;
    one.expect_attempts([("app:1", 200)]).await;
    other
        .expect_attempts([("app:1", 200), ("app:1", 200)])
        .await;
}
