//! `server_name` in every form, several servers with drawn names each: who answers for a host.

use weir_lab::bed::Conf;
use weir_lab::scenario::Scenario;

use crate::dice::Dice;

/// What a server may be called.
const NAMES: [&str; 28] = [
    "a.test",
    "b.a.test",
    "*.a.test",
    ".a.test",
    "a.*",
    "b.a.*",
    "*.test",
    ".test",
    "www.*",
    "*.b.a.test",
    ".b.a.test",
    "_",
    "\"\"",
    "$hostname",
    "~^x(?<n>\\d+)\\.test$",
    "~^(?<n>.+)\\.re\\.test$",
    "~^up\\.test$",
    "~a\\.test",
    "~^$",
    "xn--caf-dma.test",
    "CAF.Test",
    "127.0.0.1",
    "[::1]",
    "a",
    "a.test.",
    "a_b.test",
    "localhost",
    "~^(www\\.)?(.+)$",
];

/// What clients may ask for.
const HOSTS: [&str; 42] = [
    "a.test",
    "A.TEST",
    "b.a.test",
    "c.b.a.test",
    "d.c.b.a.test",
    "www.a.test",
    "x.test",
    "test",
    ".test",
    ".a.test",
    "a.test.",
    "a.test..",
    "a.com",
    "a.b.com",
    "b.a.com",
    "www.x",
    "www.",
    "www",
    "_",
    "",
    "x1.test",
    "x12.test",
    "foo.re.test",
    "UP.test",
    "up.test",
    "xn--caf-dma.test",
    "caf.test",
    "127.0.0.1",
    "127.0.0.1:80",
    "[::1]",
    "[::1]:8080",
    "a",
    "x.a",
    "a:80",
    "a.test:99",
    "a.test:x",
    "a..test",
    "a_b.test",
    "a/b",
    "*.a.test",
    "[::1",
    "aa.test",
];

/// Configurations.
const COUNT: usize = 16;

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut dice = Dice::new(0x5eed);
    (0..COUNT)
        .map(|number| scenario(number, &mut dice))
        .collect()
}

fn scenario(number: usize, dice: &mut Dice) -> Scenario {
    let servers = 1 + dice.roll(4);
    let default = dice.roll(2 * servers);
    let mut http = String::new();
    for server in 0..servers {
        let names: Vec<_> = (0..1 + dice.roll(4)).map(|_| *dice.pick(&NAMES)).collect();
        let option = if server == default {
            " default_server"
        } else {
            ""
        };
        http += &format!(
            "server {{ listen proxy{option}; server_name {}; return 200 '{server} $server_name $host $1'; }}\n",
            names.join(" ")
        );
    }
    let request = |host| format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let client = super::each_alone(HOSTS.iter().map(request));
    let config = Conf {
        http: Some(http),
        locations: Some("location / { return 204; }".to_owned()),
        ..Conf::default()
    };
    let summary = "the server that a host belongs to";
    super::without_backends(format!("grid/names-{number}"), summary, client, config)
}
