//! Which script the n-th connection, or the n-th request of one, plays.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// Scripts by turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Sequence<T> {
    /// The same every time.
    Each(T),
    /// The first, the second, …; the last repeats.
    InTurn(Vec<T>),
    /// The n-th, the 2n-th, … play one script, all others another.
    Every {
        /// Counted from 1.
        nth: NonZeroU32,
        /// At these turns.
        play: T,
        /// At the others.
        otherwise: T,
    },
    /// Drawn by weight; the same seed gives the same run.
    Random {
        /// Any number.
        seed: u64,
        /// What to draw from.
        choices: Vec<Choice<T>>,
    },
}

/// One script of a random sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice<T> {
    /// Share of all draws.
    #[serde(default = "equal")]
    pub weight: u32,
    /// What is played.
    pub play: T,
}

fn equal() -> u32 {
    1
}

impl<T> Default for Sequence<T> {
    fn default() -> Self {
        Self::InTurn(Vec::new())
    }
}

impl<T> Sequence<T> {
    /// The script at this turn, counted from 0; None when there is none at all.
    pub fn at(&self, turn: usize) -> Option<&T> {
        match self {
            Self::Each(script) => Some(script),
            Self::InTurn(scripts) => scripts.get(turn).or_else(|| scripts.last()),
            Self::Every {
                nth,
                play,
                otherwise,
            } => {
                let is_nth = (turn + 1).is_multiple_of(nth.get() as usize);
                Some(if is_nth { play } else { otherwise })
            }
            Self::Random { seed, choices } => draw(choices, mixed(*seed, turn as u64)),
        }
    }

    /// Every script, once.
    pub fn scripts(&self) -> Box<dyn Iterator<Item = &T> + '_> {
        match self {
            Self::Each(script) => Box::new(std::iter::once(script)),
            Self::InTurn(scripts) => Box::new(scripts.iter()),
            Self::Every {
                play, otherwise, ..
            } => Box::new([play, otherwise].into_iter()),
            Self::Random { choices, .. } => Box::new(choices.iter().map(|choice| &choice.play)),
        }
    }
}

fn draw<T>(choices: &[Choice<T>], random: u64) -> Option<&T> {
    let total: u64 = choices.iter().map(|choice| u64::from(choice.weight)).sum();
    let mut left = random.checked_rem(total)?;
    for choice in choices {
        match left.checked_sub(u64::from(choice.weight)) {
            Some(rest) => left = rest,
            None => return Some(&choice.play),
        }
    }
    None
}

/// SplitMix64 at `turn`: any turn can be drawn without those before it.
fn mixed(seed: u64, turn: u64) -> u64 {
    let mut z = seed.wrapping_add((turn + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sequence: &str, expected: &str) {
        let sequence: Sequence<char> = toml::from_str(sequence).unwrap();
        let got: String = (0..expected.len()).filter_map(|n| sequence.at(n)).collect();
        assert_eq!(got, expected);
    }

    #[test]
    fn turns() {
        check("each = 'a'", "aaa");
        check("in-turn = ['a', 'b', 'c']", "abccc");
        check(
            "every = { nth = 3, play = 'x', otherwise = 'a' }",
            "aaxaaxaa",
        );
        check(
            "random = { seed = 1, choices = [{ play = 'a' }, { weight = 0, play = 'b' }] }",
            "aaaaaaaa",
        );
    }

    #[test]
    fn a_seed_gives_one_run_and_every_choice_its_share() {
        let draws = |seed| {
            let choices = [(1, 'a'), (3, 'b')].map(|(weight, play)| Choice { weight, play });
            let sequence = Sequence::Random {
                seed,
                choices: choices.to_vec(),
            };
            (0..1000)
                .map(|n| *sequence.at(n).unwrap())
                .collect::<String>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let share = draws(3).matches('a').count();
        assert!((200..300).contains(&share), "{share}");
    }

    #[test]
    fn nothing_to_play() {
        assert_eq!(Sequence::<()>::default().at(0), None);
        assert!(
            toml::from_str::<Sequence<char>>("every = { nth = 0, play = 'a', otherwise = 'b' }")
                .is_err()
        );
    }
}
