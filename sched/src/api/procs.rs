//! The number of Ps, as goroutines see it; see [`crate::policy`].

use crate::exec::enter::{caller, enter_in_place};
use crate::exec::g0::on_g0;
use crate::exec::inside::Caller;
use crate::parts::error::Error;
use crate::platform::Platform;

/// Returns how many goroutines of the running one's scheduler run at a time; 0 on a thread that is
/// no M.
///
/// # Panics
///
/// On the system stack.
pub fn procs<P: Platform>() -> usize {
    caller::<P>().map_or(0, |(m, _)| m.core().procs())
}

/// Lets `procs` goroutines of the running one's scheduler run at a time from now on; returns how many
/// did. Nothing stops: a P that is one too many serves until its goroutine's next scheduling point, or
/// until it is taken from a goroutine that has none for 10 ms.
///
/// # Errors
///
/// [`Error::Procs`] for none, or for more than the scheduler was given; [`Error::NoRuntime`] on a
/// thread that is no M.
///
/// # Panics
///
/// On the system stack.
pub fn set_procs<P: Platform>(procs: usize) -> Result<usize, Error> {
    let Caller::Goroutine(inside) = enter_in_place::<P>() else { return Err(Error::NoRuntime) };
    let core = inside.core();
    // SAFETY: inside, on a goroutine's stack.
    let before = unsafe { on_g0(inside.m(), || core.set_procs::<P>(procs)) };
    inside.leave();
    before
}
