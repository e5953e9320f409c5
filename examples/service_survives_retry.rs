//! A backend team's test: does our shop survive a retry of the proxy?
//!
//! An order is sent as POST with an `Idempotency-Key`. The first server stores the order and dies
//! before it has answered. What the proxy does then is up to its configuration; that no order is
//! stored twice is up to the shop.
//!
//! ```text
//! cargo test --example service_survives_retry
//! cargo run --example service_survives_retry
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use weir_lab::lab::{Answer, Lab, LabError};

/// The service under test: what all its servers share.
#[derive(Debug, Default)]
struct Shop {
    /// Order numbers by idempotency key.
    orders: Mutex<BTreeMap<String, usize>>,
    /// A shop that has not heard of idempotency keys.
    forgets_keys: bool,
}

/// Whether a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Server {
    Answers,
    /// It dies once the order is stored.
    Dies,
}

impl Shop {
    /// Stores an order, or finds it; the value is its number.
    fn order(&self, key: &str) -> usize {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let next = orders.len() + 1;
        let key = if self.forgets_keys {
            format!("{key} {next}")
        } else {
            key.to_owned()
        };
        *orders.entry(key).or_insert(next)
    }

    fn stored(&self) -> usize {
        let orders = self.orders.lock();
        orders.unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Starts one server of the shop.
async fn start(shop: &Arc<Shop>, server: Server) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let shop = shop.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let shop = shop.clone();
            let answer = service_fn(move |request| answer(shop.clone(), server, request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), answer);
            // A server that dies is what this is about.
            tokio::spawn(async move { drop(connection.await) });
        }
    });
    Ok(address)
}

/// An error ends the connection without an answer, as a crash does.
async fn answer(
    shop: Arc<Shop>,
    server: Server,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, &'static str> {
    let key = request.headers().get("idempotency-key");
    let key = key.and_then(|key| key.to_str().ok()).unwrap_or_default();
    let number = shop.order(key);
    match server {
        Server::Dies => Err("out of memory"),
        Server::Answers => Ok(Response::new(format!("order {number}\n").into())),
    }
}

const ORDER: &str = "POST /orders HTTP/1.1\r\nHost: shop\r\nIdempotency-Key: k1\r\n\
                     Content-Length: 3\r\n\r\ntea";

/// A weir before a server that dies and one that answers; `location` is what the operators set.
async fn lab(shop: &Arc<Shop>, location: &str) -> Result<Lab, Box<dyn std::error::Error>> {
    let config = format!(
        "upstream shop {{ server dies:1; server answers:1; }}
         server {{ listen 80; location / {{ proxy_pass http://shop; {location} }} }}"
    );
    let started: Result<Lab, LabError> = Lab::new(&config)
        .upstream("dies:1", start(shop, Server::Dies).await?)
        .upstream("answers:1", start(shop, Server::Answers).await?)
        .start()
        .await;
    Ok(started?)
}

const RETRY_POSTS: &str = "proxy_next_upstream error timeout non_idempotent;";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for location in ["", RETRY_POSTS] {
        let shop = Arc::new(Shop::default());
        let lab = lab(&shop, location).await?;
        let answer: Answer = lab.send(ORDER).await;
        println!(
            "{}",
            if location.is_empty() {
                "nginx's defaults"
            } else {
                location
            }
        );
        println!("  the client got {:?} {:?}", answer.status, answer.text());
        for line in lab.access_lines().await {
            for attempt in line.attempts {
                println!(
                    "  {} {:?} {:?}",
                    attempt.backend, attempt.status, attempt.failure
                );
            }
        }
        println!("  orders stored: {}", shop.stored());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn by_default_the_client_is_told_and_asks_again() {
        let shop = Arc::new(Shop::default());
        let lab = lab(&shop, "").await.unwrap();
        assert_eq!(lab.send(ORDER).await.status, Some(502));
        lab.expect_attempts([("dies:1", 502)]).await;
        // The order is stored all the same, so the client's own retry must find it.
        assert_eq!(lab.send(ORDER).await.text(), "order 1\n");
        lab.expect_attempts([("answers:1", 200)]).await;
        assert_eq!(shop.stored(), 1);
    }

    #[tokio::test]
    async fn with_non_idempotent_the_proxy_asks_again() {
        let shop = Arc::new(Shop::default());
        let lab = lab(&shop, RETRY_POSTS).await.unwrap();
        assert_eq!(lab.send(ORDER).await.text(), "order 1\n");
        lab.expect_attempts([("dies:1", 502), ("answers:1", 200)])
            .await;
        assert_eq!(shop.stored(), 1);
    }

    /// What the tests above are for.
    #[tokio::test]
    async fn a_shop_without_keys_sends_tea_twice() {
        let shop = Shop {
            forgets_keys: true,
            ..Shop::default()
        };
        let shop = Arc::new(shop);
        let lab = lab(&shop, RETRY_POSTS).await.unwrap();
        assert_eq!(lab.send(ORDER).await.status, Some(200));
        assert_eq!(shop.stored(), 2);
    }
}
