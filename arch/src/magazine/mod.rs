//! Free items of a kind, kept where they are wanted: a cache for each P, a depot for all.
//!
//! Bonwick's words for a slab allocator that many processors use ("Magazines and Vmem", 2001):
//!
//! | | |
//! |---|---|
//! | *magazine* | a bounded [`List`] of free items, which goes from one place to another as a whole |
//! | *cache* | two magazines of one owner, which takes no lock: [`Cache`] |
//! | *depot* | magazines that belong to no owner: [`Depot`], which its user puts under a lock |
//!
//! ```text
//!   a P's cache                                 depot, under a lock
//!
//!   get, put ─▶ hot   item ─▶ item ─▶ item      top ─▶ item ─▶ item ─▶ … HALF
//!                ▲ │  change places                      │ below
//!                │ ▼                                     ▼
//!               cold  item ─▶ … HALF ── half ──▶       item ─▶ item ─▶ … HALF
//!                     (or none)      ◀─ half ──          │
//! ```
//!
//! *Pool* is no word here, because it would do for the cache, for the depot and for both together, and
//! has meant each of them in one crate or another. These three name one thing each, and the literature
//! knows them.
//!
//! An owner that swings around a boundary is half a cache away from its next visit to the depot. What
//! changes hands was linked before, one item at a time by the owner that put it, so a lock around the
//! depot is held for a few instructions whatever the length of a magazine: no list is walked along to be
//! cut in two or counted.
//!
//! All of it is linked through the items: nothing here allocates, and a bound costs no memory. What an
//! item is, what is written on it while it is free and what it is checked for is its user's, which
//! implements [`Link`]: `g0-stack` for the headers of stacks, `g0-defer` for records of deferred calls.
//!
//! > **Invariant.** A free item is in one list, and that list owns it.

mod cache;
mod depot;
mod list;

pub use cache::Cache;
pub use depot::Depot;
pub use list::List;

/// An item that has room for the links of a list and of a depot.
///
/// # Safety
///
/// Each getter must return what its setter was last given, as long as the item is in a list; and no
/// method may touch another item.
pub unsafe trait Link: Sized {
    /// Returns the item after this one in its list, or null.
    ///
    /// # Safety
    ///
    /// The item must be in a list of the caller's.
    unsafe fn next(&self) -> *mut Self;

    /// Sets [`next`](Link::next).
    ///
    /// # Safety
    ///
    /// The item must be the caller's, and nothing else may use it.
    unsafe fn set_next(&self, next: *mut Self);

    /// Returns, for the first item of a magazine in a depot, how many items the magazine has, and the
    /// first item of the magazine below, or null.
    ///
    /// # Safety
    ///
    /// The item must be the first of a magazine in a depot of the caller's.
    unsafe fn magazine(&self) -> (u32, *mut Self);

    /// Sets [`magazine`](Link::magazine).
    ///
    /// # Safety
    ///
    /// As for [`set_next`](Link::set_next).
    unsafe fn set_magazine(&self, len: u32, below: *mut Self);

    /// Asks for the memory of the item that is likely to be taken next, which may be null.
    #[inline(always)]
    fn prefetch(_next: *mut Self) {}
}
