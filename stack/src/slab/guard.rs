//! Guard pages: pages that fault.
//!
//! *Light guards* (`MADV_GUARD_INSTALL`, Linux 6.13) are marks in the page table: no mapping is
//! split, so a million of them are one mapping. Half a microsecond each, a quarter less when many
//! go down in one `process_madvise`. Kernels that lack them say EINVAL, and so do mappings locked
//! in memory (`mlockall`); emulators of system calls say yes to any advice and do nothing
//! (qemu-user), so each source tries its first guard before it trusts it. Where light guards fail,
//! `mprotect` serves, which costs two mappings a stack; the limit on mappings (65,530 by default)
//! then bounds how many stacks there can be.

use core::ptr;

use super::chunk::Chunk;
use crate::StackError;

/// Not in libc yet.
const MADV_GUARD_INSTALL: libc::c_int = 102;

/// This process, without a descriptor (`PIDFD_SELF_THREAD_GROUP`, Linux 6.14). Opening one costs
/// 6 µs, and one that is kept would mean the parent after a fork.
const SELF: libc::c_int = -10001;

/// Most guards put down in one go: long enough to spread the cost of the system call thin, short enough
/// that the spawner that meets it waits some 60 µs.
pub(crate) const BATCH: usize = 128;

/// How guards are put down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Guards {
    Off,
    /// Light ones if the first proves to be a guard.
    Untried,
    Light,
    Protect,
}

impl Guards {
    /// Puts guards on slots `from..to` (at most [`BATCH`]) of the chunk, whose pages have not been
    /// touched. Returns how many slots from `from` on have theirs: at least one, or an error.
    ///
    /// Turns to `Light` or `Protect` for good at its first guard, and to `Protect` when light
    /// guards are refused later.
    pub(crate) fn install(
        &mut self,
        chunk: &Chunk,
        from: usize,
        to: usize,
    ) -> Result<usize, StackError> {
        match *self {
            Guards::Off => return Ok(to - from),
            Guards::Untried | Guards::Light => match light(chunk, from, to)? {
                done if done > 0 && (*self == Guards::Light || faults(page(chunk, from))) => {
                    *self = Guards::Light;
                    return Ok(done);
                }
                _ => *self = Guards::Protect,
            },
            Guards::Protect => {}
        }
        protect(chunk, from, to)
    }
}

/// Puts light guards down; returns how many are in place, 0 when the kernel does not know them.
fn light(chunk: &Chunk, from: usize, to: usize) -> Result<usize, StackError> {
    let mut done = together(chunk, from, to);
    while from + done < to {
        match one(chunk, from + done) {
            0 => done += 1,
            libc::EINTR | libc::EAGAIN => {}
            libc::EINVAL => break,
            _ if done > 0 => break,
            _ => return Err(StackError::OutOfMemory),
        }
    }
    Ok(done)
}

/// Puts guards down by protection, over light ones or none; returns how many are in place.
fn protect(chunk: &Chunk, from: usize, to: usize) -> Result<usize, StackError> {
    for slot in from..to {
        // SAFETY: the page is the chunk's and holds nothing.
        if unsafe { libc::mprotect(page(chunk, slot), chunk.geometry.page, libc::PROT_NONE) } != 0 {
            // The one reason to refuse it here is the number of mappings.
            return if slot > from { Ok(slot - from) } else { Err(StackError::TooManyMappings) };
        }
    }
    Ok(to - from)
}

/// Returns whether a touch of the page, which may be read, would be a fault: the kernel is asked to touch
/// it. An emulator that answers 0 to advice it does not know says so here too.
fn faults(page: *mut libc::c_void) -> bool {
    // SAFETY: at worst the page becomes one of zeros, which it is in any case. Any length within
    // a page means the page.
    unsafe { libc::madvise(page, 1, libc::MADV_POPULATE_READ) != 0 && errno() == libc::EFAULT }
}

fn page(chunk: &Chunk, slot: usize) -> *mut libc::c_void {
    chunk.start.wrapping_add(chunk.geometry.guard(slot)).cast()
}

/// Puts one light guard down; returns the error number, or 0.
fn one(chunk: &Chunk, slot: usize) -> libc::c_int {
    // SAFETY: the page is the chunk's and holds nothing.
    let result =
        unsafe { libc::madvise(page(chunk, slot), chunk.geometry.page, MADV_GUARD_INSTALL) };
    if result == 0 { 0 } else { errno() }
}

/// Puts many light guards down in one system call; returns how many are in place, which may be none: the
/// caller goes on one by one, and there sees why.
fn together(chunk: &Chunk, from: usize, to: usize) -> usize {
    if cfg!(g0_valgrind) {
        // It knows the system call only from 3.20 on, and complains each time.
        return 0;
    }
    let len = (to - from).min(BATCH);
    let mut ranges =
        [libc::iovec { iov_base: ptr::null_mut(), iov_len: chunk.geometry.page }; BATCH];
    for (i, range) in ranges[..len].iter_mut().enumerate() {
        range.iov_base = page(chunk, from + i);
    }
    // SAFETY: a system call on the process's own pages; `ranges` outlives it.
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

#[cfg(test)]
mod tests {
    use super::super::chunk::Geometry;
    use super::super::page_size;
    use super::*;
    use crate::Class;

    fn chunk() -> Chunk {
        Chunk::map(Geometry::new(Class::MIN, page_size()), 0).unwrap()
    }

    /// Returns whether the kernel itself, asked to read the page for a pipe, cannot.
    fn unreadable(page: *mut libc::c_void) -> bool {
        let mut pipe = [0; 2];
        // SAFETY: a pipe of this function's own; the system call reads the byte or fails.
        unsafe {
            assert_eq!(libc::pipe(pipe.as_mut_ptr()), 0);
            let fails = libc::write(pipe[1], page, 1) < 0 && errno() == libc::EFAULT;
            pipe.iter().for_each(|&end| assert_eq!(libc::close(end), 0));
            fails
        }
    }

    #[test]
    fn a_page_that_only_was_advised_is_no_guard() {
        const MADV_GUARD_REMOVE: libc::c_int = 103;
        let chunk = chunk();
        let (page, bytes) = (page(&chunk, 0), chunk.geometry.page);
        assert!(!faults(page) && !unreadable(page));
        // Whatever the kernel answers, only what is unreadable counts.
        one(&chunk, 0);
        assert_eq!(faults(page), unreadable(page));
        // SAFETY: the page is the chunk's.
        unsafe { libc::madvise(page, bytes, MADV_GUARD_REMOVE) };
        assert!(!faults(page) && !unreadable(page));
        // SAFETY: nothing uses it.
        unsafe { chunk.unmap() };
    }

    #[test]
    fn the_first_guard_decides_for_its_source() {
        for mut guards in [Guards::Untried, Guards::Protect] {
            let chunk = chunk();
            let first = guards.install(&chunk, 0, 3).unwrap();
            let decided = guards;
            assert_ne!(decided, Guards::Untried);
            assert_eq!(first + guards.install(&chunk, first, 8).unwrap(), 8);
            assert_eq!(guards, decided);
            assert!((0..8).all(|slot| unreadable(page(&chunk, slot))));
            // SAFETY: nothing uses it.
            unsafe { chunk.unmap() };
        }
    }
}
