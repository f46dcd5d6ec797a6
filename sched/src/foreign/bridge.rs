//! What a bridge to foreign code needs of the scheduler; `g0-cgo` is one.
//!
//! ```text
//!                 enter                       begin
//!   goroutine ───────────▶ foreign (on g0) ───────────▶ goroutine, locked
//!             ◀───────────                 ◀───────────
//!                 leave                        end
//! ```
//!
//! In foreign code the bridge's word `m.call` is not null, and nothing else says so: sysmon may
//! take the P of an M that is outside and remains in the same call. An M that comes back has
//! cleared the word first and looks at the claim afterwards:
//!
//! ```text
//!   M (leave, begin)                 sysmon
//!   m.call := null                   word := RAISED
//!   light fence                      heavy fence
//!   load word                        second look: m.call still not null?
//! ```
//!
//! So either the M sees that its P is wanted, or sysmon sees that it is back (L5).
//!
//! # When C goes on after a callback
//!
//! *What the callback made ready* runs at once, though C may go on for long: the P goes to another M with all that
//! is queued there, or the M of an idle P is woken for it. Only of callbacks that come thick, each of which leaves
//! goroutines behind, nothing is passed on from the fifth on: the next one is about to meet them, and sysmon sees
//! when none comes. Goroutines that are bound to this thread (on the pinned runtime those that have run here) wait
//! until C has returned or calls back: no other thread may run them.
//!
//! *The P* stays with the M if nothing is queued: most callbacks are soon followed by the next, or by the return.
//! But a thread that rests, for it is in code of its own or in a call that was said to last, gives it up when an M
//! waits for one (`policy::want_p` has the protocol).

use core::ptr::{self, NonNull};

use g0_arch::tools::Crossing;

use super::extram;
pub use super::extram::{Refused, thread_ends};
use crate::exec::g0::crossing;
use crate::exec::suspend::suspend_after_c;
use crate::exec::yields::yield_now;

use crate::objects::m::M;
pub use crate::parts::libcall::LibCall;
use crate::platform::Platform;
use crate::platform::fatal::fatal;
use crate::policy::lockedm::{lock_internal, unlock_internal};

/// What the calling thread is to the scheduler.
#[derive(Debug, Clone, Copy)]
pub enum CallerContext {
    /// A goroutine on its own stack.
    Goroutine(MHandle),
    /// Foreign code on g0, in a call of a goroutine.
    Foreign(MHandle),
    /// The scheduler's code on g0, or an interrupt handler.
    SystemStack,
    /// A thread that the scheduler did not start, with its M, between callbacks.
    Adopted(MHandle),
    /// A thread that is no M.
    Outside,
}

/// Lock counts of a goroutine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockCounts {
    /// The user's, which an unlock undoes.
    pub external: usize,
    /// The user's, from outside the callback that the goroutine is in: an unlock does not reach
    /// them.
    pub outer: usize,
    /// Those of callbacks, library calls and parks while unwinding.
    pub internal: usize,
}

/// An M; its goroutine is going to foreign code or is in it.
///
/// A handle is an address: it may be kept, and says nothing of what has become of the M, which a run may free
/// when it ends. So all that uses it is `unsafe`.
///
/// > All that is done with a handle must be done on the thread that it came from, by the goroutine or the foreign
/// > code of which [`here`] told, and within the operation that asked: before the goroutine may be suspended,
/// > but for what [`begin`](MHandle::begin) or [`begin_libcall`](MHandle::begin_libcall) binds to the thread.
///
/// ```compile_fail,E0133
/// use g0_sched::Hosted;
/// use g0_sched::bridge::{CallerContext, here};
///
/// if let CallerContext::Goroutine(handle) = here::<Hosted>() {
///     let stack = handle.limit(); // and when the run has ended, with its stacks?
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct MHandle {
    m: NonNull<M>,
}

/// Returns what the calling thread is to the scheduler. Any context.
#[inline(always)]
pub fn here<P: Platform>() -> CallerContext {
    // SAFETY: the calling thread's M lives.
    let Some(m) = (unsafe { P::current().as_ref() }) else { return CallerContext::Outside };
    let handle = MHandle { m: NonNull::from(m) };
    if P::in_interrupt() {
        // Whatever it has interrupted goes on there.
        CallerContext::SystemStack
    } else if m.in_foreign_code() {
        if m.is_between_callbacks() {
            CallerContext::Adopted(handle)
        } else {
            CallerContext::Foreign(handle)
        }
    } else if m.curg().is_some() {
        CallerContext::Goroutine(handle)
    } else {
        P::check_process();
        CallerContext::SystemStack
    }
}

/// A thread that is no M calls back: returns the M that it is given. The callback may begin, as after a
/// successful [`MHandle::arrive`]. The bridge must write its [`root`](MHandle::root).
///
/// # Safety
///
/// [`here`] must say [`Outside`](CallerContext::Outside): a thread that is an M, or between callbacks, has one. The
/// caller must see the callback through, to [`depart`](MHandle::depart), in code that nothing unwinds.
///
/// ```compile_fail,E0133
/// // A goroutine would lose the M that it runs on.
/// let adopted = g0_sched::bridge::adopt::<g0_sched::Hosted>();
/// ```
///
/// # Errors
///
/// See [`Refused`].
pub unsafe fn adopt<P: Platform>() -> Result<MHandle, Refused> {
    debug_assert!(P::current().is_null(), "L7: a thread that has an M is to be given another");
    // SAFETY: the thread is no M, as the caller ensures.
    unsafe { extram::adopt::<P>() }.map(|m| MHandle { m: NonNull::from(m) })
}

impl MHandle {
    /// # Safety
    ///
    /// As the type says: the calling thread must be this M.
    #[inline(always)]
    pub(super) unsafe fn m(self) -> &'static M {
        // SAFETY: an M lives while a thread is it.
        unsafe { self.m.as_ref() }
    }

    /// A callback is to begin on an adopted thread. Returns false if its scheduler has ended; then
    /// nothing has changed.
    ///
    /// # Safety
    ///
    /// The handle must be from [`CallerContext::Adopted`].
    #[inline(always)]
    pub unsafe fn arrive(self) -> bool {
        // SAFETY: an adopted thread's M is an extra one, and this thread's.
        unsafe { extram::arrive(self.m()) }
    }

    /// The callback has ended, and the thread is in code of its own. The handle may be dead after
    /// this.
    ///
    /// # Safety
    ///
    /// Must be called on the thread of the handle; the callback must have [arrived](Self::arrive), and
    /// the bridge's word must point to the [`root`](Self::root) again.
    #[inline(always)]
    pub unsafe fn depart<P: Platform>(self) {
        // SAFETY: an extra M, this thread's; its callback had arrived and is over.
        unsafe { extram::depart::<P>(self.m()) }
    }

    /// A Goexit has come to the bottom of an adopted thread's goroutine, and would go on in nothing. Returns
    /// true if the end of the run has thrown it; then the callback is over.
    ///
    /// # Safety
    ///
    /// Must be called on that goroutine, in the callback.
    pub unsafe fn was_ended(self) -> bool {
        // SAFETY: on the goroutine of an extra M.
        unsafe { extram::was_ended(self.m()) }
    }

    /// An adopted thread gives its M back.
    ///
    /// # Safety
    ///
    /// The handle must be from [`CallerContext::Adopted`], and must not be used afterwards.
    pub unsafe fn part<P: Platform>(self) {
        // SAFETY: an extra M, this thread's, between callbacks.
        unsafe { extram::part::<P>(self.m()) }
    }

    /// Returns what the bridge's word points to while an adopted thread is in code of its own. The
    /// place is the bridge's, and lives as long as the M; the scheduler only compares the address.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline(always)]
    pub unsafe fn root(self) -> *mut *mut u8 {
        // SAFETY: as the caller ensures; so below.
        unsafe { self.m() }.root().cast()
    }

    /// Returns the end below which the stack of an adopted thread's goroutine is free: all of it,
    /// between callbacks.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline]
    pub unsafe fn top(self) -> *mut u8 {
        // SAFETY: written once, before the thread was given the M.
        unsafe { self.m().extra.own_g.get().cast() }
    }

    /// Returns the handle of a token.
    ///
    /// # Safety
    ///
    /// `token` must have come from [`token`](Self::token).
    #[inline(always)]
    pub unsafe fn from_token(token: *mut ()) -> Self {
        // SAFETY: the token is an M's address.
        Self { m: unsafe { NonNull::new_unchecked(token.cast::<M>()) } }
    }

    /// Returns the handle as a word.
    #[inline(always)]
    pub fn token(self) -> *mut () {
        self.m.as_ptr().cast()
    }

    /// Returns the word that holds g0's stack pointer: below it g0 is free.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline(always)]
    pub unsafe fn g0_sp(self) -> *mut *mut u8 {
        // SAFETY: as above.
        unsafe { self.m() }.g0_sp.as_ptr()
    }

    /// Returns the bridge's own word: not null while foreign code runs (Go's `incgo`).
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline(always)]
    pub unsafe fn call(self) -> *mut *mut u8 {
        // SAFETY: as above.
        let m = unsafe { self.m() };
        #[cfg(not(loom))]
        return m.call.as_ptr();
        #[cfg(loom)]
        return m.call_here.as_ptr();
    }

    /// In a model the bridge writes its word twice: where [`call`](Self::call) says, and here, where
    /// other threads look.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[cfg(loom)]
    pub unsafe fn call_shown(self) -> &'static g0_arch::sync::atomic::AtomicPtr<u8> {
        // SAFETY: as above.
        &unsafe { self.m() }.call
    }

    /// Returns the lowest byte of the goroutine's present stack, which may be a segment. To be called in the
    /// goroutine's state.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline(always)]
    pub unsafe fn limit(self) -> *mut u8 {
        // SAFETY: as above.
        match unsafe { self.m() }.curg() {
            // SAFETY: the running goroutine's present stack.
            Some(g) => unsafe { (*g.as_ref().present.get()).bottom() },
            None => ptr::null_mut(),
        }
    }

    /// Returns the way from the goroutine's stack to the M's, for memory checkers.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline(always)]
    pub unsafe fn crossing(self) -> Crossing {
        // SAFETY: as above.
        crossing(unsafe { self.m() })
    }

    /// Returns how often the goroutine is locked to its thread (L8): for reports and tests.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    pub unsafe fn locks(self) -> LockCounts {
        // SAFETY: the M and the running goroutine are the caller's; the counts are that goroutine's own.
        let locks = unsafe { self.m().curg().map(|g| g.as_ref().locks.get()) }.unwrap_or_default();
        LockCounts { external: locks.external(), outer: locks.outer(), internal: locks.internal() }
    }

    /// The goroutine makes a library call, `record`, and keeps its thread for the length of it. Returns the
    /// call that it is in already, for [`end_libcall`](Self::end_libcall).
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, outside. `record` must be valid until `end_libcall`, which
    /// must come, on every way out. The two must nest.
    pub unsafe fn begin_libcall(self, record: *const LibCall) -> *const LibCall {
        // SAFETY: the goroutine of this handle, on its own thread.
        unsafe {
            let Some(g) = self.m().curg() else { return ptr::null() };
            lock_internal(self.m(), g);
            let outer = g.as_ref().libcall.get();
            g.as_ref().libcall.set(record);
            outer
        }
    }

    /// The library call is over, whether it has returned or a panic has left it.
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, outside; `outer` must be what its
    /// [`begin_libcall`](Self::begin_libcall) returned.
    pub unsafe fn end_libcall<P: Platform>(self, outer: *const LibCall) {
        // SAFETY: the goroutine of this handle, which has kept its thread.
        unsafe {
            let Some(g) = self.m().curg() else { return };
            g.as_ref().libcall.set(outer);
            unlock_internal::<P>(self.m(), g);
        }
    }

    /// Returns the innermost library call that the goroutine is in.
    ///
    /// # Safety
    ///
    /// Must be called on the thread of the handle.
    pub unsafe fn libcall(self) -> Option<LibCall> {
        // SAFETY: the goroutine that runs here or has called what does; its record is valid while it is
        // there.
        unsafe { self.m().curg().and_then(|g| g.as_ref().libcall.get().as_ref().copied()) }
    }

    /// Returns where this thread's `errno` lies, or null. Its own thread only.
    ///
    /// # Safety
    ///
    /// As [the type](Self) says.
    #[inline]
    pub unsafe fn errno(self) -> *mut i32 {
        // SAFETY: written when the M began, by its thread.
        unsafe { self.m().known_errno() }
    }

    /// In the callback that has begun, the end of the run must not unwind the goroutine: what comes out of its closure
    /// would go over frames of C.
    ///
    /// # Safety
    ///
    /// Must be called on g0, after [`begin`](Self::begin); [`unbar`](Self::unbar) must follow, on every way out.
    #[inline(always)]
    pub unsafe fn bar(self) {
        // SAFETY: the goroutine of this handle, on its own thread.
        unsafe { self.g().as_ref().bar() };
    }

    /// Undoes [`bar`](Self::bar).
    ///
    /// # Safety
    ///
    /// Must be called on g0, before [`end`](Self::end).
    #[inline(always)]
    pub unsafe fn unbar(self) {
        // SAFETY: as above.
        unsafe { self.g().as_ref().unbar() };
    }

    /// Returns once `*g0_sp` is `bottom`: until then other goroutines of this M have frames on g0
    /// below the caller's. On the pinned runtime only.
    ///
    /// # Safety
    ///
    /// Must be called on the goroutine's stack, between [`begin`](Self::begin) and
    /// [`end`](Self::end).
    pub unsafe fn settle<P: Platform>(self, bottom: *mut u8) {
        // SAFETY: `g0_sp` is this thread's, and the goroutine is locked to it.
        unsafe {
            // Beneath is C, and no catch: neither the end of the run nor a Goexit that was swallowed is thrown here.
            let holding = &self.g().as_ref().holding;
            holding.set(holding.get() + 1);
            while self.m().g0_sp.get() != bottom {
                yield_now::<P>();
            }
            holding.set(holding.get() - 1);
        }
    }
}

/// Lets the goroutine give way if its turn is over, or others wait for its thread, and ends it if the run is: after a
/// call that was said to last. No operation of the bridge does so by itself.
///
/// Must be called on the goroutine's stack, in its ordinary code; elsewhere it does nothing. All handles are dead
/// when it returns. It may unwind.
#[inline(always)]
pub fn look_up<P: Platform>() {
    suspend_after_c::<P>();
}

/// Ends the program over a misuse of the bridge; names the goroutine if there is one.
pub fn bad_call<P: Platform>(reason: &'static str) -> ! {
    // SAFETY: Ms are never freed.
    let g = unsafe { P::current().as_ref().and_then(M::curg) };
    fatal::<P>(g, reason)
}
