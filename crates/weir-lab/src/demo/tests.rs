use super::*;
use crate::client::Client;
use crate::script::ClientStep;

async fn demo() -> Demo {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Demo::start(listener).await.unwrap()
}

/// Clients at once.
const AT_ONCE: usize = 12;

/// The statuses that a client sees which asks for every exhibit as often as it needs.
#[tokio::test]
async fn every_exhibit_shows_what_the_catalogue_says() {
    let demo = demo().await;
    assert!(demo.exhibits.len() > 50, "{}", demo.exhibits.len());
    let mut wrong = Vec::new();
    let address = Address::Inet(demo.address());
    let mut clients = tokio::task::JoinSet::new();
    let mut done = Vec::new();
    for exhibit in &demo.exhibits {
        // More at once, on a busy machine, and the time-outs of 300 ms are over before a backend is asked.
        if clients.len() >= AT_ONCE {
            done.extend(clients.join_next().await);
        }
        let step = ClientStep::Get(format!("/{}", exhibit.fault.name));
        let steps = vec![step; exhibit.requests];
        let address = address.clone();
        let fault = exhibit.fault;
        clients.spawn(async move {
            let mut client = Client::new(address, std::path::PathBuf::new());
            client.play(&steps, &BTreeMap::new()).await.unwrap();
            let seen = client.received().iter();
            let seen: Vec<_> = seen.map(|got| got.response.status).collect();
            let verdict = fault.verdict.at(crate::version::Version::V1_31);
            let told = verdict.status.as_slice().iter();
            let told: Vec<_> = told.map(|status| status.code()).collect();
            (fault.name.as_str(), seen, told)
        });
    }
    done.extend(clients.join_all().await.into_iter().map(Ok));
    for done in done {
        let (name, seen, told) = done.unwrap();
        if seen != told {
            wrong.push((name, seen, told));
        }
    }
    assert_eq!(wrong, []);
}

#[tokio::test]
async fn an_error_line_is_shown_with_its_reason() {
    let demo = demo().await;
    let mut client = Client::new(Address::Inet(demo.address()), std::path::PathBuf::new());
    let steps = [ClientStep::Get("/refused".to_owned())];
    client.play(&steps, &BTreeMap::new()).await.unwrap();
    let mut out = UntilExplained(Vec::new());
    let shown = watch::run(&demo, &mut out).await.unwrap_err();
    assert_eq!(shown.kind(), ErrorKind::BrokenPipe);
    let text = String::from_utf8(out.0).unwrap();
    assert!(text.starts_with("GET /refused HTTP/1.1 -> 502\n"), "{text}");
    assert!(text.contains("connect() failed (111: Connection refused) while connecting"));
    assert!(text.contains("why: connection_refused\n    The machine answers"));
}

/// A reader that leaves once it has seen something.
struct UntilExplained(Vec<u8>);

impl Write for UntilExplained {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(ErrorKind::BrokenPipe.into()),
        }
    }
}

/// What is printed of a request for `path`.
async fn shown(demo: &Demo, path: &str) -> String {
    let mut client = Client::new(Address::Inet(demo.address()), std::path::PathBuf::new());
    let steps = [ClientStep::Get(path.to_owned())];
    client.play(&steps, &BTreeMap::new()).await.unwrap();
    let mut out = UntilExplained(Vec::new());
    let _ = watch::run(demo, &mut out).await.unwrap_err();
    String::from_utf8(out.0).unwrap()
}

#[tokio::test]
async fn what_has_no_name_among_failures_is_explained_by_the_catalogue() {
    let text = shown(&demo().await, "/location-twice").await;
    assert!(
        text.starts_with("GET /location-twice HTTP/1.1 -> 200\n"),
        "{text}"
    );
    assert!(
        text.contains("  why: location-twice\n    Here: Location twice"),
        "{text}"
    );
    assert!(
        text.contains("In the wild: two layers that both set it."),
        "{text}"
    );
}

#[tokio::test]
async fn a_browser_finds_every_url() {
    let demo = demo().await;
    let mut client = Client::new(Address::Inet(demo.address()), std::path::PathBuf::new());
    let steps = ["/", "/nonsense"].map(|path| ClientStep::Get(path.to_owned()));
    client.play(&steps, &BTreeMap::new()).await.unwrap();
    let seen: Vec<_> = client
        .received()
        .iter()
        .map(|got| got.response.status)
        .collect();
    assert_eq!(seen, [Some(200), Some(404)]);
    let page = String::from_utf8_lossy(&client.received()[0].response.body.0).into_owned();
    assert!(page.contains("<a href=\"/refused\">refused</a>"), "{page}");
}

#[tokio::test]
async fn a_port_that_is_taken_gives_way_unless_it_was_asked_for() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = taken.local_addr().unwrap();
    let refused = listen(wanted).unwrap_err().to_string();
    assert!(refused.starts_with(&format!("cannot listen on {wanted}: ")));
    let other = listen_or_elsewhere(wanted).unwrap().local_addr().unwrap();
    assert_eq!(other.ip(), wanted.ip());
    assert_ne!(other.port(), wanted.port());
}

#[tokio::test]
async fn a_line_without_a_request_is_shown_by_itself() {
    let demo = demo().await;
    let line = "2026/01/02 03:04:05 [crit] 1#1: *999 accept() failed\n";
    let log = demo.folder.path().join("logs/error.log");
    let mut log = std::fs::OpenOptions::new().append(true).open(log).unwrap();
    log.write_all(line.as_bytes()).unwrap();
    let mut out = UntilExplained(Vec::new());
    let shown = watch::run(&demo, &mut out).await.unwrap_err();
    assert_eq!(shown.kind(), ErrorKind::BrokenPipe);
    assert_eq!(String::from_utf8(out.0).unwrap(), format!("{line}\n"));
}

#[tokio::test]
async fn a_reader_that_left_is_noticed() {
    let (reader, writer) = io::pipe().unwrap();
    let waits = tokio::time::timeout(Duration::from_millis(1), hung_up(writer.as_fd()));
    assert!(waits.await.is_err());
    drop(reader);
    let ends = tokio::time::timeout(Duration::from_secs(5), hung_up(writer.as_fd()));
    assert!(ends.await.is_ok());
}

#[tokio::test]
async fn the_table_has_every_exhibit() {
    let demo = demo().await;
    let table = demo.table();
    for exhibit in &demo.exhibits {
        assert!(table.contains(&format!("  /{}", exhibit.fault.name)));
    }
    let url = format!("curl -i http://{}/refused\n", demo.address());
    assert!(table.contains(&url), "{table}");
}
