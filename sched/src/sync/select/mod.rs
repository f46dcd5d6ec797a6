//! Waiting for the first of several channel operations.
//!
//! ```text
//!   lock all channels, in the order of their addresses
//!   is any case ready? ── yes ──▶ one of them, each with the same chance: done, unlock all
//!     │ no
//!   a node into every channel's queue, all for one waiter
//!   park ── the post-switch step unlocks all, in order
//!     ┆          a partner pops a node and claims the waiter; a later partner leaves it alone
//!   woken: lock each channel again, in order, and take what nodes are left out of the queues
//! ```
//!
//! To every partner choice and wait are one step, since all locks are held between the look and the
//! last node; so two goroutines that select against each other meet, and neither tries again.
//!
//! > Between the first unlock of the post-switch step and its last the goroutine may be woken and
//! > run. Of a group of cases on one channel the last holds its lock, so the step has read past all
//! > of a group when it unlocks it; and the woken goroutine touches no case before it has that
//! > channel's lock.
//!
//! *Rejected.* Registering with one channel after the other, without the locks of the rest: a partner
//! may then be found by both sides at once, each waiting for the other's verdict, or both start over,
//! without bound. (The locks in order are Go's `selectgo`.)

mod case;
mod on;

use core::ptr::NonNull;
use core::time::Duration;

use super::lock::WaitLimit;
use super::queue::Node;
use crate::exec::enter::{enter, enter_in_place};
use crate::exec::obey::{has_failed, is_ending};
use crate::objects::g::G;
use crate::objects::inside::Within;
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::Platform;
use crate::time::Instant;
use crate::wait::waiter::Woken;

pub use case::{Case, RecvCase, SendCase};
pub use on::{OnRecv, OnSend};

/// Carries out one of `cases`, the first that can be, waiting for it; of several that can be at once
/// each has the same chance. The cases change places. Without any case it waits for ever; a
/// goroutine then ends with its runtime.
///
/// This is what [`select!`](crate::select!) does, for any number of cases:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use g0_sched::generic::{Case, OnRecv, select};
/// use g0_sched::{Hosted, Runtime, channel, go};
///
/// Runtime::builder().build()?.run(|| {
///     let ends: Vec<_> = (0..10)
///         .map(|i| {
///             let (tx, rx) = channel(0);
///             go(move || tx.send(i));
///             rx
///         })
///         .collect();
///     let mut cases: Vec<_> = ends.iter().map(|rx| rx.on_recv()).collect();
///     let mut list: Vec<_> = cases.iter_mut().map(|case| case as &mut dyn Case<Hosted>).collect();
///     select(&mut list);
///     let i = cases.iter_mut().find_map(|case| case.take());
///     assert!(i.unwrap().unwrap() < 10);
/// })?;
/// # }
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// # Panics
///
/// On the system stack; when the outcome of an earlier call has not been taken out of a case.
pub fn select<P: Platform>(cases: &mut [&mut dyn Case<P>]) {
    let _ = select_with(cases, WaitLimit::Forever);
}

/// As [`select`], without waiting: returns false when none of the cases can be carried out. It never gives way
/// either; [`select_timeout`] with a length of zero does, when the goroutine's turn is over.
///
/// # Panics
///
/// As [`select`].
pub fn try_select<P: Platform>(cases: &mut [&mut dyn Case<P>]) -> bool {
    select_with(cases, WaitLimit::None)
}

/// As [`select`], waiting for `length` at most, with zero not at all: returns false when that is
/// over.
///
/// # Panics
///
/// As [`select`].
pub fn select_timeout<P: Platform>(cases: &mut [&mut dyn Case<P>], length: Duration) -> bool {
    select_with(cases, WaitLimit::for_length::<P>(length))
}

/// As [`select`], waiting until `deadline` at most: returns false when that has passed.
///
/// # Panics
///
/// As [`select`].
pub fn select_deadline<P: Platform>(cases: &mut [&mut dyn Case<P>], deadline: Instant<P>) -> bool {
    select_with(cases, WaitLimit::Until(deadline.as_nanos()))
}

fn select_with<P: Platform>(cases: &mut [&mut dyn Case<P>], limit: WaitLimit) -> bool {
    assert!(
        !cases.iter().any(|case| case.is_done()),
        "g0: a case of select still holds the outcome of an earlier one: take it first"
    );
    cases.sort_unstable_by_key(|case| case.channel());
    let never = cases.partition_point(|case| case.channel().is_null());
    let cases = &mut cases[never..];
    let caller = if limit == WaitLimit::None { enter_in_place::<P>() } else { enter::<P>() };
    // SAFETY: inside.
    unsafe { mix(cases, caller.within()) };
    let cases = &*cases;
    // SAFETY: inside; every lock that is taken is released on each way out, or by the wait.
    unsafe {
        lock_all(cases);
        while let Some(case) = choose(cases, caller.within()) {
            // What looked ready may have been claimed elsewhere: then it is out of the queue now.
            if let Some(partner) = case.attempt() {
                unlock_all(cases.as_ptr(), cases.len());
                let g = caller.goroutine();
                match partner {
                    Some(node) => {
                        Node::wake::<P>(node, caller.within());
                        caller.leave();
                    }
                    None => {
                        caller.leave();
                        end_here::<P>(g, cases);
                    }
                }
                return true;
            }
        }
        if limit.is_over::<P>() {
            unlock_all(cases.as_ptr(), cases.len());
            caller.leave();
            return false;
        }
        let reason = if cases.is_empty() { WaitReason::SelectNone } else { WaitReason::Select };
        let waiter = Waiter::new(&caller, true, reason);
        for case in cases {
            case.enqueue(&waiter);
        }
        let (first, len) = (cases.as_ptr(), cases.len());
        let publish = move || {
            unlock_all(first, len);
            true
        };
        let withdraw = || {
            for case in Groups(cases) {
                lock_all(case);
                case.iter().for_each(|case| case.withdraw());
                unlock_all(case.as_ptr(), case.len());
            }
            true
        };
        let woken = waiter.wait::<P>(caller, limit.deadline(), publish, withdraw);
        if woken == Woken::Ready {
            cases.iter().for_each(|case| case.settle(waiter.winner()));
            end_here::<P>(waiter.goroutine(), cases);
            return true;
        }
        waiter.go_on::<P>();
        false
    }
}

/// One of the cases has been carried out, outside: if it has failed while the run of the calling goroutine, `g`, ends,
/// that is as for the operation alone.
fn end_here<P: Platform>(g: Option<NonNull<G>>, cases: &[&mut dyn Case<P>]) {
    if is_ending(g)
        && let Some(case) = cases.iter().find(|case| case.has_failed())
    {
        has_failed::<P>(g);
        case.forgive();
    }
}

/// Returns one of the cases that look ready, each with the same chance.
///
/// # Safety
///
/// All locks must be held.
unsafe fn choose<'a, 'b, P: Platform>(
    cases: &'a [&'b mut dyn Case<P>],
    within: Option<&Within>,
) -> Option<&'a &'b mut dyn Case<P>> {
    let mut chosen = None;
    let mut ready = 0;
    for case in cases {
        // SAFETY: all locks are held.
        if unsafe { case.is_ready() } {
            ready += 1;
            if ready == 1 || random::<P>(within).is_multiple_of(ready) {
                chosen = Some(case);
            }
        }
    }
    chosen
}

/// Lets the cases of one channel change places at random: of those that wait a partner takes the
/// first.
///
/// # Safety
///
/// The caller must be inside, or a thread that is no M; none of these cases may be locked.
unsafe fn mix<P: Platform>(cases: &mut [&mut dyn Case<P>], within: Option<&Within>) {
    let mut first = 0;
    for i in 1..cases.len() {
        if cases[i].channel() == cases[first].channel() {
            let with = random::<P>(within) as usize % (i - first + 1);
            cases.swap(first + with, i);
        } else {
            first = i;
        }
    }
}

/// Of Fibonacci hashing: the high bits of the product depend on all of the other factor.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn random<P: Platform>(within: Option<&Within>) -> u32 {
    match within {
        Some(within) => within.p().roll().wrapping_mul((GOLDEN >> 32) as u32) >> 16,
        None => clocked::<P>(),
    }
}

/// A thread that is no M has no random numbers of its own, so the clock is hashed; its steps and
/// rhythms take two rounds to lose.
#[cold]
#[inline(never)]
fn clocked<P: Platform>() -> u32 {
    let once = P::now().wrapping_mul(GOLDEN);
    ((once ^ once >> 32).wrapping_mul(GOLDEN) >> 40) as u32
}

/// The cases of one channel after the other; they are sorted.
struct Groups<'a, 'b, P: Platform>(&'a [&'b mut dyn Case<P>]);

impl<'a, 'b, P: Platform> Iterator for Groups<'a, 'b, P> {
    type Item = &'a [&'b mut dyn Case<P>];

    fn next(&mut self) -> Option<Self::Item> {
        let channel = self.0.first()?.channel();
        let (group, rest) = self.0.split_at(self.0.partition_point(|c| c.channel() <= channel));
        self.0 = rest;
        Some(group)
    }
}

/// Locks every channel once; the last case of its group keeps the lock.
///
/// # Safety
///
/// The caller must be inside, or a thread that is no M; none of these cases may be locked.
unsafe fn lock_all<P: Platform>(cases: &[&mut dyn Case<P>]) {
    for group in Groups(cases) {
        if let Some((holder, others)) = group.split_last() {
            // SAFETY: no case of these is locked; the holder's lock is that of its whole group.
            unsafe {
                let state = holder.lock();
                others.iter().for_each(|case| case.share(state));
            }
        }
    }
}

/// Unlocks all, in order. After the last unlock nothing of the cases is touched.
///
/// # Safety
///
/// `len` cases from `first` on must be locked by [`lock_all`].
unsafe fn unlock_all<P: Platform>(first: *const &mut dyn Case<P>, len: usize) {
    for i in 0..len {
        // SAFETY: a case lives until its channel is unlocked, and those from here on are locked
        // still.
        unsafe { (*first.add(i)).unlock() };
    }
}
