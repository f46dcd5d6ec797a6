//! A goroutine's end, as far as it runs on its own stack.

use core::ptr::NonNull;

use g0_defer::Unwind;

use super::acquire::step_in;
use super::enter::caller;
use super::measure;
use super::post_switch::Tag;
use super::segments;
use super::switch::{mcall, switch_to};
use super::uncaught::uncaught;
use crate::objects::g::G;
use crate::platform::{Outcome, Platform};
use crate::policy::after_exit::after_exit;

/// `g` has ended, and its result will not be taken: a panic goes to its scope, or is uncaught.
///
/// # Safety
///
/// `g` must be the goroutine itself, or one that has ended and is kept by the caller's handle; its scope must
/// be alive.
pub(crate) unsafe fn unobserved<P: Platform, T>(g: NonNull<G>, result: &Outcome<T, P>) {
    if let Err(payload) = result
        && !P::Unwind::is_goexit(payload)
    {
        // SAFETY: the G is kept, and its scope alive, as the caller ensures.
        match unsafe { g.as_ref().scope.get().as_ref() } {
            Some(scope) => scope.panicked(),
            // A handle that is dropped while unwinding has a panic to tell of already.
            None if P::Unwind::panicking() => {}
            None => uncaught::<P>(g, payload),
        }
    }
}

/// The last thing that runs on the stack of `g`, the running goroutine, outside. Returns only when the handle
/// was dropped at the last moment: then the goroutine must drop the result.
///
/// Out of line: in the frame of the caller, which lies beneath all that the goroutine does, it would take 150 bytes of
/// its stack.
#[inline(never)]
pub(super) fn exit<P: Platform>(g: NonNull<G>) {
    let (m, _) = caller::<P>().expect("g0: a goroutine ends on a thread that is no M");
    let inside = step_in::<P>(m, g);
    // SAFETY: on `g`'s own stack for the last time, as the tag says; what the policy returns may run here.
    let inside = unsafe {
        match after_exit(&inside, g, measure::end::<P>) {
            Some(next) => switch_to::<P>(inside, next, Tag::Exit),
            None => {
                if inside.g().stacks.is_segmented() {
                    segments::end::<P>(&inside, g);
                }
                mcall::<P>(inside, Tag::Exit)
            }
        }
    };
    inside.leave();
}
