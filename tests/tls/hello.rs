//! What variables show of a client's hello.

use super::client::{Client, Identity};
use super::site::Site;
use super::{serve, server};

#[test]
fn hellos_are_shown_as_they_came() {
    let site = Site::new();
    let own = Identity::new(&site, "a.test");
    let rest = "return 200 '$ssl_ciphers|$ssl_curves|$ssl_sigalgs|$ssl_sigalg';";
    serve(&site, "", &[server(&own, rest)]);
    let _running = site.start();
    let client = Client::new(&[&own]);
    let shown = || {
        let (answer, _) = client.get(&site, "a.test", "/");
        answer.rsplit("\r\n").next().unwrap().to_owned()
    };
    let first = shown();
    let suites = "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:TLS_EMPTY_RENEGOTIATION_INFO_SCSV";
    let groups = "X25519MLKEM768:X25519:prime256v1:secp384r1";
    let expected = format!("{suites}|");
    assert!(first.starts_with(&expected), "{first}");
    let parts: Vec<&str> = first.split('|').collect();
    let mut shown_groups = parts[1].split(':');
    assert!(shown_groups.all(|group| groups.contains(group)), "{first}");
    let mut signatures = parts[2].split(':');
    assert!(signatures.any(|number| number == "0x0403"), "{first}");
    // Nobody looks at them when a session goes on.
    assert!(shown().ends_with("||"), "a session");
}
