//! A scope's end: the chain is run until it is empty.

use core::marker::PhantomData;

use crate::chain::Chain;
use crate::{Local, Unwind};

/// Empties a chain, at the latest when it is dropped.
///
/// [`run`](Drain::run) is the way that is meant. The drop finds calls left only if an unwinding
/// came by that `U` does not catch: a panic under [`NoUnwind`](crate::NoUnwind), a foreign
/// exception, the end of a thread by force. Then too they run.
pub(crate) struct Drain<'a, U: Unwind, L: Local> {
    chain: &'a Chain<L>,
    unwind: PhantomData<fn() -> U>,
}

impl<'a, U: Unwind, L: Local> Drain<'a, U, L> {
    pub(crate) const fn new(chain: &'a Chain<L>) -> Self {
        Drain { chain, unwind: PhantomData }
    }

    /// Runs all calls, also those that are deferred meanwhile. `in_flight` is what unwound the scope's
    /// body; returns what is in flight afterwards: of those that unwound a call, the newest replaces,
    /// and what was recovered is there no more.
    ///
    /// One catch lasts until something unwinds a call, not one for each call.
    #[inline(always)]
    pub(crate) fn run(&self, mut in_flight: Option<U::Payload>) -> Option<U::Payload> {
        let mut held = false;
        while !self.chain.is_empty() {
            if in_flight.is_some() && !held {
                held = true;
                U::holding(true);
            }
            let flight = &raw mut in_flight;
            // SAFETY: all calls of a scope of `U` read its payload, and nothing else does meanwhile.
            let caught = U::catch(|| while unsafe { self.chain.run_newest(flight.cast()) } {});
            if let Err(newer) = caught {
                in_flight = Some(match in_flight.take() {
                    Some(older) => U::replace(newer, older),
                    None => newer,
                });
            }
        }
        if held {
            U::holding(false);
        }
        in_flight
    }
}

impl<U: Unwind, L: Local> Drop for Drain<'_, U, L> {
    #[inline]
    fn drop(&mut self) {
        if !self.chain.is_empty() {
            // Something unwinds already, without a payload of this crate's: nothing could be thrown on from
            // here.
            drop(self.run(None));
        }
    }
}
