//! A location's bits say which phases and filters it has set up. One that a directive forgets to set is a
//! directive without effect.

use std::fs;
use std::path::Path;

use weir_conf::{Active, Inheritance, entries, load_str};

/// A file of weir-proxy that runs only where a bit is set.
struct Guarded {
    file: &'static str,
    bit: Active,
    /// What sets the bit, each alone.
    set_by: &'static [&'static str],
    /// Settings that the file reads, and that say only how.
    how: &'static [&'static str],
}

const GUARDED: [Guarded; 17] = [
    Guarded {
        file: "phases/real_ip.rs",
        bit: Active::REAL_IP,
        set_by: &["set_real_ip_from 10.0.0.1;"],
        how: &["real_ip_header", "real_ip_recursive"],
    },
    Guarded {
        file: "phases/limit_req.rs",
        bit: Active::LIMIT_REQ,
        set_by: &["limit_req zone=requests;"],
        how: &[
            "limit_req_dry_run",
            "limit_req_log_level",
            "limit_req_status",
        ],
    },
    Guarded {
        file: "phases/limit_conn.rs",
        bit: Active::LIMIT_CONN,
        set_by: &["limit_conn connections 1;"],
        how: &[
            "limit_conn_dry_run",
            "limit_conn_log_level",
            "limit_conn_status",
        ],
    },
    Guarded {
        file: "phases/access/address.rs",
        bit: Active::ADDRESS,
        set_by: &["allow all;", "deny 10.0.0.1;"],
        how: &[],
    },
    Guarded {
        file: "phases/access/basic.rs",
        bit: Active::LOGIN,
        set_by: &["auth_basic realm; auth_basic_user_file users;"],
        how: &[],
    },
    Guarded {
        file: "phases/access/request.rs",
        bit: Active::AUTH_REQUEST,
        set_by: &["auth_request /auth;"],
        how: &["auth_request_set"],
    },
    Guarded {
        file: "phases/access/mod.rs",
        bit: Active::LOGIN.with(Active::AUTH_REQUEST),
        set_by: &[],
        how: &["satisfy", "auth_delay"],
    },
    Guarded {
        file: "phases/try_files.rs",
        bit: Active::TRY_FILES,
        set_by: &["try_files a b;"],
        how: &[],
    },
    Guarded {
        file: "phases/mirror.rs",
        bit: Active::MIRROR,
        set_by: &["mirror /mirror;"],
        how: &["mirror_request_body"],
    },
    Guarded {
        file: "answer/headers.rs",
        bit: Active::HEADERS,
        set_by: &[
            "expires 1h;",
            "expires $arg_time;",
            "add_header a b;",
            "add_trailer a b;",
            "proxy_status on;",
        ],
        how: &[],
    },
    Guarded {
        file: "answer/expires.rs",
        bit: Active::HEADERS,
        set_by: &["expires epoch;"],
        how: &[],
    },
    Guarded {
        file: "answer/gunzip.rs",
        bit: Active::GUNZIP,
        set_by: &["gunzip on;"],
        how: &[],
    },
    Guarded {
        file: "answer/additions.rs",
        bit: Active::ADDITION,
        set_by: &["add_before_body /a;", "add_after_body /a;"],
        how: &["addition_types", "postpone_output"],
    },
    Guarded {
        file: "answer/user_id.rs",
        bit: Active::USERID,
        set_by: &["userid on;", "userid v1;"],
        how: &[],
    },
    Guarded {
        file: "answer/sub.rs",
        bit: Active::SUB,
        set_by: &["sub_filter a b;"],
        how: &[
            "sub_filter_last_modified",
            "sub_filter_once",
            "sub_filter_types",
        ],
    },
    Guarded {
        file: "answer/charset.rs",
        bit: Active::CHARSET,
        set_by: &["charset utf-8;", "charset $arg_charset;"],
        how: &["source_charset", "override_charset", "charset_types"],
    },
    Guarded {
        file: "answer/gzip.rs",
        bit: Active::GZIP,
        set_by: &["gzip on;"],
        how: &[
            "gzip_buffers",
            "gzip_comp_level",
            "gzip_disable",
            "gzip_http_version",
            "gzip_min_length",
            "gzip_no_buffer",
            "gzip_proxied",
            "gzip_types",
            "gzip_window",
        ],
    },
];

/// What a location has set up that says `directives`.
fn active(directives: &str) -> Active {
    let text = format!(
        "events {{}} http {{
            limit_req_zone $uri zone=requests:32k rate=1r/s;
            limit_conn_zone $uri zone=connections:32k;
            server {{ location / {{ {directives} }} }}
        }}"
    );
    let config =
        load_str(&text, Path::new("/weir")).unwrap_or_else(|faults| panic!("{}", faults.explain()));
    let server = &config.http.as_ref().expect("http").servers[0];
    let mut locations = server.locations.iter();
    locations.next().expect("a location").settings.active
}

#[test]
fn a_directive_sets_the_bit_of_what_it_sets_up() {
    assert_eq!(active(""), Active::default());
    assert_eq!(
        active("proxy_pass http://127.0.0.1; limit_req_status 429;"),
        Active::default()
    );
    for guarded in &GUARDED {
        for directives in guarded.set_by {
            assert_eq!(active(directives), guarded.bit, "{directives}");
        }
    }
    for off in [
        "auth_basic realm;",
        "auth_request off;",
        "mirror off;",
        "expires off;",
        "charset off;",
    ] {
        assert_eq!(active(off), Active::default(), "{off}");
    }
}

/// Whoever lets one of these files read another setting says here whether it sets the bit.
#[test]
fn every_setting_that_a_guarded_file_reads_is_known_here() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../weir-proxy/src");
    for guarded in &GUARDED {
        let text = fs::read_to_string(source.join(guarded.file)).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let code: String = code.split_whitespace().collect();
        for how in guarded.how {
            assert!(reads(&code, how), "{} reads {how} no more", guarded.file);
        }
        let settings = entries()
            .iter()
            .filter(|entry| entry.inheritance != Inheritance::None);
        for name in settings.map(|entry| entry.name) {
            let sets = guarded
                .set_by
                .iter()
                .any(|directives| directives.split([' ', ';']).any(|word| word == name));
            let known = sets || guarded.how.contains(&name);
            assert!(
                known || !reads(&code, name),
                "{} reads {name}",
                guarded.file
            );
        }
    }
}

/// Whether `code` has the field `name`, of settings.
fn reads(code: &str, name: &str) -> bool {
    code.match_indices(&format!("settings.{name}"))
        .chain(code.match_indices(&format!("settings().{name}")))
        .any(|(at, found)| {
            let next = code[at + found.len()..].chars().next();
            !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        })
}
