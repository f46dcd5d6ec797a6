//! The thread sanitizer: a stack is a "fiber", a logical thread with a clock and a shadow of its
//! call stack.
//!
//! Frames dropped by `escape` stay in the shadow of the stack that they were on: reports from
//! that stack may list them, and some ten thousands of escapes exhaust it. Code that knows how
//! many frames it drops says so, by `abandon`.

use core::cell::Cell;
use core::ffi::{c_uint, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use super::Tool;

/// What follows the switch comes after what was before it: it is the same thread. A goroutine that is new
/// there first reads words of the thread's own.
const SAME_THREAD: c_uint = 0;
/// The switch orders nothing; the code that hands data over says so.
const NO_SYNC: c_uint = 1;

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_destroy_fiber(fiber: *mut c_void);
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
    fn __tsan_acquire(address: *mut c_void);
    fn __tsan_release(address: *mut c_void);
    fn __tsan_func_exit();
}

/// The sanitizer's record of the stack, and whether this side must destroy it.
#[derive(Debug)]
pub(super) struct Side {
    // Atomic, for the way back reads it while the sanitizer still takes the thread for the other side.
    // Relaxed: the owner's own.
    fiber: AtomicPtr<c_void>,
    owned: Cell<bool>,
}

impl Tool for Side {
    const NONE: Side = Side { fiber: AtomicPtr::new(ptr::null_mut()), owned: Cell::new(false) };

    #[inline]
    unsafe fn begin(&self, _bottom: *mut u8, _size: usize) {
        // SAFETY: the call has no requirements.
        self.fiber.store(unsafe { __tsan_create_fiber(0) }, Ordering::Relaxed);
        self.owned.set(true);
    }

    #[inline]
    unsafe fn adopt(&self) {
        // SAFETY: the call has no requirements.
        self.fiber.store(unsafe { __tsan_get_current_fiber() }, Ordering::Relaxed);
        self.owned.set(false);
    }

    #[inline(always)]
    unsafe fn before_switch(&self, to: &Side) {
        let fiber = to.fiber.load(Ordering::Relaxed);
        release(ptr::from_ref(self).cast());
        // SAFETY: the caller jumps to `to` next. Nothing of this side's is read after the release.
        unsafe { __tsan_switch_to_fiber(fiber, SAME_THREAD) }
    }

    #[inline(always)]
    unsafe fn before_exit(&self, to: &Side) {
        let fiber = to.fiber.load(Ordering::Relaxed);
        release(ptr::from_ref(self).cast());
        // SAFETY: the caller jumps to `to` next. Nothing of this side's is read after the release.
        unsafe { __tsan_switch_to_fiber(fiber, SAME_THREAD) }
    }

    #[inline(always)]
    fn left(&self) {
        acquire(ptr::from_ref(self).cast());
    }

    #[inline(always)]
    unsafe fn before_return(&self, _to: &Side) {
        release(ptr::from_ref(self).cast());
    }

    #[inline(always)]
    unsafe fn abandon(&self, frames: usize, _low: *mut u8, _high: *mut u8) {
        for _ in 0..frames {
            // SAFETY: the caller's frames, entered on this stack and never left.
            unsafe { __tsan_func_exit() }
        }
    }

    #[inline(always)]
    unsafe fn after_return(&self) {
        let fiber = self.fiber.load(Ordering::Relaxed);
        // What has been read up to here counts as read by the other side.
        release(ptr::from_ref(self).cast());
        // SAFETY: the function that ran on the other side has returned to this stack.
        unsafe { __tsan_switch_to_fiber(fiber, NO_SYNC) }
        acquire(ptr::from_ref(self).cast());
    }

    #[inline]
    unsafe fn retire(&self) {
        let fiber = self.fiber.swap(ptr::null_mut(), Ordering::Relaxed);
        if self.owned.get() && !fiber.is_null() {
            // SAFETY: this side has made it, and nothing runs on it.
            unsafe { __tsan_destroy_fiber(fiber) }
        }
    }
}

#[inline(always)]
pub(super) fn release(address: *const c_void) {
    // SAFETY: the address is only a name.
    unsafe { __tsan_release(address.cast_mut()) }
}

#[inline(always)]
pub(super) fn acquire(address: *const c_void) {
    // SAFETY: the address is only a name.
    unsafe { __tsan_acquire(address.cast_mut()) }
}
