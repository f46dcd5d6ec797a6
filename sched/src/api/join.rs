//! A goroutine's end, and the joiner that waits for it.
//!
//! ```text
//!   join word        0 ──── commit (join) ───▶ waiter
//!                    │ │                         │ post_exit
//!        drop handle │ │ post_exit               ▼
//!                    │ └──────────────────────▶ DONE ──▶ the joiner takes the result
//!                    ▼                                    and frees the G
//!                 DETACHED ── post_exit ──▶ freed by the M it ended on
//! ```
//!
//! The exiting goroutine's last touch of its own G is the store of DONE, after the switch away from
//! its stack: so a joiner that sees DONE may use the stack again.

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr::{self, NonNull};

use g0_arch::sync::atomic::Ordering;

use crate::exec::enter::enter;
use crate::exec::exit::unobserved;
use crate::exec::handles::free_from_anywhere;
use crate::exec::obey::has_failed_here;
use crate::exec::suspend::suspend_here;
use crate::objects::g::{G, scheduler_of};
use crate::objects::join_word::{DETACHED, DONE, joined_by};
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::{Outcome, Platform};

/// A goroutine that can be waited for. Dropping the handle lets the goroutine run on by itself: then a panic
/// in it is fatal, whether it comes later or has ended the goroutine before ([`Uncaught`](crate::Uncaught)
/// says otherwise). Only a handle that is dropped while its thread unwinds takes such a panic with it.
pub struct JoinHandle<T, P: Platform> {
    g: NonNull<G>,
    result: *mut Outcome<T, P>,
    _owns: PhantomData<Outcome<T, P>>,
}

// SAFETY: the handle gives access to the G's join word and to the outcome, the result or the payload, which is
// `Send`.
unsafe impl<T, P: Platform> Send for JoinHandle<T, P> where Outcome<T, P>: Send {}
// SAFETY: a shared handle only reads the join word.
unsafe impl<T, P: Platform> Sync for JoinHandle<T, P> where Outcome<T, P>: Send {}

impl<T, P: Platform> JoinHandle<T, P> {
    /// # Safety
    ///
    /// `g` must be a goroutine just made, its result must be of this type and come to lie at
    /// `result`, and this must be its one handle.
    pub(crate) unsafe fn new(g: NonNull<G>, result: *mut Outcome<T, P>) -> Self {
        Self { g, result, _owns: PhantomData }
    }

    fn word(&self) -> &g0_arch::sync::atomic::AtomicUsize {
        // SAFETY: the G is not used again while its handle lives.
        unsafe { &self.g.as_ref().join }
    }

    /// Returns whether the goroutine has ended, so that [`join`](Self::join) would not wait.
    pub fn is_finished(&self) -> bool {
        self.word().load(Ordering::Acquire) == DONE
    }

    /// Waits until the goroutine has ended and returns its result: `Err` with the payload if a
    /// panic or [`goexit`](super::goroutine::goexit) ended it. A goroutine parks, any other thread blocks.
    ///
    /// The caller may be a goroutine of another runtime, and goes on in its own; the joined one's may have
    /// ended, which has ended the goroutine as by goexit. Only one that it had to leave behind never ends.
    ///
    /// # Panics
    ///
    /// When a goroutine joins itself, and on the system stack.
    #[inline(always)]
    pub fn join(self) -> Outcome<T, P> {
        if self.is_finished() {
            suspend_here::<P>();
        } else {
            loop {
                self.wait();
                if self.is_finished() {
                    break;
                }
            }
        }
        // SAFETY: DONE: the result is written, and the goroutine has left its stack for good. The handle is
        // forgotten.
        let result = unsafe {
            let result = self.result.read();
            free_from_anywhere::<P>(self.g);
            result
        };
        mem::forget(self);
        if result.is_err() {
            // Also when it has ended before: the end of the run may have unwound it.
            has_failed_here::<P>();
        }
        result
    }

    /// Out of line: a goroutine that has ended is joined in a few instructions.
    #[inline(never)]
    fn wait(&self) {
        let caller = enter::<P>();
        if caller.goroutine() == Some(self.g) {
            caller.leave();
            panic!("g0: a goroutine joins itself; it would wait for ever");
        }
        let waiter = Waiter::new(&caller, false, WaitReason::Join);
        // SAFETY: the handle keeps the G.
        let core = unsafe { scheduler_of(self.g) };
        // A thread's waiter is of no scheduler.
        let own = ptr::eq(waiter.core, core);
        let (word, registered) = (self.word(), joined_by(&raw const waiter, own));
        // Release: an exit that finds the waiter sees what is in it. Failure: the goroutine has ended.
        let publish = move || {
            word.compare_exchange(0, registered, Ordering::AcqRel, Ordering::Acquire).is_ok()
        };
        let withdraw =
            || word.compare_exchange(registered, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        // SAFETY: the waiter lives until the wait is over; the exiting goroutine wakes the waiter that it
        // finds in the word, once.
        unsafe { waiter.wait::<P>(caller, None, publish, withdraw) };
    }
}

impl<T, P: Platform> Drop for JoinHandle<T, P> {
    fn drop(&mut self) {
        if self.word().compare_exchange(0, DETACHED, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: DONE: the result is written, and the goroutine has left its stack for good. A
            // scope outlives the handles of its goroutines.
            unsafe {
                unobserved::<P, T>(self.g, &*self.result);
                self.result.drop_in_place();
                free_from_anywhere::<P>(self.g);
            }
        }
    }
}

impl<T, P: Platform> fmt::Debug for JoinHandle<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the handle keeps the G.
        f.debug_struct("JoinHandle")
            .field("goroutine", &unsafe { self.g.as_ref() }.ident.id())
            .finish()
    }
}
