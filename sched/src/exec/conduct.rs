//! Conducting the end of a run.
//!
//! ```text
//!   main's M                       the conductor: the thread that began the run
//!   the result is there
//!   main leaves its stack
//!   CLOSING, tell ────────────────▶ each claim is asked: what runs looks up, and ends itself
//!                                   ┌─▶ what is parked is woken, to end itself
//!                                   │   none is left? none has ended for as long as the grace? ──▶ count, HALTED
//!                                   └── 0.2 ms
//! ```
//!
//! The conductor runs no goroutine, so none keeps it from its looks. Where the platform has but the Ms that it is
//! given, and the calling core is one of them ([`Scheduler::run`](crate::Scheduler::run)), it must: there it looks
//! whenever it comes by its g0, between two goroutines.
//!
//! *Progress* is that fewer goroutines are left than ever before: what starts during the end, to end at once, is
//! none.
//!
//! # How many unwind at a time
//!
//! A goroutine that waits while it unwinds keeps its M for itself, for Rust counts panics by thread: with a hundred
//! thousand goroutines that wait once in a destructor the end would need as many threads. So as long as
//! [`AT_ONCE`] of them wait so, no other begins to unwind: it parks until there is room
//! ([`unwind`](super::obey::unwind)). Those that wait may wait for one that has not begun. So if none ends for a
//! while the room is doubled, again and again, until one does.
//!
//! *Rejected: bound, not reserved.* The M of a goroutine that waits and unwinds could run those that are bound there
//! meanwhile, or any other: since nested panics are allowed no abort would come of it. But the count stays up, and
//! `thread::panicking()` says yes to each of them. `std`'s guards would poison locks of goroutines that do not
//! unwind; all that this crate asks of the thread (may the end throw here, does a guard poison, may a wait
//! switch) would have to be asked of the goroutine, at each wait; and a goroutine that begins to unwind there counts
//! two. Threads are dear, and wrong answers in programs that are right are dearer.

use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::{Ordering, fence};

use super::cancel::cut;
use crate::objects::g::G;
use crate::objects::inside::Stay;
use crate::objects::m::M;
use crate::objects::shared::Core;
use crate::objects::shared::parts::{AT_ONCE, Conducting, LOOK};
use crate::parts::{attention, phase};
use crate::platform::Platform;
use crate::platform::fences::heavy_fence;

/// What a look counts for where the clock has not moved since the last one, nanoseconds.
const STILL: u64 = 1_000;
/// What one counts for at most, nanoseconds, if the conductor does nothing but look: when it has had no CPU for longer
/// those that are to end have had none either, or the clock has jumped.
const GAP: u64 = 20_000_000;
/// After how long without an end more goroutines may wait and unwind, nanoseconds; within a short grace, sooner.
const STALLED: u64 = 32_000_000;
/// How long Ms are waited for awake that are about to leave the scheduler's code, nanoseconds. One that stays has lost
/// its CPU, perhaps to the conductor: so that sleeps for a while then, and looks again.
const INSIDE: u64 = if cfg!(loom) { 100_000_000 } else { 10_000 };
/// The same, rounds: a clock may stand still.
const ROUNDS: u32 = if cfg!(loom) { u32::MAX } else { 1_000 };
/// For how long it sleeps, nanoseconds.
const SOON: u64 = 50_000;

/// Waits on the calling thread, which is no M, until the scheduler has halted, and conducts its end.
pub(crate) fn await_end<P: Platform>(core: &'static Core) {
    // Acquire: what has been counted, if another thread has halted it.
    while core.end.phase.load(Ordering::Acquire) != phase::HALTED {
        if !core.is_conducted::<P>() {
            core.end.done.park::<P>(None);
        } else if let Some(next) = look::<P>(core, None) {
            core.end.done.park::<P>(Some(next));
        } else {
            relax::<P>();
        }
    }
}

/// The calling M, which conducts, comes by.
#[cold]
#[inline(never)]
pub(super) fn look_here<P: Platform>(stay: &Stay) {
    if look::<P>(stay.core(), Some(stay.m())).is_none() {
        // A goroutine that is woken again and again, for a wake that has yet to come, must not keep its waker.
        relax::<P>();
    }
}

/// The calling M, which conducts, is at rest, until `deadline` at most; it looks if it must. Returns until when it may
/// sleep; `None`: not at all.
#[cold]
#[inline(never)]
pub(super) fn look_at_rest<P: Platform>(stay: &Stay, deadline: Option<u64>) -> Option<u64> {
    let next = look::<P>(stay.core(), Some(stay.m()))?;
    Some(deadline.unwrap_or(u64::MAX).min(next))
}

/// Looks how far the end has come, and does what there is to do; halts the scheduler when it is over. Returns when to
/// look again; `None` if the clock stands still, or may, or there is nothing more to wait for. `own` is the conductor, if that
/// is an M.
fn look<P: Platform>(core: &'static Core, own: Option<&M>) -> Option<u64> {
    // SAFETY: the conductor's, which is the calling thread.
    let mut this = unsafe { core.end.conducting.get() };
    let clock = P::now();
    let stands_still = this.begun && clock == this.clock;
    // The first look cannot tell, and by a clock that stands still no pause would ever be over. That of models goes on.
    let is_first = !this.begun && !cfg!(loom);
    if stands_still {
        this.still = this.still.saturating_add(STILL);
    }
    let gap = clock.saturating_sub(this.clock);
    if this.begun && own.is_none() && gap > GAP {
        let lost = gap - GAP;
        (this.since, this.grown) =
            (this.since.saturating_add(lost), this.grown.saturating_add(lost));
    }
    this.clock = clock;
    let now = clock.saturating_add(this.still);
    if !this.begun {
        this.begun = true;
        // Acquire: main's result.
        fence(Ordering::Acquire);
        (this.since, this.grown) = (now, now);
        attention::begin();
        if let Some(home) = P::registry() {
            // Foreign threads come to the next scheduler, if there is one.
            home.unregister(core);
        }
        ask_all(core);
    }
    // Before anything is cut: an M inside that has not seen the end yet takes what waits for what stays so.
    this.seen = this.seen || await_outside::<P>(core, own);
    let left = core.goroutines();
    if left < this.fewest {
        this.fewest = left;
        (this.since, this.grown) = (now, now);
        core.end.room.store(AT_ONCE, Ordering::Relaxed);
    }
    let is_over = now.saturating_sub(this.since) >= core.end.grace;
    if is_over || left == 0 && have_all_ended::<P>(core, own) {
        // SAFETY: as above.
        unsafe { core.end.conducting.set(this) };
        attention::end();
        core.halt_leaving::<P>();
        return None;
    }
    ask_all(core);
    if now.saturating_sub(this.grown) >= STALLED.min(core.end.grace / 16) {
        this.grown = now;
        let room = core.end.room.load(Ordering::Relaxed);
        core.end.room.store(room.saturating_mul(2), Ordering::Relaxed);
    }
    if this.seen {
        cut_parked::<P>(core, &mut this);
    }
    // SAFETY: as above.
    unsafe { core.end.conducting.set(this) };
    let pause = if this.seen && left != 0 { LOOK } else { SOON };
    (!is_first && !stands_still).then_some(clock.saturating_add(pause))
}

/// Asks every goroutine that runs to look up: at its next operation that may end it, it ends. One whose M gets a P
/// later is asked by that.
fn ask_all(core: &'static Core) {
    for p in core.config.procs {
        // Acquire: pairs with `own`, which asks by itself if it sees the new phase; if it does not, the next look
        // finds the M.
        // SAFETY: Ms are never freed.
        if let Some(m) = unsafe { p.m.load(Ordering::Acquire).as_ref() }
            && m.claim.is_owned()
        {
            m.claim.ask();
        }
    }
}

/// Waits until every M but `own` that is inside has been outside since: then all of them see what has changed before,
/// and the caller sees what they did. Returns false if one stays inside for long.
fn await_outside<P: Platform>(core: &'static Core, own: Option<&M>) -> bool {
    heavy_fence::<P>(core.config.symmetric);
    let deadline = P::now().saturating_add(INSIDE);
    let own = own.map_or(ptr::null(), ptr::from_ref);
    let mut rounds = 0;
    for p in core.config.procs {
        let first = p.m.load(Ordering::Acquire);
        loop {
            let m = p.m.load(Ordering::Acquire);
            // SAFETY: Ms are never freed.
            let inside = unsafe { m.as_ref() }.is_some_and(|m| m.claim.is_inside());
            if m != first || ptr::eq(m, own) || !inside {
                break;
            }
            if rounds == ROUNDS || P::now() >= deadline {
                return false;
            }
            rounds += 1;
            relax::<P>();
        }
    }
    true
}

fn relax<P: Platform>() {
    // SAFETY: the conductor, which waits.
    unsafe { P::relax() };
}

/// Returns whether no goroutine is left, for good: one that is counted as ended may have to run once more, to drop
/// its result, which is decided before its M is outside.
fn have_all_ended<P: Platform>(core: &'static Core, own: Option<&M>) -> bool {
    await_outside::<P>(core, own) && core.goroutines() == 0
}

/// Wakes parked goroutines that can be unwound: all of them, or as many as there is room for.
fn cut_parked<P: Platform>(core: &'static Core, this: &mut Conducting) {
    let mut room = match core.end.unwinding.load(Ordering::Relaxed) {
        0 => usize::MAX,
        n => core.end.room.load(Ordering::Relaxed).saturating_sub(n),
    };
    let begin = this.at;
    let mut all = core.goroutines_from(NonNull::new(begin));
    let mut wrapped = begin.is_null();
    while room != 0 {
        let Some(g) = all.next() else {
            if wrapped {
                break;
            }
            wrapped = true;
            all = core.goroutines_from(None);
            continue;
        };
        if wrapped && g.as_ptr() == begin {
            break;
        }
        room -= usize::from(cut::<P>(core, g));
    }
    this.at = all.next().map_or(ptr::null_mut(), NonNull::<G>::as_ptr);
}
