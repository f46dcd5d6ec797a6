//! Several unwindings of which each replaced the one before it.

use core::any::Any;
use core::fmt;
use std::boxed::Box;
use std::vec::Vec;

use crate::Goexit;

/// What Rust's panics carry.
pub type Payload = Box<dyn Any + Send + 'static>;

/// The unwindings of one goroutine that met: oldest first, the last one is the one in flight.
///
/// It is itself the payload that travels, but only once a deferred call panicked while another unwinding
/// was in flight; a lone panic travels as it is, so a catch sees what it expects. A base takes a payload
/// of either kind apart with [`of`](Panics::of): the newest is what a join reports, `Display` is what a
/// fatal report prints.
///
/// > Never empty, and no element is itself a `Panics`.
///
/// A flat list and not a chain of boxes, so that dropping many does not recurse.
pub struct Panics(Vec<Payload>);

impl Panics {
    /// Takes any payload apart; one that replaced nothing gives a list of itself.
    pub fn of(payload: Payload) -> Panics {
        match payload.downcast::<Panics>() {
            Ok(panics) => *panics,
            Err(single) => Panics(Vec::from([single])),
        }
    }

    /// Returns `newer`, which replaces `older`; each may stand for several.
    pub(crate) fn joined(older: Payload, newer: Payload) -> Panics {
        let mut all = Panics::of(older);
        all.0.append(&mut Panics::of(newer).0);
        all
    }

    /// As [`Unwind::recovered`](crate::Unwind::recovered).
    pub(crate) fn recovered(payload: Payload) -> (Option<Payload>, Option<Payload>) {
        let mut all = match payload.downcast::<Panics>() {
            Ok(panics) => *panics,
            Err(lone) if lone.is::<Goexit>() => return (None, Some(lone)),
            Err(lone) => return (Some(lone), None),
        };
        let goexit = all.0.iter().rposition(|payload| payload.is::<Goexit>());
        let newer = Panics(all.0.split_off(goexit.map_or(0, |at| at + 1)));
        let travels = |panics: Panics| (!panics.0.is_empty()).then(|| Payload::from(panics));
        (travels(newer), travels(all))
    }

    /// As [`Unwind::show`](crate::Unwind::show).
    pub(crate) fn show(payload: &Payload, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match payload.downcast_ref::<Panics>() {
            Some(panics) => fmt::Display::fmt(panics, f),
            None => crate::report::chain(core::iter::once(&**payload), f),
        }
    }

    /// Returns the one in flight.
    pub fn newest(&self) -> &Payload {
        // Never empty: `of` makes a list of at least one, and nothing takes elements out.
        &self.0[self.0.len() - 1]
    }

    /// Returns the one in flight; the rest are dropped.
    pub fn into_newest(mut self) -> Payload {
        self.0.swap_remove(self.0.len() - 1)
    }

    /// Returns all of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Payload> + ExactSizeIterator {
        self.0.iter()
    }

    /// Returns whether a Goexit is among them. It was replaced, not cancelled: the goroutine ends also
    /// when the newest is recovered.
    pub fn has_goexit(&self) -> bool {
        self.iter().any(|payload| payload.is::<Goexit>())
    }
}

impl From<Panics> for Payload {
    /// Returns the payload to throw on: the lone one as it is, several as the list.
    fn from(panics: Panics) -> Payload {
        if panics.0.len() == 1 { panics.into_newest() } else { Box::new(panics) }
    }
}

impl fmt::Display for Panics {
    /// Writes a line for each panic, oldest first, those that replaced another one indented. A Goexit
    /// has no line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::report::chain(self.iter().map(|payload| &**payload), f)
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panics").field(&format_args!("{self}")).finish()
    }
}
