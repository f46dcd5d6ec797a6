//! To the thread's own stack, and back.

use std::ffi::{c_int, c_void};

use g0_cgo::{call, call_blocking, callback};

use crate::run::{Body, Function, runs};
use crate::status::{Place, Status, guard};

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_call(f: Function, arg: *mut c_void) -> c_int {
    guard(|| {
        let body = Body::new(f, arg)?;
        Place::must_be_goroutine()?;
        call(|| body.run());
        Ok(())
    })
}

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_call_blocking(f: Function, arg: *mut c_void) -> c_int {
    guard(|| {
        let body = Body::new(f, arg)?;
        Place::must_be_goroutine()?;
        call_blocking(|| body.run());
        Ok(())
    })
}

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_callback(f: Function, arg: *mut c_void) -> c_int {
    guard(|| {
        let body = Body::new(f, arg)?;
        if Place::now() == Place::Goroutine || !runs() {
            return Err(Status::Context);
        }
        callback((), || body.run());
        Ok(())
    })
}
