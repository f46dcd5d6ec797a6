//! What tells goroutines apart: number, name, where it was started. Written when a goroutine is started,
//! read by itself, by the holders of its handles, and by threads that look from outside.
//!
//! A G is used again, so a thread that looks from outside may meet the moment when the next goroutine's
//! label is written, word by word. It reads all of one label, or learns that there is none (L15). Two things tell:
//! the number, which never comes again, and the [status](super::status), which says DEAD from the end of one
//! goroutine until the label of the next is whole.
//!
//! ```text
//!   the end, then the next starter     a thread that looks
//!   status := DEAD    (Release)        a := id              (Acquire)
//!   id := new         (Release)        status, not DEAD?    (Acquire)
//!   name := …         (Release)        read name and site   (Acquire)
//!   site := …         (Release)        b := id              (Relaxed)
//!   status := RUNNABLE (Release)       a = b?
//! ```
//!
//! *Not older than `a`*: the number `a` brings the DEAD before it. So a status that is not DEAD is of the
//! goroutine `a` or of a later one, and brings that one's whole label. *Not newer than `a`*: a word of a
//! later label brings its number, and `b` is another than `a`.

use core::panic::Location;
use core::slice;
use core::str;

use g0_arch::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use super::status::{self, Status};

/// A label as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) id: u64,
    pub(crate) name: &'static str,
    pub(crate) site: &'static Location<'static>,
}

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

    /// Writes it all, of a goroutine that comes to be: its status must be DEAD. The starter alone may call it;
    /// `id` must not have been used before in its scheduler.
    #[inline(always)]
    pub(crate) fn set(&self, id: u64, name: &'static str, site: &'static Location<'static>) {
        // Orderings: see above. No instruction on x86_64.
        self.id.store(id, Ordering::Release);
        self.name.store(name.as_ptr().cast_mut(), Ordering::Release);
        self.len.store(name.len(), Ordering::Release);
        self.site.store(core::ptr::from_ref(site).cast_mut(), Ordering::Release);
    }

    /// As [`set`](Self::set), and there is a goroutine from now on.
    #[inline(always)]
    pub(crate) fn start(
        &self,
        id: u64,
        name: &'static str,
        site: &'static Location<'static>,
        status: &Status,
    ) {
        self.set(id, name, site);
        status.set(status::RUNNABLE);
    }

    /// Returns its number.
    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    /// Returns its name, empty without one.
    ///
    /// # Safety
    ///
    /// The G must be kept from being used again.
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

    /// Returns all of it, with the goroutine's state; none when there is no goroutine, or when it changed
    /// meanwhile. Any context.
    pub(crate) fn read(&self, status: &Status) -> Option<(u8, Label)> {
        // Orderings: see above.
        let before = self.id.load(Ordering::Acquire);
        let state = status.load(Ordering::Acquire);
        if state == status::DEAD {
            return None;
        }
        let (name, len) = (self.name.load(Ordering::Acquire), self.len.load(Ordering::Acquire));
        let site = self.site();
        if self.id.load(Ordering::Relaxed) != before {
            return None;
        }
        // SAFETY: the status and the number say that both words are of one name.
        let name = unsafe { str::from_utf8_unchecked(slice::from_raw_parts(name, len)) };
        Some((state, Label { id: before, name, site }))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_label_says_what_was_set_from_the_start_to_the_end() {
        let (site, status) = (Location::caller(), Status::new());
        let label = Ident::new(site);
        assert_eq!(label.read(&status), None);
        label.start(7, "seven", site, &status);
        assert_eq!(
            label.read(&status),
            Some((status::RUNNABLE, Label { id: 7, name: "seven", site }))
        );
        assert_eq!(label.id(), 7);
        status.set(status::DEAD);
        assert_eq!(label.read(&status), None);
    }
}
