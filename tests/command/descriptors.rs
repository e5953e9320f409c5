//! A process that runs out of descriptors.

use std::io::Write;
use std::net::TcpStream;

use crate::backend::Backend;
use crate::site::{Site, ask, read_answer};

/// Descriptors that connections may take: what is configured, less what a worker of nginx has itself.
const LIMIT: usize = 40;
const FREE: usize = LIMIT - 8;

#[test]
fn idle_upstream_connections_give_way_to_clients() {
    let (site, backend) = (Site::new(), Backend::new());
    site.serve(
        &format!("worker_rlimit_nofile {LIMIT};"),
        &format!(
            "location /own {{ return 200 own; }}
             location / {{ proxy_pass http://u; proxy_http_version 1.1;
             proxy_set_header Connection ''; }} }}
             upstream u {{ server {}; keepalive 32;",
            backend.address()
        ),
    );
    let mut running = site.start();
    let asking = |path: &str| -> TcpStream {
        let mut client = site.connect();
        ask(&mut client, path, "keep-alive");
        client
    };
    let half = FREE / 2 - 1;
    let clients: Vec<_> = (0..half).map(|_| asking("/")).collect();
    let mut kept: Vec<_> = (0..half).map(|_| backend.asked()).collect();
    for peer in &mut kept {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
        peer.write_all(answer).unwrap();
    }
    for mut client in clients {
        assert!(read_answer(&mut client).ends_with('a'));
    }
    let mut clients: Vec<_> = (0..FREE - 2).map(|_| asking("/own")).collect();
    for client in &mut clients {
        assert!(read_answer(client).ends_with("own"));
    }
    // Now it is clients alone who take them; one more has to wait, and is told of.
    let one_too_many: Vec<_> = (0..4).map(|_| asking("/own")).collect();
    running.expect("[crit] ");
    clients.truncate(FREE / 2);
    for mut client in one_too_many {
        assert!(read_answer(&mut client).ends_with("own"));
    }
}
