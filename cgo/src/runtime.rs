//! What this crate needs of a scheduler.

use core::{fmt, ptr};

use g0_arch::tools::Crossing;
use g0_defer::Unwind;

use crate::{Call, CallbackError};

/// A goroutine sitting on a machine: where the bridge keeps its two words, and what it must know.
///
/// > For one M the runtime always gives the same `g0_sp` and the same `call`, and those to one
/// > [`Runtime`] type only.
///
/// A handle is good as long as the goroutine stays on its M: from [`enter`](Runtime::enter) to
/// [`leave`](Runtime::leave), and from [`begin`](Runtime::begin) to [`end`](Runtime::end), which bind
/// the goroutine for that length. It must never be kept across anything else.
#[derive(Clone, Copy, Debug)]
pub struct MHandle {
    /// The M's `g0.sp`: below the address held here the M's system stack is free.
    pub g0_sp: *mut *mut u8,
    /// The M's `incgo`: the call whose foreign code runs on it, null if none does. The runtime
    /// starts it at null and only ever reads it, from another thread as an atomic. It changes in the foreign
    /// state alone, where nothing can come between, so it is null at each of the four edges.
    pub call: *mut *mut Call,
    /// In models the word as other threads see it: it is written together with `call`.
    #[cfg(loom)]
    pub shown: &'static g0_arch::sync::atomic::AtomicPtr<u8>,
    /// The lowest address of the goroutine's stack that its code may use.
    pub limit: *mut u8,
    /// A word of the runtime's own, given back to it: its M, say.
    pub token: *mut (),
}

/// What kind of caller asks, from the runtime's point of view.
#[derive(Clone, Copy, Debug)]
pub enum CallerContext {
    /// A goroutine's ordinary code, on the goroutine's stack. `*call` is null.
    Goroutine(MHandle),
    /// Foreign code, on g0, in a call of that goroutine. `*call` is not null.
    Foreign(MHandle),
    /// The scheduler's own code, on g0: no goroutine is in a call here.
    SystemStack,
    /// A thread that the runtime did not start and has [adopted](Runtime::adopt), in code of its own between
    /// its callbacks. `*call` is a [root](Call::root).
    Adopted(MHandle),
    /// A thread that the runtime does not know.
    Outside,
}

/// A scheduler, as seen from the bridge: eight functions, and the way its goroutines unwind.
///
/// The edges of the state diagram in the [crate's essay](crate) are four of them. `enter` and
/// `leave` are the hot pair: everything that an empty call costs beyond changing the stack
/// happens there, so they should inline to a store and a check. A runtime into which foreign threads
/// may call has four functions more, `adopt`, `arrive`, `was_ended` and `depart`; without them a callback on
/// such a thread is fatal.
///
/// # Safety
///
/// `here` must tell the truth, and each function must do what it promises below. None of them may unwind, but for
/// `leave` and `look_up`. While a goroutine is in foreign code (from `enter` or `end` to `leave` or `begin`) its M
/// must run no other goroutine and no scheduler code on g0 (L6): the C frames lie there, and `*g0_sp` still points
/// above them.
pub unsafe trait Runtime: 'static {
    /// How goroutines unwind: `g0_defer::Rust`, or [`NoUnwind`](crate::NoUnwind) on a kernel.
    type Unwind: Unwind;

    /// Returns what kind of caller asks.
    ///
    /// *Context:* anywhere, any thread. Runs on every call: it reads a thread's M and a flag or two.
    /// If goroutines change threads, it must find the thread anew each time, by assembly or behind
    /// `#[inline(never)]`: two calls in a row may be inlined into one function.
    fn here() -> CallerContext;

    /// Says that from now on the goroutine is in foreign code. A store or two; a retaker may take this
    /// M's P from this moment.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the goroutine's stack, in its ordinary code; the runtime must not
    /// schedule in here. `handle` must be from [`here`](Runtime::here) just now.
    unsafe fn enter(handle: MHandle);

    /// Says that the goroutine has come back. Records the end first and only then sees to it that there
    /// is a P, for after that the goroutine may be on another M: `handle` is dead when this returns. It may end
    /// the goroutine by Goexit, as its last act, unless a payload is [held](Unwind::holding).
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the goroutine's stack, with `*g0_sp` as it was in `enter`; may park
    /// the goroutine. It must pair with the last `enter` of this goroutine that is still open.
    unsafe fn leave(handle: MHandle);

    /// Gives the M's P away at once, because this call will last. A retaker may have taken it already. A
    /// runtime without a method of its own does nothing: the P is retaken like any other.
    ///
    /// The result is handed to the `released` of the same call: the call that lasts in which this one is made,
    /// from a callback.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the goroutine's stack, in the foreign state, right after `enter`, with
    /// `*call` the call; the runtime must not schedule in here.
    unsafe fn release(handle: MHandle) -> *mut Call {
        _ = handle;
        ptr::null_mut()
    }

    /// Says that the call for which `release` was called is over.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the goroutine's stack, right before `leave`, with `*call` null; `outer` must
    /// be the result of the `release` that this one pairs with.
    unsafe fn released(handle: MHandle, outer: *mut Call) {
        _ = (handle, outer);
    }

    /// Lets the goroutine, which is back from a [`call_blocking`](crate::Bridge::call_blocking), give way to
    /// others or end, if the runtime wants that: the one edge of a call that may suspend it, or unwind. A runtime
    /// without a method of its own does nothing.
    ///
    /// *Context:* on the goroutine's stack, in its ordinary code.
    fn look_up() {}

    /// Begins a callback from C: the goroutine is bound to this M (an internal lock count: its own locks
    /// and unlocks do not undo it), gets a P, and is in ordinary code when this returns (L19).
    ///
    /// The result is handed to the `end` of the same callback: what C must find unchanged
    /// afterwards although other goroutines ran on this thread in between, which is `errno` on hosts.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on g0, below the C frames, in the foreign state. `*g0_sp` still points
    /// above those frames: nothing may be started there. If no P is free this blocks the thread. From
    /// here until the closure starts, and from its end until `end`, the goroutine is in its ordinary
    /// state but on g0: code that preempts from an interrupt looks at the stack pointer, too.
    unsafe fn begin(handle: MHandle) -> usize;

    /// Ends the callback, which returns to C: undoes `begin`, and the goroutine is in foreign code again.
    /// Goroutines that the callback made ready get an M now, this one being away.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on g0, below the C frames, in the goroutine's ordinary state. `*g0_sp`
    /// points to frames that are gone: nothing may be started there. `word` must be the result of the
    /// `begin` that this one pairs with.
    unsafe fn end(handle: MHandle, word: usize);

    /// Says that foreign code goes on after a callback: `call` is the innermost, or the
    /// [root](Call::root) of an adopted thread. If the call was [released](Runtime::release) the thread now rests
    /// for longer: the runtime may give the P that the callback had to an M that waits for one. Provided: it does
    /// nothing.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on g0, below the C frames, in the foreign state, right after `end`, with `*call`
    /// the call again and `*g0_sp` as it was in `begin`.
    #[inline(always)]
    unsafe fn rests(handle: MHandle, call: *mut Call) {
        _ = (handle, call);
    }

    /// Says that what unwinds out of the closure that is about to run goes over frames of C
    /// ([`callback_unwind`](crate::Bridge::callback_unwind)): a runtime that ends must not throw a Goexit of its own
    /// there. Provided, as [`unbar`](Runtime::unbar): for runtimes that throw none.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on g0, between `begin` and the closure; `unbar` must follow.
    #[inline(always)]
    unsafe fn bar(handle: MHandle) {
        _ = handle;
    }

    /// Undoes [`bar`](Runtime::bar).
    ///
    /// # Safety
    ///
    /// *Context:* must be called on g0, between the closure and `end`.
    #[inline(always)]
    unsafe fn unbar(handle: MHandle) {
        _ = handle;
    }

    /// Returns once `*handle.g0_sp == bottom`, with the goroutine running on.
    ///
    /// Between the start of a callback and its end, other goroutines of the same M may have called
    /// C and be parked in callbacks of their own; then their C frames lie below this call's on this g0,
    /// and this call's may not be returned to before they are gone. A runtime whose `begin` *reserves* the
    /// M never gets here.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the goroutine's stack, in its ordinary code; it parks or yields,
    /// with the goroutine bound since `begin`, and must not unwind. `bottom` must be what `*handle.g0_sp` held
    /// when the callback's closure started.
    unsafe fn settle(handle: MHandle, bottom: *mut u8);

    /// Returns the way from the goroutine's stack to the M's system stack, for memory checkers; see
    /// [`Crossing`].
    /// Provided: a runtime that does not announce its stacks.
    ///
    /// # Safety
    ///
    /// *Context:* must be called with the goroutine in its call or on its own stack, before each change;
    /// `handle` must be that goroutine's.
    #[inline(always)]
    unsafe fn crossing(handle: MHandle) -> Crossing {
        let _ = handle;
        Crossing::UNTOLD
    }

    /// Adopts a thread that the runtime does not know and that calls back: gives it an *extra M*, whose
    /// goroutine seems to be in a call. Returns a handle whose `*call` is a [root](Call::root), with
    /// which the thread has [arrived](Runtime::arrive). Whether the thread has the handle until it ends
    /// or for this callback only is the runtime's matter. Without a method of the runtime's own the
    /// callback is fatal: there are no such threads.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the thread's own stack, with [`here`](Runtime::here) saying
    /// [`Outside`](CallerContext::Outside); may allocate and take locks. [`depart`](Runtime::depart) must follow,
    /// with [`begin`](Runtime::begin) and [`end`](Runtime::end) before it.
    ///
    /// # Errors
    ///
    /// When the thread cannot be served, for which C need not die.
    unsafe fn adopt() -> Result<MHandle, CallbackError> {
        Self::fatal(BadCall::UnknownThread)
    }

    /// Says that a callback is to begin on a thread that has been adopted before:
    /// [`begin`](Runtime::begin) follows. Returns `handle`, or another one if the runtime has changed.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the thread's own stack; `handle` must be from
    /// [`CallerContext::Adopted`] just now.
    ///
    /// # Errors
    ///
    /// As [`adopt`](Runtime::adopt).
    unsafe fn arrive(handle: MHandle) -> Result<MHandle, CallbackError> {
        Ok(handle)
    }

    /// Returns whether the Goexit that has come to the bottom of an adopted thread's goroutine was thrown
    /// by the runtime, because the runtime ends: then C gets the default. Otherwise the Goexit is fatal.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on that goroutine's stack, in the callback.
    unsafe fn was_ended(handle: MHandle) -> bool {
        _ = handle;
        false
    }

    /// Says that the callback of an adopted thread is over, after [`end`](Runtime::end). A thread that
    /// has but borrowed its M gives it back: `handle` is dead when this returns.
    ///
    /// # Safety
    ///
    /// *Context:* must be called on the thread's own stack, with `*call` the root again. It must pair
    /// with the `adopt` or `arrive` that gave `handle`.
    unsafe fn depart(handle: MHandle) {
        _ = handle;
    }

    /// Reports a misuse of the bridge which leaves no way back, and ends the program.
    ///
    /// *Context:* any stack, any thread. Must not unwind: foreign frames may lie above.
    fn fatal(bad: BadCall) -> !;
}

/// A callback that cannot be one. Fatal, because C waits for a result that nothing can compute;
/// `Display` names the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadCall {
    /// From a goroutine's ordinary code, so no foreign call is open above it. Also what a callback
    /// inside a [`call_leaf`](crate::Bridge::call_leaf) is.
    NotInCall,
    /// From the scheduler's own code on g0.
    SystemStack,
    /// From a thread that the runtime does not know, and it takes none of that kind.
    UnknownThread,
    /// From a thread that the runtime does not know, while it takes none, by a form of callback that has no
    /// value for C then.
    NoRuntime,
    /// A panic that was not caught, on a thread that the runtime did not start.
    ForeignPanic,
    /// A Goexit on a thread that the runtime did not start.
    ForeignGoexit,
}

impl BadCall {
    /// Returns what happened, and the remedy.
    pub const fn text(self) -> &'static str {
        match self {
            BadCall::NotInCall => {
                "bad g in callback: it came from goroutine code outside any call; call the C \
                 function through `call` (not `call_leaf`), or the Rust function directly"
            }
            BadCall::SystemStack => {
                "bad g in callback: it came from the scheduler's own code; hooks that run on g0 \
                 must not use the bridge"
            }
            BadCall::UnknownThread => {
                "bad g in callback: it came from a thread that the runtime does not know; hand the \
                 event to a goroutine, or call C from a goroutine and let C call back on that thread"
            }
            BadCall::NoRuntime => {
                "bad g in callback: it came from a thread that no runtime has started, and none runs; \
                 use `callback` or `try_callback`, which have an answer to that"
            }
            BadCall::ForeignPanic => {
                "a panic in a callback on a foreign thread: there is no call beneath in which it could go \
                 on; catch it inside the callback"
            }
            BadCall::ForeignGoexit => {
                "goexit in a callback on a foreign thread: the thread is C's, and no goroutine beneath \
                 could end; return from the callback"
            }
        }
    }
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for BadCall {}
