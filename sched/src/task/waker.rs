//! A goroutine as a waker: the data is the G's address, the count is the G's own.
//!
//! The waker that a future is shown is not counted: it is borrowed for the poll, and the goroutine
//! lives. Each clone is counted in `G::refs` and keeps the G's memory, not the goroutine: it may be
//! kept and used when the goroutine has ended, and then does nothing. So while a goroutine is
//! parked the count is that of the wakers and handles kept elsewhere: zero means that none of them
//! can wake it, which is what a look for deadlocks asks.

use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::task::{RawWaker, RawWakerVTable, Waker};

use crate::exec::handles::unrefer;
use crate::exec::refs::refer;
use crate::objects::g::G;
use crate::platform::Platform;
use crate::wait::park_token;

/// Returns the waker of the running goroutine `g`, not counted.
///
/// # Safety
///
/// It must be used only while `g` lives; clones may live on.
pub(super) unsafe fn borrowed<P: Platform>(g: NonNull<G>) -> ManuallyDrop<Waker> {
    // SAFETY: the functions of the table keep the contract of `RawWaker`: all that they reach is
    // atomic, and a clone counts.
    ManuallyDrop::new(unsafe { Waker::from_raw(raw::<P>(g)) })
}

/// One table for each platform.
struct Table<P>(PhantomData<P>);

impl<P: Platform> Table<P> {
    const TABLE: RawWakerVTable =
        RawWakerVTable::new(clone::<P>, wake::<P>, wake_by_ref::<P>, drop::<P>);
}

fn raw<P: Platform>(g: NonNull<G>) -> RawWaker {
    RawWaker::new(g.as_ptr().cast_const().cast(), &Table::<P>::TABLE)
}

/// # Safety
///
/// `data` must have come from [`raw`], and the G must be kept: so for all four functions of the
/// table.
unsafe fn g_of(data: *const ()) -> NonNull<G> {
    // SAFETY: made by `raw` of a G's address.
    unsafe { NonNull::new_unchecked(data.cast_mut().cast()) }
}

unsafe fn clone<P: Platform>(data: *const ()) -> RawWaker {
    // SAFETY: a waker's own data.
    let g = unsafe { g_of(data) };
    // SAFETY: the waker that is cloned keeps the G.
    unsafe { refer::<P>(g) };
    raw::<P>(g)
}

unsafe fn wake<P: Platform>(data: *const ()) {
    // SAFETY: a waker's own data; its count goes last.
    unsafe {
        wake_by_ref::<P>(data);
        drop::<P>(data);
    }
}

unsafe fn wake_by_ref<P: Platform>(data: *const ()) {
    // SAFETY: a waker's own data, which keeps the G.
    unsafe {
        let g = g_of(data);
        park_token::give::<P>(g, &g.as_ref().wakes);
    }
}

unsafe fn drop<P: Platform>(data: *const ()) {
    // SAFETY: a counted waker's own data: the borrowed one is never dropped.
    unsafe { unrefer::<P>(g_of(data)) };
}
