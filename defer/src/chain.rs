//! The deferred calls of one scope, newest first.

use core::cell::Cell;
use core::ptr::{self, NonNull};

use crate::record::{Holds, Record};
use crate::store::Store;
use crate::{DeferError, Local};

/// What can be deferred.
pub(crate) trait Call {
    /// Calls it.
    ///
    /// # Safety
    ///
    /// `flight` must be what it reads.
    unsafe fn call(self, flight: *mut ());
}

/// > **L16** A record is in exactly one place: in this chain, or (while `run_newest` empties it)
/// > nowhere but in that call's hands. Each call runs exactly once: it runs only after its record
/// > left the chain, and a record that left the chain is emptied into a call.
pub(crate) struct Chain<L> {
    newest: Cell<*mut Record>,
    store: Store<L>,
}

impl<L: Local> Chain<L> {
    pub(crate) const fn new() -> Self {
        Chain { newest: Cell::new(ptr::null_mut()), store: Store::new() }
    }

    /// Puts `call` at the head; returns it when there is no place for it.
    ///
    /// # Safety
    ///
    /// What `call` borrows must live until the chain is empty, and the chain must be emptied before it
    /// moves or ends. What is passed to [`run_newest`](Self::run_newest) must be what `call` reads.
    #[inline(always)]
    pub(crate) unsafe fn push<F: Call>(&self, call: F) -> Result<(), (F, DeferError)> {
        match self.store.place(Record::layout::<F>()) {
            Ok(record) => {
                // SAFETY: an empty record of this layout, this function's until it is in the chain.
                unsafe {
                    Record::fill(record, call);
                    record.as_ref().holds.set(Holds::Call(run::<L, F>));
                    record.as_ref().next.set(self.newest.get());
                }
                self.newest.set(record.as_ptr());
                Ok(())
            }
            Err(error) => Err((call, error)),
        }
    }

    /// Takes the newest call out and runs it. Returns `false` if there is none.
    ///
    /// # Safety
    ///
    /// `flight` must be what the calls in the chain read.
    #[inline(always)]
    pub(crate) unsafe fn run_newest(&self, flight: *mut ()) -> bool {
        let Some(record) = NonNull::new(self.newest.get()) else { return false };
        // SAFETY: what is in the chain was written by `push` and is read by nothing else: one owner,
        // and no reference is kept. The chain is last in first out, so no record in a slot is newer.
        unsafe {
            self.newest.set(record.as_ref().next.get());
            match record.as_ref().holds.get() {
                Holds::Call(run) => run(record, (&raw const self.store).cast(), flight),
                _ => L::fatal("L16: a record in a scope's chain holds no call"),
            }
        }
        true
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.get().is_null()
    }
}

/// Empties and calls a record whose closure is an `F`: its `Run`.
///
/// # Safety
///
/// As `Run` says; the closure must be an `F`, and `store` a `Store<L>`.
unsafe fn run<L: Local, F: Call>(record: NonNull<Record>, store: *const (), flight: *mut ()) {
    // SAFETY: filled by `push`. It is in no chain, so nothing reads it a second time.
    let call = unsafe { Record::content::<F>(record).read() };
    // Before the call: the call may defer more, may never return, and finds its own record free
    // again.
    // SAFETY: placed by this store with this layout, and empty now.
    unsafe { (*store.cast::<Store<L>>()).free(record, Record::layout::<F>()) };
    // SAFETY: `flight` is what the calls of this chain read.
    unsafe { call.call(flight) }
}
