//! How a scheduler ends.
//!
//! ```text
//!   OPEN ── main returns ──▶ CLOSING ── nothing left, or time is up ──▶ HALTED ──▶ Ms end
//! ```
//!
//! | a goroutine that | meets its end |
//! |---|---|
//! | has not started | its closure is dropped, as by an unwinding: a destructor of it that panics ends the program |
//! | is parked | wakes, leaves the queue it waits in, and is unwound by Goexit |
//! | runs | as above, at its next operation that can park or yield |
//! | is in a foreign call | as above, after the call; the end waits for it as long as it waits at all |
//! | loops for ever without an operation | is left behind, its thread with it, and counted; if the loop ends, it ends, and so does its thread if no other goroutine needs that |
//! | is a callback's of a foreign thread | as the rest, and C gets what it gets when there is no runtime; later callbacks are refused |
//! | is unwinding already, or parked inside a callback | is left to finish; left behind and counted when time is up |
//!
//! Where nothing unwinds (`panic = "abort"`, most kernels) all that has not ended is left behind, at once.
//!
//! The stack of a goroutine that is left behind is never freed. Nor does a thread end on which frames of one lie,
//! or to whose thread-locals they may refer (L23): it parks for good, and is counted beside the goroutines
//! ([`Ended::threads_left`](crate::Ended::threads_left)). Which threads those are, and where a thread can end at
//! all, stands in `policy::kept`.
//!
//! A wake and a cancellation may meet: see `wait::cancellable` and `policy::closing`.

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::exec::acquire::step_in;
use crate::exec::cancel::{enqueue, is_held};
use crate::exec::current::this_m;
use crate::exec::g0::on_g0;
use crate::exec::yields::yield_now;
use crate::objects::g::{G, scheduler_of, status};
use crate::objects::shared::Core;
use crate::parts::parker::Parker;
use crate::parts::{attention, phase};
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// How long the end waits for goroutines that do not end, nanoseconds.
pub(crate) const PATIENCE: u64 = 500_000_000;
/// How long it sleeps between looks, nanoseconds.
const LOOK: u64 = 200_000;

/// Ends everything but the main goroutine, as far as it can be ended, as that goroutine's last act, on its
/// own stack, outside; reports how many goroutines are left behind, and halts the scheduler.
pub(crate) fn close<P: Platform>(main: NonNull<G>, report: impl FnOnce(u64)) {
    // SAFETY: the running goroutine is alive.
    let core = unsafe { scheduler_of(main) };
    core.end.phase.store(phase::CLOSING, Ordering::SeqCst);
    attention::begin();
    ask_all(core);
    if let Some(home) = P::registry() {
        // Foreign threads come to the next scheduler, if there is one.
        home.unregister(core);
    }
    if P::UNWINDS {
        let deadline = P::now().saturating_add(PATIENCE);
        let nap = Parker::new();
        await_outside::<P>(core, deadline);
        let mut seen = P::now();
        while !all_have_ended::<P>(core, deadline) && seen < deadline {
            cancel_parked::<P>(core, main);
            yield_now::<P>();
            let now = P::now();
            match core.goroutines() > 1 {
                // By a clock that stands still the nap would have no end.
                true if now == seen => relax::<P>(),
                true => drop(nap.park::<P>(Some(now.saturating_add(LOOK)))),
                false => {}
            }
            seen = now;
        }
    }
    attention::end();
    report(core.goroutines().saturating_sub(1));
    let inside = step_in::<P>(this_m::<P>(), main);
    // SAFETY: inside, on a goroutine's stack.
    unsafe { on_g0(inside.m(), || core.halt::<P>()) };
    inside.leave();
}

/// Asks every goroutine that runs to look up: at its next operation that may end it, it ends.
fn ask_all(core: &'static Core) {
    for p in core.config.procs {
        // Acquire: pairs with `own`, which asks by itself if it sees the new phase.
        // SAFETY: Ms are never freed.
        if let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() } {
            m.claim.ask();
        }
    }
}

/// Waits until every M that is inside has been outside since: then all of them see what has changed before, and
/// the caller sees what they did. Bounded by `deadline`.
fn await_outside<P: Platform>(core: &'static Core, deadline: u64) {
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
            relax::<P>();
        }
    }
}

fn relax<P: Platform>() {
    // SAFETY: the main goroutine's M, which waits.
    unsafe { P::relax() };
}

/// Returns whether no goroutine is left but main, for good: one that is counted as ended may have to run once
/// more, to drop its result, which is decided before its M is outside.
fn all_have_ended<P: Platform>(core: &'static Core, deadline: u64) -> bool {
    let is_alone = || core.goroutines() <= 1;
    is_alone() && {
        await_outside::<P>(core, deadline);
        is_alone()
    }
}

/// Wakes every parked goroutine that can be unwound.
fn cancel_parked<P: Platform>(core: &'static Core, main: NonNull<G>) {
    for g in core.all_goroutines() {
        // SAFETY: registered Gs live as long as the scheduler.
        let this = unsafe { g.as_ref() };
        let sched = core.sched.lock();
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
        this.status.set(status::RUNNABLE);
        drop(sched);
        enqueue::<P>(core, g);
    }
}
