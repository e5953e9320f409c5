//! Clients and servers that are not the lab's.

use std::io::{Read, Write};
use std::net::TcpStream;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use weir_lab::lab::Lab;
use weir_lab::script::BackendScript;

use crate::ONE_APP;

fn app() -> BackendScript {
    BackendScript::answers("200 OK", "fine")
}

/// GETs `/` with hyper.
async fn get(io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> String {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(io));
    let (mut sender, connection) = handshake.await.unwrap();
    let driver = tokio::spawn(connection);
    let request = hyper::Request::get("/")
        .header("host", "h")
        .body(Empty::<Bytes>::new());
    let response = sender.send_request(request.unwrap()).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    drop(sender);
    driver.await.unwrap().unwrap();
    String::from_utf8_lossy(&body).into_owned()
}

#[tokio::test]
async fn hyper_over_a_socket() {
    let lab = Lab::new(ONE_APP)
        .backend("app:1", app())
        .start()
        .await
        .unwrap();
    let socket = tokio::net::TcpStream::connect(lab.address()).await.unwrap();
    assert_eq!(get(socket).await, "fine");
    assert_eq!(lab.url(), format!("http://{}", lab.address()));
}

#[tokio::test(start_paused = true)]
async fn hyper_over_a_pipe() {
    let lab = Lab::new(ONE_APP)
        .in_memory()
        .backend("app:1", app())
        .start()
        .await
        .unwrap();
    assert_eq!(lab.run(get(lab.connect())).await, "fine");
    lab.expect_attempts([("app:1", 200)]).await;
}

/// The runtime of this test stands still meanwhile; the lab's do not.
#[tokio::test]
async fn a_client_that_blocks() {
    let lab = Lab::new(ONE_APP)
        .backend("app:1", app())
        .start()
        .await
        .unwrap();
    let mut socket = TcpStream::connect(lab.address()).unwrap();
    socket.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.ends_with("\r\n\r\nfine"), "{answer}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_share_a_lab() {
    let lab = Lab::new(ONE_APP)
        .backend("app:1", app())
        .start()
        .await
        .unwrap();
    let lab = std::sync::Arc::new(lab);
    let clients = (0..8).map(|_| {
        let lab = lab.clone();
        tokio::spawn(async move { lab.get("/").await.status })
    });
    for client in clients.collect::<Vec<_>>() {
        assert_eq!(client.await.unwrap(), Some(200));
    }
    lab.expect_attempts([("app:1", 200); 8]).await;
}

#[tokio::test]
async fn a_server_of_one_s_own() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.0 200 OK\r\n\r\nmine";
        socket.write_all(answer).await.unwrap();
        socket.shutdown().await.unwrap();
        // Unread bytes would turn the close into a reset.
        let _rest = tokio::io::copy(&mut socket, &mut tokio::io::sink()).await;
    });
    let lab = Lab::new(ONE_APP)
        .upstream("app:1", address)
        .start()
        .await
        .unwrap();
    assert_eq!(lab.get("/").await.text(), "mine");
    lab.expect_attempts([("app:1", 200)]).await;
    served.await.unwrap();
}
