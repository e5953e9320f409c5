//! Values out of a fixed set of words.

/// An enum whose variants are configuration words.
pub(crate) trait Keyword: Sized + Copy + 'static {
    /// Words and what they stand for.
    const WORDS: &'static [(&'static str, Self)];

    /// The value written `word`, in any case of letters.
    fn of(word: &[u8]) -> Option<Self> {
        Self::WORDS
            .iter()
            .find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
            .map(|(_, value)| *value)
    }
}

/// Declares an enum with its words.
macro_rules! keywords {
    ($(#[$meta:meta])* $name:ident { $( $(#[$vmeta:meta])* $variant:ident = $word:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$vmeta])* $variant, )+ }

        impl $crate::value::Keyword for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$( ($word, Self::$variant), )+];
        }
    };
}

/// Declares a set of flags with their words.
macro_rules! bitset {
    ($(#[$meta:meta])* $name:ident { $( $(#[$vmeta:meta])* $flag:ident = $bit:literal $word:literal, )+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
        pub struct $name(u32);

        impl $name {
            $( $(#[$vmeta])* pub const $flag: Self = Self(1 << $bit); )+

            /// No flag.
            pub const EMPTY: Self = Self(0);

            /// Whether all flags of `other` are set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The flags of both.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// The flags that are not set in `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }

            /// Whether no flag is set.
            pub const fn is_empty(self) -> bool {
                self.0 == 0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.with(other)
            }
        }

        impl $crate::value::Keyword for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$( ($word, Self::$flag), )+];
        }
    };
}

pub(crate) use {bitset, keywords};
