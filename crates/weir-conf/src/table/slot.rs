//! What a block wrote for a directive, and how inner blocks see it.

use std::ops::BitOr;
use std::sync::Arc;

use crate::value::AddInherit;
use crate::value::read::{Call, Reject};

type Reader<T> = fn(&mut Call<'_>) -> Result<T, Reject>;

/// The innermost value holds; a second one in a block is refused.
#[derive(Clone, Debug)]
pub(crate) struct One<T> {
    pub(crate) value: Option<T>,
}

impl<T: Clone> One<T> {
    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
        put_once(&mut self.value, call, read)
    }

    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.value = self.value.take().or_else(|| outer.value.clone());
    }

    pub(crate) fn settle_or(
        &self,
        default: impl FnOnce() -> Result<T, Reject>,
    ) -> Result<T, Reject> {
        self.value.clone().map_or_else(default, Ok)
    }
}

/// As [`One`], without a default.
#[derive(Clone, Debug)]
pub(crate) struct Maybe<T> {
    pub(crate) value: Option<T>,
}

impl<T: Clone> Maybe<T> {
    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
        put_once(&mut self.value, call, read)
    }

    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.value = self.value.take().or_else(|| outer.value.clone());
    }

    pub(crate) fn settle(&self) -> Option<T> {
        self.value.clone()
    }
}

/// Holds in its own block only.
#[derive(Clone, Debug)]
pub(crate) struct Here<T> {
    pub(crate) value: Option<T>,
}

impl<T: Clone> Here<T> {
    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
        put_once(&mut self.value, call, read)
    }

    pub(crate) fn inherit(&self, _outer: &Self) {}

    pub(crate) fn settle(&self) -> Option<T> {
        self.value.clone()
    }
}

/// A directive without arguments.
#[derive(Clone, Debug)]
pub(crate) struct Mark<T> {
    value: Option<T>,
}

impl<T: Clone> Mark<T> {
    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
        put_once(&mut self.value, call, read)
    }

    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.value = self.value.take().or_else(|| outer.value.clone());
    }

    pub(crate) fn settle(&self) -> bool {
        self.value.is_some()
    }
}

/// Every one counts; a block that writes none inherits all. A reader that returns nothing stands
/// for `off`, which tolerates no other.
#[derive(Clone, Debug)]
pub(crate) struct Many<T> {
    values: Vec<T>,
    written: bool,
    inherited: Option<Arc<[T]>>,
}

impl<T: Clone> Many<T> {
    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<Vec<T>>) -> Result<(), Reject> {
        let more = read(call)?;
        let off = more.is_empty();
        let was_off = self.written && self.values.is_empty();
        if was_off || (off && self.written) {
            return Err(Reject::directive("is duplicate"));
        }
        self.extend(more);
        Ok(())
    }

    /// Adds values read elsewhere.
    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = T>) {
        self.values.extend(more);
        self.written = true;
    }

    pub(crate) fn inherit(&mut self, outer: &Self) {
        if !self.written && outer.is_written() {
            self.inherited = Some(outer.settle());
        }
    }

    /// What is left of what [`Self::inherit`] took over, by the rule of `add_header_inherit`.
    pub(crate) fn inherit_by(&mut self, rule: AddInherit, outer: &Self) {
        match rule {
            AddInherit::On => {}
            AddInherit::Off => self.inherited = None,
            AddInherit::Merge if self.written => self.values.extend_from_slice(&outer.settle()),
            AddInherit::Merge => {}
        }
    }

    /// Whether the block or one around it wrote any, be it `off`.
    pub(crate) fn is_written(&self) -> bool {
        self.written || self.inherited.is_some()
    }

    pub(crate) fn settle(&self) -> Arc<[T]> {
        match &self.inherited {
            Some(outer) => Arc::clone(outer),
            _ => self.values.clone().into(),
        }
    }

    pub(crate) fn settle_or(
        &self,
        default: impl FnOnce() -> Result<Vec<T>, Reject>,
    ) -> Result<Arc<[T]>, Reject> {
        if self.is_written() {
            Ok(self.settle())
        } else {
            Ok(default()?.into())
        }
    }
}

/// Several in a block add up; a block that writes none inherits the sum.
#[derive(Clone, Debug)]
pub(crate) struct Sum<T> {
    pub(crate) value: Option<T>,
}

impl<T: Clone + BitOr<Output = T>> Sum<T> {
    /// Adds a value read elsewhere.
    pub(crate) fn add(&mut self, more: T) {
        self.value = Some(match self.value.take() {
            Some(sum) => sum | more,
            None => more,
        });
    }

    pub(crate) fn put(&mut self, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
        let more = read(call)?;
        self.add(more);
        Ok(())
    }

    pub(crate) fn inherit(&mut self, outer: &Self) {
        self.value = self.value.take().or_else(|| outer.value.clone());
    }

    pub(crate) fn settle_or(
        &self,
        default: impl FnOnce() -> Result<T, Reject>,
    ) -> Result<T, Reject> {
        self.value.clone().map_or_else(default, Ok)
    }
}

fn put_once<T>(slot: &mut Option<T>, call: &mut Call<'_>, read: Reader<T>) -> Result<(), Reject> {
    if slot.is_some() {
        return Err(Reject::directive("is duplicate"));
    }
    *slot = Some(read(call)?);
    Ok(())
}

macro_rules! empty_by_default {
    ($($slot:ident { $($field:ident),+ })+) => {
        $(
            impl<T> Default for $slot<T> {
                fn default() -> Self {
                    Self { $($field: Default::default()),+ }
                }
            }
        )+
    };
}

empty_by_default! {
    One { value }
    Maybe { value }
    Here { value }
    Mark { value }
    Many { values, written, inherited }
    Sum { value }
}
