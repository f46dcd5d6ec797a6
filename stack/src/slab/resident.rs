//! How much of a range of pages is in memory, asked of the kernel without touching a page.
//!
//! | means | since | refused by |
//! |---|---|---|
//! | `PAGEMAP_SCAN`: walks the page tables, and answers by regions | Linux 6.7 | a process that may open no file, or has no `/proc` |
//! | `mincore`: a byte for each page | always | a sandbox |
//! | neither: `None`, and the caller decides by what it has noted | | |
//!
//! What is refused once is not asked for again. A page of zeros that was only read counts as it does for the kernel, so
//! the answer is an estimate either way.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU8, Ordering};

/// The means that a [`SlabSource`](super::SlabSource) asks by, the best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(crate) enum Means {
    Pagemap,
    Mincore,
    None,
}

/// Asks, and remembers what was refused.
///
/// > **Invariant.** `fd` is -1, or open on this process's page map until the value is dropped.
pub(crate) struct Resident {
    means: AtomicU8,
    fd: AtomicI32,
}

/// `struct pm_scan_arg` of `linux/fs.h`.
#[repr(C)]
struct ScanArg {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

/// `_IOWR('f', 16, struct pm_scan_arg)`, as most architectures count it.
const PAGEMAP_SCAN: u64 = 3 << 30 | (size_of::<ScanArg>() as u64) << 16 | (b'f' as u64) << 8 | 16;
const PAGE_IS_PRESENT: u64 = 1 << 3;
/// Regions that one call may answer.
const REGIONS: usize = 16;
/// Pages that one `mincore` may answer.
const PAGES: usize = 512;

impl Resident {
    /// Returns what asks by `first`, or by what comes after it.
    pub(crate) fn new(first: Means) -> Self {
        Self { means: AtomicU8::new(first as u8), fd: AtomicI32::new(-1) }
    }

    /// Returns how many bytes of `bytes` from `start` are in memory, both multiples of `page`; `None`: the kernel does
    /// not tell.
    ///
    /// The range must be mapped.
    pub(crate) fn bytes(&self, start: *mut u8, bytes: usize, page: usize) -> Option<usize> {
        if bytes == 0 {
            return Some(0);
        }
        // Relaxed: a thread that reads an old value is refused once more.
        if self.means.load(Ordering::Relaxed) == Means::Pagemap as u8 {
            match self.by_pagemap(start.addr(), start.addr() + bytes) {
                Some(told) => return Some(told),
                None => self.refused(Means::Mincore),
            }
        }
        if self.means.load(Ordering::Relaxed) == Means::Mincore as u8 {
            match by_mincore(start, bytes, page) {
                Some(told) => return Some(told),
                None => self.refused(Means::None),
            }
        }
        None
    }

    fn refused(&self, next: Means) {
        self.means.fetch_max(next as u8, Ordering::Relaxed);
    }

    fn by_pagemap(&self, start: usize, end: usize) -> Option<usize> {
        let fd = self.pagemap()?;
        let mut found = [Region { start: 0, end: 0, categories: 0 }; REGIONS];
        let (mut at, mut bytes) = (start as u64, 0);
        while at < end as u64 {
            let mut arg = ScanArg {
                size: size_of::<ScanArg>() as u64,
                flags: 0,
                start: at,
                end: end as u64,
                walk_end: 0,
                vec: found.as_mut_ptr().expose_provenance() as u64,
                vec_len: REGIONS as u64,
                max_pages: 0,
                category_inverted: 0,
                category_mask: PAGE_IS_PRESENT,
                category_anyof_mask: 0,
                return_mask: PAGE_IS_PRESENT,
            };
            // SAFETY: the argument and the regions are this frame's, and as long as they say.
            let n = unsafe { libc::ioctl(fd, PAGEMAP_SCAN as _, &raw mut arg) };
            let told = usize::try_from(n).ok().filter(|&n| n <= REGIONS && arg.walk_end > at)?;
            bytes += found[..told].iter().map(|r| r.end.saturating_sub(r.start)).sum::<u64>();
            at = arg.walk_end;
        }
        usize::try_from(bytes).ok()
    }

    /// Returns the page map, opened on first use.
    fn pagemap(&self) -> Option<i32> {
        let fd = self.fd.load(Ordering::Acquire);
        if fd >= 0 {
            return Some(fd);
        }
        // SAFETY: the path is a literal with its end.
        let fd =
            unsafe { libc::open(c"/proc/self/pagemap".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
        if fd < 0 {
            return None;
        }
        match self.fd.compare_exchange(-1, fd, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(fd),
            Err(other) => {
                // SAFETY: opened above, and no other thread knows it.
                unsafe { libc::close(fd) };
                Some(other)
            }
        }
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let fd = *self.fd.get_mut();
        if fd >= 0 {
            // SAFETY: the value's own, and not used any more.
            unsafe { libc::close(fd) };
        }
    }
}

fn by_mincore(start: *mut u8, bytes: usize, page: usize) -> Option<usize> {
    let (mut done, mut held) = (0, 0);
    while done < bytes {
        let len = (bytes - done).min(PAGES * page);
        let mut present = [0_u8; PAGES];
        let at: *mut c_void = start.wrapping_add(done).cast();
        // SAFETY: the vector has a byte for each page of the range.
        if unsafe { libc::mincore(at, len, ptr::from_mut(&mut present).cast()) } != 0 {
            return None;
        }
        held += present[..len.div_ceil(page)].iter().filter(|&&p| p & 1 != 0).count() * page;
        done += len;
    }
    Some(held)
}

#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use crate::slab::page_size;

    #[test]
    fn both_means_count_the_pages_that_were_written() {
        let page = page_size();
        let bytes = 600 * page;
        let (prot, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping touches nothing that is in use.
        let start = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED);
        // SAFETY: the mapping is this test's.
        unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
        let start = start.cast::<u8>();
        // Every fourth page: more regions than one call answers, and more pages.
        for i in (0..600).step_by(4) {
            // SAFETY: within the mapping.
            unsafe { start.add(i * page).write_volatile(1) };
        }
        for means in [Means::Pagemap, Means::Mincore] {
            let resident = Resident::new(means);
            assert_eq!(resident.bytes(start, bytes, page), Some(150 * page), "{means:?}");
            assert_eq!(resident.bytes(start, 0, page), Some(0));
            assert_eq!(resident.bytes(start.wrapping_add(page), 3 * page, page), Some(0));
        }
        assert_eq!(Resident::new(Means::None).bytes(start, bytes, page), None);
        // SAFETY: the mapping is this test's, and used no more.
        unsafe { libc::munmap(start.cast(), bytes) };
    }

    #[test]
    fn what_is_not_mapped_is_refused_and_the_next_means_asked() {
        let resident = Resident::new(Means::Mincore);
        let page = page_size();
        let nowhere = ptr::without_provenance_mut(16 * page);
        assert_eq!(resident.bytes(nowhere, page, page), None);
        assert_eq!(resident.means.load(Ordering::Relaxed), Means::None as u8);
    }
}
