//! The P of an M that comes inside: it is there still, or the M gets one.
//!
//! ```text
//!   step in ── owned ─────────────────────────────────────────▶ go on
//!      │
//!      ├── raised ── had it for too long: give it away ──────────┐
//!      │         ├── asked to look up: stays raised ──▶ go on    │
//!      │         └── else lowered ────────────────────▶ go on    │
//!      └── taken ────────────────────────────────────────────────┴──▶ want a P, wait ─▶ go on
//! ```

use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use super::g0::on_g0;
use super::inside::Inside;
use crate::objects::g::G;
use crate::objects::inside::{Stay, Within};
use crate::objects::m::M;
use crate::platform::Platform;
use crate::policy::hand::Got;

/// Enters as `g`, which must be the running goroutine, on `m`, which must be the calling M. Never
/// suspends.
#[inline(always)]
pub(crate) fn step_in<P: Platform>(m: &'static M, g: NonNull<G>) -> Inside {
    // SAFETY: `symmetric` is written before the M is started.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        acquire_as_goroutine::<P>(m);
    }
    // SAFETY: inside, and with a P: it is owned still, or has been acquired.
    unsafe { Inside::assume(m, g) }
}

/// [`acquire`] for an M that has just come inside with the goroutine's stack. Takes the M by value: a
/// [`Stay`] of the caller's, passed by address, would cost each way in a word of its frame. All of it runs on g0, for
/// it reads the clock, may wait, and may start a thread: a small stack has no room for that.
#[cold]
#[inline(never)]
fn acquire_as_goroutine<P: Platform>(m: &'static M) {
    // SAFETY: the mark has just been set, on the goroutine's stack, and nothing else stands for this stay.
    unsafe { on_g0(m, || acquire::<P>(&mut Stay::assume(m), true)) };
}

/// The P of an M that has just come inside has been taken, or a claim on it was raised. Lowers the claim, unless
/// the M has had the P for too long, or is asked to look up, which it may not here; without a P, waits for one.
/// `on_g0`: that is the present stack.
///
/// Sysmon never catches an M outside that comes here again and again, for a heavy fence takes longer than a
/// short call does: so such an M gives the P away itself.
#[cold]
#[inline(never)]
pub(crate) fn acquire<P: Platform>(stay: &mut Stay, on_g0: bool) {
    P::check_process();
    let (m, core) = (stay.m(), stay.core());
    core.unevict(m);
    if let Some(within) = stay.within_raised() {
        if !core.has_had_enough::<P>(within.p()) {
            if !core.is_asked_still::<P>(within) {
                lower(within);
            }
            return;
        }
        hand_off::<P>(stay, on_g0);
        core.has_made_way(m);
    }
    want_p::<P>(stay);
}

/// As [`acquire`], of a goroutine that may be suspended: it keeps the P until it is.
#[cold]
pub(super) fn acquire_raised<P: Platform>(stay: &mut Stay) {
    P::check_process();
    stay.core().unevict(stay.m());
    if stay.within_raised().is_none() {
        want_p::<P>(stay);
    }
}

/// Lowers a claim on the M's P.
pub(super) fn lower(within: &Within) {
    let has_p = within.claim.holds();
    debug_assert!(has_p, "L18: an M inside has lost its P");
}

/// Gets the M, which has no P, one.
fn want_p<P: Platform>(stay: &mut Stay) {
    let (m, core) = (stay.m(), stay.core());
    if let Got::Queued = core.want_p::<P>(stay) {
        wait_for_p::<P>(m);
        core.woken::<P>(stay);
    }
}

/// Gives the P of the M away, which must own one. That runs on g0, for to start a thread takes more room than
/// a goroutine's stack has.
#[cold]
pub(crate) fn hand_off<P: Platform>(stay: &mut Stay, is_on_g0: bool) {
    let (m, core) = (stay.m(), stay.core());
    let mut give = || _ = core.hand_off::<P>(stay.disown());
    if is_on_g0 {
        give();
    } else {
        // SAFETY: inside, on the goroutine's stack.
        unsafe { on_g0(m, give) };
    }
}

/// Blocks the thread until `nextp` is set. On a scheduler that has halted there is no P to come: a goroutine
/// that computed on beyond the end of the run remains here for ever, as the docs of
/// [`shutdown`](crate::api::shutdown) say.
fn wait_for_p<P: Platform>(m: &'static M) {
    while m.nextp.load(Ordering::Relaxed).is_null() {
        m.parker.park::<P>(None);
    }
}
