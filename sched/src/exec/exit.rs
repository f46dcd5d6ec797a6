//! A goroutine's end, and who waits for it.
//!
//! ```text
//!   join word        0 ──── commit (join) ───▶ waiter
//!                    │ │                         │ post_exit
//!        drop handle │ │ post_exit               ▼
//!                    │ └──────────────────────▶ DONE ──▶ the joiner takes the result
//!                    ▼                                    and frees the G
//!                 DETACHED ── post_exit ──▶ freed by the M it ended on
//! ```
//!
//! The exiting goroutine's last touch of its own G is the store of DONE, after the switch away
//! from its stack: so whoever sees DONE may use the stack again.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use super::enter::{caller, leave, reenter};
use super::park::pick;
use super::refs::free;
use super::switch::{Tag, core_of, mcall, proc_of, switch_to};
use super::wake::wake_from;
use crate::objects::g::{G, status};
use crate::objects::join_word::{DETACHED, DONE};
use crate::objects::m::M;
use crate::objects::waiter::Waiter;
use crate::parts::phase;
use crate::platform::{Outcome, Platform};
use crate::policy::lockedm::is_locked;

/// `g` has ended, and nobody takes its result: a panic is its scope's, or nobody's.
///
/// # Safety
///
/// `g` is the caller's: the goroutine itself, or one that has ended and is kept by its handle; its scope is
/// alive.
pub(crate) unsafe fn unobserved<P: Platform, T>(g: NonNull<G>, result: &Outcome<T, P>) {
    if let Err(payload) = result
        && !P::Unwind::is_goexit(payload)
    {
        // SAFETY: the caller's promise.
        match unsafe { g.as_ref().scope.get().as_ref() } {
            Some(scope) => scope.panicked(),
            // Whoever drops a handle while unwinding has a panic to tell of already.
            None if P::Unwind::panicking() => {}
            None => super::uncaught::uncaught::<P>(g, payload),
        }
    }
}

/// The last thing that runs on a goroutine's stack, outside: it does not come back, but when the
/// handle was dropped at the last moment, to drop the result.
pub(crate) fn exit<P: Platform>(g: NonNull<G>) {
    let (m, _) = caller::<P>().expect("g0: a goroutine ends on a thread that is no M");
    reenter::<P>(m);
    // SAFETY: inside, with a P, on `g`'s own stack for the last time.
    unsafe {
        let core = core_of(m);
        if is_locked(g) || proc_of(m).count() || core.phase() != phase::OPEN {
            leave(mcall::<P>(m, g, Tag::Exit));
            return;
        }
        // A joiner that waits and may run here goes first: no queue is touched.
        let joiner = core::ptr::with_exposed_provenance::<Waiter>(
            g.as_ref().join.load(Ordering::Acquire) & !3,
        );
        let next = match joiner.as_ref().and_then(Waiter::goroutine) {
            Some(next) if runs_here(m, next) => {
                next.as_ref().status.store(status::RUNNABLE, Ordering::Relaxed);
                Some(next)
            }
            _ => pick(m),
        };
        let m = match next {
            Some(next) => switch_to::<P>(m, g, next, Tag::Exit),
            None => mcall::<P>(m, g, Tag::Exit),
        };
        leave(m);
    }
}

/// Whether `g`, parked, may be switched to on `m`, past all queues.
unsafe fn runs_here(m: &'static M, g: NonNull<G>) -> bool {
    // SAFETY: the G waits for the caller alone, so its fields stand still.
    unsafe {
        let bound = g.as_ref().bound.get();
        (bound.is_null() || core::ptr::eq(bound, m)) && m.lock.reserved.get().is_null()
    }
}

/// After the switch away from a goroutine that has ended.
///
/// # Safety
///
/// Inside, with a P; nothing on `g`'s stack is live any more.
pub(crate) unsafe fn post_exit<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise; `g` is ours until DONE is stored.
    unsafe {
        let this = g.as_ref();
        let p = proc_of(m);
        let word = this.join.load(Ordering::Acquire);
        if word == DETACHED && this.has_result.get() {
            // The handle went while the goroutine was ending: it drops its result itself.
            return run_again::<P>(m, g);
        }
        let locked = is_locked(g);
        let scope = this.scope.get();
        this.status.store(status::DEAD, Ordering::Relaxed);
        p.counts.ended.store(p.counts.ended.load(Ordering::Relaxed) + 1, Ordering::Release);
        let waiter = core::ptr::with_exposed_provenance::<Waiter>(word);
        if word == DETACHED {
            free(m, g);
        } else if word != 0 && core_of(m).phase() == phase::OPEN {
            // A joiner waits until it is woken, so the word stands still. (From CLOSING on it may
            // leave of its own accord: then the swap below decides which of the two was first.)
            let next = (*waiter).goroutine();
            // Release: pairs with the joiner's load.
            this.join.store(DONE, Ordering::Release);
            if next.is_none_or(|next| next.as_ptr() != m.g.load(Ordering::Relaxed)) {
                Waiter::wake::<P>(waiter, Some(m));
            }
        } else {
            match this.join.swap(DONE, Ordering::AcqRel) {
                0 => {}
                DETACHED if this.has_result.get() => {
                    // As above, a moment later.
                    this.join.store(DETACHED, Ordering::Relaxed);
                    this.status.store(status::RUNNABLE, Ordering::Relaxed);
                    p.counts
                        .ended
                        .store(p.counts.ended.load(Ordering::Relaxed) - 1, Ordering::Release);
                    return run_again::<P>(m, g);
                }
                DETACHED => free(m, g),
                waiter => Waiter::wake::<P>(core::ptr::with_exposed_provenance(waiter), Some(m)),
            }
        }
        if let Some(scope) = scope.as_ref() {
            scope.done::<P>(m);
        }
        if locked {
            m.lock.reserved.set(core::ptr::null_mut());
            if !m.migrating.get() {
                crate::policy::lockedm::untie_shared(m);
            }
            m.lock.dying.set(true);
        }
        if core_of(m).end.main_gone.load(Ordering::Relaxed) {
            crate::policy::closing::last_one_out::<P>(core_of(m));
        }
    }
}

/// A goroutine that was to end has something left to do. It has not parked, so nobody else knows
/// of it, shutdown included, and there is no status to look at.
///
/// # Safety
///
/// As [`post_exit`].
unsafe fn run_again<P: Platform>(m: &'static M, g: NonNull<G>) {
    // SAFETY: the caller's promise.
    if unsafe { core_of(m).deliver::<P>(Some(m), g, true) } {
        wake_from::<P>(m);
    }
}
