use super::*;

/// What nginx 1.31.5 and 1.28.3 made of each header with `GET /x HTTP/1.0` behind it, bytes that are
/// neither visible nor ASCII, and `\`, as `\xNN`: the log's text behind a `!`, or the client's address
/// and port and the server's, all empty where the header names nobody.
const RECORDED: &str = include_str!("recorded.tsv");

fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split("\\x");
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    bytes
}

/// As the table has it.
fn shown(bytes: &[u8]) -> Vec<u8> {
    match read(bytes) {
        Ok(Greeting { header: None, .. }) => b"|||".to_vec(),
        Ok(Greeting {
            header: Some(header),
            ..
        }) => {
            let port = |port: u16| match port {
                0 => String::new(),
                port => port.to_string(),
            };
            let ports = [header.source_port, header.destination_port].map(port);
            [
                &header.source[..],
                ports[0].as_bytes(),
                &header.destination,
                ports[1].as_bytes(),
            ]
            .join(&b'|')
        }
        Err(fault) => {
            let mut text = b"!".to_vec();
            fault.write_message(bytes, &mut text);
            text
        }
    }
}

#[test]
fn headers_are_read_as_by_nginx() {
    for row in RECORDED.lines() {
        let (header, expected) = row.split_once('\t').unwrap();
        let mut bytes = unescaped(header);
        bytes.extend_from_slice(b"GET /x HTTP/1.0\r\n\r\n");
        let found = shown(&bytes);
        assert_eq!(found, unescaped(expected), "{header}");
        if let Ok(greeting) = read(&bytes) {
            assert!(bytes[greeting.len..].ends_with(b"ET /x HTTP/1.0\r\n\r\n"));
        }
    }
    assert_eq!(RECORDED.lines().count(), 1133);
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let len = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind][..], &len, value].concat()
}

fn with(tlvs: &[u8]) -> ProxyHeader {
    ProxyHeader {
        source: Box::default(),
        destination: Box::default(),
        source_port: 1,
        destination_port: 2,
        tlvs: tlvs.into(),
    }
}

#[test]
fn tlvs_are_found_by_name_and_by_number() {
    let ssl = [
        &[1, 0, 0, 1, 2][..],
        &tlv(0x21, b"TLSv1.3"),
        &tlv(0x22, b"cn"),
        &tlv(0xee, b"q"),
    ]
    .concat();
    let header = with(
        &[
            tlv(1, b"h2"),
            tlv(0x20, &ssl),
            tlv(2, b""),
            tlv(0xee, b"x\0y"),
            tlv(1, b"later"),
        ]
        .concat(),
    );
    let check = |name: &str, expected: Result<Option<&[u8]>, &str>| {
        let found = header.tlv(name).map_err(|fault| fault.to_string());
        let expected = expected.map(|value| value.map(Cow::Borrowed));
        assert_eq!(found, expected.map_err(str::to_owned), "{name}");
    };
    check("alpn", Ok(Some(b"h2")));
    check("authority", Ok(Some(b"")));
    check("unique_id", Ok(None));
    check("ssl", Ok(Some(&ssl)));
    check("0xee", Ok(Some(b"x\0y")));
    check("0x01", Ok(Some(b"h2")));
    check("0x0000000002", Ok(Some(b"")));
    check("0x1ee", Ok(None));
    check("ssl_verify", Ok(Some(b"258")));
    check("ssl_version", Ok(Some(b"TLSv1.3")));
    check("ssl_cn", Ok(Some(b"cn")));
    check("ssl_cipher", Ok(None));
    check("ssl_0xee", Ok(Some(b"q")));
    check("ssl_alpn", Err("unknown PROXY protocol TLV \"ssl_alpn\""));
    check("verify", Err("unknown PROXY protocol TLV \"verify\""));
    check("0x", Err("invalid PROXY protocol TLV \"0x\""));
    check("ssl_0xg", Err("invalid PROXY protocol TLV \"ssl_0xg\""));
}

#[test]
fn tlvs_may_be_missing_or_broken() {
    let check = |tlvs: &[u8], name: &str, expected: Result<Option<&[u8]>, TlvFault<'static>>| {
        let header = with(tlvs);
        let found = header.tlv(name).map(|found| found.map(Cow::into_owned));
        let expected = expected.map(|value| value.map(<[u8]>::to_vec));
        assert_eq!(found, expected, "{tlvs:?} {name}");
    };
    check(b"", "alpn", Ok(None));
    check(b"", "ssl_verify", Ok(None));
    check(b"\x01\0", "alpn", Err(TlvFault::Broken));
    check(b"\x01\0\x02h", "alpn", Err(TlvFault::Broken));
    check(b"\x01\0\x01h\x02", "alpn", Ok(Some(b"h")));
    check(b"\x20\0\x04abcd", "ssl_verify", Ok(None));
    check(b"\x20\0\x04abcd", "ssl_nothing", Ok(None));
    check(
        b"\x20\0\x06\0\0\0\0\x09\x21",
        "ssl_cn",
        Err(TlvFault::Broken),
    );
}
