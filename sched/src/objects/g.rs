//! A goroutine.
//!
//! ```text
//!            go                 execute, switch            exit
//!   (free) ──────▶ RUNNABLE ───────────────────▶ RUNNING ───────▶ DEAD ──▶ (free)
//!                     ▲  ▲         yield            │  │
//!                     │  └──────────────────────────┘  │ park
//!                     │             ready              ▼
//!                     └───────────────────────────── PARKED
//! ```
//!
//! A G lies at the top of its own stack, beneath the stack's header, and stays there while the
//! stack waits in a cache: a new goroutine costs no allocation and touches one page.

use core::mem;
use core::panic::Location;
use core::ptr::{self, NonNull};

use g0_arch::Context;
use g0_arch::sync::atomic::{AtomicU32, AtomicUsize};
use g0_arch::sync::{OwnedCell, WatchedPtr};
use g0_arch::tools::{self, Fiber};
use g0_stack::grow::Segment;
use g0_stack::{Header, Tag};

use super::local::Bound;
use super::m::M;
use super::scope_state::ScopeState;
use super::shared::Core;
use crate::parts::exiting::Exiting;
use crate::parts::ident::Ident;
use crate::parts::libcall::LibCall;
use crate::parts::list::{Link, Linked};
use crate::parts::locks::Locks;
use crate::parts::park_token::ParkToken;
use crate::parts::saved_context::SavedContext;
use crate::parts::stat_atomic;
pub(crate) use crate::parts::status;
use crate::parts::status::Status;
use crate::parts::wait_reason::{Coarse, WaitReason};

/// Says of a stack that a [`G`] lies beneath its header, written by `exec::spawn` when the scheduler first uses it.
pub(crate) static BENEATH: Tag = Tag::new();

/// What a parked G leaves to be done once its context is saved: false makes it runnable again.
///
/// Runs on another goroutine's stack or on g0, inside; it may not allocate, free, drop or run
/// user code.
pub(crate) type Unlock = unsafe fn(arg: *mut u8, g: NonNull<G>) -> bool;

/// What runs a goroutine's closure, or drops its result.
pub(crate) type Run = unsafe fn(NonNull<G>);

/// A goroutine. What a start writes and an end reads fills two cache lines.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct G {
    /// Where it goes on. Written by the switch away from it, read by the switch to it.
    pub(crate) context: SavedContext,
    link: Link<G>,
    /// The only M that may run it, or null (L1). Its M's while it runs; else of the queue or the thread that
    /// has it. A thread that is to end looks (L23).
    pub(crate) bound: WatchedPtr<M>,
    /// 0, DETACHED, DONE, or the waiter that joins: see [`crate::api::join`].
    pub(crate) join: AtomicUsize,
    /// What runs it; when its closure has returned, what drops the result, where that must be done by the goroutine
    /// itself. It knows where the closure, later the result, lies.
    pub(crate) run: OwnedCell<Option<Run>>,
    /// Set by the park, run by the post-switch step.
    pub(crate) unlock: OwnedCell<Option<Unlock>>,
    /// Its argument; in the global queue a hint (`policy::prefetch`).
    pub(crate) unlock_arg: OwnedCell<*mut u8>,
    /// The scheduler it belongs to; written once.
    pub(crate) core: OwnedCell<*const Core>,

    /// The scope that waits for it, or null.
    pub(crate) scope: OwnedCell<*const ScopeState>,
    pub(crate) ident: Ident,
    pub(crate) locks: OwnedCell<Locks>,
    /// Handles and wakers that keep this G from being used again, and the mark that it is a
    /// zombie.
    pub(crate) refs: AtomicU32,
    pub(crate) status: Status,
    /// The token of `park` and `unpark`.
    pub(crate) token: ParkToken,
    /// The token of `block_on` and its wakers.
    pub(crate) wakes: ParkToken,
    /// Whether a Goexit is under way; what swallows it is overruled at the next scheduling point.
    pub(crate) exiting: OwnedCell<Exiting>,
    /// What holds a panic or a Goexit that is to go on later: scopes, to run their deferred calls, and foreign calls.
    pub(crate) holding: OwnedCell<u16>,
    /// What there is to be done about its stacks when it parks or ends.
    pub(crate) stacks: StackFlags,
    /// What it waits for, or waited for last, as a [`WaitReason`]; any thread reads it.
    reason: stat_atomic::AtomicU8,
    /// Since when, on the coarse clock; any thread reads it.
    since: stat_atomic::AtomicU32,

    /// All Gs of a scheduler; written once.
    pub(crate) all: OwnedCell<*mut G>,
    /// Shutdown asked it to end; under the scheduler's lock.
    pub(crate) cancelled: OwnedCell<bool>,
    /// A wake that came after the cancellation; under the scheduler's lock.
    pub(crate) wake_pending: OwnedCell<bool>,
    /// It is in `block_on`.
    pub(crate) polls: OwnedCell<bool>,
    /// Its end has been told to the platform, if that is told of ends, and it runs once more to drop its result.
    pub(crate) was_measured: OwnedCell<bool>,
    /// How many things on its stack the end of the run must not unwind: callbacks that would drop frames of C, waits
    /// while it unwinds.
    pub(crate) bars: OwnedCell<u32>,
    /// The stack that it is on, or was on when it parked: its own, or the innermost segment. Written by itself.
    pub(crate) present: OwnedCell<*mut Header>,
    /// Since when it had waited when sysmon looked at its stack last, and one more. Sysmon's.
    looked_at: stat_atomic::AtomicU32,
    /// The innermost library call that it is in, on its own stack; null when it is in none.
    pub(crate) libcall: OwnedCell<*const LibCall>,
    /// Its innermost catch, where panics need no unwinder; null when it has none.
    #[cfg(not(loom))]
    pub(crate) catches: OwnedCell<*const g0_defer::Catch>,
    /// Where it stands among those that have locked its thread, if they are several; that thread's.
    pub(crate) lockers: Lockers,
    /// The stack that it lies in, as memory checkers know it, from its start to its end.
    pub(crate) fiber: Fiber,
}

/// What there is to be done about a goroutine's stacks, as bits: one look tells that there is nothing.
#[derive(Debug)]
#[repr(transparent)]
pub(crate) struct StackFlags(OwnedCell<u8>);

/// It may have segments: its present stack is one, or it keeps one for the next call. See `exec::segments`.
const SEGMENTED: u8 = 1;
/// Its scheduler measures stacks: set when the G is made, for good. See `exec::measure`.
const MEASURED: u8 = 2;

impl StackFlags {
    /// Returns whether it may have segments.
    ///
    /// # Safety
    ///
    /// As [`any`](Self::any).
    #[inline(always)]
    pub(crate) unsafe fn is_segmented(&self) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.0.get() & SEGMENTED != 0 }
    }

    /// Returns whether it is measured.
    ///
    /// # Safety
    ///
    /// As [`any`](Self::any).
    #[inline(always)]
    pub(crate) unsafe fn is_measured(&self) -> bool {
        // SAFETY: as the caller ensures.
        unsafe { self.0.get() & MEASURED != 0 }
    }

    /// Returns whether either is so, as a number that is 0 if not.
    ///
    /// # Safety
    ///
    /// By the goroutine itself; or where it does not run, by what has taken it over.
    #[inline(always)]
    pub(crate) unsafe fn any(&self) -> usize {
        // SAFETY: as the caller ensures.
        usize::from(unsafe { self.0.get() })
    }

    /// Says whether it may have segments.
    ///
    /// # Safety
    ///
    /// As [`any`](Self::any).
    #[inline(always)]
    pub(crate) unsafe fn set_segmented(&self, may: bool) {
        // SAFETY: as the caller ensures.
        unsafe { self.0.set(self.0.get() & !SEGMENTED | if may { SEGMENTED } else { 0 }) };
    }

    /// Says that it is measured.
    ///
    /// # Safety
    ///
    /// By what makes the G.
    pub(crate) unsafe fn set_measured(&self) {
        // SAFETY: as the caller ensures.
        unsafe { self.0.set(self.0.get() | MEASURED) };
    }
}

/// The links of a goroutine that has locked a thread which others have locked too: see `policy::lockedm`.
#[derive(Debug)]
pub(crate) struct Lockers {
    pub(crate) next: OwnedCell<*mut G>,
    pub(crate) prev: OwnedCell<*mut G>,
}

// SAFETY: its own word, which is used for nothing else.
unsafe impl Linked for G {
    fn link(&self) -> &Link<G> {
        &self.link
    }
}

// SAFETY: `bound` says so.
unsafe impl Bound for G {
    #[inline(always)]
    unsafe fn is_bound(&self) -> bool {
        // SAFETY: the caller has the G, and `bound` is the holder's while the G does not run.
        unsafe { !self.bound.get().is_null() }
    }
}

impl G {
    /// Returns a G that has never run.
    #[track_caller]
    pub fn new() -> Self {
        Self {
            context: SavedContext::new(Context::EMPTY),
            link: Link::new(),
            bound: WatchedPtr::new(ptr::null_mut()),
            unlock: OwnedCell::new(None),
            unlock_arg: OwnedCell::new(ptr::null_mut()),
            join: AtomicUsize::new(0),
            run: OwnedCell::new(None),
            status: Status::new(),
            exiting: OwnedCell::new(Exiting::No),
            holding: OwnedCell::new(0),
            bars: OwnedCell::new(0),
            stacks: StackFlags(OwnedCell::new(0)),
            looked_at: stat_atomic::AtomicU32::new(0),
            reason: stat_atomic::AtomicU8::new(WaitReason::Park as u8),
            since: stat_atomic::AtomicU32::new(0),
            cancelled: OwnedCell::new(false),
            wake_pending: OwnedCell::new(false),
            locks: OwnedCell::new(Locks::NONE),
            token: ParkToken::new(),
            wakes: ParkToken::new(),
            polls: OwnedCell::new(false),
            was_measured: OwnedCell::new(false),
            present: OwnedCell::new(ptr::null_mut()),
            libcall: OwnedCell::new(ptr::null()),
            #[cfg(not(loom))]
            catches: OwnedCell::new(ptr::null()),
            lockers: Lockers {
                next: OwnedCell::new(ptr::null_mut()),
                prev: OwnedCell::new(ptr::null_mut()),
            },
            fiber: Fiber::none(),
            refs: AtomicU32::new(0),
            ident: Ident::new(Location::caller()),
            core: OwnedCell::new(ptr::null()),
            scope: OwnedCell::new(ptr::null()),
            all: OwnedCell::new(ptr::null_mut()),
        }
    }

    /// It is about to wait. The running goroutine itself.
    #[inline(always)]
    pub(crate) fn waits_for(&self, reason: WaitReason, since: Coarse) {
        // Relaxed: for reports only.
        self.reason.store(reason as u8, stat_atomic::Ordering::Relaxed);
        self.since.store(since.0, stat_atomic::Ordering::Relaxed);
    }

    /// Returns what it waits for and since when; what it waited for last, while it does not wait.
    pub(crate) fn waiting(&self) -> (WaitReason, Coarse) {
        let reason = self.reason.load(stat_atomic::Ordering::Relaxed);
        let reason = WaitReason::ALL.get(usize::from(reason)).copied().unwrap_or(WaitReason::Park);
        (reason, Coarse(self.since.load(stat_atomic::Ordering::Relaxed)))
    }

    /// Sysmon has looked at its stack, since when it has not run.
    pub(crate) fn look_at(&self, since: Coarse) {
        self.looked_at.store(since.0.wrapping_add(1), stat_atomic::Ordering::Relaxed);
    }

    /// Returns whether sysmon has looked at its stack in this very wait, which has lasted since `since`.
    pub(crate) fn was_looked_at(&self, since: Coarse) -> bool {
        self.looked_at.load(stat_atomic::Ordering::Relaxed) == since.0.wrapping_add(1)
    }

    /// Takes its context, to switch to it. A model sees whether it was saved, and takes it away.
    ///
    /// # Safety
    ///
    /// The caller must have taken the G out of a queue.
    #[inline(always)]
    pub(crate) unsafe fn take_context(&self) -> Context {
        // SAFETY: as the caller ensures; it was saved before the G was published (L15).
        let context = unsafe { self.context.get() };
        #[cfg(loom)]
        {
            assert!(!context.is_empty(), "L15: a goroutine runs whose context is not saved");
            // SAFETY: as above.
            unsafe { self.context.set(Context::EMPTY) };
        }
        context
    }

    /// Returns its present stack, as memory checkers know it: its own, or a segment.
    ///
    /// # Safety
    ///
    /// It must be the running goroutine, or one that does not run and that the caller has.
    #[inline(always)]
    pub(crate) unsafe fn present_fiber(&self) -> &Fiber {
        if tools::ON
            // SAFETY: as the caller ensures; the word is null in a G without a stack.
            && let Some(present) = unsafe { self.present.get().as_ref() }
            && let Some(segment) = Segment::of(present)
        {
            // SAFETY: the record lies beneath the segment's header as long as that is in use.
            return unsafe { &*segment.as_ptr() }.fiber();
        }
        &self.fiber
    }

    /// Returns the header of the stack it lies in.
    pub(crate) fn header(g: NonNull<G>) -> NonNull<Header> {
        // SAFETY: every G but a model's lies beneath its stack's header.
        unsafe { Header::of_payload(g.as_ptr()) }
    }
}

impl G {
    /// From here on the end of the run must not unwind the goroutine.
    ///
    /// # Safety
    ///
    /// Must be called by its thread, with the goroutine running or in foreign code; [`unbar`](Self::unbar) must follow.
    #[inline(always)]
    pub(crate) unsafe fn bar(&self) {
        // SAFETY: the calling thread's goroutine.
        unsafe { self.bars.set(self.bars.get() + 1) };
    }

    /// What a [`bar`](Self::bar) was for is over.
    ///
    /// # Safety
    ///
    /// As [`bar`](Self::bar), which must have come before.
    #[inline(always)]
    pub(crate) unsafe fn unbar(&self) {
        // SAFETY: the calling thread's goroutine.
        unsafe { self.bars.set(self.bars.get() - 1) };
    }
}

/// Returns the scheduler that `g` belongs to.
///
/// # Safety
///
/// `g` must be alive, or have ended and be held by a handle.
pub(crate) unsafe fn scheduler_of(g: NonNull<G>) -> &'static Core {
    // SAFETY: written when the G was made; a core outlives its Gs.
    unsafe { &*g.as_ref().core.get() }
}

impl Default for G {
    fn default() -> Self {
        Self::new()
    }
}

// The low bits of a G's address carry the post-switch step (`exec::switch`).
const _: () = assert!(mem::align_of::<G>() >= 8);
#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () =
    assert!(memoffset::offset_of!(G, scope) == 64 && memoffset::offset_of!(G, all) == 128);
