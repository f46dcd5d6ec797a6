//! Calls here or on the next segment.

use core::convert::Infallible;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ptr::NonNull;

use g0_arch::tools::Crossing;
use g0_arch::{Arch, Native};

use super::room::{fits, left, wanted_with};
use super::{Here, Segment, kept, new, segment};
use crate::{Header, StackError};

/// Runs `f` here if `need` bytes fit, which costs a comparison; else on the next segment, which is kept afterwards.
/// Must be called on a stack of a task.
///
/// `need` is how many bytes `f` and all that it calls put onto the stack, up to the next `call`: this one makes sure of
/// [`Here::RESERVE`] beyond. It is a hint, and `f` that needs more overflows the stack or segment. What `f` captures is
/// moved to the segment by way of the caller's stack, so let it capture large things by reference.
///
/// # Panics
///
/// What `f` panics with, which is caught at the segment's base and thrown on here. [`Here::refused`] if there is no
/// segment to be had, for the reasons that [`try_call`] returns; `f` has been dropped then. [`Here::fatal`] where
/// nothing may grow, even if `need` bytes would fit there.
#[inline(always)]
pub fn call<H: Here, R>(need: usize, f: impl FnOnce() -> R) -> R {
    if fits::<H>(need) { here(f) } else { elsewhere::<H, _, R>(need, f) }
}

/// As [`call`], but returns why there is no segment; `f` has not run then, and has been dropped.
///
/// # Errors
///
/// [`StackError::ZeroSize`] for 0 bytes, [`StackError::TooLarge`] beyond the largest class (or the source's),
/// [`StackError::SegmentLimit`] beyond [`Here::limit`], and whatever else the source says.
///
/// # Panics
///
/// What `f` panics with. [`Here::fatal`] where nothing may grow.
#[inline(always)]
pub fn try_call<H: Here, R>(need: usize, f: impl FnOnce() -> R) -> Result<R, StackError> {
    if fits::<H>(need) { Ok(here(f)) } else { tried::<H, _, R>(need, f) }
}

/// Runs `f` in a frame of its own. Inlined, what it keeps on the stack would be in the frame of its caller, there
/// before anything is compared, and there also when `f` runs on a segment.
#[inline(never)]
fn here<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[inline(never)]
fn elsewhere<H: Here, F: FnOnce() -> R, R>(need: usize, f: F) -> R {
    match next::<H, Frame<H, F, R>>(need) {
        Ok((old, segment)) => thrown_on::<H, R>(old, run::<H, F, R>(old, segment, f)),
        Err(error) => {
            drop(f);
            refuse::<H>(error, need)
        }
    }
}

#[inline(never)]
fn tried<H: Here, F: FnOnce() -> R, R>(need: usize, f: F) -> Result<R, StackError> {
    let (old, segment) = next::<H, Frame<H, F, R>>(need)?;
    Ok(thrown_on::<H, R>(old, run::<H, F, R>(old, segment, f)))
}

/// Returns the present stack, and the segment above it on which the bytes and an `A` fit.
#[inline(always)]
fn next<H: Here, A>(need: usize) -> Result<(NonNull<Header>, NonNull<Header>), StackError> {
    let Some(old) = H::present() else { nowhere::<H>("grow::call") };
    let room_for = wanted_with::<H>(need, size_of::<A>());
    match segment::above(old) {
        // SAFETY: what is above is a segment of this task, which nothing runs on.
        Some(kept) if need != 0 && unsafe { Segment::room(kept) } >= room_for => Ok((old, kept)),
        _ if need == 0 => Err(StackError::ZeroSize),
        // SAFETY: it is the present stack of the task that runs here.
        _ => unsafe { new::segment::<H>(old, room_for, H::limit()) }.map(|new| (old, new)),
    }
}

/// What is in the caller's frame: the closure, and then what became of it.
struct Frame<H: Here, F, R> {
    crossing: Crossing,
    passed: Passed<H, F, R>,
}

union Passed<H: Here, F, R> {
    f: ManuallyDrop<F>,
    result: ManuallyDrop<Result<R, H::Payload>>,
}

/// Runs `f` on the segment above `old`, which is the present stack again afterwards.
#[inline(always)]
fn run<H: Here, F: FnOnce() -> R, R>(
    old: NonNull<Header>,
    segment: NonNull<Header>,
    f: F,
) -> Result<R, H::Payload> {
    unsafe extern "C" fn base<H: Here, F: FnOnce() -> R, R>(frame: *mut u8) -> usize {
        let frame = frame.cast::<Frame<H, F, R>>();
        // SAFETY: `run` passes its own frame, which it does not touch meanwhile. The closure is taken once, and the
        // result put into its place; the crossing is noted as the first thing here, and as the last.
        unsafe {
            (*frame).crossing.at_entry();
            let f = ManuallyDrop::into_inner((&raw const (*frame).passed.f).read());
            let result = ManuallyDrop::new(H::catch(f));
            (&raw mut (*frame).passed.result).write(result);
            (*frame).crossing.before_return();
        }
        0
    }
    let crossing = segment::crossing::<H>(old, segment);
    let passed = Passed { f: ManuallyDrop::new(f) };
    let mut frame = MaybeUninit::new(Frame::<H, F, R> { crossing, passed });
    let frame = frame.as_mut_ptr();
    // SAFETY: the segment is the task's, with room enough, and nothing is live on it; `base` returns (what unwinds
    // is caught, or ends the program there), and has written the result then. The task is the same one afterwards,
    // though the thread may be another: `set_present` finds it anew.
    unsafe {
        let slot = Segment::begin_call(segment, size_of::<Passed<H, F, R>>());
        let sp = Segment::at(segment).cast();
        H::set_present(segment);
        (*frame).crossing.before_call();
        Native::call_on(sp, base::<H, F, R>, frame.cast(), slot);
        crossing.after_call();
        H::set_present(old);
        ManuallyDrop::into_inner((&raw const (*frame).passed.result).read())
    }
}

/// Returns the result, or throws on what was thrown on the segment.
#[inline(always)]
fn thrown_on<H: Here, R>(old: NonNull<Header>, result: Result<R, H::Payload>) -> R {
    match result {
        Ok(result) => result,
        Err(payload) => throw_on::<H>(old, payload),
    }
}

#[cold]
fn throw_on<H: Here>(old: NonNull<Header>, payload: H::Payload) -> ! {
    // SAFETY: the caller runs on it.
    let stack = unsafe { old.as_ref() };
    let left = left(stack);
    if !stack.guarded() && left < H::RESERVE {
        let (top, reserve) = (stack.top(), H::RESERVE);
        H::fatal(format_args!(
            "g0-stack: grow::call: a panic leaves a segment for the stack with top {top:p}, where {left} bytes are \
             left: an unwinder needs {reserve}, and nothing guards this stack: make it larger, or do not panic",
        ))
    }
    H::resume(payload)
}

/// Ends a call that finds no segment: at the limit on one more, so that a panic and its hook have room.
#[cold]
#[inline(never)]
fn refuse<H: Here>(error: StackError, need: usize) -> ! {
    if let (StackError::SegmentLimit { .. }, Some(old)) = (error, H::present()) {
        // SAFETY: it is the present stack of the task that runs here.
        if let Ok(more) = unsafe { new::segment::<H>(old, wanted_with::<H>(1, 64), usize::MAX) } {
            let refused = run::<H, _, Infallible>(old, more, || H::refused(error, need));
            // SAFETY: as above; it is not kept, for it is beyond the limit.
            unsafe { kept::give_back::<H>(old) };
            match thrown_on::<H, Infallible>(old, refused) {}
        }
    }
    H::refused(error, need)
}

/// Ends the program: nothing grows where the caller is.
#[cold]
#[inline(never)]
fn nowhere<H: Here>(what: &str) -> ! {
    H::fatal(format_args!(
        "g0-stack: {what}: called {}: call it on the stack of a task",
        H::nowhere()
    ))
}
