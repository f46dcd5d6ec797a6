//! Where a goroutine settles that has just been switched to for the first time, on the pinned runtime.
//!
//! Until its closure has begun nothing of it is the thread's. So one that has come to an M which is home to many may
//! still go to another: it is put back among those that have not started, once or more, and goes on wherever it is
//! switched to next.

use super::current::current_m;
use super::inside::Inside;
use super::post_switch::Tag;
use super::switch::mcall_apart;
use crate::platform::Platform;
use crate::policy::homes;

/// For how long a goroutine is put back at most, nanoseconds. A thread that starts takes a tenth of a millisecond; on
/// a machine with more to do than it has CPUs, a hundred times that.
const HELD: u64 = 200_000_000;
/// How often at most, for a clock may stand still.
const TIMES: u32 = 1_000_000;

/// Lets the running goroutine, whose closure has not begun, go to an M with more room if there is one. Returns the
/// stay on the M where it goes on.
#[cold]
#[inline(never)]
pub(super) fn settle<P: Platform>(mut inside: Inside) -> Inside {
    let g = inside.goroutine();
    let core = inside.core();
    let (mut since, mut hopeful) = (None, false);
    for _ in 0..TIMES {
        let free = core.another_m_may_be_free(&inside);
        // An M that was free a moment ago may be again: the first goroutine of a pair soon waits for the second.
        if !(free || hopeful) || !core.is_to_be_left(&inside, g) {
            break;
        }
        hopeful = free;
        let now = P::now();
        if now.saturating_sub(*since.get_or_insert(now)) >= HELD {
            break;
        }
        // SAFETY: the running goroutine has not begun, so it is bound by its first switch alone, and not locked; it is
        // runnable, as the tag says.
        inside = unsafe {
            inside.g().bound.set(core::ptr::null());
            mcall_apart::<P>(inside, Tag::Yield)
        };
    }
    inside
}

/// The calling goroutine is main, which begins: others start beside it only when the other Ms are home to several.
pub(super) fn weigh_main<P: Platform>() {
    if let Some(m) = current_m::<P>() {
        homes::weigh_main(m);
    }
}
