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
    let text = "events {}\nhttp {\n    proxy_pas http://x;\n    server {\n        listen 80 foo;\n        tcp_nodelay maybe;\n        gzip on;\n    }\n}\nworker_connections 5;\n";
    insta::assert_snapshot!(explained(text));
}

#[test]
fn faults_without_a_place_are_shown_too() {
    let text = "events {}\nhttp {\n    server {\n        add_header a $remote_adr;\n    }\n}\n";
    insta::assert_snapshot!(explained(text));
}
