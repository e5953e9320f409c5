//! Error lines that are written are read again as the same record, in either shape.

use std::sync::Arc;

use proptest::prelude::*;
use weir_log::record::ErrorLine;
use weir_log::{
    ContextField, ErrorSink, ErrorSinks, ErrorText, LINE_LIMIT, Level, LogFile, Output, Shape,
};

/// The lines of a text of these parts: plain, and as an object.
fn written(message: &[u8], fields: &[Option<Vec<u8>>], ctx: &[u8]) -> [String; 2] {
    let mut text = ErrorText::default();
    text.message().extend_from_slice(message);
    for (field, value) in ContextField::ALL.into_iter().zip(fields) {
        if let Some(value) = value {
            text.add(field, |out| out.extend_from_slice(value));
        }
    }
    text.ctx().extend_from_slice(ctx);
    let folder = tempfile::tempdir().expect("a folder");
    let paths = ["plain", "json"].map(|name| folder.path().join(name));
    let sink = |path, shape| ErrorSink {
        level: Level::Info,
        output: Output::File(Arc::new(LogFile::open(path).expect("a log"))),
        shape,
    };
    let sinks = [sink(&paths[0], Shape::Plain), sink(&paths[1], Shape::Json)];
    ErrorSinks::new(sinks, || 0).write(Level::Warn, Some(7), &text);
    paths.map(|path| {
        let bytes = std::fs::read(path).expect("a line");
        let line = bytes.strip_suffix(b"\n").expect("a whole line");
        String::from_utf8_lossy(line).into_owned()
    })
}

fn bytes() -> BoxedStrategy<Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40).boxed()
}

/// Text that means nothing in nginx's grammar.
fn tame() -> BoxedStrategy<Vec<u8>> {
    "[a-zA-Z0-9 /.?=\\\\é]{0,20}"
        .prop_map(String::into_bytes)
        .boxed()
}

/// The fields of a line. nginx has a server wherever it has a client, and nothing without both.
fn fields(value: BoxedStrategy<Vec<u8>>) -> impl Strategy<Value = Vec<Option<Vec<u8>>>> {
    let both = prop::option::of((value.clone(), value.clone()));
    let others = prop::collection::vec(prop::option::of(value), 5);
    (both, others).prop_map(|(both, others)| {
        let known = both.is_some();
        let (client, server) = both.unzip();
        let others = others.into_iter().map(|other| other.filter(|_| known));
        [client, server].into_iter().chain(others).collect()
    })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What happened, with the error's words and what was being done.
fn said(line: &ErrorLine) -> String {
    let said = ErrorLine {
        connection: None,
        client: None,
        server: None,
        request: None,
        subrequest: None,
        upstream: None,
        host: None,
        referrer: None,
        ctx: None,
        ..line.clone()
    };
    said.to_string()
}

proptest! {
    #[test]
    fn objects_are_read_whatever_bytes_they_tell_of(
        message in bytes(), fields in fields(bytes()), ctx in bytes(),
    ) {
        let [_, json] = written(&message, &fields, &ctx);
        let line = ErrorLine::parse(&json).expect("an object");
        prop_assert_eq!((line.level, line.connection), (Level::Warn, Some(7)));
        prop_assert_eq!(said(&line), format!("[warn] {}", lossy(&message)));
        let read = [
            &line.client, &line.server, &line.request, &line.subrequest, &line.upstream,
            &line.host, &line.referrer,
        ];
        for (read, field) in read.into_iter().zip(&fields) {
            prop_assert_eq!(read, &field.as_deref().map(lossy));
        }
        prop_assert_eq!(line.ctx, Some(lossy(&ctx)).filter(|ctx| !ctx.is_empty()));
    }

    #[test]
    fn both_shapes_are_read_as_the_same_record(
        message in tame(), fields in fields(tame()), ctx in bytes(),
    ) {
        let [plain, json] = written(&message, &fields, &ctx);
        let line = ErrorLine::parse(&plain).expect("a line");
        prop_assert_eq!(&line, &ErrorLine::parse(&json).expect("an object"));
        // Of bytes that are no text only replacements could be written again.
        if std::str::from_utf8(&ctx).is_ok() {
            let (_, rest) = plain.split_once("*7 ").expect("a head");
            prop_assert_eq!(line.to_string(), format!("[warn] *7 {rest}"));
        }
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in ".{0,80}") {
        let head = "2026/11/21 08:41:49 [error] 12#13: ";
        for line in [text.clone(), format!("{{{text}"), format!("{head}{text}\"")] {
            let _ = ErrorLine::parse(&line);
        }
    }
}

#[test]
fn a_long_line_makes_room_for_what_the_configuration_adds() {
    let [plain, json] = written(&[b'x'; 5000], &[], b"the end");
    assert_eq!(plain.len(), LINE_LIMIT - 1);
    assert!(plain.ends_with("xx, ctx: \"the end\""), "{plain}");
    let line = ErrorLine::parse(&json).expect("an object");
    assert_eq!(line.message.len(), 5000);
}
