//! What is said beyond nginx's one line.

use std::path::Path;

use weir_conf::load_str;

fn explained(text: &str) -> String {
    match load_str(text, Path::new("/weir")) {
        Ok(_) => String::new(),
        Err(faults) => faults.explain(),
    }
}

#[test]
fn all_faults_are_shown_with_their_lines() {
    let text = "events {}\nhttp {\n    proxy_pas http://x;\n    server {\n        listen 80 foo;\n        tcp_nodelay maybe;\n        dav_methods PUT;\n    }\n}\nworker_connections 5;\n";
    insta::assert_snapshot!(explained(text));
}

#[test]
fn faults_without_a_place_are_shown_where_their_cause_stands() {
    let text = "events {}\nhttp {\n    server {\n        add_header a $remote_adr;\n    }\n}\n";
    insta::assert_snapshot!(explained(text));
}

#[test]
fn a_fault_in_a_directive_of_several_lines_is_marked_in_its_line() {
    let text = "events {}\nhttp {\n    # of two lines; and a comment\n    log_format main '$status '\n                    '$stauts';\n    access_log x main;\n}\n";
    insta::assert_snapshot!(explained(text));
}

/// What is marked and what is advised for a configuration with one fault.
fn check(http: &str, mark: &str, hint: &str) {
    let text = format!("events {{}}\nhttp {{\n{http}");
    let explained = explained(&text);
    let place = format!(" --> inline:{mark}\n");
    assert!(explained.contains(&place), "{http}\n{explained}");
    let advice = format!("= hint: {hint}\n");
    assert!(explained.contains(&advice), "{http}\n{explained}");
}

#[test]
fn a_missing_end_of_a_directive_is_named() {
    let server = |lines: &str| format!("server {{\n{lines}\n}} }}");
    check(
        &server("listen 8080\nserver_name a;"),
        "4:12",
        "is a `;` missing at the end of line 4?",
    );
    check(
        &server(
            "location / {\n  proxy_pass http://127.0.0.1:1 # app\n  # more\n\n  proxy_read_timeout 5s;\n}",
        ),
        "5:32",
        "is a `;` missing at the end of line 5?",
    );
    check(
        &server("location / {\n  root /x\n}"),
        "5:10",
        "is a `;` missing at the end of line 5?",
    );
    check(
        &server("location / { root /x }"),
        "4:21",
        "is a `;` missing before \"}\" in line 4?",
    );
    check(
        &server("server_name a\nlocation / {}"),
        "4:14",
        "is a `;` missing at the end of line 4?",
    );
    check(
        &server("location / { proxy_pass http://127.0.0.1:1 proxy_read_timeout 5s; }"),
        "4:43",
        "is a `;` missing before \"proxy_read_timeout\" in line 4?",
    );
    check(
        "server {\nlisten 80;\n}\nkeepalive_timeout 5s",
        "6:21",
        "is a `;` missing at the end of line 6?",
    );
    check(
        "upstream a {\nserver 127.0.0.1:1\nserver 127.0.0.1:2;\n} }",
        "4:19",
        "is a `;` missing at the end of line 4?",
    );
}

#[test]
fn a_missing_end_is_shown_with_what_was_read_on() {
    let text = "events {}\nhttp {\n    server {\n        listen 8080\n\n        server_name a;\n    }\n}\n";
    insta::assert_snapshot!(explained(text));
}

#[test]
fn a_missing_brace_or_quote_is_named() {
    check(
        "server\nlisten 80;\n} }",
        "3:7",
        "is a `{` missing at the end of line 3?",
    );
    check(
        "server {\nlisten 80;\n",
        "3:1",
        "a `}` is missing: of this block, or of one inside it",
    );
    check(
        "server {\nadd_header A \"b;\n}\n}\n",
        "4:14",
        "the other quotation mark is missing",
    );
    check("} }", "3:3", "one `}` too many: no block is open here");
    check(
        "server { listen 80;; } }",
        "3:20",
        "there is nothing before this `;`",
    );
}

#[test]
fn a_fault_within_a_character_is_shown() {
    for text in ["a \"b\"é;", "é", "é'", "\"é", &"é".repeat(5000)] {
        assert!(explained(text).starts_with("error: "), "{text}");
    }
}

#[test]
fn what_is_not_there_is_said_to_be_weir_s() {
    check(
        "server { listen 443 ssl; ssl_certificate_key engine:x:y; } }",
        "3:26",
        "no keys of engines and stores in weir yet; put the key into a file",
    );
    check(
        "server { listen 80; proxy_cache x; } }",
        "3:21",
        "no stored or cached responses in weir yet; without the line each request goes to the upstream",
    );
}
