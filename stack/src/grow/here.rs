//! What a kernel or a scheduler supplies.

use core::fmt;
use core::ptr::NonNull;

use g0_arch::tools::Fiber;

use crate::{Class, Header, Stack, StackError, StackSource};

/// What growth needs of the system that it runs in: the present stack, and setting it. Two functions say that, and a
/// third names the [source](Here::source) of segments; the rest is provided, for a system in which nothing unwinds.
///
/// A *task* here is what owns a chain of stacks: a goroutine, a kernel's thread of control, a coroutine.
///
/// # Safety
///
/// - [`present`](Here::present) must return the header of the stack that the running code uses: the task's own one, or
///   what [`set_present`](Here::set_present) last set for this task. It must return none on any other stack. The stack
///   must not have been freed, and nothing but this task may use it.
/// - Both must find the running task anew at each call. A task may go on on another thread of the machine after any
///   call of foreign code, so the compiler must not keep an address of a thread-local from one call to the next.
/// - [`apart`](Here::apart) must call its closure exactly once, and must not return before.
/// - [`catch`](Here::catch) must not unwind, if the system unwinds at all; [`resume`](Here::resume) must throw on what
///   it is given.
/// - [`source`](Here::source) must always be the same one for the tasks whose stacks can meet, for what comes from it
///   goes back to it.
pub unsafe trait Here: Sized {
    /// What travels with an unwinding: `core::convert::Infallible` where nothing unwinds.
    type Payload;

    /// Where a segment comes from when none is kept: a source, or what keeps stacks of one in front of it.
    type Source: StackSource;

    /// Bytes that stay free on each stack beyond what was asked for: for the next call over the boundary, which
    /// takes some hundred bytes of the stack that it leaves, and for the unwinder, where one is.
    const RESERVE: usize = if cfg!(debug_assertions) { 2048 } else { 512 };

    /// Returns the stack that the running code uses, the task's own or a segment; none where nothing may grow (a
    /// system stack, an interrupt or signal handler, foreign code).
    ///
    /// Called in any context: for each call that does not run in place, and, where [`bottom`](Here::bottom) is as
    /// provided, for each that does. So it should be a few instructions, inlined.
    fn present() -> Option<NonNull<Header>>;

    /// Makes `stack` the [present](Here::present) one of the running task. Called on the stack beneath: before the
    /// change to a segment, and when that has been left. A few instructions, inlined.
    ///
    /// # Safety
    ///
    /// There must be a running task, and the stack must be its own or a segment of its chain.
    unsafe fn set_present(stack: NonNull<Header>);

    /// Returns the source of segments. Called within [`apart`](Here::apart), and by
    /// [`unwindstack`](super::unwindstack), on the stack of its caller.
    fn source() -> Self::Source;

    /// Returns the lowest address of the present stack, and `usize::MAX` where there is none. Called before every call,
    /// in any context. Provided: [`present`](Here::present) is asked; a system that has the address in a word at hand
    /// may save a load.
    #[inline(always)]
    fn bottom() -> usize {
        match Self::present() {
            // SAFETY: the promise of this trait.
            Some(header) => unsafe { header.as_ref() }.bottom().addr(),
            None => usize::MAX,
        }
    }

    /// Returns where the running code is when [`present`](Here::present) is none, to end the sentence "called …" of a
    /// fatal message.
    fn nowhere() -> &'static str {
        "where no stack is that can grow"
    }

    /// Returns the class of a segment for a call that needs no more. Provided: 16 KiB, or 4 KiB where addresses have 32
    /// bits or fewer. The source must have it.
    fn class() -> Class {
        const { if usize::BITS == 64 { Class::of(16 << 10) } else { Class::of(4 << 10) } }
    }

    /// Returns how many bytes all segments of one task may take, kept ones included. Provided: 64 MiB, or 1 MiB where
    /// addresses have 32 bits or fewer.
    fn limit() -> usize {
        if usize::BITS == 64 { 64 << 20 } else { (1 << 20).min(usize::MAX / 4) }
    }

    /// Returns a stack of [`class`](Here::class) out of the source that is had at once, on the present stack; none as
    /// provided, and where [`apart`](Here::apart) has to be asked. Called where [`present`](Here::present) is some.
    #[inline(always)]
    fn take_at_hand() -> Option<Stack> {
        None
    }

    /// Takes a stack back into the source at once, on the present stack.
    ///
    /// # Errors
    ///
    /// The stack, which must go back by way of [`apart`](Here::apart) then; always, as provided.
    ///
    /// # Safety
    ///
    /// It must have come from the [`source`](Here::source), and no frame may be live on it. There must be a
    /// [present](Here::present) stack.
    #[inline(always)]
    unsafe fn put_at_hand(stack: Stack) -> Result<(), Stack> {
        Err(stack)
    }

    /// Runs what makes a segment, or gives segments back. Provided: on the present stack. A scheduler should run it
    /// where its source may be called and where there is room, on the system stack of the thread. Called on the present
    /// stack, of which [`RESERVE`](Here::RESERVE) bytes may be all that is left.
    #[inline(always)]
    fn apart<R>(f: impl FnOnce() -> R) -> R {
        f()
    }

    /// Runs `f` at the base of a segment, and returns its result or what was thrown out of it. Provided: nothing is
    /// caught, for systems where nothing unwinds; what does so all the same aborts at the base.
    #[inline(always)]
    fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self::Payload> {
        Ok(f())
    }

    /// Throws on, beneath the segment, what [`catch`](Here::catch) returned. Provided: fatal, for then nothing was
    /// caught.
    fn resume(payload: Self::Payload) -> ! {
        core::mem::forget(payload);
        Self::fatal(format_args!("g0-stack: grow: a payload, and no means to throw it on"))
    }

    /// Ends a [`call`](super::call) that finds no segment for `need` bytes. Provided: a panic with the error. At the
    /// [limit](Here::limit) it runs on one segment more than the limit allows, so that there is room for it.
    fn refused(error: StackError, need: usize) -> ! {
        panic!("g0-stack: grow::call: no segment for {need} bytes: {error}")
    }

    /// Ends the program, for a mistake in it after which nothing can go on. Provided: a panic.
    fn fatal(what: fmt::Arguments<'_>) -> ! {
        panic!("{what}")
    }

    /// Returns what memory checkers know of a task's own stack; of segments they are told here. Called only where
    /// a checker is compiled in.
    fn fiber(own: NonNull<Header>) -> Option<NonNull<Fiber>> {
        let _ = own;
        None
    }
}
