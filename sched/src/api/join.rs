//! A goroutine's end, and who waits for it.
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
//! The exiting goroutine's last touch of its own G is the store of DONE, after the switch away
//! from its stack: so whoever sees DONE may use the stack again.

use core::fmt;
use core::marker::PhantomData;
use core::mem;
use core::ptr::NonNull;

use g0_arch::sync::atomic::Ordering;

use crate::exec::enter::{Caller, enter, leave};
use crate::exec::exit::unobserved;
use crate::exec::refs::free_from_anywhere;
use crate::objects::g::G;
use crate::objects::join_word::{DETACHED, DONE};
use crate::objects::waiter::Waiter;
use crate::parts::wait_reason::WaitReason;
use crate::platform::{Outcome, Platform};

/// A goroutine that can be waited for. Dropping it lets the goroutine run on by itself: a panic that nobody
/// takes is fatal, whether it comes then or has ended the goroutine before ([`Uncaught`](crate::Uncaught) says
/// otherwise). Only whoever drops the handle while unwinding drops such a panic with it.
pub struct JoinHandle<T, P: Platform> {
    g: NonNull<G>,
    result: *mut Outcome<T, P>,
    _owns: PhantomData<Outcome<T, P>>,
}

// SAFETY: the handle gives access to the result, which is `Send`, and to the G's join word.
unsafe impl<T: Send, P: Platform> Send for JoinHandle<T, P> {}
// SAFETY: a shared handle only reads the join word.
unsafe impl<T: Send, P: Platform> Sync for JoinHandle<T, P> {}

impl<T, P: Platform> JoinHandle<T, P> {
    /// # Safety
    ///
    /// `g` is a goroutine just made, whose result of this type will lie at `result`; this is its
    /// one handle.
    pub(crate) unsafe fn new(g: NonNull<G>, result: *mut Outcome<T, P>) -> Self {
        Self { g, result, _owns: PhantomData }
    }

    fn word(&self) -> &g0_arch::sync::atomic::AtomicUsize {
        // SAFETY: the G is not used again while its handle lives.
        unsafe { &self.g.as_ref().join }
    }

    /// Whether the goroutine has ended, so that [`join`](Self::join) would not wait.
    pub fn is_finished(&self) -> bool {
        self.word().load(Ordering::Acquire) == DONE
    }

    /// Waits until the goroutine has ended and returns its result: `Err` with the payload if a
    /// panic or [`goexit`](super::goroutine::goexit) ended it. A goroutine parks, any other thread blocks.
    ///
    /// # Panics
    ///
    /// When a goroutine joins itself, and on the system stack.
    #[inline]
    pub fn join(self) -> Outcome<T, P> {
        while !self.is_finished() {
            self.wait();
        }
        // SAFETY: DONE: the result is written and the goroutine has left its stack for good.
        let result = unsafe { self.result.read() };
        free_from_anywhere::<P>(self.g);
        mem::forget(self);
        result
    }

    /// Out of line: a goroutine that has ended is joined in a few instructions.
    #[inline(never)]
    fn wait(&self) {
        let who = enter::<P>();
        if let Caller::Goroutine(m, g) = who
            && g == self.g
        {
            leave(m);
            panic!("g0: a goroutine joins itself; it would wait for ever");
        }
        let waiter = Waiter::new(who, false, WaitReason::Join);
        // A waiter and the word it goes into, for `commit`.
        let pair = (self.word(), &raw const waiter);
        // SAFETY: the waiter and the pair live until the wait is over; the exiting goroutine
        // wakes the waiter it finds in the word once.
        let (who, cancelled) =
            unsafe { waiter.park::<P>(who, commit, (&raw const pair).cast_mut().cast()) };
        if let (Caller::Goroutine(m, g), true) = (who, cancelled) {
            let registered = (&raw const waiter).addr();
            let out =
                self.word().compare_exchange(registered, 0, Ordering::AcqRel, Ordering::Acquire);
            if out.is_ok() {
                leave(m);
                crate::exec::cancel::unwind::<P>(g);
            }
            let m = crate::wait::cancel::await_pending_wake::<P>(m, g);
            leave(m);
        } else if let Caller::Goroutine(m, _) = who {
            leave(m);
        }
    }
}

/// The joiner's unlock function.
///
/// # Safety
///
/// `arg` points to the pair that `wait` made.
unsafe fn commit(arg: *mut u8, _g: NonNull<G>) -> bool {
    // SAFETY: the caller's promise.
    let (word, waiter) =
        unsafe { arg.cast::<(&g0_arch::sync::atomic::AtomicUsize, *const Waiter)>().read() };
    // Release: whoever finds the waiter sees what is in it. Failure: it has ended.
    word.compare_exchange(0, waiter.expose_provenance(), Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

impl<T, P: Platform> Drop for JoinHandle<T, P> {
    fn drop(&mut self) {
        if self.word().compare_exchange(0, DETACHED, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: DONE: as in `join`; a scope outlives the handles of its goroutines.
            unsafe {
                unobserved::<P, T>(self.g, &*self.result);
                self.result.drop_in_place();
            }
            free_from_anywhere::<P>(self.g);
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
