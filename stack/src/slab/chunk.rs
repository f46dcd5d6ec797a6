//! A chunk: one mapping that holds many stacks of a class, and how a chunk is divided.

use core::ptr;

use crate::{Class, Header, StackError};

/// Most bytes of a chunk, so that a chunk of large stacks does not ask for more address space than
/// a process has. (One stack is always allowed.)
const MOST_BYTES: usize = if usize::BITS == 64 { 4 << 30 } else { 16 << 20 };
/// Stacks of a class's first chunk; each further one has twice as many.
const FIRST: usize = 64;
/// Most stacks of a chunk.
const MOST: usize = 4096;

/// How slots lie in a chunk.
///
/// ```text
///   start + i * stride                                      start + (i + 1) * stride
///   │ guard page │ bottom …                 payload │ header │ colour(i) cache lines │
/// ```
///
/// The guard page is *beside* the class's size, not taken from it. Thereby the stride is not a
/// power of two, and the tops of neighbours fall into different sets of the translation cache; and
/// the colour moves them apart within the page, for the first-level cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Geometry {
    pub page: usize,
    pub stride: usize,
    colours: usize,
}

impl Geometry {
    pub(crate) fn new(class: Class, page: usize) -> Geometry {
        // Small stacks can spare less for colour.
        let colours = (class.size() / 1024).min(24);
        Geometry { page, stride: page + class.size().next_multiple_of(page), colours }
    }

    /// Returns what [`new`](Geometry::new) found out, from where it was noted.
    pub(crate) fn from_parts(page: usize, stride: usize, colours: usize) -> Geometry {
        Geometry { page, stride, colours }
    }

    pub(crate) fn colours(&self) -> usize {
        self.colours
    }

    /// Returns the guard page of slot `i`, as an offset into the chunk.
    pub(crate) fn guard(&self, i: usize) -> usize {
        i * self.stride
    }

    /// Returns the bottom of slot `i`.
    pub(crate) fn bottom(&self, i: usize) -> usize {
        i * self.stride + self.page
    }

    /// Returns the header of slot `i`: in the top page, below the colour.
    pub(crate) fn header(&self, i: usize) -> usize {
        (i + 1) * self.stride - (i % self.colours) * 64 - size_of::<Header>()
    }
}

/// A mapping of whole slots, readable and writable, no page of it touched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub start: *mut u8,
    pub stacks: usize,
    pub geometry: Geometry,
}

// SAFETY: a description of memory, tied to no thread.
unsafe impl Send for Chunk {}

impl Chunk {
    /// Maps the chunk that follows `before` earlier ones of its class. When the kernel refuses, asks for
    /// half, down to one stack.
    pub(crate) fn map(geometry: Geometry, before: u32) -> Result<Chunk, StackError> {
        let fits = (MOST_BYTES / geometry.stride).max(1);
        let mut stacks = (FIRST << before.min(16)).min(MOST).min(fits);
        loop {
            let bytes = stacks * geometry.stride;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
            let prot = libc::PROT_READ | libc::PROT_WRITE;
            // SAFETY: a new mapping where the kernel likes touches nothing that is in use.
            let start = unsafe { libc::mmap(ptr::null_mut(), bytes, prot, flags, -1, 0) };
            if start != libc::MAP_FAILED {
                // A huge page would make one touched stack cost 2 MiB. Kernels without huge pages
                // say EINVAL, which is as good.
                // SAFETY: the mapping is new, and the chunk's alone.
                unsafe { libc::madvise(start, bytes, libc::MADV_NOHUGEPAGE) };
                return Ok(Chunk { start: start.cast(), stacks, geometry });
            }
            if stacks == 1 {
                return Err(StackError::OutOfMemory);
            }
            stacks /= 2;
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.stacks * self.geometry.stride
    }

    /// Returns the memory to the kernel.
    ///
    /// # Safety
    /// Nothing of the chunk may be used any more.
    pub(crate) unsafe fn unmap(self) {
        // SAFETY: `map` made exactly this mapping; the caller ensures the rest.
        unsafe { libc::munmap(self.start.cast(), self.bytes()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_payload_and_first_frames_share_the_top_page() -> Result<(), StackError> {
        for page in [4096, 16384, 65536] {
            for size in [1 << 12, 1 << 13, 1 << 16, 1 << 20] {
                let g = Geometry::new(Class::for_size(size)?, page);
                for i in 0..100 {
                    let end = (i + 1) * g.stride;
                    assert!(g.header(i).is_multiple_of(64));
                    assert!(g.header(i) + 64 <= end);
                    // 2 KiB for a payload and the frames of a parked goroutine.
                    assert!(g.header(i) - 2048 >= end - page, "page {page} size {size} slot {i}");
                    assert_eq!(end - g.bottom(i), size.next_multiple_of(page));
                    assert_eq!(g.bottom(i) - g.guard(i), page);
                }
            }
        }
        Ok(())
    }
}
