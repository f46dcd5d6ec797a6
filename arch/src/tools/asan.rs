//! The address sanitizer: it keeps the bounds of the current stack and, when asked to find uses
//! after return, a second "fake" stack that must be changed together with the first.

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

use super::Tool;

unsafe extern "C" {
    fn __sanitizer_start_switch_fiber(save: *mut *mut c_void, bottom: *const c_void, size: usize);
    fn __sanitizer_finish_switch_fiber(
        fake: *mut c_void,
        old_bottom: *mut *const c_void,
        old_size: *mut usize,
    );
    fn __asan_unpoison_memory_region(address: *const c_void, size: usize);
}

/// A stack's bounds, and its fake stack while it is suspended.
#[derive(Debug)]
pub(super) struct Side {
    bottom: Cell<*const c_void>,
    size: Cell<usize>,
    fake: Cell<*mut c_void>,
}

impl Tool for Side {
    const NONE: Side = Side {
        bottom: Cell::new(ptr::null()),
        size: Cell::new(0),
        fake: Cell::new(ptr::null_mut()),
    };

    #[inline(always)]
    unsafe fn begin(&self, bottom: *mut u8, size: usize) {
        self.bottom.set(bottom.cast());
        self.size.set(size);
        self.fake.set(ptr::null_mut());
    }

    // The bounds of the present stack are told only to code that has just left it. So leave it,
    // in name, for a stack of one byte, and come back.
    #[inline]
    unsafe fn adopt(&self) {
        let mut fake = ptr::null_mut();
        let mut away = ptr::null_mut();
        let (mut bottom, mut size) = (ptr::null(), 0);
        let byte = 0_u8;
        // SAFETY: two balanced announcements; nothing runs between them.
        unsafe {
            __sanitizer_start_switch_fiber(&mut fake, ptr::from_ref(&byte).cast(), 1);
            __sanitizer_finish_switch_fiber(ptr::null_mut(), &mut bottom, &mut size);
            __sanitizer_start_switch_fiber(&mut away, bottom, size);
            __sanitizer_finish_switch_fiber(fake, ptr::null_mut(), ptr::null_mut());
        }
        self.bottom.set(bottom);
        self.size.set(size);
        self.fake.set(ptr::null_mut());
    }

    #[inline(always)]
    unsafe fn before_switch(&self, to: &Side) {
        // SAFETY: the caller jumps to `to` next.
        unsafe {
            __sanitizer_start_switch_fiber(self.fake.as_ptr(), to.bottom.get(), to.size.get());
        }
    }

    #[inline(always)]
    unsafe fn before_exit(&self, to: &Side) {
        // SAFETY: the caller jumps to `to` next; a null place to save to frees the fake stack.
        unsafe {
            __sanitizer_start_switch_fiber(ptr::null_mut(), to.bottom.get(), to.size.get());
        }
    }

    #[inline(always)]
    unsafe fn after_switch(&self) {
        // SAFETY: announced by the side that was left.
        unsafe {
            __sanitizer_finish_switch_fiber(self.fake.get(), ptr::null_mut(), ptr::null_mut())
        }
    }

    #[inline(always)]
    unsafe fn before_return(&self, to: &Side) {
        // SAFETY: the caller returns to `to` next.
        unsafe { self.before_switch(to) }
    }

    #[inline(always)]
    unsafe fn after_return(&self) {
        // SAFETY: announced by the side that was left.
        unsafe { self.after_switch() }
    }

    #[inline(always)]
    unsafe fn abandon(&self, _frames: usize, low: *mut u8, high: *mut u8) {
        // SAFETY: the caller's frames, which nothing returns to.
        unsafe { unpoison(low, high.addr().wrapping_sub(low.addr())) }
    }

    #[inline]
    unsafe fn retire(&self) {
        let fake = self.fake.replace(ptr::null_mut());
        // SAFETY: the caller owns the stack and nothing lives on it.
        unsafe {
            if !fake.is_null() {
                free(fake);
            }
            unpoison(self.bottom.get().cast_mut().cast(), self.size.get());
        }
    }
}

/// Frees the fake stack of a stack that is not used any more. Only code that is about to leave a stack
/// for ever is asked to: so this takes it for the present one, in name, and leaves it.
#[cold]
#[inline(never)]
unsafe fn free(fake: *mut c_void) {
    let mut own = ptr::null_mut();
    let (mut bottom, mut size) = (ptr::null(), 0);
    let byte = 0_u8;
    // SAFETY: two balanced announcements; nothing runs between them.
    unsafe {
        __sanitizer_start_switch_fiber(&mut own, ptr::from_ref(&byte).cast(), 1);
        __sanitizer_finish_switch_fiber(fake, &mut bottom, &mut size);
        __sanitizer_start_switch_fiber(ptr::null_mut(), bottom, size);
        __sanitizer_finish_switch_fiber(own, ptr::null_mut(), ptr::null_mut());
    }
}

/// Makes the bytes ordinary memory again.
pub(super) unsafe fn unpoison(low: *mut u8, size: usize) {
    // SAFETY: the caller owns the bytes.
    unsafe { __asan_unpoison_memory_region(low.cast(), size) }
}
