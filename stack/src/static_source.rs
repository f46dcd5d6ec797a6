//! Stacks in static memory, for programs without an allocator.

use core::mem::MaybeUninit;

use g0_arch::sync::Mutex;
use g0_arch::sync::cell::UnsafeCell;

use crate::header::{CANARY, Kind, PAINTED, Parts};
use crate::list::{self, List};
use crate::{Class, Header, Stack, StackError, StackSource, paint};

/// One stack's memory.
#[repr(C, align(64))]
struct Block<const SIZE: usize>([MaybeUninit<u8>; SIZE]);

/// `N` stacks of `SIZE` bytes (headers included), in the program's own memory.
///
/// There is no page to guard with: the stacks have canary words at the bottom, looked at when a stack is
/// freed or when asked ([`Header::canary_intact`]). `SIZE` must be a multiple of 64 and at least 512. A
/// class is served if it fits in `SIZE`, one below 4 KiB on 64 bits as one of 4 KiB; the stack is `SIZE` bytes all
/// the same.
///
/// It is a source through a `&'static` reference, because its stacks lie within it:
///
/// ```
/// use g0_stack::{Class, StackSource, StaticSource};
/// # #[cfg(not(loom))]
/// // SAFETY: no code runs on its stacks.
/// static STACKS: StaticSource<4, 8192> = unsafe { StaticSource::new() };
///
/// # fn main() -> Result<(), g0_stack::StackError> {
/// # #[cfg(not(loom))] {
/// let stack = (&STACKS).alloc(Class::for_size(8000)?)?;
/// assert_eq!(stack.size(), 8192 - 64);
/// // SAFETY: nothing ran on it.
/// unsafe { (&STACKS).free(stack) };
/// # }
/// # Ok(()) }
/// ```
pub struct StaticSource<const N: usize, const SIZE: usize> {
    paint: bool,
    shelf: Mutex<Shelf<N>>,
    blocks: UnsafeCell<[MaybeUninit<Block<SIZE>>; N]>,
}

/// > **Invariant.** Blocks from `fresh` on were never given out; each one below is on the list or
/// > has an owner.
struct Shelf<const N: usize> {
    free: List,
    fresh: usize,
    /// Of which the header is written.
    made: [bool; N],
}

// SAFETY: the blocks are given out by the shelf, under its lock, one owner each.
unsafe impl<const N: usize, const SIZE: usize> Sync for StaticSource<N, SIZE> {}

impl<const N: usize, const SIZE: usize> StaticSource<N, SIZE> {
    const FITS: () = {
        assert!(SIZE.is_multiple_of(64), "SIZE must be a multiple of 64");
        assert!(SIZE >= 512, "SIZE must be at least 512");
    };

    g0_arch::const_unless_loom! {
        /// Returns a source of unguarded stacks, which have never been used. `const` except under loom.
        ///
        /// ```compile_fail,E0133
        /// static STACKS: g0_stack::StaticSource<4, 8192> = g0_stack::StaticSource::new();
        /// ```
        ///
        /// # Safety
        ///
        /// Nothing guards these stacks: see [what an unguarded source asks
        /// for](StackSource#what-an-unguarded-source-asks-for).
        pub unsafe fn new() -> Self {
            const { Self::FITS };
            StaticSource {
                paint: false,
                shelf: Mutex::new(Shelf { free: List::new(), fresh: 0, made: [false; N] }),
                blocks: UnsafeCell::new([const { MaybeUninit::uninit() }; N]),
            }
        }
    }

    /// Paints each stack before its first use, so that [`Header::high_water`] can tell.
    pub const fn painted(mut self) -> Self {
        self.paint = true;
        self
    }

    /// Returns the most bytes that were ever used of one of its stacks, as [`Header::high_water`] does; none
    /// before the first stack, and where they are not [painted](Self::painted). Stacks may be in use meanwhile.
    pub fn high_water(&'static self) -> Option<usize> {
        let made = self.shelf.lock().made;
        let marks = (0..N).filter(|&index| made[index]).map(|index| {
            let (_, header) = self.block(index);
            // SAFETY: it has been made, and headers stay.
            unsafe { (*header).high_water() }
        });
        marks.max().flatten()
    }

    /// Returns where a block and its header lie.
    fn block(&'static self, index: usize) -> (*mut u8, *mut Header) {
        let block = self.blocks.with_mut(|blocks| blocks.cast::<u8>().wrapping_add(index * SIZE));
        (block, block.wrapping_add(SIZE - size_of::<Header>()).cast())
    }

    fn make(&'static self, index: usize, class: Class) -> Stack {
        let (block, header) = self.block(index);
        let mut flags = CANARY;
        // SAFETY: the block was never given out, so it has no user yet; blocks are 64-aligned and SIZE
        // is a multiple of 64, so header and words are aligned; the memory is 'static.
        unsafe {
            paint::plant_canary(block);
            if self.paint {
                paint::paint(block, header.cast());
                flags |= PAINTED;
            }
            let origin = core::ptr::from_ref(self).addr();
            let parts = Parts { bottom: block, class, kind: Kind::Static, flags, origin };
            Stack::from_raw(Header::write(header, parts))
        }
    }
}

// SAFETY: every block is given to one owner at a time and is 'static.
unsafe impl<const N: usize, const SIZE: usize> StackSource for &'static StaticSource<N, SIZE> {
    fn alloc(&self, class: Class) -> Result<Stack, StackError> {
        if class.size_alone() > SIZE {
            return Err(StackError::TooLarge { asked: class.size_alone(), largest: SIZE });
        }
        let index = {
            let mut shelf = self.shelf.lock();
            if let Some(header) = shelf.free.pop() {
                // SAFETY: the list owned it.
                let stack = unsafe { Stack::from_raw(header) };
                stack.renew(class, "StaticSource::alloc");
                return Ok(stack);
            }
            if shelf.fresh == N {
                return Err(StackError::Exhausted { stacks: N });
            }
            shelf.fresh += 1;
            shelf.fresh - 1
        };
        let stack = self.make(index, class);
        self.shelf.lock().made[index] = true;
        Ok(stack)
    }

    unsafe fn free(&self, stack: Stack) {
        stack.comes_back(core::ptr::from_ref(*self).addr(), "StaticSource::free");
        list::push(&mut self.shelf.lock().free, stack, "StaticSource::free");
    }
}
