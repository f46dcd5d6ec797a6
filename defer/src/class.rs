//! Size classes of records.

use core::alloc::Layout;

use g0_arch::magazine;

use crate::record::Record;

/// How many there are.
pub(crate) const CLASSES: usize = 3;
/// So many words can a record of each class hold. With the header they fill one, two and four cache
/// lines.
pub(crate) const WORDS: [usize; CLASSES] = [4, 12, 28];
/// Of a cache line; records of a class begin at one.
pub(crate) const LINE: usize = 64;

/// Records of a magazine; a cache has two of each class.
pub(crate) const HALF: u32 = if cfg!(loom) { 2 } else { 16 };

/// Free records of one class, which go from place to place together.
pub(crate) type Magazine = magazine::List<Record>;

/// Returns how many lines a record of this class has.
pub(crate) const fn lines(class: usize) -> usize {
    (size_of::<Record>() + WORDS[class] * size_of::<usize>()).div_ceil(LINE)
}

/// Returns the layout of the memory of a record of this class.
pub(crate) const fn layout(class: usize) -> Layout {
    match Layout::from_size_align(lines(class) * LINE, LINE) {
        Ok(layout) => layout,
        Err(_) => panic!("a few lines are a layout"),
    }
}

/// Returns the least class with room for this layout; none is large enough for the largest.
pub(crate) const fn of(wanted: Layout) -> Option<usize> {
    let mut class = 0;
    while class < CLASSES {
        if wanted.size() <= layout(class).size() && wanted.align() <= LINE {
            return Some(class);
        }
        class += 1;
    }
    None
}

/// Returns the least class whose records hold so many words.
pub(crate) fn of_words(words: usize) -> Option<usize> {
    WORDS.iter().position(|&room| words <= room)
}

#[cfg(all(target_pointer_width = "64", not(loom)))]
const _: () = assert!(lines(0) == 1 && lines(1) == 2 && lines(2) == 4);
