use super::*;
use crate::client::Client;
use crate::script::ClientStep;

async fn demo() -> Demo {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Demo::start(listener).await.unwrap()
}

/// Clients at once, in each try. Time-outs of 300 ms are real ones: on a machine that is busy with other
/// tests, one may be over before a backend has had its turn. So what came out wrong is tried again with
/// less to do beside it, in a new demonstration, which knows of no failure yet. What is wrong in fact is
/// wrong each time.
const AT_ONCE: [usize; 4] = [12, 2, 1, 1];

/// The statuses that a client sees which asks for every exhibit as often as it needs.
#[tokio::test]
async fn every_exhibit_shows_what_the_catalogue_says() {
    let exhibits = demo().await.exhibits;
    assert!(exhibits.len() > 50, "{}", exhibits.len());
    let mut left: Vec<&Exhibit> = exhibits.iter().collect();
    let mut wrong = Vec::new();
    for at_once in AT_ONCE {
        wrong = wrong_among(&left, at_once).await;
        left.retain(|exhibit| wrong.iter().any(|(name, ..)| *name == exhibit.fault.name));
        if left.is_empty() {
            break;
        }
    }
    assert_eq!(wrong, []);
}

type Statuses = Vec<Option<u16>>;

/// Of those that show something else: the name, what a client sees and what the catalogue says.
async fn wrong_among(
    exhibits: &[&Exhibit],
    at_once: usize,
) -> Vec<(&'static str, Statuses, Statuses)> {
    let demo = demo().await;
    let mut clients = tokio::task::JoinSet::new();
    let mut done = Vec::new();
    for exhibit in exhibits {
        if clients.len() >= at_once {
            done.extend(clients.join_next().await);
        }
        let steps = vec![ClientStep::Get(format!("/{}", exhibit.fault.name)); exhibit.requests];
        let (address, fault) = (Address::Inet(demo.address()), exhibit.fault);
        clients.spawn(async move {
            let mut client = Client::new(address, std::path::PathBuf::new());
            client.play(&steps, &BTreeMap::new()).await.unwrap();
            let seen = client.received().iter();
            let seen: Statuses = seen.map(|got| got.response.status).collect();
            let verdict = fault.verdict.at(crate::version::Version::V1_31);
            let told = verdict.status.as_slice().iter();
            let told: Statuses = told.map(|status| status.code()).collect();
            (fault.name.as_str(), seen, told)
        });
    }
    done.extend(clients.join_all().await.into_iter().map(Ok));
    let done = done.into_iter().map(Result::unwrap);
    done.filter(|(_, seen, told)| seen != told).collect()
}

#[tokio::test]
async fn an_error_line_is_shown_with_its_reason() {
    let demo = demo().await;
    let mut client = Client::new(Address::Inet(demo.address()), std::path::PathBuf::new());
    let steps = [ClientStep::Get("/refused".to_owned())];
    client.play(&steps, &BTreeMap::new()).await.unwrap();
    let mut out = UntilExplained(Vec::new());
    let shown = watch::run(&demo, &mut out, Ink::Plain).await.unwrap_err();
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
    let _ = watch::run(demo, &mut out, Ink::Coloured).await.unwrap_err();
    String::from_utf8(out.0).unwrap()
}

#[tokio::test]
async fn what_has_no_name_among_failures_is_explained_by_the_catalogue() {
    let text = shown(&demo().await, "/location-twice").await;
    assert!(
        text.starts_with("\x1b[1mGET /location-twice HTTP/1.1 -> 200\x1b[0m\n"),
        "{text}"
    );
    assert!(
        text.contains("  \x1b[33mwhy: location-twice\x1b[0m\n    Here: Location twice"),
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
    let shown = watch::run(&demo, &mut out, Ink::Plain).await.unwrap_err();
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
