//! Extra Ms: for threads that the scheduler did not start (L7).
//!
//! ```text
//!             make               take: pop, mark + 1
//!   (unused) ──────▶ SPARE ──────────────────────────▶ one thread's
//!                      ▲            put: push            │
//!                      └─────────────────────────────────┘
//! ```
//!
//! The spare ones form a stack that any thread takes from without a lock: such a thread may be a signal
//! handler's victim, or run at a priority of its own, and it knows nothing of the scheduler's lock. The
//! head is one word: where the topmost M lies, and a *mark* that grows with each that is taken.
//!
//! ```text
//!   thread 1                             thread 2
//!   head is A, mark 5; under A lies B
//!                                        takes A (mark 6), takes B (mark 7), puts A back
//!   swaps (A, 5) for (B, 6): fails,
//!   for the head is (A, 7)
//! ```
//!
//! Without the mark the swap would succeed, and B, which is thread 2's, would be taken twice.
//!
//! > **L7** An extra M has one thread at a time, however often it is taken and put back. It is put back
//! > when its last thread has done with it, and not before.
//!
//! Extra Ms are never freed before their scheduler, so the link of one that another thread has just
//! taken may be read; the swap fails then.
//!
//! *Rejected.* A lock around the list (Go's way: the head is swapped for a mark that says *locked*): a
//! thread that is descheduled there keeps all the rest out. Taking the whole list and giving the rest
//! back: it is empty meanwhile, and each thread that looks makes another M.

use core::ptr;

use g0_arch::sync::OwnedCell;
use g0_arch::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

/// What can be an extra M: an M.
///
/// # Safety
///
/// Each of the two must return the same word every time, the element's own, and nothing but [`Extras`] may use
/// them.
pub unsafe trait Spare: Sized + 'static {
    /// Returns the link to the one below it among the spare ones; the list's, while it is spare.
    fn below(&self) -> &AtomicPtr<Self>;

    /// Returns the link to the next older one; written once, before it is registered.
    fn older(&self) -> &OwnedCell<*const Self>;
}

/// The extra Ms of a scheduler.
#[derive(Debug)]
pub struct Extras<M> {
    head: AtomicU64,
    /// All there ever were, newest first.
    all: AtomicPtr<M>,
    /// A spare one is wanted.
    pub(crate) wanted: AtomicBool,
}

/// Bits of the mark; the rest of the word is the address. Of 64 bits an M's alignment leaves seven, and
/// no system gives more than 48 bits to addresses unasked.
const MARK: u32 = if usize::BITS == 32 { 32 } else { 23 };
const ADDRESS: u32 = if usize::BITS == 32 { 32 } else { 16 };

/// `m` with `mark`, of which only the low bits count.
fn pack<M>(m: *const M, mark: u64) -> u64 {
    const { assert!(align_of::<M>() >= 1 << (MARK - ADDRESS), "the mark has no room") };
    (m.expose_provenance() as u64) << ADDRESS | mark & ((1 << MARK) - 1)
}

fn mark(head: u64) -> u64 {
    head & ((1 << MARK) - 1)
}

fn m_of<M>(head: u64) -> *mut M {
    // Signed: the upper half of the addresses, a kernel's, ends in ones.
    let addr = ((head & !((1 << MARK) - 1)) as i64 >> ADDRESS) as usize;
    ptr::with_exposed_provenance_mut(addr)
}

impl<M: Spare> Extras<M> {
    maybe_const! {
        /// Returns an empty list.
        pub(crate) fn new() -> Self {
            Self {
                head: AtomicU64::new(0),
                all: AtomicPtr::new(ptr::null_mut()),
                wanted: AtomicBool::new(false),
            }
        }
    }

    /// Returns whether an M at this address can be one of them.
    pub(crate) fn can_hold(m: *const M) -> bool {
        ptr::eq(m_of::<M>(pack(m, u64::MAX)), m)
    }

    /// Takes a spare M, the caller's from now on; returns it, and whether it was the last.
    pub fn take(&self) -> Option<(&'static M, bool)> {
        // Acquire: the link is read, and later all the rest; pairs with `put`.
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            // SAFETY: an M that was in the list lives as long as the scheduler.
            let m: &'static M = unsafe { m_of::<M>(head).as_ref()? };
            // Relaxed: stored before the M was put there. Another thread's meanwhile, and then maybe
            // in the list again with another link: the mark tells.
            let next = m.below().load(Ordering::Relaxed);
            match self.head.compare_exchange_weak(
                head,
                pack(next, mark(head) + 1),
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some((m, next.is_null())),
                Err(now) => head = now,
            }
        }
    }

    /// `m`, which is the caller's, is spare again; whatever is to be done with it has been done.
    pub fn put(&self, m: &'static M) {
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            m.below().store(m_of(head), Ordering::Relaxed);
            // Release: the thread that takes the M finds it as this one leaves it. The swaps of threads
            // that take or put other Ms in between go on with this release sequence.
            match self.head.compare_exchange_weak(
                head,
                pack(m, mark(head)),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// `m` is one of them from now on, and the caller's.
    pub(crate) fn register(&self, m: &'static M) {
        let mut first = self.all.load(Ordering::Relaxed);
        loop {
            // SAFETY: it is not registered yet, so no thread reads the link.
            unsafe { m.older().set(first) };
            let this = ptr::from_ref(m).cast_mut();
            // Release: a thread that goes through them finds each complete.
            match self.all.compare_exchange_weak(first, this, Ordering::Release, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    /// Returns all there are, spare or not.
    pub(crate) fn all(&self) -> impl Iterator<Item = &'static M> + use<M> {
        // Acquire: pairs with `register`.
        let mut at: *const M = self.all.load(Ordering::Acquire);
        core::iter::from_fn(move || {
            // SAFETY: they live as long as the scheduler; the link is written once, before.
            unsafe {
                let m: &'static M = at.as_ref()?;
                at = m.older().get();
                Some(m)
            }
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use std::boxed::Box;

    use super::*;
    use crate::objects::m::M;

    #[test]
    fn l7_the_head_keeps_the_address_and_the_mark() {
        let m: *const M = Box::leak(Box::new(M::new()));
        for mark_in in [0, 1, (1 << MARK) - 1] {
            let head = pack(m, mark_in);
            assert!(ptr::eq(m_of(head), m));
            assert_eq!(mark(head), mark_in);
        }
        assert!(m_of::<M>(pack::<M>(ptr::null(), 77)).is_null());
        assert_eq!(mark(pack(m, 1 << MARK)), 0, "the mark begins anew");
        assert!(Extras::can_hold(m));
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn an_address_that_does_not_fit_is_refused() {
        let wide = ptr::without_provenance::<M>(1 << 55);
        assert!(!Extras::can_hold(wide));
        let kernel = ptr::without_provenance::<M>(0xffff_8000_0000_0080);
        assert!(Extras::can_hold(kernel));
    }

    #[test]
    fn l7_the_last_that_is_taken_says_so() {
        let list = Extras::new();
        let [a, b]: [&'static M; 2] = [(); 2].map(|()| &*Box::leak(Box::new(M::new())));
        assert!(list.take().is_none());
        list.put(a);
        list.put(b);
        let (first, last) = list.take().unwrap();
        assert!(ptr::eq(first, b) && !last);
        let (second, last) = list.take().unwrap();
        assert!(ptr::eq(second, a) && last);
        assert!(list.take().is_none());
    }
}
