//! Stacks from the global allocator.

use alloc::alloc::{alloc, dealloc};
use core::alloc::Layout;

use crate::header::{CANARY, Kind, PAINTED, Parts};
use crate::{Class, Header, Stack, StackError, StackSource, paint};

/// The origin of heap stacks: all heap sources are alike.
const ORIGIN: usize = 0x6865_6170;

/// Each stack is one allocation, returned when it is freed. No guard page: canary words at the
/// bottom, as for [`StaticSource`](crate::StaticSource). A stack of a class below 4 KiB has 4 KiB all the same, where
/// addresses have 64 bits.
///
/// ```
/// use g0_stack::{Class, HeapSource, StackSource};
/// // SAFETY: no code runs on its stacks.
/// let source = unsafe { HeapSource::new() }.painted();
/// let stack = source.alloc(Class::for_size(16 << 10)?)?;
/// assert_eq!(stack.high_water(), Some(0));
/// // SAFETY: within the stack, which is ours.
/// unsafe { stack.top().sub(1000).write_bytes(1, 1000) };
/// assert_eq!(stack.high_water(), Some(1000));
/// // SAFETY: no frame is on it.
/// unsafe { source.free(stack) };
/// # Ok::<(), g0_stack::StackError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeapSource {
    paint: bool,
}

impl HeapSource {
    /// Returns a source of unguarded stacks that does not paint.
    ///
    /// ```compile_fail,E0133
    /// let source = g0_stack::HeapSource::new();
    /// ```
    ///
    /// # Safety
    ///
    /// Nothing guards these stacks: see [what an unguarded source asks
    /// for](StackSource#what-an-unguarded-source-asks-for).
    pub const unsafe fn new() -> HeapSource {
        HeapSource { paint: false }
    }

    /// Paints each stack before its first use, so that [`Header::high_water`] can tell; costs the
    /// writing of every byte.
    pub const fn painted(self) -> HeapSource {
        HeapSource { paint: true }
    }

    fn layout(class: Class) -> Result<Layout, StackError> {
        let bytes = class.size_alone();
        let refused = StackError::TooLarge { asked: bytes, largest: isize::MAX as usize };
        Layout::from_size_align(bytes, align_of::<Header>()).map_err(|_| refused)
    }
}

// SAFETY: each stack is an allocation of its own, of the class's size or more.
unsafe impl StackSource for HeapSource {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        let layout = HeapSource::layout(class)?;
        // SAFETY: a class is never of size 0.
        let bottom = unsafe { alloc(layout) };
        if bottom.is_null() {
            return Err(StackError::OutOfMemory);
        }
        let header = bottom.wrapping_add(layout.size() - size_of::<Header>());
        let mut flags = CANARY;
        // SAFETY: the allocation is the source's own, 64-aligned like its size.
        unsafe {
            paint::plant_canary(bottom);
            if self.paint {
                paint::paint(bottom, header);
                flags |= PAINTED;
            }
            let parts = Parts { bottom, class, kind: Kind::Heap, flags, origin: ORIGIN };
            Ok(Stack::from_raw(Header::write(header.cast(), parts)))
        }
    }

    unsafe fn free(&self, stack: Stack) {
        stack.comes_back(ORIGIN, "HeapSource::free");
        // A second free of the same stack is as likely caught as the allocator leaves the bytes.
        stack.retire("HeapSource::free");
        if let Ok(layout) = HeapSource::layout(stack.class()) {
            // SAFETY: `alloc` got it with this layout; the caller ensures that it is unused.
            unsafe { dealloc(stack.bottom(), layout) };
        }
    }
}
