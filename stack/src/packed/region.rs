//! A region: one mapping of packed stacks of one class, with a guard page beneath the lowest.

use core::ptr;

use crate::slab::chunk::{Chunk, Geometry};
use crate::{Class, StackError};

/// The largest stack that is packed, bytes.
pub(super) const LARGEST: usize = 64 << 10;
/// Bytes whose pages are touched in one go.
pub(super) const BATCH: usize = 64 << 10;

/// Bytes of a class's first region, without its guard page.
const FIRST: usize = 1 << 20;
/// Most bytes of a region.
const MOST: usize = if usize::BITS == 64 { 1 << 30 } else { 16 << 20 };

const _: () = assert!(BATCH.is_multiple_of(LARGEST) && FIRST.is_multiple_of(BATCH));

/// A mapping, readable and writable but for its lowest page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Region {
    start: *mut u8,
    page: usize,
    /// Without the guard page.
    bytes: usize,
}

// SAFETY: a description of memory, tied to no thread.
unsafe impl Send for Region {}

impl Region {
    /// Maps a region for about `wanted` bytes of stacks. When the kernel refuses, asks for half, and so on.
    pub(super) fn map(wanted: usize, page: usize) -> Result<Region, StackError> {
        let mut bytes = wanted.clamp(FIRST, MOST);
        loop {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new mapping where the kernel likes touches nothing that is in use.
            let start = unsafe { libc::mmap(ptr::null_mut(), page + bytes, prot, flags, -1, 0) };
            if start != libc::MAP_FAILED {
                let region = Region { start: start.cast(), page, bytes };
                return region.prepare();
            }
            if bytes == BATCH {
                return Err(StackError::OutOfMemory);
            }
            bytes = (bytes / 2).next_multiple_of(BATCH);
        }
    }

    /// Puts the guard down, and sees to it that a touch costs a page and not two megabytes.
    fn prepare(self) -> Result<Region, StackError> {
        // SAFETY: the mapping is new, and the region's alone.
        unsafe {
            if libc::mprotect(self.start.cast(), self.page, libc::PROT_NONE) != 0 {
                self.unmap();
                return Err(StackError::TooManyMappings);
            }
            // Kernels without huge pages say EINVAL, which is as good.
            libc::madvise(self.stacks().0.cast(), self.bytes, libc::MADV_NOHUGEPAGE);
        }
        Ok(self)
    }

    /// Returns the bytes of address space.
    pub(super) fn bytes(&self) -> usize {
        self.page + self.bytes
    }

    /// Returns where its stacks begin, and for how many bytes there is room.
    pub(super) fn stacks(&self) -> (*mut u8, usize) {
        (self.start.wrapping_add(self.page), self.bytes)
    }

    /// Returns the lowest stack with the guard beneath it, as a slab would have it: what a handler of faults knows.
    pub(super) fn lowest(&self, class: Class) -> Chunk {
        let geometry = Geometry::from_parts(self.page, self.page + class.size(), 1);
        Chunk { start: self.start, stacks: 1, geometry }
    }

    /// Returns the memory to the kernel.
    ///
    /// # Safety
    ///
    /// Nothing of the region may be used any more.
    pub(super) unsafe fn unmap(self) {
        // SAFETY: `map` made exactly this mapping; the caller ensures the rest.
        unsafe { libc::munmap(self.start.cast(), self.bytes()) };
    }
}

/// Touches the pages, all by one system call: a fault for each costs four times as much.
pub(super) fn touch(from: *mut u8, bytes: usize) {
    // A kernel before 5.14 refuses it, and one that is short of memory: then the first write to each page is a fault.
    // SAFETY: pages of a region that are in no use.
    unsafe { libc::madvise(from.cast(), bytes, libc::MADV_POPULATE_WRITE) };
}
