//! To the thread's own stack, and back.

use std::ffi::{c_int, c_void};

use g0_cgo::{CallbackError, call, call_blocking, try_callback};

use crate::run::{Body, Function, with_runtime};
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
        let place = Place::now();
        if place == Place::Goroutine {
            return Err(Status::Context);
        }
        let answer = try_callback(|| match place {
            // The runtime does not end before it: C's frames are not to be unwound.
            Place::Thread => with_runtime(|| body.run()),
            _ => body.run(),
        });
        answer.map_err(|error| match error {
            CallbackError::Panicked => Status::Panic,
            CallbackError::NoMachine => Status::Resources,
            _ => Status::Context,
        })
    })
}
