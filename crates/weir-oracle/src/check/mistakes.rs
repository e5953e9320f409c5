//! Mistakes that people make, and some that only a cat makes.

use super::asked::PREFIX;
use super::tokens::{Statement, Token, join, split, statements};
use crate::dice::Dice;

/// Values of every kind, most of them wrong wherever they come to stand.
const VALUES: [&str; 92] = [
    "on",
    "off",
    "ON",
    "0",
    "1",
    "-1",
    "10",
    "007",
    "1k",
    "1m",
    "1g",
    "1kk",
    "0x10",
    "10s",
    "10ms",
    "1h30m",
    "1y",
    "100000000000",
    "99999999999999999999",
    "4294967296",
    "abc",
    "''",
    "\"\"",
    "$host",
    "$nope",
    "${host}",
    "${host",
    "$",
    "$1",
    "a$",
    "$args$",
    "~^/x",
    "~(",
    "~*a",
    "~",
    "~^(?<host>a)",
    "~(?<own>a)",
    "x/",
    "=404",
    "=",
    "=200",
    "=1000",
    "http://127.0.0.1:9",
    "http://127.0.0.1:9/",
    "https://127.0.0.1:9",
    "http://$host",
    "http://",
    "http://127.0.0.1:0",
    "unix:@PREFIX@/logs/x.sock",
    "unix:",
    "http://unix:@PREFIX@/logs/x.sock:/",
    "127.0.0.1",
    "127.0.0.1:99999",
    "127.0.0.1:8000-8002",
    "[::1]:8080",
    "[::1",
    "*:8081",
    "8082",
    "localhost",
    "default",
    "default_server",
    "always",
    "combined",
    "crit",
    "info",
    "debug",
    "404",
    "500",
    "499",
    "600",
    "200",
    "all",
    "10.0.0.0/8",
    "10.0.0.1/8",
    "10.0.0.1/33",
    "error",
    "timeout",
    "http_502",
    "updating",
    "weight=2",
    "weight=0",
    "max_fails=x",
    "fail_timeout=1",
    "backup",
    "down",
    "consistent",
    "two",
    "least_conn",
    "buffer=1k",
    "if=$host",
    "'a b'",
    "é",
];

/// Directives whose first argument is a file that is written.
const WRITTEN: [&str; 6] = ["_path", "_log", "pid", "lock", "_store", "directory"];

/// A text with one or two mistakes; `others` are directives to put in.
pub(super) fn make(text: &str, others: &[String], dice: &mut Dice) -> String {
    let mut text = text.to_owned();
    let count = 1 + usize::from(dice.roll(4) == 0);
    for _ in 0..count {
        let mut tokens = split(&text);
        let all = statements(&tokens);
        if all.is_empty() {
            break;
        }
        let one = dice.pick(&all).clone();
        make_one(&mut tokens, &one, others, dice);
        text = join(&tokens);
    }
    under_the_prefix(&text)
}

fn make_one(tokens: &mut Vec<Token>, one: &Statement, others: &[String], dice: &mut Dice) {
    match dice.roll(20) {
        0 => drop_word(tokens, one, dice),
        1 => repeat_word(tokens, one, dice),
        2 => swap_words(tokens, one, dice),
        3..=6 => replace_word(tokens, one, dice),
        7 | 8 => insert(tokens, one.words.end, dice.pick::<&str>(&VALUES)),
        9..=11 => insert(tokens, one.end, dice.pick(others).as_str()),
        12 => repeat(tokens, one),
        13 => move_elsewhere(tokens, one, dice),
        14 => drop(tokens.drain(one.words.start..one.end)),
        15 => punctuate(tokens, one, dice),
        16 | 17 => quote(tokens, one, dice),
        18 => damage(tokens, one, dice),
        _ => lengthen(tokens, one, dice),
    }
}

/// A word of the directive, one of its arguments if there are any.
fn argument(one: &Statement, dice: &mut Dice) -> usize {
    match one.words.len() {
        0 | 1 => one.words.start,
        count => one.words.start + 1 + dice.roll(count - 1),
    }
}

fn insert(tokens: &mut Vec<Token>, at: usize, text: &str) {
    let token = Token {
        gap: " ".to_owned(),
        text: text.to_owned(),
    };
    tokens.insert(at.min(tokens.len()), token);
}

fn drop_word(tokens: &mut Vec<Token>, one: &Statement, dice: &mut Dice) {
    tokens.remove(argument(one, dice));
}

fn repeat_word(tokens: &mut Vec<Token>, one: &Statement, dice: &mut Dice) {
    let at = argument(one, dice);
    let text = tokens[at].text.clone();
    insert(tokens, at + 1, &text);
}

fn swap_words(tokens: &mut [Token], one: &Statement, dice: &mut Dice) {
    let (first, second) = (argument(one, dice), argument(one, dice));
    let text = tokens[first].text.clone();
    tokens[first].text = std::mem::replace(&mut tokens[second].text, text);
}

fn replace_word(tokens: &mut [Token], one: &Statement, dice: &mut Dice) {
    let at = argument(one, dice);
    tokens[at].text = if dice.roll(5) == 0 {
        dice.pick(tokens).text.clone()
    } else {
        (*dice.pick(&VALUES)).to_owned()
    };
}

fn repeat(tokens: &mut Vec<Token>, one: &Statement) {
    let copy = join(&tokens[one.words.start..one.end]);
    insert(tokens, one.end, &copy);
}

fn move_elsewhere(tokens: &mut Vec<Token>, one: &Statement, dice: &mut Dice) {
    let moved = join(&tokens[one.words.start..one.end]);
    drop(tokens.drain(one.words.start..one.end));
    let ends: Vec<_> = statements(tokens).iter().map(|other| other.end).collect();
    if !ends.is_empty() {
        insert(tokens, *dice.pick(&ends), &moved);
    }
}

/// Loses or changes what stands behind a directive, or adds to it.
fn punctuate(tokens: &mut Vec<Token>, one: &Statement, dice: &mut Dice) {
    let at = one.words.end;
    match dice.roll(7) {
        0 | 1 => drop(tokens.remove(at)),
        2 => drop(tokens.remove(one.end - 1)),
        3 => " {}".clone_into(&mut tokens[at].text),
        4 => ";".clone_into(&mut tokens[at].text),
        5 => insert(tokens, one.end, "}"),
        _ => insert(tokens, one.end, ";"),
    }
}

fn quote(tokens: &mut [Token], one: &Statement, dice: &mut Dice) {
    let word = &mut tokens[argument(one, dice)].text;
    *word = match dice.roll(9) {
        0 => format!("\"{word}\""),
        1 => format!("'{word}'"),
        2 => format!("\"{word}"),
        3 => format!("{word}\""),
        4 => format!("{word}'"),
        5 => format!("\\{word}"),
        6 => format!("{word}\\"),
        7 => format!("\"{word}\"x"),
        _ => format!("#{word}"),
    };
}

/// Loses, doubles or exchanges a letter of any word.
fn damage(tokens: &mut [Token], one: &Statement, dice: &mut Dice) {
    let word = &mut tokens[one.words.start + dice.roll(one.words.len())].text;
    let mut letters: Vec<char> = word.chars().collect();
    if letters.is_empty() {
        return;
    }
    let at = dice.roll(letters.len());
    match dice.roll(3) {
        0 => drop(letters.remove(at)),
        1 => letters.insert(at, letters[at]),
        _ => {
            letters[at] = *dice.pick(&['x', '0', '.', '/', '$', ':', '-', ' ', '=', '~', '*', '('])
        }
    }
    *word = letters.into_iter().collect();
}

fn lengthen(tokens: &mut [Token], one: &Statement, dice: &mut Dice) {
    let more = dice.pick(&[
        "k",
        "m",
        "g",
        "s",
        "ms",
        "y",
        "0000000000",
        "-",
        ".",
        "/",
        "?a=b",
        ":80",
        "$",
        " x",
        "=1",
        "\r\n",
        "\n",
        ",",
        "*",
    ]);
    tokens[argument(one, dice)].text += more;
}

/// Nothing is written outside the directory of the test, whoever runs it.
fn under_the_prefix(text: &str) -> String {
    let mut tokens = split(text);
    for one in statements(&tokens) {
        let name = tokens[one.words.start].text.clone();
        if !WRITTEN.iter().any(|part| name.contains(part)) {
            continue;
        }
        for word in &mut tokens[one.words.clone()] {
            let bare = word.text.trim_start_matches(['"', '\'']);
            if bare.starts_with('/') {
                let quotes = word.text.len() - bare.len();
                word.text.insert_str(quotes, PREFIX);
            }
        }
    }
    join(&tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_elsewhere() {
        let safe = |text| under_the_prefix(text);
        assert_eq!(safe("pid /a;"), "pid @PREFIX@/a;");
        assert_eq!(
            safe("proxy_temp_path \"/a\" 1;"),
            "proxy_temp_path \"@PREFIX@/a\" 1;"
        );
        assert_eq!(safe("root /a;"), "root /a;");
    }

    #[test]
    fn mistakes_are_the_same_each_time() {
        let text = "events {}\nhttp { server { listen 80; } }\n";
        let others = ["gzip on;".to_owned()];
        let make = |seed| make(text, &others, &mut Dice::new(seed));
        let all: Vec<_> = (1..50).map(make).collect();
        assert_eq!(all, (1..50).map(make).collect::<Vec<_>>());
        assert!(
            all.iter().filter(|made| *made != text).count() > 40,
            "{all:?}"
        );
    }
}
