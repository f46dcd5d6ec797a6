//! Which threads may end (L23).
//!
//! > **L23** No thread ends, and no system stack is used again, while frames of a goroutine that has not ended
//! > lie there or may look at what is the thread's own, its thread-locals: such a thread parks for good and is
//! > counted.
//!
//! When a run ends, what cannot be unwound is left behind. Its own stack is never freed, but its frames may
//! have lent what lies elsewhere to threads that go on: a `std::thread::scope` in C's place on g0, a
//! thread-local by reference. So the thread stays as well.
//!
//! On the pinned runtime a goroutine that has started looks at the thread-locals of its M, and it is bound
//! there until it ends. On the migrating runtime a goroutine is bound while it is locked: by the user, while it
//! has frames of C on g0 and waits in a callback, while it waits and unwinds. What else it lends of a thread,
//! the contract of that runtime forbids. A goroutine that has its thread to itself is locked from its start to
//! its end (an exclusive runtime). So the question is the same everywhere: *is a goroutine bound to this M that has
//! not ended?*
//!
//! It is asked when a thread is about to end, and by that thread. Then no goroutine runs there, and the answer
//! stands, since that thread alone binds goroutines to its M and ends those that are bound. The thread finds
//! its own writes, so no fence is needed; running, spawning and joining keep no count for its sake.
//!
//! # Where a thread can end
//!
//! | thread | ends | while goroutines are bound there |
//! |---|---|---|
//! | started by a scheduler | when that has halted (`Next::Stop`) | parks for good |
//! | the same, when it has rested for long ([`dismiss`](super::dismiss)) | where no goroutine is bound to its M | goes on resting |
//! | the same, at the end of a goroutine that has locked it (L9) | not on the pinned runtime; on the others no other goroutine can be bound | |
//! | the same, after its M has left C, or a loop, beyond the end of the run | when its goroutine has ended, as above; a goroutine that wants a P then waits for ever | as above |
//! | the one that calls [`Runtime::run`](crate::Runtime::run) | when it likes: it is no M | none is |
//! | the same, with [`lock_main_thread`](crate::Builder::lock_main_thread) | when `run` returns: it ran main alone | none is |
//! | the one that calls [`Scheduler::run`](crate::Scheduler::run) | when `run` returns, and its frames beneath are used again | `run` does not return |
//! | foreign, between callbacks | when it likes, and gives its M back | none is: its own goroutine has no frames then |
//! | foreign, in a callback | never by itself (fatal); one that waits when the scheduler has halted parks for good | |
//! | a child's after `fork` | there is but the one that has forked; it is refused by the runtime, and the memory of all others stays | |
//! | of sysmon | with the run: it runs no goroutine | none is |
//!
//! C that ends a thread from inside a call, by `pthread_exit` or a cancellation, drops Rust's frames, which no
//! C may do.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::objects::g::{G, status};
use crate::objects::m::{M, MState, ms_from};
use crate::objects::shared::Core;
use crate::parts::phase;
use crate::platform::Platform;

impl Core {
    /// Returns whether the thread of the calling M, `m`, may end. On g0; no goroutine runs there.
    pub(crate) fn may_end<P: Platform>(&self, m: &'static M) -> bool {
        // C's frames lie above on the stack of a foreign thread that comes here.
        !m.is_extra() && (self.phase() != phase::HALTED || !self.is_needed::<P>(m))
    }

    /// Returns whether frames of a goroutine need the thread of the calling M, `m`. A scheduler that has not
    /// halted ends threads for the sake of the one goroutine that was bound there; so it is not asked then.
    fn is_needed<P: Platform>(&self, m: &'static M) -> bool {
        let needs = |g: &G| {
            // SAFETY: bound to the calling M, so its locks are this thread's.
            let on_g0 = || unsafe { g.locks.get() }.has_internal();
            is_bound_to(g, m) && (P::HAS_THREAD_LOCALS || on_g0())
        };
        // SAFETY: registered Gs live as long as the scheduler.
        self.has_left_any() && self.all_goroutines().any(|g| needs(unsafe { g.as_ref() }))
    }

    /// Returns whether a goroutine is bound to the calling M, `m`, which is not reserved, and has not ended. Of
    /// goroutines that may go on elsewhere, only those that have locked an M are bound, and it is reserved then.
    pub(super) fn has_bound_g(&self, m: &'static M) -> bool {
        // SAFETY: registered Gs live as long as the scheduler.
        let bound = |g: NonNull<G>| is_bound_to(unsafe { g.as_ref() }, m);
        !self.config.mobility.migrates() && self.all_goroutines().any(bound)
    }

    /// Returns whether a goroutine has not ended, as far as the calling thread can know: those that
    /// are bound to its M it knows of.
    fn has_left_any(&self) -> bool {
        self.goroutines() != 0
    }

    /// The thread of `m`, the calling M, parks for good from now on.
    #[cold]
    pub(crate) fn keep<P: Platform>(&self, m: &'static M) {
        self.sched.lock().set_state(m, MState::Kept);
        if !m.is_extra() {
            // Release: an owner that does not wait for this thread finds its M marked. It frees nothing, for
            // the M still counts as alive.
            self.ms.kept.fetch_add(1, Ordering::Release);
            self.end.done.unpark::<P>();
        }
    }

    /// Returns how many threads are left for the sake of goroutines that have not ended: those that are parked
    /// for good, and those that are in such a goroutine still. The scheduler has halted; an M that has not
    /// noticed yet is not counted.
    pub(crate) fn threads_left(&self) -> usize {
        // A foreign thread is left with its callback, and may notice later than `run` waits.
        self.foreign_callbacks() as usize
            + self.count_ms(|state, runs| state == MState::Kept || runs)
    }

    /// Returns whether a thread is on its way out, the scheduler having halted: one that the scheduler has started, and
    /// that does not park for good, nor runs a goroutine that is left behind.
    #[cfg(feature = "std")]
    pub(crate) fn has_leaving_threads(&self) -> bool {
        let live = self.ms.live.load(Ordering::Acquire);
        let kept = self.ms.kept.load(Ordering::Acquire);
        // The count of all first: see `extram`.
        let stay = kept + self.ms.adopted.load(Ordering::Acquire);
        live > stay && live > stay + self.count_ms(|state, runs| state != MState::Kept && runs)
    }

    /// Counts the Ms but extra ones of which `asked` says so, given where each stands and whether it is in a goroutine
    /// that has not ended.
    fn count_ms(&self, asked: impl Fn(MState, bool) -> bool) -> usize {
        let is_asked_for = |m: &&M| {
            // SAFETY: registered Gs live as long as the scheduler.
            let g = unsafe { m.g.load(Ordering::Relaxed).as_ref() };
            let runs = g.is_some_and(|g| g.status.load(Ordering::Relaxed) != status::DEAD);
            // SAFETY: under the lock.
            !m.is_extra() && asked(unsafe { m.links.state.get() }, runs)
        };
        let sched = self.sched.lock();
        ms_from(sched.all_ms).filter(|&m| is_asked_for(&m)).count()
    }
}

/// Returns whether `g` is bound to the calling M, `m`, and has not ended.
fn is_bound_to(g: &G, m: &'static M) -> bool {
    core::ptr::eq(g.bound.look(), m) && g.status.load(Ordering::Relaxed) != status::DEAD
}
