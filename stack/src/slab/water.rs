//! The high-water mark of a slab stack, without paint: pages start as zeros.

use super::page_size;
use crate::{Header, paint};

/// Pages asked about at once.
const PAGES: usize = 128;

/// Returns the bytes between the lowest word that is not zero and the top, untouched pages not read.
pub(crate) fn high_water(header: &Header) -> usize {
    let page = page_size();
    let top = header.top();
    let mut at = header.bottom();
    while at.addr() < top.addr() {
        let bytes = (top.addr() - at.addr()).min(PAGES * page);
        let mut present = [0u8; PAGES];
        // SAFETY: the range is mapped and `at` is a page's start; the vector has room for all.
        let told = unsafe { libc::mincore(at.cast(), bytes, present.as_mut_ptr().cast()) } == 0;
        for (i, present) in present[..bytes.div_ceil(page)].iter().enumerate() {
            // Where the kernel does not tell, reading does (and costs a page of zeros).
            if told && present & 1 == 0 {
                continue;
            }
            let from = at.wrapping_add(i * page);
            let to = from.addr().saturating_add(page).min(top.addr());
            if let Some(word) = paint::first_other(from, from.with_addr(to), 0) {
                return top.addr() - word;
            }
        }
        at = at.wrapping_add(bytes);
    }
    0
}
