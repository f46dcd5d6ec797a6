//! How a scheduler ends.
//!
//! ```text
//!   OPEN ── main returns ──▶ CLOSING ── nothing left, or time is up ──▶ HALTED ──▶ Ms end
//! ```
//!
//! | a goroutine that | meets its end |
//! |---|---|
//! | has not started | its closure is dropped |
//! | is parked | wakes, leaves the queue it waits in, and is unwound by Goexit |
//! | runs | as above, at its next operation that can park or yield |
//! | is in a foreign call | as above, after the call; the end waits for it as long as it waits at all |
//! | loops for ever without an operation | is left behind, its thread with it, and counted |
//! | is a callback's of a foreign thread | as others, and C gets what it gets when there is no runtime; later callbacks are refused |
//! | is unwinding already, or parked inside a callback | is left to finish; left behind and counted when time is up |
//!
//! A wake and a cancellation may meet: see `core::late`.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;
use g0_defer::Unwind;

use crate::core::{Core, phase};
use crate::exec::enter::{leave, reenter};
use crate::exec::g0::on_g0;
use crate::exec::park::{gopark, wake_for};
use crate::exec::switch::core_of;
use crate::g::{G, status};
use crate::m::M;
use crate::platform::{Parker, Platform, heavy_fence};
use crate::waiting::Waiting;

/// How long the end waits for goroutines that do not end, nanoseconds.
pub(crate) const PATIENCE: u64 = 500_000_000;
/// How long it sleeps between looks, nanoseconds.
const LOOK: u64 = 200_000;

/// The scheduler that `g` belongs to.
///
/// # Safety
///
/// `g` is alive or has ended and is held by a handle.
pub(crate) unsafe fn home(g: NonNull<G>) -> &'static Core {
    // SAFETY: written when the G was made; a core outlives its Gs.
    unsafe { &*g.as_ref().core.get() }
}

/// Whether C waits for `g`, in a callback, or `g` unwinds and keeps its thread. C that has no call of a
/// goroutine above it does not count: there is nothing but the callback's closure to unwind.
///
/// # Safety
///
/// By its own thread, or while it is parked, under the lock.
unsafe fn is_held(g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise; Ms are never freed.
    let (locks, m) = unsafe { (g.as_ref().locks.get(), g.as_ref().bound.get().as_ref()) };
    // That of an extra M, and that of its first callback.
    let outermost = if m.is_some_and(M::is_extra) { 2 } else { 0 };
    locks.internal() > outermost
}

/// Whether shutdown may throw Goexit through `g` now, as its own thread sees it.
fn may_unwind<P: Platform>(g: NonNull<G>) -> bool {
    // SAFETY: the running goroutine's own fields.
    let (exiting, held) = unsafe { (g.as_ref().exiting.get(), is_held(g)) };
    // SAFETY: as above.
    let main = unsafe { home(g) }.main_g.load(Ordering::Relaxed) == g.as_ptr();
    P::UNWINDS && !main && !exiting && !held && !P::Unwind::panicking()
}

/// A goroutine that has just come out of an operation, while the scheduler is not open: it ends
/// here if it can. Outside.
#[cold]
pub(crate) fn obey<P: Platform>(_m: &'static M, g: NonNull<G>) {
    if may_unwind::<P>(g) {
        unwind::<P>(g);
    }
}

/// Ends the running goroutine `g` by Goexit. Outside; returns only where nothing unwinds.
#[cold]
pub(crate) fn unwind<P: Platform>(g: NonNull<G>) {
    // SAFETY: the running goroutine's own field.
    unsafe { g.as_ref().exiting.set(true) };
    P::throw_goexit();
}

/// Whether `g`, just resumed on `m`, was woken by shutdown. Inside.
#[cold]
pub(crate) fn take_cancel(m: &'static M, g: NonNull<G>) -> bool {
    let lists = core_of(m).lists.lock();
    // SAFETY: under the lock.
    let cancelled = unsafe { g.as_ref().cancelled.replace(false) };
    drop(lists);
    cancelled
}

/// Puts `g`, whose status is RUNNABLE by our hand, into a queue that somebody looks at.
fn enqueue<P: Platform>(core: &'static Core, g: NonNull<G>) {
    // SAFETY: the status said PARKED and says RUNNABLE now, under the lock: the wake is ours.
    if unsafe { core.deliver::<P>(None, g, false) } {
        wake_for::<P>(core);
    }
}

/// The parking side of `Core::ready_late`: publishes a G that has just left its stack.
///
/// # Safety
///
/// As the post-switch step; `unlock` and its argument are the G's.
#[cold]
pub(crate) unsafe fn commit_late<P: Platform>(m: &'static M, g: NonNull<G>) {
    let core = core_of(m);
    let lists = core.lists.lock();
    // SAFETY: under the lock no wake and no cancellation sees the G between the two steps.
    let parked = unsafe {
        g.as_ref().status.store(status::PARKED, Ordering::Relaxed);
        match g.as_ref().unlock.get() {
            Some(unlock) => unlock(g.as_ref().unlock_arg.get(), g),
            None => true,
        }
    };
    if !parked {
        // SAFETY: still parked, and we hold the lock: nobody else has woken it.
        unsafe { g.as_ref().status.store(status::RUNNABLE, Ordering::Relaxed) };
        drop(lists);
        enqueue::<P>(core, g);
    }
}

/// Waits for the wake that is on its way to a goroutine which shutdown woke first. Inside, before
/// and after; returns the M it goes on on.
#[cold]
pub(crate) fn await_late<P: Platform>(m: &'static M, g: NonNull<G>) -> &'static M {
    /// # Safety
    ///
    /// Under the scheduler's lock.
    unsafe fn unless_late(_: *mut u8, g: NonNull<G>) -> bool {
        // SAFETY: `commit_late` holds the lock.
        unsafe { !g.as_ref().late.replace(false) }
    }
    // SAFETY: the running goroutine is alive.
    unsafe { g.as_ref() }.waits_for(Waiting::Shutdown, core_of(m).coarse());
    let mut m = m;
    loop {
        let cancelled;
        // SAFETY: the waker calls `Core::ready_late` once; `unless_late` looks whether it has.
        (m, cancelled) = unsafe { gopark::<P>(m, g, unless_late, core::ptr::null_mut()) };
        if !cancelled {
            return m;
        }
    }
}

/// The main goroutine's last act, on its own stack, outside: ends everything else, as far as it
/// can be ended, reports how many goroutines are left behind, and halts the scheduler.
pub(crate) fn close<P: Platform>(m: &'static M, main: NonNull<G>, report: impl FnOnce(u64)) {
    let core = core_of(m);
    core.phase.store(phase::CLOSING, Ordering::SeqCst);
    if let Some(home) = P::home() {
        // Foreign threads go to the next, if there is one.
        home.move_out(core);
    }
    if P::UNWINDS {
        let deadline = P::now().saturating_add(PATIENCE);
        let nap = Parker::new();
        settle::<P>(core, deadline);
        let mut seen = P::now();
        while core.goroutines() > 1 && seen < deadline {
            cancel_parked::<P>(core, main);
            crate::exec::yields::yield_now::<P>();
            let now = P::now();
            match core.goroutines() > 1 {
                // By a clock that stands still the nap would have no end.
                true if now == seen => P::relax(),
                true => drop(P::park(&nap, Some(now.saturating_add(LOOK)))),
                false => {}
            }
            seen = now;
        }
    }
    report(core.goroutines().saturating_sub(1));
    let m = crate::exec::switch::this_m::<P>();
    reenter::<P>(m);
    // SAFETY: inside, on a goroutine's stack.
    unsafe { on_g0(m, || core.halt::<P>()) };
    leave(m);
}

/// Waits until every M that was inside when the phase changed has been outside since: from then on
/// all of them see it. Bounded by `deadline`.
fn settle<P: Platform>(core: &'static Core, deadline: u64) {
    heavy_fence::<P>(core.config.symmetric);
    for p in core.config.procs {
        let first = p.m.load(Ordering::Acquire);
        loop {
            let m = p.m.load(Ordering::Acquire);
            // SAFETY: Ms are never freed.
            let inside = unsafe { m.as_ref() }.is_some_and(|m| m.claim.is_inside());
            if m != first || !inside || P::now() >= deadline {
                break;
            }
            P::relax();
        }
    }
}

/// Wakes every parked goroutine that can be unwound.
fn cancel_parked<P: Platform>(core: &'static Core, main: NonNull<G>) {
    let mut at = core.all_gs.load(Ordering::Acquire);
    while let Some(g) = NonNull::new(at) {
        // SAFETY: registered Gs live as long as the scheduler.
        let this = unsafe { g.as_ref() };
        // SAFETY: the link is written once, before the G is registered.
        at = unsafe { this.all.get() };
        let lists = core.lists.lock();
        if g == main || this.status.load(Ordering::Relaxed) != status::PARKED {
            continue;
        }
        // SAFETY: a parked G's fields stand still, and wakes take the lock too.
        let spared = unsafe { this.exiting.get() || is_held(g) };
        if spared {
            continue;
        }
        // SAFETY: under the lock.
        unsafe { this.cancelled.set(true) };
        this.status.store(status::RUNNABLE, Ordering::Relaxed);
        drop(lists);
        enqueue::<P>(core, g);
    }
}

/// A goroutine has ended after the main one left by Goexit: the last of them halts the scheduler.
#[cold]
pub(crate) fn last_one_out<P: Platform>(core: &'static Core) {
    let foreign = core.has_extras();
    if foreign {
        // Pairs with the light fence of `extra::depart`.
        heavy_fence::<P>(core.config.symmetric);
    }
    let lists = core.lists.lock();
    // Under the lock: of two that end at the same time the second sees both counts.
    let left = core.goroutines();
    drop(lists);
    if left != 0 {
        return;
    }
    if foreign {
        // As in `close`: a thread that calls back now is refused, or seen. That one is the last then.
        core.phase.store(phase::CLOSING, Ordering::SeqCst);
        heavy_fence::<P>(core.config.symmetric);
        if core.foreign_callbacks() != 0 {
            core.phase.store(phase::OPEN, Ordering::SeqCst);
            return;
        }
    }
    core.halt::<P>();
}
