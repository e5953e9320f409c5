//! The expressions that most configurations consist of: literals, classes, groups, repetition.
//!
//! Of these it is known without trying how many steps PCRE2's interpreter can take at most, and an
//! automaton finds them just as well. Whatever is not understood here is simply not plain.

use regex_syntax::hir::{Class, ClassBytes, ClassBytesRange, Hir, Look, Repetition};

/// A plain expression.
#[derive(Clone, Debug)]
pub(super) struct Plain {
    node: Node,
    steps: Steps,
}

/// Steps that are few beside nginx's limit of ten million (`PCRE2_CONFIG_MATCHLIMIT`): 2 to this.
const FEW: f64 = 20.0;

/// At most `2^log · (length + 1)^degree` steps.
#[derive(Clone, Copy, Debug, Default)]
struct Steps {
    log: f64,
    degree: u32,
    /// There are repetitions whose end the text decides: together they take a step for each byte.
    runs: bool,
}

impl Steps {
    fn is_certain(self) -> bool {
        self.degree == 0 && self.log == 0.0
    }
}

#[derive(Clone, Debug)]
enum Node {
    /// One byte out of a set.
    Byte(ByteSet),
    /// `^`.
    Start,
    /// `$`, which is also before a final newline.
    End,
    All(Vec<Self>),
    Any(Vec<Self>),
    Repeat {
        node: Box<Self>,
        min: u32,
        max: Option<u32>,
    },
}

impl Plain {
    /// Reads an expression that PCRE2 has accepted; `None` if it is not plain or may take too many
    /// steps whatever the text.
    pub(super) fn read(source: &[u8], caseless: bool) -> Option<Self> {
        let mut parser = Parser {
            rest: source,
            caseless,
            nodes: 0,
        };
        let node = parser.alternatives()?;
        if !parser.rest.is_empty() {
            return None;
        }
        // Behind the last byte of the expression nothing can fail any more.
        let mut steps = steps(&node, ByteSet::default())?;
        // Each part of the expression may be entered, left and tried again.
        steps.log += (f64::from(parser.nodes) * 4.0 + 8.0).log2();
        steps.degree += u32::from(steps.runs) + u32::from(!starts_fixed(&node));
        Some(Self { node, steps })
    }

    /// The longest text on which the interpreter takes few steps.
    pub(super) fn longest(&self) -> usize {
        let left = FEW - self.steps.log;
        match self.steps.degree {
            _ if left <= 0.0 => 0,
            0 => usize::MAX,
            degree => (left / f64::from(degree)).exp2() as usize - 1,
        }
    }

    /// Most steps on a text of this length.
    #[cfg(test)]
    pub(super) fn most_steps(&self, length: usize) -> u64 {
        let ways = (length as f64 + 1.0).powf(f64::from(self.steps.degree));
        (self.steps.log.exp2() * ways) as u64
    }

    /// The same for an automaton, which takes `$` for the very end.
    pub(super) fn hir(&self) -> Hir {
        hir(&self.node)
    }
}

fn hir(node: &Node) -> Hir {
    match node {
        Node::Byte(set) => Hir::class(Class::Bytes(ClassBytes::new(
            (0..=u8::MAX)
                .filter(|byte| set.contains(*byte))
                .map(|byte| ClassBytesRange::new(byte, byte)),
        ))),
        Node::Start => Hir::look(Look::Start),
        Node::End => Hir::look(Look::End),
        Node::All(nodes) => Hir::concat(nodes.iter().map(hir).collect()),
        Node::Any(nodes) => Hir::alternation(nodes.iter().map(hir).collect()),
        Node::Repeat { node, min, max } => Hir::repetition(Repetition {
            min: *min,
            max: *max,
            greedy: true,
            sub: Box::new(hir(node)),
        }),
    }
}

/// Whether a match can begin at the start of the text only.
fn starts_fixed(node: &Node) -> bool {
    match node {
        Node::Start => true,
        Node::All(nodes) => nodes.first().is_some_and(starts_fixed),
        Node::Any(nodes) => nodes.iter().all(starts_fixed),
        Node::Byte(_) | Node::End | Node::Repeat { .. } => false,
    }
}

/// In how many ways a node can be matched that one of `follow` must come after; `None` if their number
/// may grow exponentially.
fn steps(node: &Node, follow: ByteSet) -> Option<Steps> {
    match node {
        Node::Byte(_) | Node::Start | Node::End => Some(Steps::default()),
        Node::All(nodes) => {
            let mut product = Steps::default();
            let mut follow = follow;
            for node in nodes.iter().rev() {
                let more = steps(node, follow)?;
                product.log += more.log;
                product.degree += more.degree;
                product.runs |= more.runs;
                // Behind a `$` at the end of all nothing can fail.
                if !(matches!(node, Node::End) && follow == ByteSet::default()) {
                    follow = first(node).before(follow);
                }
            }
            Some(product)
        }
        Node::Any(nodes) => any_steps(nodes, follow),
        Node::Repeat { node, min, max } => repeat_steps(node, *min, *max, follow),
    }
}

/// The first byte decides between alternatives, or all of them may be tried.
fn any_steps(nodes: &[Node], follow: ByteSet) -> Option<Steps> {
    let mut most = Steps::default();
    let mut seen = ByteSet::default();
    let mut decided = true;
    for node in nodes {
        let more = steps(node, follow)?;
        most.log = most.log.max(more.log);
        most.degree = most.degree.max(more.degree);
        most.runs |= more.runs;
        let first = first(node);
        decided &= !first.nothing && !first.bytes.meets(&seen);
        seen = seen.with(first.bytes);
    }
    if !decided {
        most.log += (nodes.len() as f64).log2();
    }
    Some(most)
}

/// The next byte decides whether to go on, or every number of repetitions may be tried.
fn repeat_steps(node: &Node, min: u32, max: Option<u32>, follow: ByteSet) -> Option<Steps> {
    let first = first(node);
    let inner = steps(node, first.bytes.with(follow))?;
    if inner.is_certain() && !first.nothing && !first.bytes.meets(&follow) {
        let times = max.filter(|_| !matches!(node, Node::Byte(_))).unwrap_or(1);
        return Some(Steps {
            log: f64::from(times.max(1)).log2(),
            degree: 0,
            runs: inner.runs || max.is_none(),
        });
    }
    match max {
        Some(max) => Some(Steps {
            log: f64::from(max - min + 1).log2() + f64::from(max) * inner.log,
            degree: max.checked_mul(inner.degree)?,
            runs: inner.runs,
        }),
        None if inner.is_certain() && !first.nothing => Some(Steps { degree: 1, ..inner }),
        None => None,
    }
}

/// What a node can begin with.
struct First {
    bytes: ByteSet,
    /// It can match nothing at all.
    nothing: bool,
}

impl First {
    /// What may come where the node stands in front of `follow`.
    fn before(&self, follow: ByteSet) -> ByteSet {
        if self.nothing {
            self.bytes.with(follow)
        } else {
            self.bytes
        }
    }
}

fn first(node: &Node) -> First {
    let of = |bytes, nothing| First { bytes, nothing };
    match node {
        Node::Byte(set) => of(*set, false),
        Node::Start => of(ByteSet::default(), true),
        // Nothing can come there but a final newline.
        Node::End => of(ByteSet::of(*b"\n"), false),
        Node::All(nodes) => nodes
            .iter()
            .rev()
            .fold(of(ByteSet::default(), true), |rest, node| {
                let own = first(node);
                of(own.before(rest.bytes), own.nothing && rest.nothing)
            }),
        Node::Any(nodes) => nodes
            .iter()
            .fold(of(ByteSet::default(), false), |all, node| {
                let own = first(node);
                of(all.bytes.with(own.bytes), all.nothing || own.nothing)
            }),
        Node::Repeat { node, min, .. } => {
            let own = first(node);
            of(own.bytes, own.nothing || *min == 0)
        }
    }
}

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ByteSet([u64; 4]);

impl ByteSet {
    fn of(bytes: impl IntoIterator<Item = u8>) -> Self {
        let mut set = Self::default();
        for byte in bytes {
            set.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        set
    }

    fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    fn meets(&self, other: &Self) -> bool {
        self.0
            .iter()
            .zip(other.0)
            .any(|(own, other)| own & other != 0)
    }

    fn with(self, other: Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] | other.0[index]))
    }

    fn negated(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }

    /// Letters in both cases.
    fn caseless(self) -> Self {
        let letters = (b'a'..=b'z').chain(b'A'..=b'Z');
        self.with(Self::of(
            letters.filter(|letter| self.contains(letter ^ 0x20)),
        ))
    }
}

/// `\d`, `\w`, `\s` and their opposites.
fn escaped_set(letter: u8) -> Option<ByteSet> {
    let set = match letter.to_ascii_lowercase() {
        b'd' => ByteSet::of(b'0'..=b'9'),
        b'w' => {
            ByteSet::of((0..=u8::MAX).filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'))
        }
        b's' => ByteSet::of(*b"\t\n\x0b\x0c\r "),
        _ => return None,
    };
    Some(if letter.is_ascii_uppercase() {
        set.negated()
    } else {
        set
    })
}

struct Parser<'a> {
    rest: &'a [u8],
    caseless: bool,
    nodes: u32,
}

/// Repetitions are not counted further: an automaton grows with them.
const MOST_REPEATED: u32 = 64;

impl Parser<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn alternatives(&mut self) -> Option<Node> {
        let mut all = vec![self.sequence()?];
        while self.take(b"|") {
            all.push(self.sequence()?);
        }
        Some(if all.len() == 1 {
            all.swap_remove(0)
        } else {
            Node::Any(all)
        })
    }

    fn sequence(&mut self) -> Option<Node> {
        let mut all = Vec::new();
        while !matches!(self.rest.first(), None | Some(b'|' | b')')) {
            let atom = self.atom()?;
            self.nodes = self.nodes.checked_add(1)?;
            all.push(self.repeated(atom)?);
        }
        Some(Node::All(all))
    }

    fn atom(&mut self) -> Option<Node> {
        Some(match self.next()? {
            b'^' => Node::Start,
            b'$' => Node::End,
            b'.' => Node::Byte(ByteSet::of(*b"\n").negated()),
            b'[' => Node::Byte(self.class()?),
            b'(' => return self.group(),
            b'\\' => Node::Byte(self.escape()?),
            // As first characters of an atom these are literal, or something rare.
            b'*' | b'+' | b'?' | b'{' | b'}' | b']' => return None,
            byte @ b' '..=b'~' => Node::Byte(self.literal(byte)),
            _ => return None,
        })
    }

    fn literal(&self, byte: u8) -> ByteSet {
        let set = ByteSet::of([byte]);
        if self.caseless { set.caseless() } else { set }
    }

    /// What follows a backslash: a set, or punctuation.
    fn escape(&mut self) -> Option<ByteSet> {
        let byte = self.next()?;
        if byte.is_ascii_punctuation() {
            return Some(ByteSet::of([byte]));
        }
        escaped_set(byte)
    }

    /// The rest of a group after its parenthesis.
    fn group(&mut self) -> Option<Node> {
        if self.take(b"?") && !self.take(b":") {
            self.take(b"P");
            if !self.take(b"<") {
                return None;
            }
            let name = self.rest.iter().position(|byte| *byte == b'>')?;
            // `(?<=` and `(?<!` look behind.
            if !self.rest[..name]
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            {
                return None;
            }
            self.rest = &self.rest[name + 1..];
        } else if self.rest.first() == Some(&b'*') {
            return None;
        }
        let inside = self.alternatives()?;
        self.take(b")").then_some(inside)
    }

    /// The rest of a class after its bracket.
    fn class(&mut self) -> Option<ByteSet> {
        let negated = self.take(b"^");
        let mut set = ByteSet::default();
        let mut first = true;
        loop {
            let byte = self.next()?;
            let more = match byte {
                b']' if first => return None,
                b']' => break,
                b'[' => return None,
                b'-' if first || self.rest.first() == Some(&b']') => ByteSet::of(*b"-"),
                b'-' => return None,
                b'\\' => match self.escape()? {
                    _ if self.rest.first() == Some(&b'-') && self.rest.get(1) != Some(&b']') => {
                        return None;
                    }
                    set => set,
                },
                b' '..=b'~' => self.range(byte)?,
                _ => return None,
            };
            set = set.with(more);
            first = false;
        }
        let set = if self.caseless { set.caseless() } else { set };
        Some(if negated { set.negated() } else { set })
    }

    /// One byte, or a range that begins with it.
    fn range(&mut self, first: u8) -> Option<ByteSet> {
        let [b'-', last, rest @ ..] = self.rest else {
            return Some(ByteSet::of([first]));
        };
        if *last == b']' {
            return Some(ByteSet::of([first]));
        }
        if !last.is_ascii_alphanumeric() || !first.is_ascii_alphanumeric() || first > *last {
            return None;
        }
        self.rest = rest;
        Some(ByteSet::of(first..=*last))
    }

    /// `atom` with the quantifier that may follow; lazy ones find the same texts.
    fn repeated(&mut self, atom: Node) -> Option<Node> {
        let (min, max) = match self.rest.first() {
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'?') => (0, Some(1)),
            Some(b'{') => self.counts()?,
            _ => return Some(atom),
        };
        self.rest = &self.rest[1..];
        self.nodes = self.nodes.checked_add(max.unwrap_or(min))?;
        self.take(b"?");
        if matches!(self.rest.first(), Some(b'*' | b'+' | b'?' | b'{'))
            || matches!(atom, Node::Start | Node::End)
        {
            return None;
        }
        Some(Node::Repeat {
            node: Box::new(atom),
            min,
            max,
        })
    }

    /// `{N}`, `{N,}` or `{N,M}`, up to its last brace.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let end = self.rest.iter().position(|byte| *byte == b'}')?;
        let text = std::str::from_utf8(&self.rest[1..end]).ok()?;
        self.rest = &self.rest[end..];
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = digits.then(|| text.parse().ok())??;
            (number <= MOST_REPEATED).then_some(number)
        };
        let (min, max) = match text.split_once(',') {
            None => (number(text)?, Some(number(text)?)),
            Some((min, "")) => (number(min)?, None),
            Some((min, max)) => (number(min)?, Some(number(max)?)),
        };
        max.is_none_or(|max| min <= max).then_some((min, max))
    }
}
