//! Sessions that were learned, over a reload.

use crate::site::Site;

/// Two servers that answer with their names, and the group that learns who has served whom.
fn configuration(group: &str, zone: &str, servers: &str) -> String {
    format!(
        "daemon off;
        error_log stderr notice;
        events {{ worker_connections 64; }}
        http {{
            access_log off;
            upstream {group} {{
                sticky learn create=$arg_new lookup=$arg_of zone={zone};
                {servers}
            }}
            server {{ listen 127.0.0.1:PORT; location / {{ proxy_pass http://{group}; }} }}
            server {{ listen unix:PREFIX/a.sock; return 200 a; }}
            server {{ listen unix:PREFIX/b.sock; return 200 b; }}
        }}"
    )
}

const BOTH: &str = "server unix:PREFIX/a.sock route=a; server unix:PREFIX/b.sock route=b;";

#[test]
fn a_reload_takes_sessions_over_by_the_name_and_the_size_of_their_zone() {
    let site = Site::new();
    site.conf(&configuration("app", "z:32k", BOTH));
    let mut running = site.start();
    assert_eq!([site.get("/"), site.get("/?new=x")], ["a", "b"]);
    running.reload();
    // A new turn begins with the first server, for who is of no session.
    assert_eq!([site.get("/?of=x"), site.get("/?of=y")], ["b", "a"]);
    site.conf(&configuration("app", "z:64k", BOTH));
    running.reload();
    assert_eq!(site.get("/?of=x"), "a");
}

#[test]
fn who_is_of_a_session_with_a_server_that_has_gone_chooses_anew() {
    let site = Site::new();
    site.conf(&configuration("app", "z:32k", BOTH));
    let mut running = site.start();
    assert_eq!([site.get("/"), site.get("/?new=x")], ["a", "b"]);
    site.conf(&configuration(
        "app",
        "z:32k",
        "server unix:PREFIX/a.sock route=a;",
    ));
    running.reload();
    assert_eq!(site.get("/?of=x"), "a");
    site.conf(&configuration("app", "z:32k", BOTH));
    running.reload();
    // It has moved.
    assert_eq!([site.get("/"), site.get("/?of=x")], ["a", "a"]);
}

#[test]
fn a_reload_does_not_hand_sessions_to_another_group() {
    let site = Site::new();
    site.conf(&configuration("app", "z:32k", BOTH));
    let mut running = site.start();
    site.conf(&configuration("other", "z:32k", BOTH));
    running.signal(nix::sys::signal::Signal::SIGHUP);
    running.expect(
        "sticky zone \"z\" is used in upstream \"other\" while previously it was used in upstream \"app\"",
    );
    assert_eq!(site.get("/"), "a");
}

#[test]
fn in_a_full_zone_the_session_used_longest_ago_gives_way() {
    let site = Site::new();
    site.conf(&configuration("app", "full:32k", BOTH));
    let mut running = site.start();
    // A zone of 32 KB holds 80.
    for session in 0..80 {
        site.get(&format!("/?new={session}"));
    }
    site.get("/?new=one-more");
    running.expect(
        "could not allocate node in sticky session zone \"full\", expiring least recently used session",
    );
}
