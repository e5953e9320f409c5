//! A client library's test: does it notice a body that was cut?
//!
//! The backend promises more than it sends, and the proxy passes on what there is. It can only show
//! the cut by closing early, or by leaving out the last chunk. A client that takes the rest for the
//! whole has lost data without a word.
//!
//! ```text
//! cargo test --example client_truncated_body
//! cargo run --example client_truncated_body
//! ```

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use weir_lab::lab::{Lab, LabError};
use weir_lab::script::{BackendScript, BackendStep};

/// The client under test: the whole body, or an error.
async fn fetch(url: &str) -> Result<Bytes, Box<dyn std::error::Error>> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let response = client.get(url.parse()?).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

/// A backend that says this and closes.
fn says(answer: &str) -> BackendScript {
    BackendScript::each([
        BackendStep::Request,
        BackendStep::Send(answer.into()),
        BackendStep::Close,
    ])
}

const WHOLE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfull";
const SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nfull?";
const CUT_CHUNKS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfull?\r\n";
const CUT_IN_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nfull?";

/// A weir before a backend that gives this answer.
async fn lab(answer: &str, location: &str) -> Result<Lab, LabError> {
    let config = format!(
        "server {{ listen 80;
             location / {{ proxy_http_version 1.1; proxy_pass http://app:1; {location} }} }}"
    );
    Lab::new(&config)
        .backend("app:1", says(answer))
        .start()
        .await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for answer in [WHOLE, SHORT, CUT_CHUNKS, CUT_IN_CHUNK] {
        let lab = lab(answer, "").await?;
        println!("the backend says   {answer:?}");
        match fetch(&lab.url()).await {
            Ok(body) => println!("the client has     {body:?}"),
            Err(error) => println!("the client reports {error}"),
        }
        for line in lab.error_lines().await {
            println!("the proxy logs     {line}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fetches through weir, with and without its buffers; the body, if there is one.
    async fn check(answer: &str, expected: Option<&str>) {
        for location in ["proxy_buffering on;", "proxy_buffering off;"] {
            let lab = lab(answer, location).await.unwrap();
            let fetched = fetch(&lab.url()).await;
            assert_eq!(
                fetched.ok().as_deref(),
                expected.map(str::as_bytes),
                "{location}"
            );
            // The proxy has passed on what it got, and says in its log that this was not all.
            lab.expect_attempts([("app:1", 200)]).await;
            let complaints = lab.error_lines().await;
            let cut = "upstream prematurely closed connection";
            let cuts = complaints.iter().filter(|line| line.message == cut).count();
            assert_eq!(cuts, usize::from(expected.is_none()), "{complaints:?}");
        }
    }

    #[tokio::test]
    async fn a_whole_body() {
        check(WHOLE, Some("full")).await;
    }

    #[tokio::test]
    async fn less_than_content_length() {
        check(SHORT, None).await;
    }

    #[tokio::test]
    async fn no_last_chunk() {
        check(CUT_CHUNKS, None).await;
    }

    #[tokio::test]
    async fn half_a_chunk() {
        check(CUT_IN_CHUNK, None).await;
    }
}
