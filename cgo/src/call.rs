//! The way out: a closure runs on the M's system stack.

use core::mem::{self, ManuallyDrop, MaybeUninit};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use g0_arch::tools::Crossing;
use g0_arch::{self as arch, Arch, Native, stack_pointer};
use g0_defer::Unwind;

use crate::record::{DROPPED, HELD, LEAF, Link, NOTES, PANICKED};
use crate::word::{Base, fits, pack, unpack};
use crate::{Bridge, Call, CallerContext, MHandle, Runtime};

/// A closure on its way in, its result or its panic on the way back.
pub(crate) union Body<F, T, P> {
    pub(crate) f: ManuallyDrop<F>,
    pub(crate) value: ManuallyDrop<T>,
    pub(crate) panic: ManuallyDrop<P>,
}

/// What `call` and its base share. `Link` first: a pointer to one is a pointer to the other.
#[repr(C)]
struct Frame<F, T, P> {
    link: Link<P>,
    body: Body<F, T, P>,
    crossing: Crossing,
}

pub(crate) type Payload<R> = <<R as Runtime>::Unwind as Unwind>::Payload;

impl<R: Runtime> Bridge<R> {
    /// Runs `f` on the thread's system stack and returns its result: the way to call C.
    ///
    /// C finds the stack it expects, megabytes and not kilobytes. While it runs, the goroutine's P
    /// may be taken by another M, so a C function that lasts does not hold up other goroutines
    /// (if it is *known* to last, [`call_blocking`](Bridge::call_blocking) says so at once).
    /// `errno` belongs to the thread: read it inside `f`.
    ///
    /// On a thread that the runtime does not know `f` simply runs: it is on a system stack already.
    ///
    /// # Panics
    ///
    /// With the panic of `f`, or the first one held by a callback inside (see
    /// [`callback`](Bridge::callback)). And when the caller is on the system stack already, that
    /// is inside `f` or in C below it.
    #[inline]
    pub fn call<T>(f: impl FnOnce() -> T) -> T {
        match R::here() {
            // SAFETY: the handle is fresh.
            CallerContext::Goroutine(handle) => unsafe {
                on_g0::<R, _, _, _, 0>(handle, f, |_| (), |_, ()| ())
            },
            CallerContext::Outside | CallerContext::Adopted(_) => outside(f),
            CallerContext::Foreign(_) | CallerContext::SystemStack => on_system_stack(),
        }
    }

    /// [`call`](Bridge::call) for a C function that is known to last (a wait, a slow read): the P
    /// goes to another M before `f` starts, instead of when sysmon notices.
    ///
    /// If C calls back meanwhile, the thread rests with the P afterwards, unless another thread waits for one.
    ///
    /// Goroutines that are bound to this M wait until `f` returns, here as in `call`; then the caller gives way
    /// to them, and to others if its turn is over. Where it does not matter which thread runs `f`, and `f` owns
    /// what it uses, `g0_sched::offload` blocks a thread of a pool instead, and no goroutine but the caller: on the
    /// pinned runtime, whose goroutines share their threads for good, that is the difference between one that waits
    /// and all of its thread.
    ///
    /// # Panics
    ///
    /// As [`call`](Bridge::call).
    #[inline]
    pub fn call_blocking<T>(f: impl FnOnce() -> T) -> T {
        match R::here() {
            CallerContext::Goroutine(handle) => {
                // SAFETY: the handle is fresh; `on_g0` runs the closures right after `enter` and before `leave`.
                let value = unsafe {
                    on_g0::<R, _, _, _, 0>(
                        handle,
                        f,
                        |handle| R::release(handle),
                        |handle, outer| R::released(handle, outer),
                    )
                };
                R::look_up();
                value
            }
            CallerContext::Outside | CallerContext::Adopted(_) => outside(f),
            CallerContext::Foreign(_) | CallerContext::SystemStack => on_system_stack(),
        }
    }

    /// Runs `f` where it is, on the goroutine's stack, if `need` bytes are left there; else as
    /// [`call`](Bridge::call) would. For small C functions that neither block nor call back.
    ///
    /// Nothing is switched and nothing is told, so it costs a comparison; in return the P cannot
    /// be taken while `f` runs. It is safe for the same reason: `f` is Rust code on the goroutine's
    /// own stack, and using more than `need` ends at that stack's guard, like any deep recursion.
    /// A callback from inside is fatal ("bad g in callback"), on either stack.
    ///
    /// # Panics
    ///
    /// As [`call`](Bridge::call).
    #[inline]
    pub fn call_leaf<T>(need: usize, f: impl FnOnce() -> T) -> T {
        match R::here() {
            CallerContext::Goroutine(handle) => {
                if stack_pointer().addr().saturating_sub(handle.limit.addr()) >= need {
                    f()
                } else {
                    // SAFETY: the handle is fresh.
                    unsafe { on_g0::<R, _, _, _, LEAF>(handle, f, |_| (), |_, ()| ()) }
                }
            }
            CallerContext::Outside | CallerContext::Adopted(_) => outside(f),
            CallerContext::Foreign(_) | CallerContext::SystemStack => on_system_stack(),
        }
    }
}

/// Makes the switch itself. On the good path: the word set and cleared, the runtime's `enter` and
/// `leave`, the change of stacks, and one test of the notes. A value that fits comes back in the
/// register in which C leaves it; the base then has nothing to do after `f`, and if `f` only calls C, it
/// is three instructions that end in a jump there: C returns into the assembly.
///
/// # Safety
///
/// `handle` must be the running goroutine's, which must be in its ordinary code.
#[inline(always)]
unsafe fn on_g0<R: Runtime, F: FnOnce() -> T, T, O, const NOTE: usize>(
    handle: MHandle,
    f: F,
    entered: impl FnOnce(MHandle) -> O,
    returned: impl FnOnce(MHandle, O),
) -> T {
    let mut frame = MaybeUninit::<Frame<F, T, Payload<R>>>::uninit();
    let frame = frame.as_mut_ptr();
    // SAFETY: `frame` stays where it is until this function ends, and is reached through this
    // pointer alone, here, in `base` and in callbacks, one after the other. g0 is free below
    // `*g0_sp` and the runtime keeps it so (L6). `base` does not unwind.
    unsafe {
        let call = &raw mut (*frame).link.call;
        (&raw mut (*frame).body.f).write(ManuallyDrop::new(f));
        R::enter(handle);
        mark(handle, call);
        let outer = entered(handle);
        let base = base_for::<F, T, R::Unwind, NOTE>();
        let crossing = R::crossing(handle);
        (&raw mut (*frame).crossing).write(crossing);
        let (sp, slot) = (*handle.g0_sp, &raw mut (*call).sp);
        (*frame).crossing.before_call();
        let word = Native::call_on(sp, base, frame.cast(), slot);
        crossing.after_call();
        mark(handle, ptr::null_mut());
        returned(handle, outer);
        if (*call).noted(HELD | PANICKED) {
            // The end of a run throws nothing where something unwinds.
            R::Unwind::holding(true);
            R::leave(handle);
            R::Unwind::holding(false);
            go_on::<F, T, R::Unwind>(frame, word)
        }
        // Taken before, for the end of a run may throw out of `leave`.
        let value = if fits::<T>() { unpack(word) } else { take(&raw const (*frame).body.value) };
        R::leave(handle);
        value
    }
}

/// Sets the M's word: foreign code runs there, or no longer does.
///
/// # Safety
///
/// `handle` must be this thread's.
#[inline(always)]
pub(crate) unsafe fn mark(handle: MHandle, call: *mut Call) {
    // Relaxed, a plain move: the runtime's `enter` and `leave` order it. Atomic, for a
    // retaker may look at it. Core's and not the facade's: in models other threads look elsewhere.
    // SAFETY: the word lives as long as its M; all other threads only read it.
    unsafe { AtomicPtr::from_ptr(handle.call) }.store(call, Ordering::Relaxed);
    #[cfg(loom)]
    handle.shown.store(call.cast(), Ordering::Relaxed);
}

/// Returns [`base`] with the integer of `T`'s size, as `call_on` takes it.
#[inline(always)]
fn base_for<F: FnOnce() -> T, T, U: Unwind, const NOTE: usize>() -> arch::Call {
    // SAFETY: an integer comes back in the register of a `usize`, and `call_on` only passes it on.
    // Bytes that are not initialised become some number in its assembly.
    unsafe {
        match size_of::<T>() {
            1 => mem::transmute::<Base<u8>, arch::Call>(base::<F, T, U, u8, NOTE>),
            2 => mem::transmute::<Base<u16>, arch::Call>(base::<F, T, U, u16, NOTE>),
            n if n == size_of::<usize>() => {
                mem::transmute::<Base<*mut u8>, arch::Call>(base::<F, T, U, *mut u8, NOTE>)
            }
            _ => mem::transmute::<Base<u32>, arch::Call>(base::<F, T, U, u32, NOTE>),
        }
    }
}

/// Runs the closure in the first frame on g0. Nothing unwinds beyond it: above lies assembly.
///
/// # Safety
///
/// `arg` must be a `Frame` of these types with `f` in its body, and `call_on` must have written its `sp`.
unsafe extern "C" fn base<F: FnOnce() -> T, T, U: Unwind, W, const NOTE: usize>(
    arg: *mut u8,
) -> MaybeUninit<W> {
    let frame = arg.cast::<Frame<F, T, U::Payload>>();
    // SAFETY: as the caller ensures; `f` is taken out before the result goes in its place.
    unsafe {
        (*frame).crossing.at_entry();
        let crossing = (*frame).crossing;
        let call = &raw mut (*frame).link.call;
        debug_assert!(!(*call).noted(NOTES), "call_on keeps the stack aligned");
        if NOTE != 0 {
            (*call).note(NOTE);
        }
        match U::catch(take(&raw const (*frame).body.f)) {
            Ok(value) if fits::<T>() => {
                let word = pack(value);
                crossing.before_return();
                return word;
            }
            Ok(value) => (&raw mut (*frame).body.value).write(ManuallyDrop::new(value)),
            Err(panic) => {
                (*call).note(PANICKED);
                (&raw mut (*frame).body.panic).write(ManuallyDrop::new(panic));
            }
        }
        crossing.before_return();
    }
    MaybeUninit::uninit()
}

/// Returns what is there, taken out of its place.
///
/// # Safety
///
/// It must be initialised, and must not be taken a second time.
#[inline(always)]
pub(crate) unsafe fn take<T>(place: *const ManuallyDrop<T>) -> T {
    // SAFETY: as the caller ensures.
    ManuallyDrop::into_inner(unsafe { place.read() })
}

/// Lets the goroutine go on with a panic, its own or one held for it.
///
/// If there are both, `f`'s own is the newer one; it replaces the held one and remembers it, as
/// a panic in a deferred call does. So no panic is lost, and a Goexit is not cancelled by it.
///
/// # Safety
///
/// `base` must have run for `frame` and given `word`, or a callback must have left it, as the notes say;
/// nothing may have been taken out yet, and a panic must be noted.
#[cold]
#[inline(never)]
unsafe fn go_on<F, T, U: Unwind>(frame: *mut Frame<F, T, U::Payload>, word: usize) -> ! {
    // SAFETY: the notes say what is initialised; each is taken once.
    let (held, own) = unsafe {
        let call = &raw const (*frame).link.call;
        let own = if (*call).noted(PANICKED) {
            Some(take(&raw const (*frame).body.panic))
        } else if (*call).noted(DROPPED) {
            None
        } else {
            // A value that the caller will not get. Its drop is user code, so it may panic.
            let body = &raw const (*frame).body.value;
            let value: T = if fits::<T>() { unpack(word) } else { take(body) };
            U::catch(|| drop(value)).err()
        };
        let held = (*call).noted(HELD).then(|| {
            U::holding(false);
            (*frame).link.held.assume_init_read()
        });
        (held, own)
    };
    match (held, own) {
        (Some(held), Some(own)) => U::resume(U::replace(own, held)),
        (Some(one), None) | (None, Some(one)) => U::resume(one),
        (None, None) => unreachable!(),
    }
}

/// Runs `f` where it is. Apart, so that the usual way is not laid out around a second copy of `f`.
#[cold]
fn outside<T>(f: impl FnOnce() -> T) -> T {
    f()
}

#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn on_system_stack() -> ! {
    panic!(
        "g0-cgo: already on the system stack: call the C function directly, or go through \
         `callback` to be goroutine code again"
    )
}
