//! `export!`: what it writes is what C calls.

mod common;

use std::ffi::{c_char, c_int, c_void};

use common::*;

const FAILED: c_int = -7;

/// What C calls a `struct pair`.
#[repr(C)]
#[derive(Debug, PartialEq, Eq)]
pub struct Pair {
    a: c_int,
    b: c_int,
}

g0_cgo::export! {
    in Sixty;

    /// With a default and arguments.
    #[unsafe(no_mangle)]
    pub fn g0_test_add(a: c_int, b: c_int) -> c_int = -1 {
        yield_now();
        if a == 0 {
            return b;
        }
        a + b
    }

    /// With a constant for the default.
    #[unsafe(no_mangle)]
    fn g0_test_fails(panics: bool,) -> c_int = FAILED {
        if panics { quiet_panic("held") }
        1
    }

    /// With nothing.
    #[allow(unused)]
    #[unsafe(no_mangle)]
    pub(crate) fn g0_test_nothing() { yield_now(); }

    /// With pointers, and a default that is an expression.
    #[unsafe(no_mangle)]
    pub unsafe fn g0_test_write(place: *mut c_int) -> *mut c_void = std::ptr::null_mut() {
        // SAFETY: the test gives an address that may be written.
        unsafe { *place = 8 }
        place.cast()
    }

    /// With a struct; a literal as the default needs parentheses.
    #[unsafe(no_mangle)]
    fn g0_test_pair(a: c_int) -> Pair = (Pair { a: 0, b: 0 }) {
        Pair { a, b: a + 1 }
    }
}

/// As C sees them.
mod c {
    use super::*;
    unsafe extern "C" {
        pub fn g0_test_add(a: c_int, b: c_int) -> c_int;
        pub fn g0_test_fails(panics: c_char) -> c_int;
        pub fn g0_test_nothing();
        pub fn g0_test_write(place: *mut c_int) -> *mut c_void;
        pub fn g0_test_pair(a: c_int) -> Pair;
    }
}

#[test]
fn c_calls_exported_functions_by_name() {
    goroutine(|| {
        let mut place = 0;
        let address = (&raw mut place).cast::<c_void>();
        // SAFETY: they are declared as they are defined, and called in a call.
        let values = C::call(|| unsafe {
            c::g0_test_nothing();
            let written = c::g0_test_write(address.cast());
            (c::g0_test_add(2, 3), c::g0_test_add(0, 9), c::g0_test_fails(0), written)
        });
        assert_eq!((values, place), ((5, 9, 1, address), 8));
        // SAFETY: as above.
        assert_eq!(C::call(|| unsafe { c::g0_test_pair(4) }), Pair { a: 4, b: 5 });
    });
}

#[cfg(feature = "std")]
#[test]
fn c_gets_the_default_when_the_body_panics() {
    goroutine(|| {
        let mut of_c = 0;
        // SAFETY: as above.
        let payload = panic_of(|| C::call(|| unsafe { of_c = c::g0_test_fails(1) }));
        assert_eq!((of_c, text(&payload)), (FAILED, "held"));
    });
}
