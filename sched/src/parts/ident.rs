//! What tells goroutines apart: number, name, where it was started. Written when a goroutine is started,
//! read by itself, by the holders of its handles, and by threads that look from outside.
//!
//! A G is used again, so a thread that looks from outside may meet the moment when the next goroutine's
//! label is written. The number tells: it is written first, and never comes again.
//!
//! ```text
//!   the starter of a goroutine         a thread that looks
//!   id := new        (Relaxed)         a := id              (Acquire)
//!   name := …        (Release)         read name and site   (Acquire)
//!   site := …        (Release)         b := id              (Relaxed)
//! ```
//!
//! If a word of the new label has been read, the acquire has brought the new number with it: `a` and
//! `b` differ, or both are new and so is, by the status, all the rest.

use core::panic::Location;
use core::slice;
use core::str;

use super::stat_atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

/// The label of a goroutine.
#[derive(Debug)]
pub(crate) struct Ident {
    id: AtomicU64,
    name: AtomicPtr<u8>,
    len: AtomicUsize,
    site: AtomicPtr<Location<'static>>,
}

impl Ident {
    /// Of a G that has never run.
    pub(crate) fn new(site: &'static Location<'static>) -> Self {
        Self {
            id: AtomicU64::new(0),
            name: AtomicPtr::new("".as_ptr().cast_mut()),
            len: AtomicUsize::new(0),
            site: AtomicPtr::new(core::ptr::from_ref(site).cast_mut()),
        }
    }

    /// Writes it all. The starter of the goroutine alone may call it; `id` must not have been used before.
    #[inline(always)]
    pub(crate) fn set(&self, id: u64, name: &'static str, site: &'static Location<'static>) {
        // Orderings: see above. No instruction on x86_64.
        self.id.store(id, Ordering::Relaxed);
        self.name.store(name.as_ptr().cast_mut(), Ordering::Release);
        self.len.store(name.len(), Ordering::Release);
        self.site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Release);
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Returns its name, empty without one.
    ///
    /// # Safety
    ///
    /// The G must be kept from being used again, or the caller must compare numbers before it looks at the
    /// name.
    pub(crate) unsafe fn name(&self) -> &'static str {
        let (name, len) = (self.name.load(Ordering::Acquire), self.len.load(Ordering::Acquire));
        // SAFETY: as the caller ensures: both words are of one name.
        unsafe { str::from_utf8_unchecked(slice::from_raw_parts(name, len)) }
    }

    /// Returns where the goroutine was started.
    pub(crate) fn site(&self) -> &'static Location<'static> {
        // SAFETY: it was always one; one word is not torn.
        unsafe { &*self.site.load(Ordering::Acquire) }
    }

    /// Returns all of it; none when it changed meanwhile. Any context.
    pub(crate) fn read(&self) -> Option<(u64, &'static str, &'static Location<'static>)> {
        let before = self.id.load(Ordering::Acquire);
        let (name, len) = (self.name.load(Ordering::Acquire), self.len.load(Ordering::Acquire));
        let site = self.site();
        if self.id.load(Ordering::Relaxed) != before {
            return None;
        }
        // SAFETY: the number has not changed, so both words are of one name.
        let name = unsafe { str::from_utf8_unchecked(slice::from_raw_parts(name, len)) };
        Some((before, name, site))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_what_was_set() {
        let site = Location::caller();
        let label = Ident::new(site);
        assert_eq!(label.read().map(|(id, name, _)| (id, name)), Some((0, "")));
        label.set(7, "seven", site);
        assert_eq!(label.read(), Some((7, "seven", site)));
        assert_eq!(label.id(), 7);
    }
}
