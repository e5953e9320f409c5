//! Log lines as records.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use weir_lab::lab::Lab;
use weir_lab::script::BackendScript;
use weir_log::Level;

use crate::ONE_APP;

#[tokio::test]
async fn a_refused_connect() {
    let lab = Lab::new(ONE_APP)
        .backend("app:1", BackendScript::refuse())
        .start()
        .await
        .unwrap();
    lab.get("/a?b").await;
    let errors = lab.error_lines().await;
    let error = errors
        .iter()
        .find(|line| line.level == Level::Error)
        .unwrap();
    assert_eq!(error.message, "connect() failed");
    assert_eq!(error.errno, Some((111, "Connection refused".to_owned())));
    assert_eq!(error.doing.as_deref(), Some("connecting to upstream"));
    assert_eq!(error.client.as_deref(), Some("127.0.0.1"));
    assert_eq!(error.request.as_deref(), Some("GET /a?b HTTP/1.1"));
    assert_eq!(error.upstream.as_deref(), Some("http://app:1/a?b"));
    assert_eq!(error.host.as_deref(), Some("weir.test"));
    let access = lab.access_lines().await;
    assert_eq!(
        (access.len(), access[0].status, access[0].completed),
        (1, 502, true)
    );
    assert_eq!(
        access[0].attempts[0].failure.as_deref(),
        Some("connection_refused")
    );
    assert!(access[0].attempts[0].connect_time.is_none());
}

#[tokio::test]
async fn a_client_that_leaves_early_is_there_when_asked_for() {
    use weir_lab::script::BackendStep::{Head, Stall};
    let script = BackendScript::each([Head, Stall]);
    let lab = Lab::new(ONE_APP)
        .backend("app:1", script)
        .start()
        .await
        .unwrap();
    let mut client = TcpStream::connect(lab.address()).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    client.write_all(request).await.unwrap();
    lab.until_met("app:1").await;
    drop(client);
    let lines = lab.access_lines().await;
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].status, lines[0].completed), (499, false));
}

#[tokio::test]
async fn lines_are_data() {
    let script = BackendScript::answers("200 OK", "fine");
    let lab = Lab::new(ONE_APP)
        .backend("app:1", script)
        .start()
        .await
        .unwrap();
    lab.get("/").await;
    let line = serde_json::to_value(&lab.access_lines().await[0]).unwrap();
    assert_eq!(line["attempts"][0]["backend"], "app:1");
    assert_eq!(line["body_bytes_sent"], 4);
}
