//! A wait that the end of the run may cut: the one place where a wake and a cancellation meet.
//!
//! ```text
//!   park ──▶ woken by its waker ───────────────────────────────────────────▶ Woken
//!    │
//!    └─────▶ woken by the end ── withdraw: true, no waker has the wait ─────▶ Cut
//!                             └─ withdraw: false, a waker has taken it out:
//!                                its wake is under way ── await it ─────────▶ Late
//! ```
//!
//! The end of the run wakes a parked goroutine wherever it waits, and knows nothing of queues. The goroutine
//! itself, awake again, withdraws its wait from where a waker would find it. When it comes too late for that,
//! a waker has taken the wait out, and will touch the goroutine's stack and make it ready once more: so the
//! goroutine must await that wake before its frame may go (L22).
//!
//! Join, scope, token, sleep and queues wait here. What a cut wait does is the caller's: most unwind.

use core::ptr::NonNull;

use crate::exec::inside::Inside;
use crate::exec::park::park;
use crate::objects::g::G;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;

/// How a wait ended, and the stay on which the goroutine goes on.
pub(crate) enum Waited {
    /// By its wake, or at once.
    Woken(Inside),
    /// By the end of the run; then by the wake that was under way.
    Late(Inside),
    /// By the end of the run; the wait is withdrawn.
    Cut(Inside),
}

/// Parks the running goroutine in a wait that the end of the run may cut. `publish` is as in [`park`].
/// `withdraw` must take the wait out of where a waker would find it, and return whether it did; if it returns
/// false, a waker must wake the goroutine once, now or later.
///
/// # Safety
///
/// As [`park`].
#[inline(always)]
pub(crate) unsafe fn wait<P: Platform>(
    inside: Inside,
    publish: impl FnOnce() -> bool,
    withdraw: impl FnOnce() -> bool,
) -> Waited {
    // SAFETY: the goroutine is made ready once after `publish`, as the caller ensures.
    match unsafe { park::<P, _>(inside, publish) } {
        (inside, false) => Waited::Woken(inside),
        (inside, true) if withdrawn(withdraw) => Waited::Cut(inside),
        (inside, true) => Waited::Late(await_pending_wake::<P>(inside)),
    }
}

/// Off the path of a wait that no end cuts.
#[cold]
#[inline(never)]
fn withdrawn(withdraw: impl FnOnce() -> bool) -> bool {
    withdraw()
}

/// Awaits the wake that is under way to a goroutine which the end of the run woke first.
#[cold]
#[inline(never)]
fn await_pending_wake<P: Platform>(inside: Inside) -> Inside {
    /// Returns whether the wake has yet to come.
    ///
    /// # Safety
    ///
    /// The scheduler's lock must be held, and `g` be alive.
    unsafe fn is_pending(g: NonNull<G>) -> bool {
        // SAFETY: the lock is held and the G alive, as the caller ensures.
        unsafe { !g.as_ref().wake_pending.replace(false) }
    }
    inside.g().waits_for(WaitReason::Shutdown, inside.core().coarse());
    let g = inside.goroutine();
    let mut inside = inside;
    loop {
        let cancelled;
        // SAFETY: `commit_closing` calls the closure under the lock; the waker calls `Core::ready_closing`
        // once, and the closure looks whether it has.
        (inside, cancelled) = unsafe { park::<P, _>(inside, move || is_pending(g)) };
        if !cancelled {
            return inside;
        }
    }
}
