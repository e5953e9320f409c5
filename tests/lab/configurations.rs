//! What may be written as a lab's configuration.

use weir_lab::lab::{Lab, LabError, fault};
use weir_lab::script::BackendScript;

use crate::ONE_APP;

#[tokio::test]
async fn a_lab_without_backends() {
    let lab = Lab::start("server { listen 80; return 200 here; }").await;
    let lab = lab.unwrap();
    assert_eq!(lab.get("/").await.text(), "here");
    lab.expect_attempts([]).await;
}

#[tokio::test]
async fn a_whole_configuration_keeps_its_own_logs() {
    let lab = Lab::new(
        "worker_processes 4;
        error_log logs/error.log warn;
        events { worker_connections 100; }
        http {
            log_format short '$status $upstream_addr';
            access_log logs/access.log short;
            server {
                listen 8080;
                listen [::1]:8080;
                location / { proxy_pass http://app:1; }
                location /quiet { access_log off; error_log logs/quiet.log; proxy_pass http://app:1; }
            }
        }",
    )
    .backend("app:1", BackendScript::refuse())
    .start()
    .await
    .unwrap();
    lab.get("/").await;
    lab.get("/quiet").await;
    lab.expect_attempts([("app:1", 502), ("app:1", 502)]).await;
    assert_eq!(
        lab.error_lines()
            .await
            .iter()
            .filter(|line| line.errno.is_some())
            .count(),
        2
    );
    let own = |name: &str| {
        let text = std::fs::read_to_string(lab.folder().join("logs").join(name)).unwrap();
        text.lines().count()
    };
    assert_eq!(
        (own("access.log"), own("error.log"), own("quiet.log")),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn the_place_of_a_fault_is_the_test_s() {
    let conf = "server {\n  listen 80;\n  location / { proxy_pas http://app:1; }\n}";
    let lab = Lab::new(conf).backend("app:1", BackendScript::refuse());
    let Err(LabError::Config {
        message,
        explanation,
    }) = lab.start().await
    else {
        panic!("the configuration is faulty");
    };
    assert_eq!(
        message,
        "[emerg] unknown directive \"proxy_pas\" in http.conf:3"
    );
    assert!(
        explanation.contains("proxy_pas http://app:1;"),
        "{explanation}"
    );
    assert!(explanation.contains("proxy_pass"), "{explanation}");
}

#[tokio::test]
async fn misspelt_names_are_told() {
    let check = async |lab: weir_lab::lab::Setup, expected: &str| {
        let fault = lab.start().await.unwrap_err();
        assert!(fault.to_string().contains(expected), "{fault}");
    };
    let lab = || Lab::new(ONE_APP);
    check(
        lab().backend("ap:1", BackendScript::refuse()),
        "the configuration does not name ap:1",
    )
    .await;
    check(
        lab().backend("app:1", fault("refusd")),
        "did you mean \"refused\"?",
    )
    .await;
}

#[tokio::test]
#[should_panic(expected = "no backend on script is called \"ap:1\", but [\"app:1\"] are")]
async fn a_backend_that_is_none() {
    let lab = Lab::new(ONE_APP).backend("app:1", BackendScript::answers("200 OK", "fine"));
    lab.start().await.unwrap().backend("ap:1");
}
