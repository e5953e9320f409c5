//! Values of the variables that the configuration defines, and the groups of its regular expressions.

use std::ops::Range;

use smallvec::SmallVec;
use weir_conf::Captures;

/// What a request has met of them. The texts lie one behind the other in one room, which the next
/// request uses again.
#[derive(Default)]
pub(crate) struct Values {
    /// Ranges of `room` by the variables' index, as far as the values are known.
    variables: Vec<Option<Range<u32>>>,
    room: Vec<u8>,
    /// Ranges of `room`: groups of the regular expression that matched last.
    groups: Groups,
    /// Values that are being made of others.
    depth: u8,
}

/// What the numbers of a regular expression's groups mean.
pub(crate) type Groups = SmallVec<[Range<u32>; 4]>;
/// Bytes of a room that serves the next request, too.
const KEPT: usize = 4096;

/// Frees a room that is larger than most requests need.
pub(super) fn give_up_large(room: &mut Vec<u8>) {
    if room.capacity() > KEPT {
        *room = Vec::new();
    }
}

/// How deep a value may be made of values that are made then (`ngx_http_variable_depth`).
const DEEPEST: u8 = 100;

impl Values {
    /// The value of the variable at `index`, if it is known.
    pub(crate) fn value(&self, index: u32) -> Option<&[u8]> {
        let range = self.variables.get(index as usize)?.as_ref()?;
        Some(self.text(range))
    }

    /// From now on the variable at `index` has this value.
    pub(crate) fn assign(&mut self, index: u32, value: &[u8]) {
        let value = self.keep(value);
        self.know(index, value);
    }

    /// Group `number` of the last match; `None` if neither it nor a later one took part.
    pub(crate) fn group(&self, number: u8) -> Option<&[u8]> {
        let range = self.groups.get(usize::from(number))?;
        Some(self.text(range))
    }

    /// A regular expression matched `text`.
    pub(crate) fn note_match(&mut self, groups: &Captures, text: &[u8]) {
        self.groups.clear();
        if groups.spans.len() <= 1 && groups.variables.is_empty() {
            return;
        }
        let start = self.keep(text).start;
        let moved = |range: &Range<u32>| start + range.start..start + range.end;
        self.groups.extend(groups.spans.iter().map(moved));
        for (variable, range) in groups.variables() {
            self.know(variable, moved(&(range.start as u32..range.end as u32)));
        }
    }

    /// A regular expression of a script did not match: nothing has a number
    /// (`ngx_http_script_regex_start_code`).
    pub(crate) fn forget_groups(&mut self) {
        self.groups.clear();
    }

    /// What the numbers mean now.
    pub(crate) fn groups(&self) -> Groups {
        self.groups.clone()
    }

    /// They mean what they meant before.
    pub(crate) fn restore_groups(&mut self, groups: Groups) {
        self.groups = groups;
    }

    /// Begins to make a value of others; `false` if that goes too deep.
    pub(crate) fn descend(&mut self) -> bool {
        let may = self.depth < DEEPEST;
        self.depth += u8::from(may);
        may
    }

    /// The value is made.
    pub(crate) fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// A subrequest begins, which knows what its main request does and has no groups of its own yet.
    pub(crate) fn begin_as(&mut self, main: &Self) {
        self.variables.clone_from(&main.variables);
        self.room.clone_from(&main.room);
    }

    /// The subrequest is over, and what it came to know its main request knows, too: nginx has them share
    /// their values, but not their groups.
    pub(crate) fn learn_from(&mut self, sub: &mut Self) {
        std::mem::swap(&mut self.variables, &mut sub.variables);
        std::mem::swap(&mut self.room, &mut sub.room);
    }

    /// Forgets all; a small room stays.
    pub(crate) fn release(&mut self) {
        self.reset();
        give_up_large(&mut self.room);
    }

    /// Forgets all; the room stays.
    pub(crate) fn reset(&mut self) {
        self.variables.clear();
        self.room.clear();
        self.groups.clear();
        self.depth = 0;
    }

    fn text(&self, range: &Range<u32>) -> &[u8] {
        &self.room[range.start as usize..range.end as usize]
    }

    fn keep(&mut self, text: &[u8]) -> Range<u32> {
        let start = self.room.len() as u32;
        self.room.extend_from_slice(text);
        start..self.room.len() as u32
    }

    fn know(&mut self, index: u32, value: Range<u32>) {
        let index = index as usize;
        if self.variables.len() <= index {
            self.variables.resize(index + 1, None);
        }
        self.variables[index] = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn groups(spans: &[Range<u32>], variables: &[(u32, u16)]) -> Captures {
        Captures {
            spans: spans.iter().cloned().collect(),
            variables: Arc::from(variables),
        }
    }

    #[test]
    fn the_last_assignment_holds() {
        let mut values = Values::default();
        assert_eq!(values.value(3), None);
        values.assign(3, b"a");
        values.note_match(&groups(&[0..3, 1..2], &[(3, 1), (1, 2)]), b"xyz");
        assert_eq!(values.value(3), Some(b"y".as_slice()));
        // A group that took no part.
        assert_eq!(values.value(1), Some(b"".as_slice()));
        assert_eq!(values.value(2), None);
        values.assign(3, b"b");
        assert_eq!(values.value(3), Some(b"b".as_slice()));
        values.reset();
        assert_eq!(values.value(3), None);
    }

    #[test]
    fn numbers_are_the_last_match_s() {
        let mut values = Values::default();
        values.note_match(&groups(&[0..2, 0..1, 1..2], &[]), b"ab");
        assert_eq!(values.group(2), Some(b"b".as_slice()));
        values.note_match(&groups(&[0..2, 1..2], &[]), b"cd");
        assert_eq!(values.group(1), Some(b"d".as_slice()));
        assert_eq!(values.group(2), None);
        values.note_match(&groups(std::slice::from_ref(&(0..2)), &[]), b"ef");
        assert_eq!(values.group(1), None);
    }

    #[test]
    fn a_subrequest_shares_values_but_not_groups() {
        let (mut main, mut sub) = (Values::default(), Values::default());
        main.assign(0, b"a");
        main.note_match(&groups(&[0..2, 1..2], &[]), b"xy");
        sub.begin_as(&main);
        assert_eq!(sub.value(0), Some(b"a".as_slice()));
        assert_eq!(sub.group(1), None);
        sub.note_match(&groups(&[0..1, 0..1], &[(2, 1)]), b"z");
        sub.assign(0, b"b");
        assert_eq!(main.value(0), Some(b"a".as_slice()));
        main.learn_from(&mut sub);
        assert_eq!(main.value(0), Some(b"b".as_slice()));
        assert_eq!(main.value(2), Some(b"z".as_slice()));
        assert_eq!(main.group(1), Some(b"y".as_slice()));
    }

    #[test]
    fn values_are_not_made_of_themselves() {
        let mut values = Values::default();
        let deep = std::iter::repeat_with(|| values.descend())
            .take_while(|may| *may)
            .count();
        assert_eq!(deep, usize::from(DEEPEST));
        values.ascend();
        assert!(values.descend());
    }
}
