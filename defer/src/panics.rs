//! Several unwindings of which each replaced the one before it.

use core::fmt;
use std::boxed::Box;
use std::string::String;
use std::vec::Vec;

use crate::{Goexit, Payload};

/// The unwindings of one goroutine that met: oldest first, the last one is the one in flight.
///
/// It is itself the payload that travels, but only once a deferred call panicked while another
/// unwinding was in flight; a lone panic travels as it is, so a catcher sees what it expects. A
/// base takes a payload of either kind apart with [`of`](Panics::of): the newest is what a join
/// reports, `Display` is what a fatal report prints.
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

    /// `newer` replaces `older`; each may stand for several.
    pub(crate) fn joined(older: Payload, newer: Payload) -> Panics {
        let mut all = Panics::of(older);
        all.0.append(&mut Panics::of(newer).0);
        all
    }

    /// The one in flight.
    pub fn newest(&self) -> &Payload {
        // Never empty: `of` makes a list of at least one, and nothing takes elements out.
        &self.0[self.0.len() - 1]
    }

    /// The one in flight, the others are dropped.
    pub fn into_newest(mut self) -> Payload {
        self.0.swap_remove(self.0.len() - 1)
    }

    /// All of them, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Payload> + ExactSizeIterator {
        self.0.iter()
    }

    /// Is a Goexit among them? It was replaced, not cancelled: the goroutine ends also when the
    /// newest is recovered.
    pub fn has_goexit(&self) -> bool {
        self.iter().any(|payload| payload.is::<Goexit>())
    }
}

impl From<Panics> for Payload {
    /// The payload to throw on: the lone one as it is, several as the list.
    fn from(panics: Panics) -> Payload {
        if panics.0.len() == 1 { panics.into_newest() } else { Box::new(panics) }
    }
}

impl fmt::Display for Panics {
    /// A line for each panic, oldest first, those that replaced another one indented. A Goexit has
    /// no line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for payload in self.iter().filter(|payload| !payload.is::<Goexit>()) {
            f.write_str(if first { "panic: " } else { "\n\tpanic: " })?;
            first = false;
            match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
                (Some(text), _) => f.write_str(text)?,
                (None, Some(text)) => f.write_str(text)?,
                (None, None) => f.write_str("(a value that is not text)")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Panics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Panics").field(&format_args!("{self}")).finish()
    }
}
