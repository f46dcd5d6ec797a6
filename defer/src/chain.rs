//! The deferred calls of one scope, newest first.

use core::cell::Cell;

use crate::record::{self, Link};
use crate::store::Store;
use crate::{DeferError, Unwind};

/// > L16. A record is in exactly one place: in this chain, or (while `run_newest` empties it)
/// > nowhere but in that call's hands. Each call runs exactly once: it runs only after its record
/// > left the chain, and a record that left the chain is emptied into a call.
pub(crate) struct Chain {
    newest: Cell<Link>,
    store: Store,
}

impl Chain {
    pub(crate) const fn new() -> Chain {
        Chain { newest: Cell::new(None), store: Store::new() }
    }

    /// Puts `call` before all others; gives it back when there is no place for it.
    ///
    /// # Safety
    ///
    /// What `call` borrows lives until the chain is empty, and the chain is emptied before it moves
    /// or ends.
    #[inline]
    pub(crate) unsafe fn push<F: FnOnce()>(&self, call: F) -> Result<(), (F, DeferError)> {
        match self.store.place(record::layout::<F>()) {
            Ok(place) => {
                // SAFETY: fresh memory of this layout.
                let record = unsafe { record::write(place, self.newest.get(), call) };
                self.newest.set(Some(record));
                Ok(())
            }
            Err(error) => Err((call, error)),
        }
    }

    /// Takes the newest call out and runs it. `false`: there is none.
    #[inline]
    pub(crate) fn run_newest(&self) -> bool {
        let Some(record) = self.newest.get() else { return false };
        // SAFETY: what is in the chain was written by `push` and is read by nobody else: one owner,
        // and no reference is kept.
        let (next, run) = unsafe { (record.as_ref().next, record.as_ref().run) };
        self.newest.set(next);
        // SAFETY: written by `push` into this store's memory; just taken out of the chain. The
        // chain is last in first out, so no record in a slot is newer.
        unsafe { run(record, &self.store) };
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.newest.get().is_none()
    }
}

/// Empties a chain, at the latest when it is dropped.
///
/// [`run`](Drain::run) is the way that is meant. The drop finds calls left only if an unwinding
/// came by that `U` does not catch: a panic under [`NoUnwind`](crate::NoUnwind), a foreign
/// exception, the end of a thread by force. Then too they run.
pub(crate) struct Drain<'a, U: Unwind> {
    chain: &'a Chain,
    unwind: core::marker::PhantomData<fn() -> U>,
}

impl<'a, U: Unwind> Drain<'a, U> {
    pub(crate) const fn new(chain: &'a Chain) -> Drain<'a, U> {
        Drain { chain, unwind: core::marker::PhantomData }
    }

    /// Runs all calls, also those that are deferred meanwhile, each under a catch of its own.
    /// `in_flight` is what unwound the scope's body; returns what is in flight afterwards: of those
    /// that unwound a call, the newest replaces.
    #[inline]
    pub(crate) fn run(&self, mut in_flight: Option<U::Payload>) -> Option<U::Payload> {
        let mut held = false;
        while !self.chain.is_empty() {
            if in_flight.is_some() && !held {
                held = true;
                U::holding(true);
            }
            if let Err(newer) = U::catch(|| self.chain.run_newest()) {
                in_flight = Some(match in_flight {
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

impl<U: Unwind> Drop for Drain<'_, U> {
    #[inline]
    fn drop(&mut self) {
        if !self.chain.is_empty() {
            // Something unwinds already, without a payload of ours: nothing could be thrown on from
            // here.
            drop(self.run(None));
        }
    }
}
