//! What a panic of a callback's closure does: it waits in the call's record for C to return, or it
//! leaves the call over C's frames.
//!
//! ```text
//!   callback                            callback_unwind
//!
//!   closure     panic                   closure     panic
//!   base        caught, held            base        caught, held
//!   callback    end, g0.sp put back     callback    end, g0.sp put back
//!   C           gets the default        C           |
//!   C           returns                 C           | escape: no frame here goes on
//!   base of the call                    base        v
//!   call        leave, goes on with it  call        leave, goes on with it
//! ```
//!
//! Up to the callback on g0 the two are one: it has put everything back before it looks whether
//! there is a value. From the end of the change of stacks on they are one again: the call finds a
//! panic in its record.

use g0_arch::tools::{self, Crossing};
use g0_arch::{Arch, Native, stack_pointer};

use crate::callback::on_goroutine;
use crate::record::DROPPED;
use crate::{BadCall, Bridge, MHandle, Runtime, foreign};

impl<R: Runtime> Bridge<R> {
    /// As [`callback`](Bridge::callback), but a panic or a Goexit of `f` does not wait for C: it goes
    /// on at once in the caller of `call`, and the frames in between, C's among them, are dropped.
    /// So no default is needed, and C is never given a value that nothing has computed.
    ///
    /// It is what Go does. The system stack, the locks that bind the goroutine and `errno` are put
    /// back as they were in the `call`, which ends like any other that panics. A panic that was held
    /// for an earlier callback of the same call goes on inside the newer one, as in a deferred call.
    ///
    /// The end of the run does not unwind a goroutine here, for the caller promises for panics of `f` alone: if `f`
    /// never ends, the goroutine is left behind.
    ///
    /// If `f` returns there is no difference. On a [foreign thread](Bridge::callback)
    /// there is no call whose frames could be dropped: a panic is fatal, and so is a runtime that
    /// refuses.
    ///
    /// # Safety
    ///
    /// If `f` panics or exits, then between this function and the innermost [`call`](Bridge::call) there
    /// must be only plain frames: those of C functions, and of Rust functions (the closure given to
    /// `call`, the `extern "C"` function around this) in which nothing waits to be dropped, and whose
    /// callers rely on no clean-up. The C library must tolerate that its functions in between never
    /// return, and do no more work: locks that they hold stay locked, memory that only they know stays
    /// allocated, and what they had begun to change stays half changed. That is `longjmp`'s contract,
    /// and a library that documents that it may be left by one keeps it.
    ///
    /// ```
    /// # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sixty_lines/runtime.rs")); }
    /// # use runtime::Sixty;
    /// # type C = g0_cgo::Bridge<Sixty>;
    /// # use std::panic::{catch_unwind, resume_unwind};
    /// /// In the place of a C library.
    /// extern "C" fn each(n: i32, see: unsafe extern "C" fn(i32)) {
    ///     for i in 0..n {
    ///         // SAFETY: nothing here is to be dropped.
    ///         unsafe { see(i) }
    ///     }
    ///     unreachable!("its caller went on");
    /// }
    ///
    /// unsafe extern "C" fn seven_is_enough(i: i32) {
    ///     // SAFETY: above are `each` and the closure below, which own nothing.
    ///     unsafe { C::callback_unwind(|| if i == 7 { resume_unwind(Box::new(i)) }) }
    /// }
    ///
    /// # #[cfg(feature = "std")]
    /// runtime::run(|| {
    ///     let seen = catch_unwind(|| C::call(|| each(10, seven_is_enough)));
    ///     assert_eq!(seen.unwrap_err().downcast_ref(), Some(&7));
    /// });
    /// ```
    #[inline]
    pub unsafe fn callback_unwind<T>(f: impl FnOnce() -> T) -> T {
        let Ok((handle, adopted)) = foreign::handle::<R>() else { R::fatal(BadCall::NoRuntime) };
        // SAFETY: the handle is fresh, and its goroutine in a call, or in what passes for one.
        let value = unsafe { on_goroutine::<R, _, _, DROPPED>(handle, f) };
        if adopted {
            // SAFETY: it has arrived.
            unsafe { R::depart(handle) }
        }
        match value {
            Some(value) => value,
            // The runtime has ended meanwhile.
            None if adopted => R::fatal(BadCall::NoRuntime),
            // SAFETY: the panic is in the call's record; the caller ensures that the frames may be dropped.
            None => unsafe { leave_c(handle, R::crossing(handle)) },
        }
    }
}

/// Leaves over the frames of C, to the end of the call's change of stacks: there the goroutine finds the
/// notes and goes on with the panic.
///
/// # Safety
///
/// This must be called on g0, in foreign code, in the innermost call, whose record has noted [`DROPPED`]
/// and a panic; `*g0_sp` must be as it was when the call began, and it must be sound to drop the frames
/// in between.
#[cold]
#[inline(never)]
unsafe fn leave_c(handle: MHandle, crossing: Crossing) -> ! {
    // SAFETY: the word points to the call. What `call_on` wrote there was the place of its own frame,
    // and this is its stack's only use until it returns.
    unsafe {
        let mut slot = (**handle.call).stack_pointer();
        tools::drop_frames(stack_pointer(), *handle.g0_sp);
        crossing.before_return();
        Native::escape(&raw mut slot, 0)
    }
}
