//! The one table of directives: names, contexts, arguments, defaults, inheritance, meaning.

mod absent;
pub(crate) mod arguments;
mod blocks;
mod conditional;
pub(crate) mod core;
pub(crate) mod main;
pub(crate) mod settings;
mod slot;
pub(crate) mod tls;
pub(crate) mod upstream;

use std::ops::BitOr;
use std::sync::LazyLock;

pub(crate) use absent::instead;
pub(crate) use slot::{Here, Many, Mark, Maybe, One, Sum};

/// Where a directive may stand; several are joined with `|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contexts(u16);

/// Outside all blocks.
pub(crate) const MAIN: Contexts = Contexts(1);
/// In `events`.
pub(crate) const EVENTS: Contexts = Contexts(2);
/// In `http`.
pub(crate) const HTTP: Contexts = Contexts(4);
/// In `server`.
pub(crate) const SERVER: Contexts = Contexts(8);
/// In `location`.
pub(crate) const LOCATION: Contexts = Contexts(16);
/// In `upstream`.
pub(crate) const UPSTREAM: Contexts = Contexts(32);
/// In an `if` of a server.
pub(crate) const SERVER_IF: Contexts = Contexts(64);
/// In an `if` of a location.
pub(crate) const LOCATION_IF: Contexts = Contexts(128);
/// In `limit_except`.
pub(crate) const LIMIT_EXCEPT: Contexts = Contexts(256);
/// In any block, and outside.
pub(crate) const ANYWHERE: Contexts = Contexts(511);

impl Contexts {
    /// Whether one of `other`'s contexts is among these.
    pub(crate) const fn allow(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The blocks' names, for the documentation.
    pub fn names(self) -> Vec<&'static str> {
        const NAMES: [(Contexts, &str); 9] = [
            (MAIN, "main"),
            (EVENTS, "events"),
            (HTTP, "http"),
            (SERVER, "server"),
            (LOCATION, "location"),
            (UPSTREAM, "upstream"),
            (SERVER_IF, "if in server"),
            (LOCATION_IF, "if in location"),
            (LIMIT_EXCEPT, "limit_except"),
        ];
        NAMES
            .iter()
            .filter(|(one, _)| self.allow(*one))
            .map(|(_, name)| *name)
            .collect()
    }
}

impl BitOr for Contexts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// How many arguments a directive takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arity {
    /// At least.
    pub min: usize,
    /// At most; `usize::MAX` = any number.
    pub max: usize,
}

impl Arity {
    pub(crate) const NONE: Self = Self::between(0, 0);
    pub(crate) const ONE: Self = Self::between(1, 1);
    pub(crate) const TWO: Self = Self::between(2, 2);
    pub(crate) const SOME: Self = Self::between(1, usize::MAX);
    pub(crate) const ANY: Self = Self::between(0, usize::MAX);

    pub(crate) const fn between(min: usize, max: usize) -> Self {
        Self { min, max }
    }

    pub(crate) const fn allows(self, count: usize) -> bool {
        self.min <= count && count <= self.max
    }
}

/// What weir does with a directive. A text says why it changes nothing, for whoever wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It has a value or builds something.
    Obeyed,
    /// Its arguments are checked as nginx checks them; then it changes nothing here: listed.
    Checked(&'static str),
    /// It cannot matter here: its arguments are checked, nothing is made of them, and it is listed.
    Ignored(&'static str),
    /// nginx has it, weir does not yet: an error.
    Absent,
}

/// How inner blocks see what a block says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inheritance {
    /// There is nothing to inherit: it builds something, or has no blocks inside.
    None,
    /// It holds in inner blocks that do not say otherwise; a second in one block is refused.
    Innermost,
    /// All of the innermost block that has any hold.
    AllOrNone,
    /// It holds in its own block only.
    Own,
}

/// A row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name.
    pub name: &'static str,
    /// Where it may stand.
    pub contexts: Contexts,
    /// Its arguments.
    pub arity: Arity,
    /// Whether it opens a block.
    pub block: bool,
    /// What holds without it, as one would write it.
    pub default: Option<&'static str>,
    /// How an inner block sees it.
    pub inheritance: Inheritance,
    /// What weir does with it.
    pub support: Support,
    /// What it is for.
    pub doc: &'static str,
}

/// All rows, in reading order.
pub fn entries() -> &'static [Entry] {
    static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let mut all = blocks::ENTRIES.to_vec();
        all.extend_from_slice(main::ENTRIES);
        all.extend_from_slice(core::ENTRIES);
        all.extend_from_slice(tls::ENTRIES);
        all.extend_from_slice(settings::ENTRIES);
        all.extend(upstream::entries());
        all.extend(absent::entries());
        for entry in &mut all {
            entry.contexts = conditional::with_conditional(entry);
        }
        all
    });
    &ENTRIES
}

/// The rows called `name`; some names mean different things in different blocks.
pub(crate) fn named(name: &[u8]) -> impl Iterator<Item = &'static Entry> + Clone {
    static BY_NAME: LazyLock<Vec<&'static Entry>> = LazyLock::new(|| {
        let mut sorted: Vec<_> = entries().iter().collect();
        sorted.sort_by_key(|entry| entry.name);
        sorted
    });
    let start = BY_NAME.partition_point(|entry| entry.name.as_bytes() < name);
    let count = BY_NAME[start..]
        .iter()
        .take_while(|entry| entry.name.as_bytes() == name)
        .count();
    BY_NAME[start..start + count].iter().copied()
}

/// Generates, from rows of
/// `name: Slot<Type> = reader, "default"; in CONTEXTS, arity;`
/// the settled struct, the struct of written values with its reading, inheriting and settling,
/// and the rows of the table. `raw` rows are only written, `derived` fields only settled; `checked`
/// rows are read and settled into nothing, `because "of this"`.
macro_rules! directives {
    (
        $(#[$smeta:meta])*
        $settled:ident from $written:ident;
        $(
            $(#[doc = $doc:literal])+
            $field:ident $(as $name:literal)?: $slot:ident<$ty:ty>
                = $reader:path $(, $default:literal)?; in $contexts:expr $(, $arity:expr)?;
        )+
        raw {
            $(
                $(#[doc = $rdoc:literal])+
                $rfield:ident: $rslot:ident<$rty:ty>
                    = $rreader:path $(, $rdefault:literal)?; in $rcontexts:expr $(, $rarity:expr)?;
            )*
        }
        checked {
            $(
                $(#[doc = $cdoc:literal])+
                $cfield:ident: $cslot:ident<$cty:ty>
                    = $creader:path $(, $cdefault:literal)?; in $ccontexts:expr; because $because:literal;
            )*
        }
        derived {
            $( $(#[doc = $ddoc:literal])+ $dfield:ident: $dty:ty, )*
        }
    ) => {
        $(#[$smeta])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $settled {
            $( $(#[doc = $doc])+ pub $field: $crate::table::settled!($slot, $ty), )+
            $( $(#[doc = $ddoc])+ pub $dfield: $dty, )*
        }

        /// The values as written in one block.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $written {
            $( pub(crate) $field: $crate::table::$slot<$ty>, )+
            $( pub(crate) $rfield: $crate::table::$rslot<$rty>, )*
            $( pub(crate) $cfield: $crate::table::$cslot<$cty>, )*
        }

        impl $written {
            /// Takes a directive; `None` when it is not one of these.
            #[allow(dead_code, reason = "directives of a family have other names in the table")]
            pub(crate) fn put(&mut self, call: &mut Call<'_>) -> Option<Result<(), Reject>> {
                self.put_as(call.name, call)
            }

            /// The same of one whose name is this in the table.
            pub(crate) fn put_as(
                &mut self,
                name: &str,
                call: &mut Call<'_>,
            ) -> Option<Result<(), Reject>> {
                $(
                    if name == $crate::table::name_of!($field $(, $name)?) {
                        return Some(self.$field.put(call, $reader));
                    }
                )+
                $(
                    if name == stringify!($rfield) {
                        return Some(self.$rfield.put(call, $rreader));
                    }
                )*
                $(
                    if name == stringify!($cfield) {
                        return Some(self.$cfield.put(call, $creader));
                    }
                )*
                None
            }

            /// Takes over what the enclosing block says and this one does not.
            #[allow(dead_code, reason = "the outermost block inherits from nothing")]
            pub(crate) fn inherit(&mut self, outer: &Self) {
                $( self.$field.inherit(&outer.$field); )+
                $( self.$rfield.inherit(&outer.$rfield); )*
                $( self.$cfield.inherit(&outer.$cfield); )*
            }

            /// Fills in the defaults.
            pub(crate) fn settle(&self, cx: &mut Reading) -> Result<$settled, Reject> {
                Ok($settled {
                    $( $field: $crate::table::settle!(self.$field, cx, $reader $(, $default)?), )+
                    $( $dfield: Default::default(), )*
                })
            }
        }

        /// The rows of these directives.
        pub(crate) const ENTRIES: &[Entry] = &[
            $( Entry {
                name: $crate::table::name_of!($field $(, $name)?),
                contexts: $contexts,
                arity: $crate::table::arity_of!($($arity)?),
                block: false,
                default: $crate::table::default_of!($($default)?),
                inheritance: $crate::table::inheritance_of!($slot),
                support: Support::Obeyed,
                doc: concat!($($doc, "\n"),+),
            }, )+
            $( Entry {
                name: stringify!($rfield),
                contexts: $rcontexts,
                arity: $crate::table::arity_of!($($rarity)?),
                block: false,
                default: $crate::table::default_of!($($rdefault)?),
                inheritance: $crate::table::inheritance_of!($rslot),
                support: Support::Obeyed,
                doc: concat!($($rdoc, "\n"),+),
            }, )*
            $( Entry {
                name: stringify!($cfield),
                contexts: $ccontexts,
                arity: Arity::ONE,
                block: false,
                default: $crate::table::default_of!($($cdefault)?),
                inheritance: $crate::table::inheritance_of!($cslot),
                support: Support::Checked($because),
                doc: concat!($($cdoc, "\n"),+),
            }, )*
        ];
    };
}

macro_rules! settled {
    (One, $ty:ty) => { $ty };
    (Sum, $ty:ty) => { $ty };
    (Maybe, $ty:ty) => { Option<$ty> };
    (Here, $ty:ty) => { Option<$ty> };
    (Mark, $ty:ty) => { bool };
    (Many, $ty:ty) => { std::sync::Arc<[$ty]> };
}

macro_rules! settle {
    ($slot:expr, $cx:ident, $reader:path, $default:literal) => {
        $slot.settle_or(|| $crate::value::read::default($reader, $default, $cx))?
    };
    ($slot:expr, $cx:ident, $reader:path) => {
        $slot.settle()
    };
}

macro_rules! name_of {
    ($field:ident, $name:literal) => {
        $name
    };
    ($field:ident) => {
        stringify!($field)
    };
}

macro_rules! arity_of {
    () => {
        $crate::table::Arity::ONE
    };
    ($arity:expr) => {
        $arity
    };
}

macro_rules! default_of {
    () => {
        None
    };
    ($default:literal) => {
        Some($default)
    };
}

macro_rules! inheritance_of {
    (Many) => {
        $crate::table::Inheritance::AllOrNone
    };
    (Sum) => {
        $crate::table::Inheritance::AllOrNone
    };
    (Here) => {
        $crate::table::Inheritance::Own
    };
    // One, Maybe, Mark
    ($slot:ident) => {
        $crate::table::Inheritance::Innermost
    };
}

pub(crate) use {arity_of, default_of, directives, inheritance_of, name_of, settle, settled};
