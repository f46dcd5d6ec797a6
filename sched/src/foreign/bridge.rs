//! What a bridge to foreign code needs of the scheduler; `g0-cgo` is one.
//!
//! ```text
//!                 enter                       begin
//!   goroutine ───────────▶ foreign (on g0) ───────────▶ goroutine, locked
//!             ◀───────────                 ◀───────────
//!                 leave                        end
//! ```
//!
//! In foreign code the bridge's word `m.call` is not null, and that is all that says so: sysmon may
//! take the P of an M that stays in the same call while it is outside. Whoever comes back has
//! cleared the word first and looks at the claim afterwards:
//!
//! ```text
//!   M (leave, begin)                 sysmon
//!   m.call := null                   word := RAISED
//!   light fence                      heavy fence
//!   load word                        second look: m.call still not null?
//! ```
//!
//! So either the M sees that its P is wanted, or sysmon sees that it is back (L5, L19).

use core::ptr;

use g0_arch::tools::Crossing;

use super::extram;
pub use super::extram::{Refused, thread_ends};
use crate::exec::enter::{acquire, leave as exit};
use crate::exec::g0::{crossing, on_g0};
use crate::exec::switch::core_of;
use crate::exec::yields::yield_now;
use crate::objects::g::G;
use crate::objects::m::M;
pub use crate::parts::libcall::LibCall;
use crate::parts::light_fence::light_fence;
use crate::platform::Platform;
use crate::platform::fatal::fatal;
use crate::policy::lockedm::{lock_callback, unlock_callback, unlock_internal};
use crate::policy::sched_state::disown;

/// The part of a callback's word that is `errno`; beside it, in 20 bits, the locks that it covers.
const ERRNO: usize = if usize::BITS == 32 { 0xFFF } else { u32::MAX as usize };

/// Who is asking.
#[derive(Debug, Clone, Copy)]
pub enum CallerContext {
    /// A goroutine on its own stack.
    Goroutine(MHandle),
    /// Foreign code on g0, in a call of a goroutine.
    Foreign(MHandle),
    /// The scheduler's code on g0.
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
    /// The user's, from outside the callback that it is in: an unlock does not reach them.
    pub outer: usize,
    /// Those of callbacks, library calls and parks while unwinding.
    pub internal: usize,
}

/// An M whose goroutine is going to foreign code or is in it.
#[derive(Debug, Clone, Copy)]
pub struct MHandle {
    m: &'static M,
}

/// Who is asking. Any context.
#[inline(always)]
pub fn here<P: Platform>() -> CallerContext {
    // SAFETY: Ms are never freed.
    let Some(m) = (unsafe { P::current().as_ref() }) else { return CallerContext::Outside };
    if m.in_foreign_code() {
        if m.is_between_callbacks() {
            CallerContext::Adopted(MHandle { m })
        } else {
            CallerContext::Foreign(MHandle { m })
        }
    } else if m.curg().is_some() {
        CallerContext::Goroutine(MHandle { m })
    } else {
        P::check_process();
        CallerContext::SystemStack
    }
}

/// A thread that is no M calls back: it is given one, and the callback may begin, as after a successful
/// [`MHandle::arrive`]. The bridge writes its [`root`](MHandle::root).
///
/// # Errors
///
/// See [`Refused`].
pub fn adopt<P: Platform>() -> Result<MHandle, Refused> {
    extram::adopt::<P>().map(|m| MHandle { m })
}

impl MHandle {
    /// A callback is to begin on an adopted thread. False: its scheduler has ended; nothing has changed.
    ///
    /// # Safety
    ///
    /// The handle is from [`CallerContext::Adopted`].
    #[inline(always)]
    pub unsafe fn arrive(self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { extram::arrive(self.m) }
    }

    /// The callback has ended, and the thread is in code of its own. It may have no handle after this.
    ///
    /// # Safety
    ///
    /// On the thread of the handle; the callback had [arrived](Self::arrive), the bridge's word points to
    /// the [`root`](Self::root) again.
    #[inline(always)]
    pub unsafe fn depart<P: Platform>(self) {
        // SAFETY: the caller's promise.
        unsafe { extram::depart::<P>(self.m) }
    }

    /// A Goexit has come to the bottom of an adopted thread's goroutine, and would go on in nothing. True: the
    /// end of the scheduler has thrown it, and the callback is over.
    ///
    /// # Safety
    ///
    /// On that goroutine, in the callback.
    pub unsafe fn was_ended(self) -> bool {
        // SAFETY: the caller's promise.
        unsafe { extram::was_ended(self.m) }
    }

    /// An adopted thread gives its M back.
    ///
    /// # Safety
    ///
    /// The handle is from [`CallerContext::Adopted`]; it is dead afterwards.
    pub unsafe fn part<P: Platform>(self) {
        // SAFETY: the caller's promise.
        unsafe { extram::part::<P>(self.m) }
    }

    /// What the bridge's word points to while an adopted thread is in code of its own: the bridge's, as
    /// long as the M. The scheduler only compares the address.
    #[inline(always)]
    pub fn root(self) -> *mut *mut u8 {
        self.m.root().cast()
    }

    /// Where the stack of an adopted thread's goroutine is free: all of it, between callbacks.
    #[inline]
    pub fn top(self) -> *mut u8 {
        // SAFETY: written once, before the thread was given the M.
        unsafe { self.m.extra.own_g.get().cast() }
    }

    /// The handle of a token.
    ///
    /// # Safety
    ///
    /// `token` came from [`token`](Self::token).
    #[inline(always)]
    pub unsafe fn from_token(token: *mut ()) -> Self {
        // SAFETY: the caller's promise; Ms are never freed.
        Self { m: unsafe { &*token.cast::<M>() } }
    }

    /// The handle as a word.
    #[inline(always)]
    pub fn token(self) -> *mut () {
        ptr::from_ref(self.m).cast_mut().cast()
    }

    /// The word that holds g0's stack pointer: below it g0 is free.
    #[inline(always)]
    pub fn g0_sp(self) -> *mut *mut u8 {
        self.m.g0_sp.as_ptr()
    }

    /// The bridge's own word: not null while foreign code runs (`incgo`).
    #[inline(always)]
    pub fn call(self) -> *mut *mut u8 {
        #[cfg(not(loom))]
        return self.m.call.as_ptr();
        #[cfg(loom)]
        return self.m.call_here.as_ptr();
    }

    /// In a model the bridge writes its word twice: where [`call`](Self::call) says, and here, where
    /// others look.
    #[cfg(loom)]
    pub fn call_shown(self) -> &'static g0_arch::sync::atomic::AtomicPtr<u8> {
        &self.m.call
    }

    /// The lowest byte of the goroutine's stack. In the goroutine's state.
    #[inline(always)]
    pub fn limit(self) -> *mut u8 {
        match self.m.curg() {
            // SAFETY: the running goroutine lies in its stack.
            Some(g) => unsafe { G::header(g).as_ref().bottom() },
            None => ptr::null_mut(),
        }
    }

    /// From the goroutine's stack to the M's, for memory checkers.
    #[inline(always)]
    pub fn crossing(self) -> Crossing {
        crossing(self.m)
    }

    /// How often the goroutine is locked to its thread (L8): for reports and tests.
    pub fn locks(self) -> LockCounts {
        // SAFETY: the running goroutine's own counts.
        let locks = self.m.curg().map(|g| unsafe { g.as_ref().locks.get() }).unwrap_or_default();
        LockCounts { external: locks.external(), outer: locks.outer(), internal: locks.internal() }
    }

    /// The goroutine goes to foreign code, and the bridge sets its word. No scheduling point until [`leave`](Self::leave).
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, outside.
    #[inline(always)]
    pub unsafe fn enter(self) {
        self.m.foreign.calls.add(1);
    }

    /// It is back: the bridge has cleared its word. Then there is a P again.
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, after [`enter`](Self::enter).
    #[inline(always)]
    pub unsafe fn leave<P: Platform>(self) {
        // SAFETY: the caller's promise.
        unsafe { self.back::<P>(false) }
    }

    /// Sees to it that the M owns a P. `on_g0`: that is the stack we are on.
    #[inline(always)]
    unsafe fn back<P: Platform>(self, on_g0: bool) {
        let m = self.m;
        // SAFETY: `symmetric` is written before the M starts.
        light_fence(unsafe { m.symmetric.get() });
        if !m.claim.is_owned() {
            lost::<P>(m, on_g0);
        }
    }

    /// The call will last: the P goes to somebody else at once.
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, right after [`enter`](Self::enter).
    pub unsafe fn release<P: Platform>(self) {
        let m = self.m;
        // SAFETY: `symmetric` is written before the M starts.
        if m.claim.enter(unsafe { m.symmetric.get() }) || m.claim.holds() {
            let core = core_of(m);
            // SAFETY: inside, on the goroutine's stack; g0 is free below g0_sp.
            unsafe { on_g0(m, || core.hand_off::<P>(disown(m))) };
        }
        exit(m);
    }

    /// Foreign code calls back: the goroutine is locked to the thread and owns a P.
    ///
    /// # Safety
    ///
    /// On g0, in foreign code.
    #[inline(always)]
    pub unsafe fn begin<P: Platform>(self) -> usize {
        // SAFETY: the goroutine whose call this is.
        unsafe {
            let covered = match self.m.curg() {
                Some(g) => lock_callback(self.m, g),
                None => 0,
            };
            let errno = self.m.errno.get();
            let word = if errno.is_null() { 0 } else { errno.read() as u32 as usize & ERRNO };
            self.back::<P>(true);
            word | covered << ERRNO.count_ones()
        }
    }

    /// The callback returns: foreign code again. What it made ready is sysmon's to see to, which
    /// sleeps for no longer than a nap while an M owns a P, and looks again within its shortest period.
    ///
    /// # Safety
    ///
    /// On g0, after [`begin`](Self::begin), whose result is `word`.
    #[inline(always)]
    pub unsafe fn end<P: Platform>(self, word: usize) {
        // SAFETY: the goroutine has come back to the thread that it is locked to.
        unsafe {
            if let Some(g) = self.m.curg() {
                unlock_callback::<P>(self.m, g, word >> ERRNO.count_ones());
            }
            self.m.foreign.callbacks.add(1);
            let errno = self.m.errno.get();
            if !errno.is_null() {
                errno.write((word & ERRNO) as i32);
            }
        }
    }

    /// The goroutine keeps its thread for itself, until [`share`](Self::share): what is written into
    /// [`libcall`](Self::libcall) stays, whatever is scheduled. The result is for `share`.
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, outside. Calls of `hold` and [`release_hold`](Self::release_hold)
    /// nest.
    pub unsafe fn hold(self) -> *mut () {
        match self.m.curg() {
            // SAFETY: the goroutine whose handle this is.
            Some(g) => unsafe { crate::policy::lockedm::reserve_alone(self.m, g).cast() },
            None => ptr::null_mut(),
        }
    }

    /// The thread is shared again, as any locked one; the goroutine stays locked to it.
    ///
    /// # Safety
    ///
    /// On the M of the [`hold`](Self::hold) whose result is `before`; nothing was locked or unlocked
    /// in between.
    pub unsafe fn share(self, before: *mut ()) {
        if let Some(g) = self.m.curg() {
            // SAFETY: as above.
            unsafe { crate::policy::lockedm::share_again(self.m, g, before.cast()) };
        }
    }

    /// Ends a [`hold`](Self::hold) that has been shared again.
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, outside, on the M of the `hold`.
    pub unsafe fn release_hold<P: Platform>(self) {
        if let Some(g) = self.m.curg() {
            // SAFETY: as above.
            unsafe { unlock_internal::<P>(self.m, g) };
        }
    }

    /// The library call that this M's goroutine prepares or is in. Its own thread only.
    #[inline]
    pub fn libcall(self) -> *mut LibCall {
        self.m.foreign.libcall.as_ptr()
    }

    /// Where this thread's `errno` lies, or null. Its own thread only.
    #[inline]
    pub fn errno(self) -> *mut i32 {
        // SAFETY: written when the M began, by its thread.
        unsafe { self.m.errno.get() }
    }

    /// Returns once `*g0_sp` is `bottom`: other goroutines of this M have frames on g0 below ours.
    /// On the safe runtime only.
    ///
    /// # Safety
    ///
    /// On the goroutine's stack, between [`begin`](Self::begin) and [`end`](Self::end).
    pub unsafe fn settle<P: Platform>(self, bottom: *mut u8) {
        // SAFETY: `g0_sp` is this thread's, and the goroutine is locked to it.
        while unsafe { self.m.g0_sp.get() } != bottom {
            yield_now::<P>();
        }
    }
}

/// The P has been taken, or is being: take it back, or wait for another.
#[cold]
#[inline(never)]
fn lost<P: Platform>(m: &'static M, on_g0: bool) {
    // SAFETY: `symmetric` is written before the M starts.
    if !m.claim.enter(unsafe { m.symmetric.get() }) {
        acquire::<P>(m, on_g0);
    }
    exit(m);
}

/// Ends the program over a misuse of the bridge; names the goroutine if there is one.
pub fn bad_call<P: Platform>(reason: &'static str) -> ! {
    // SAFETY: Ms are never freed.
    let g = unsafe { P::current().as_ref().and_then(M::curg) };
    fatal::<P>(g, reason)
}
