//! Guard pages: pages that fault.
//!
//! *Light guards* (`MADV_GUARD_INSTALL`, Linux 6.13) are marks in the page table: no mapping is
//! split, so a million of them are one mapping. Half a microsecond each, a quarter less when many
//! go down in one `process_madvise`. Kernels that lack them say EINVAL, and so do mappings locked
//! in memory (`mlockall`): then `mprotect` serves, which costs two mappings a stack; the limit on
//! mappings (65,530 by default) then bounds how many stacks there can be.

use core::ptr;

use super::chunk::Chunk;
use crate::StackError;

/// Not in libc yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// This process, without a descriptor (`PIDFD_SELF_THREAD_GROUP`, Linux 6.14). Opening one costs
/// 6 µs, and one that is kept would mean the parent after a fork.
const SELF: libc::c_int = -10001;

/// Most guards put down in one go: long enough to spread the cost of the system call thin, short
/// enough that the spawner who meets it waits some 60 µs.
pub(crate) const BATCH: usize = 128;

/// How guards are put down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guards {
    Off,
    Light,
    Protect,
}

impl Guards {
    /// Puts guards on slots `from..to` (at most [`BATCH`]) of the chunk, whose pages nobody has
    /// touched. Returns how many slots from `from` on have theirs: at least one, or an error.
    ///
    /// Turns to `Protect` for good when light guards are refused.
    pub(crate) fn install(
        &mut self,
        chunk: &Chunk,
        from: usize,
        to: usize,
    ) -> Result<usize, StackError> {
        let mut done = 0;
        if *self == Guards::Off {
            return Ok(to - from);
        }
        if *self == Guards::Light {
            done = together(chunk, from, to);
            while from + done < to && *self == Guards::Light {
                match one(chunk, from + done) {
                    0 => done += 1,
                    libc::EINTR | libc::EAGAIN => {}
                    libc::EINVAL => *self = Guards::Protect,
                    _ if done > 0 => return Ok(done),
                    _ => return Err(StackError::OutOfMemory),
                }
            }
        }
        while from + done < to {
            let page = page(chunk, from + done);
            // SAFETY: the page is ours and holds nothing.
            if unsafe { libc::mprotect(page, chunk.geometry.page, libc::PROT_NONE) } != 0 {
                // The one reason to refuse it here is the number of mappings.
                return if done > 0 { Ok(done) } else { Err(StackError::TooManyMappings) };
            }
            done += 1;
        }
        Ok(done)
    }
}

fn page(chunk: &Chunk, slot: usize) -> *mut libc::c_void {
    chunk.start.wrapping_add(chunk.geometry.guard(slot)).cast()
}

/// One light guard; the error number, or 0.
fn one(chunk: &Chunk, slot: usize) -> libc::c_int {
    // SAFETY: the page is ours and holds nothing.
    let result =
        unsafe { libc::madvise(page(chunk, slot), chunk.geometry.page, MADV_GUARD_INSTALL) };
    if result == 0 { 0 } else { errno() }
}

/// Many light guards in one system call. Returns how many are in place, which may be none: the
/// caller goes on one by one, and there sees why.
fn together(chunk: &Chunk, from: usize, to: usize) -> usize {
    let len = (to - from).min(BATCH);
    let mut ranges =
        [libc::iovec { iov_base: ptr::null_mut(), iov_len: chunk.geometry.page }; BATCH];
    for (i, range) in ranges[..len].iter_mut().enumerate() {
        range.iov_base = page(chunk, from + i);
    }
    // SAFETY: a system call on our own pages; `ranges` outlives it.
    let bytes = unsafe {
        let first = ranges.as_ptr();
        libc::syscall(libc::SYS_process_madvise, SELF, first, len, MADV_GUARD_INSTALL, 0)
    };
    // A negative number is an error: none. Putting a guard down twice does no harm.
    usize::try_from(bytes).map_or(0, |bytes| bytes / chunk.geometry.page)
}

pub(crate) fn errno() -> libc::c_int {
    // SAFETY: the thread's own error number is always readable.
    unsafe { *libc::__errno_location() }
}

pub(crate) fn set_errno(value: libc::c_int) {
    // SAFETY: the thread's own error number is always writable.
    unsafe { *libc::__errno_location() = value };
}
