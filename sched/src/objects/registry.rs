//! Which scheduler threads call into that no scheduler has started.
//!
//! A platform has one `Registry`, a static. Its schedulers move in as they begin to run and out as they
//! end; the one that has lived there longest is the one that such threads come to. So with one at a
//! time there is no question, and with several the answer does not change while the first runs; one that
//! is not meant says [`ForeignThreads::Refuse`].
//!
//! ```text
//!   thread that comes                 scheduler that ends
//!   visitors += 1                       out of the list; first := the next
//!   load first                        wait until visitors = 0
//!   live_ms of that one += 1          live_ms = 0? then it may be freed
//!   visitors -= 1
//! ```
//!
//! The two meet in `visitors`, which both change: either the thread finds the next scheduler, or the one that
//! ends waits, for the few instructions between the two counts, and sees that an M has come.

use core::ptr;

use g0_arch::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use g0_arch::sync::{Backoff, Mutex};

use super::shared::Core;

/// Where schedulers are found by threads that are none of theirs; see
/// [`ForeignCode::registry`](crate::port::ForeignCode::registry).
#[derive(Debug)]
pub struct Registry {
    first: AtomicPtr<Core>,
    visitors: AtomicUsize,
    lock: Mutex<()>,
}

impl Registry {
    maybe_const! {
        /// Returns a registry in which no scheduler lives.
        pub fn new() -> Self {
            Self { first: AtomicPtr::new(ptr::null_mut()), visitors: AtomicUsize::new(0), lock: Mutex::new(()) }
        }
    }

    /// Lets `f` look at the scheduler that has lived here longest; that stays where it is meanwhile.
    /// `f` does not wait for anything.
    pub(crate) fn visit<R>(&self, f: impl FnOnce(Option<&'static Core>) -> R) -> R {
        self.visitors.fetch_add(1, Ordering::SeqCst);
        // SAFETY: it does not move out before this thread has gone, and is not freed before.
        let r = f(unsafe { self.first.load(Ordering::SeqCst).as_ref() });
        self.visitors.fetch_sub(1, Ordering::SeqCst);
        r
    }

    /// Puts `core` in: it lives here from now on.
    pub(crate) fn register(&self, core: &'static Core) {
        let this = ptr::from_ref(core).cast_mut();
        let lock = self.lock.lock();
        // SAFETY: the links are under the lock, and the schedulers that live here are alive.
        unsafe {
            core.foreign.next_registered.set(ptr::null());
            let mut last: *const Core = self.first.load(Ordering::Relaxed);
            if last.is_null() {
                self.first.store(this, Ordering::SeqCst);
                return;
            }
            while let Some(next) = (*last).foreign.next_registered.get().as_ref() {
                last = next;
            }
            (*last).foreign.next_registered.set(this);
        }
        drop(lock);
    }

    /// Takes `core` out, if it lives here. A thread that found it here before has come to it.
    pub(crate) fn unregister(&self, core: &'static Core) {
        let lock = self.lock.lock();
        // SAFETY: as above.
        unsafe {
            let mut at: *const Core = self.first.load(Ordering::Relaxed);
            if ptr::eq(at, core) {
                self.first.store(core.foreign.next_registered.get().cast_mut(), Ordering::SeqCst);
            } else {
                while let Some(one) = at.as_ref() {
                    at = one.foreign.next_registered.get();
                    if ptr::eq(at, core) {
                        one.foreign.next_registered.set(core.foreign.next_registered.get());
                        break;
                    }
                }
            }
        }
        drop(lock);
    }

    /// Waits until all threads have gone that may have found a scheduler here before it moved out.
    pub(crate) fn await_visitors(&self) {
        let backoff = Backoff::new();
        // Not a load but an addition of nothing: a thread that comes later adds to what this has left, and so
        // sees that the scheduler has moved out. The models see it too, to which a load would be no more than
        // an acquire.
        while self.visitors.fetch_add(0, Ordering::SeqCst) != 0 {
            backoff.snooze();
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
