//! Channels of pointers.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

use g0_cgo::Handle;
use g0_sched::Hosted;
use g0_sched::generic::Chan;

use crate::run::handle;
use crate::status::{Place, Status, guard};

/// A pointer of C's between two goroutines.
struct Word(*mut c_void);

// SAFETY: it is C's to know what it may do with it there.
unsafe impl Send for Word {}

type Pointers = Chan<Word, Hosted, Box<[MaybeUninit<Word>]>>;

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_channel(capacity: usize, channel: *mut usize) -> c_int {
    guard(|| {
        if channel.is_null() {
            return Err(Status::Null);
        }
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(capacity).map_err(|_| Status::Resources)?;
        buffer.resize_with(capacity, MaybeUninit::uninit);
        let made = Handle::new(Pointers::with_buffer(buffer.into_boxed_slice()));
        // SAFETY: C gives a place for it.
        unsafe { channel.write(made.as_ptr().addr()) };
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_send(channel: usize, value: *mut c_void) -> c_int {
    guard(|| {
        Place::must_not_be_in_call()?;
        handle::<Pointers>(channel).get()?.send(Word(value)).map_err(|_| Status::Closed)
    })
}

/// See the header.
///
/// # Safety
///
/// As the [library](crate) says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn g0_receive(channel: usize, value: *mut *mut c_void) -> c_int {
    guard(|| {
        if value.is_null() {
            return Err(Status::Null);
        }
        Place::must_not_be_in_call()?;
        let Word(got) = handle::<Pointers>(channel).get()?.recv().map_err(|_| Status::Closed)?;
        // SAFETY: C gives a place for it.
        unsafe { value.write(got) };
        Ok(())
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_close(channel: usize) -> c_int {
    guard(|| {
        Place::must_not_be_in_call()?;
        handle::<Pointers>(channel).get()?.close().map_err(|_| Status::Closed)
    })
}

/// See the header.
#[unsafe(no_mangle)]
pub extern "C" fn g0_release(channel: usize) -> c_int {
    guard(|| {
        Place::must_not_be_in_call()?;
        drop(handle::<Pointers>(channel).release()?);
        Ok(())
    })
}
