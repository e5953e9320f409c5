//! The dynamic table of a decoder (ngx_http_v2_table.c): entries in a ring of octets that grows as needed.

use std::collections::VecDeque;

use crate::fields::Fields;

/// What an entry counts beside its name and value (RFC 7541, 4.1).
const OVERHEAD: usize = 32;
/// The first ring.
const SMALLEST: usize = 512;

/// Fields that a peer may refer to by number. Nothing is allocated before the first one.
#[derive(Clone, Debug, Default)]
pub struct DynamicTable {
    /// The table's limit as this side offers it.
    most: usize,
    /// The limit that the peer chose.
    size: usize,
    /// Octets of names and values; its length is a power of two.
    ring: Vec<u8>,
    /// Newest last.
    entries: VecDeque<Entry>,
    /// Octets of the ring in use.
    used: usize,
    /// Where the next one goes.
    head: usize,
    begun: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: u16,
    name: u16,
    value: u16,
}

impl Entry {
    fn octets(self) -> usize {
        usize::from(self.name) + usize::from(self.value)
    }
}

/// The peer wants a larger table than it was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl DynamicTable {
    /// An empty table of at most `most` octets, no more than 65535.
    #[must_use]
    pub fn new(most: u16) -> Self {
        Self {
            most: usize::from(most),
            ..Self::default()
        }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Octets as RFC 7541 counts them.
    #[must_use]
    pub fn counted(&self) -> usize {
        self.used + self.entries.len() * OVERHEAD
    }

    /// Heap octets that the table keeps.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.ring.capacity() + self.entries.capacity() * size_of::<Entry>()
    }

    /// The peer chooses another limit. nginx forgets one that comes before the first entry.
    ///
    /// # Errors
    ///
    /// It is above what was offered.
    pub fn resize(&mut self, size: usize) -> Result<(), TooLarge> {
        if size > self.most {
            return Err(TooLarge);
        }
        self.size = size;
        self.evict(size);
        Ok(())
    }

    /// Adds a field (ngx_http_v2_add_header): one that is too large for the table empties it.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        if !self.begun {
            self.begun = true;
            self.size = self.most;
        }
        let octets = name.len() + value.len();
        let Some(left) = self.size.checked_sub(octets + OVERHEAD) else {
            self.evict(0);
            return;
        };
        self.evict(left);
        self.grow(octets);
        let start = self.head;
        self.put(name);
        self.put(value);
        self.entries.push_back(Entry {
            start: start as u16,
            name: name.len() as u16,
            value: value.len() as u16,
        });
    }

    /// Appends the name of entry `index`, 0 being the newest, to `fields`' text; `None`: there is no such entry.
    #[must_use]
    pub fn name(&self, index: usize, fields: &mut Fields) -> Option<()> {
        let entry = self.entry(index)?;
        self.copy(usize::from(entry.start), usize::from(entry.name), fields);
        Some(())
    }

    /// Appends name and value of entry `index`, 0 being the newest, and says where the value begins
    /// behind the name.
    #[must_use]
    pub fn field(&self, index: usize, fields: &mut Fields) -> Option<usize> {
        let entry = self.entry(index)?;
        self.copy(usize::from(entry.start), entry.octets(), fields);
        Some(usize::from(entry.name))
    }

    fn entry(&self, index: usize) -> Option<Entry> {
        let place = self.entries.len().checked_sub(index + 1)?;
        self.entries.get(place).copied()
    }

    fn copy(&self, start: usize, length: usize, fields: &mut Fields) {
        let first = length.min(self.ring.len() - start);
        fields
            .text
            .extend_from_slice(&self.ring[start..start + first]);
        fields.text.extend_from_slice(&self.ring[..length - first]);
    }

    fn put(&mut self, octets: &[u8]) {
        let (first, second) = octets.split_at(octets.len().min(self.ring.len() - self.head));
        self.ring[self.head..self.head + first.len()].copy_from_slice(first);
        self.ring[..second.len()].copy_from_slice(second);
        self.head = (self.head + octets.len()) & (self.ring.len() - 1);
        self.used += octets.len();
    }

    /// Drops the oldest entries until at most `size` counted octets are left.
    fn evict(&mut self, size: usize) {
        while self.counted() > size {
            let Some(oldest) = self.entries.pop_front() else {
                return;
            };
            self.used -= oldest.octets();
        }
    }

    /// Makes room for so many octets more.
    fn grow(&mut self, octets: usize) {
        let needed = self.used + octets;
        if needed <= self.ring.len() && !self.ring.is_empty() {
            return;
        }
        let size = needed.next_power_of_two().max(SMALLEST);
        let mut ring = Vec::with_capacity(size);
        for entry in &mut self.entries {
            let start = usize::from(entry.start);
            entry.start = ring.len() as u16;
            let first = entry.octets().min(self.ring.len() - start);
            ring.extend_from_slice(&self.ring[start..start + first]);
            ring.extend_from_slice(&self.ring[..entry.octets() - first]);
        }
        self.head = ring.len() & (size - 1);
        ring.resize(size, 0);
        self.ring = ring;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Newest first, as pairs.
    fn entries(table: &DynamicTable) -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..table.len())
            .map(|index| {
                let mut fields = Fields::default();
                let value = table.field(index, &mut fields).expect("an entry");
                let value = fields.text.split_off(value);
                (fields.text, value)
            })
            .collect()
    }

    #[test]
    fn a_field_too_large_empties_the_table() {
        let mut table = DynamicTable::new(100);
        table.add(b"name", b"value");
        assert_eq!((table.len(), table.counted()), (1, 41));
        table.add(&[b'n'; 60], &[b'v'; 9]);
        assert!(table.is_empty());
        assert_eq!(table.name(0, &mut Fields::default()), None);
    }

    #[test]
    fn a_size_before_the_first_entry_is_forgotten() {
        let mut table = DynamicTable::new(100);
        assert_eq!(table.resize(0), Ok(()));
        table.add(b"name", b"value");
        assert_eq!(table.len(), 1);
        assert_eq!(table.resize(0), Ok(()));
        table.add(b"name", b"value");
        assert_eq!(table.len(), 0);
        assert_eq!(table.resize(101), Err(TooLarge));
    }

    #[test]
    fn an_unused_table_takes_no_memory() {
        let mut table = DynamicTable::new(4096);
        assert_eq!(table.allocated(), 0);
        table.add(b"user-agent", &[b'a'; 100]);
        assert!(table.allocated() < 700, "{}", table.allocated());
    }

    proptest! {
        #[test]
        fn it_holds_what_a_list_would(
            steps in prop::collection::vec((0_usize..40, 0_usize..300, prop::option::weighted(0.1, 0_usize..700)), 0..200)
        ) {
            let mut table = DynamicTable::new(700);
            let (mut list, mut size) = (Vec::<(Vec<u8>, Vec<u8>)>::new(), 700);
            for (number, (name, value, resize)) in steps.into_iter().enumerate() {
                let counted = |list: &[(Vec<u8>, Vec<u8>)]| list.iter().map(|(n, v)| n.len() + v.len() + 32).sum::<usize>();
                if number > 0 && let Some(to) = resize {
                    size = to;
                    prop_assert_eq!(table.resize(size), Ok(()));
                } else {
                    let (name, value) = (vec![number as u8; name], vec![!(number as u8); value]);
                    table.add(&name, &value);
                    list.insert(0, (name, value));
                }
                while counted(&list) > size {
                    list.pop();
                }
                prop_assert_eq!(&entries(&table), &list);
                prop_assert_eq!(table.counted(), counted(&list));
            }
        }
    }
}
