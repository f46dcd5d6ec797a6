//! Calls here or on the next segment.

use super::Here;
use crate::StackError;

/// Runs `f` here if `need` bytes fit (a hint that costs a comparison), else on the next segment.
///
/// `need` is what `f` and all that it calls put onto the stack, up to the next `call` over the boundary.
///
/// # Panics
/// What `f` panics with, which is caught at the segment's base and thrown on here. [`Here::refused`] if no segment
/// can be had: see [`try_call`]. [`Here::fatal`] where nothing may grow.
#[inline(always)]
pub fn call<H: Here, R>(need: usize, f: impl FnOnce() -> R) -> R {
    let _ = (need, f);
    todo!()
}

/// As [`call`], with an error if no segment can be had; `f` has not run then, and has been dropped.
///
/// # Errors
/// [`StackError::ZeroSize`] for 0 bytes, [`StackError::TooLarge`] beyond the largest class,
/// [`StackError::SegmentLimit`] beyond [`Here::limit`], and what the source says.
///
/// # Panics
/// What `f` panics with. [`Here::fatal`] where nothing may grow.
#[inline(always)]
pub fn try_call<H: Here, R>(need: usize, f: impl FnOnce() -> R) -> Result<R, StackError> {
    let _ = (need, f);
    todo!()
}
