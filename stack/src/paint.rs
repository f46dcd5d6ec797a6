//! Canary words and paint: what tells of an overflow, and of a stack's use, without a guard page.

/// Words of the canary.
const CANARY_WORDS: usize = 4;
/// Bytes of the canary.
#[cfg(all(feature = "std", target_os = "linux"))]
pub(crate) const CANARY_BYTES: usize = CANARY_WORDS * size_of::<usize>();
/// Paint: a word that frames seldom hold, and neither 0 nor a pointer.
pub(crate) const PAINT: usize = 0x5afe_57ac_c0de_f111_u64 as usize;

/// Returns a word of the canary, made from its place, so that a copy of another stack's bytes breaks it.
#[inline]
fn word(at: *mut usize) -> usize {
    at.addr() ^ 0xca4a_4213_dead_0b07_u64 as usize
}

/// Writes the canary.
///
/// # Safety
/// `bottom` must be word-aligned and start at least four writable words, which the caller owns.
pub(crate) unsafe fn plant_canary(bottom: *mut u8) {
    for i in 0..CANARY_WORDS {
        let at = bottom.cast::<usize>().wrapping_add(i);
        // SAFETY: within the words that the caller gave.
        unsafe { at.write_volatile(word(at)) };
    }
}

/// Returns whether the words that [`plant_canary`] wrote are still there.
///
/// # Safety
/// `bottom` must be that of a stack, readable from there up.
#[inline]
pub(crate) unsafe fn canary_intact(bottom: *mut u8) -> bool {
    let mut harm = 0;
    for i in 0..CANARY_WORDS {
        let at = bottom.cast::<usize>().wrapping_add(i);
        // SAFETY: the lowest words of a stack that is readable from its bottom up; volatile, because
        // frames that the compiler does not know of write there.
        harm |= unsafe { at.read_volatile() } ^ word(at);
    }
    harm == 0
}

/// Paints everything between the canary and `top`.
///
/// # Safety
/// The caller must own all words from `bottom` to `top`; both must be word-aligned.
pub(crate) unsafe fn paint(bottom: *mut u8, top: *mut u8) {
    let mut at = bottom.cast::<usize>().wrapping_add(CANARY_WORDS);
    while at.addr() < top.addr() {
        // SAFETY: below `top`.
        unsafe { at.write(PAINT) };
        at = at.wrapping_add(1);
    }
}

/// Returns the bytes between the lowest word that lost its paint and the top.
///
/// # Safety
/// `bottom` and `top` must be those of a stack that was painted.
pub(crate) unsafe fn high_water(bottom: *mut u8, top: *mut u8) -> usize {
    let first = bottom.wrapping_add(CANARY_WORDS * size_of::<usize>());
    first_other(first, top, PAINT).map_or(0, |at| top.addr() - at)
}

/// Makes every word from `from` up to the address `to` this one; none is written that is so already, so that a page
/// that was never touched stays the system's page of zeros.
///
/// # Safety
/// The caller must own the words, which nothing may use; both ends must be word-aligned.
pub(crate) unsafe fn cover(from: *mut u8, to: usize, word: usize) {
    let mut at = from.cast::<usize>();
    while at.addr() < to {
        // SAFETY: the caller's own; volatile, because frames that the compiler does not know of were there.
        unsafe {
            if at.read_volatile() != word {
                at.write_volatile(word);
            }
        }
        at = at.wrapping_add(1);
    }
}

/// Returns the address of the first word in `from..to` that is not `word`.
pub(crate) fn first_other(from: *mut u8, to: *mut u8, word: usize) -> Option<usize> {
    let mut at = from.cast::<usize>();
    while at.addr() < to.addr() {
        // SAFETY: callers pass a part of a live stack, word-aligned; volatile as above.
        if unsafe { at.read_volatile() } != word {
            return Some(at.addr());
        }
        at = at.wrapping_add(1);
    }
    None
}
