//! The record at the top of every stack.
//!
//! ```text
//!   higher addresses
//!   ├──────────────┤ end of the top page
//!   │ colour       │ 0..24 cache lines, unused (slab only)
//!   ├──────────────┤
//!   │ Header       │ 64 bytes, 64-aligned
//!   ├──────────────┤ ← Header::top(): the user's bytes end here
//!   │ payload      │ the user's record, if any (a scheduler's G)
//!   ├──────────────┤ ← Header::payload::<T>(): frames start here and grow down
//!   │ frames       │
//!   │      ↓       │
//!   │ canary       │ 4 words, where there is no guard page
//!   ├──────────────┤ ← Header::bottom()
//!   │ guard page   │ slab only
//!   └──────────────┘
//! ```

use core::cell::Cell;
use core::fmt;
use core::ptr::{self, NonNull};
// Core's and not the facade's: no model reaches a header.
#[cfg(all(feature = "std", target_os = "linux"))]
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::Class;
use crate::paint;
use crate::tag::{Tag, Word};

/// Which source made a stack: what its memory is, and how its high-water mark is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Kind {
    Static,
    #[cfg(feature = "alloc")]
    Heap,
    #[cfg(all(feature = "std", target_os = "linux"))]
    Slab,
    #[cfg(all(feature = "std", target_os = "linux"))]
    Packed,
}

/// The stack has a guard page beneath it.
pub(crate) const GUARDED: u8 = 1;
/// The stack has canary words at its bottom.
pub(crate) const CANARY: u8 = 2;
/// The stack was painted before its first use.
pub(crate) const PAINTED: u8 = 4;
/// `first_use` has not been asked since the stack came from its source.
const FRESH: u8 = 8;

/// Mixed into the identity of a stack that has an owner.
const LIVE: usize = 0x6730_5354_4143_4b01_u64 as usize;
/// Mixed into the identity of a stack on a free list.
const FREE: usize = 0xd1b5_4a32_d192_ed03_u64 as usize;

/// The record at the top of a stack, written by the source that made it.
///
/// > **Invariants.** The header is 64-aligned and `bottom < top`, both in one allocation, which is
/// > the stack's alone while it is live. The identity word is a function of the header's address,
/// > the bottom, and whether the stack is free: a header that was overwritten, moved, or put on
/// > two free lists does not pass [`check`](Header::check). The links and the age are touched
/// > only by the owner of the stack: a cache, or a list under its lock.
///
/// [`Header::top`] is the header's own address. A *payload* may be kept beneath it.
#[repr(C, align(64))]
pub struct Header {
    /// Atomic, for a thread that frees a whole source looks at stacks that are being put back; see
    /// [`check`](Header::check). Relaxed, plain moves: what it says is ordered elsewhere.
    identity: AtomicUsize,
    /// Next in a free list.
    pub(crate) next: Cell<*mut Header>,
    /// First stack of the magazine below; of use in the first stack of a magazine in a depot.
    pub(crate) below: Cell<*mut Header>,
    /// The segment that lies above this stack in a task's chain, in use or kept; null where there is none, and
    /// always while the stack is free. See `grow`.
    pub(crate) above: Cell<*mut Header>,
    /// What lies beneath, or null: see `tag.rs`.
    tag: Word,
    bottom: *mut u8,
    /// Tells sources apart.
    pub(crate) origin: usize,
    /// Stacks of the magazine; of use in the first stack of a magazine in a depot.
    pub(crate) magazine_len: Cell<u32>,
    class: Cell<Class>,
    pub(crate) kind: Kind,
    flags: Cell<u8>,
    /// Sweeps that this stack has been idle for; see `idle.rs`.
    pub(crate) age: Cell<u8>,
}

const _: () = assert!(size_of::<Header>() == 64);
// What runs over the end of the payload hits the identity first.
const _: () = assert!(memoffset::offset_of!(Header, identity) == 0);

// SAFETY: shared access only reads; the cells are written by the owner of the stack alone (the holder of
// the `Stack`, or the free list that took it), which has exclusive use of it.
unsafe impl Sync for Header {}
// SAFETY: nothing in a header is tied to a thread.
unsafe impl Send for Header {}

/// What a source says about a stack that it makes.
pub(crate) struct Parts {
    pub bottom: *mut u8,
    pub class: Class,
    pub kind: Kind,
    pub flags: u8,
    pub origin: usize,
}

impl Header {
    /// Writes the header of a new, live, fresh stack.
    ///
    /// # Safety
    /// `at` must be 64-aligned, above `parts.bottom`, and both must lie in one allocation, writable from
    /// `bottom` to the header's end and owned by the caller. It must be sound to use `parts.bottom` for
    /// all of it.
    #[inline]
    pub(crate) unsafe fn write(at: *mut Header, parts: Parts) -> NonNull<Header> {
        let header = Header {
            identity: AtomicUsize::new(mix(at.addr(), parts.bottom.addr(), LIVE)),
            next: Cell::new(ptr::null_mut()),
            below: Cell::new(ptr::null_mut()),
            above: Cell::new(ptr::null_mut()),
            tag: Word::none(),
            bottom: parts.bottom,
            origin: parts.origin,
            magazine_len: Cell::new(0),
            class: Cell::new(parts.class),
            kind: parts.kind,
            flags: Cell::new(parts.flags | FRESH),
            age: Cell::new(0),
        };
        // SAFETY: the caller gives a writable, aligned place, which is not null.
        unsafe {
            at.write(header);
            NonNull::new_unchecked(at)
        }
    }

    /// Returns the lowest byte of the stack.
    #[inline]
    pub fn bottom(&self) -> *mut u8 {
        self.bottom
    }

    /// Returns one past the user's highest byte: the header's own address.
    #[inline]
    pub fn top(&self) -> *mut u8 {
        // `bottom` may be used for the whole stack, a reference to the header only for the header.
        self.bottom.with_addr(ptr::from_ref(self).addr())
    }

    /// Returns the bytes between bottom and top.
    #[inline]
    pub fn size(&self) -> usize {
        ptr::from_ref(self).addr() - self.bottom.addr()
    }

    /// Returns the stack's size class.
    #[inline]
    pub fn class(&self) -> Class {
        self.class.get()
    }

    /// Returns whether a guard page lies beneath the stack.
    #[inline]
    pub fn guarded(&self) -> bool {
        self.flags.get() & GUARDED != 0
    }

    /// Returns where a payload `T` beneath the header lies: whole cache lines below the top. Frames may
    /// start at this address.
    #[inline]
    pub fn payload<T>(&self) -> *mut T {
        const { assert!(align_of::<T>() <= 64) };
        self.top().wrapping_sub(size_of::<T>().next_multiple_of(64)).cast()
    }

    /// Returns the header above a payload.
    ///
    /// # Safety
    /// `payload` must have come from [`Header::payload::<T>`](Header::payload) of a stack not yet freed
    /// to its source.
    #[inline]
    pub unsafe fn of_payload<T>(payload: *mut T) -> NonNull<Header> {
        let header = payload.cast::<u8>().wrapping_add(size_of::<T>().next_multiple_of(64));
        // SAFETY: the caller ensures that this is a header's address.
        unsafe { NonNull::new_unchecked(header.cast()) }
    }

    /// Says from now on, until the stack goes back to its source, that what `tag` stands for lies beneath.
    ///
    /// # Safety
    ///
    /// The stack must be the caller's, and what `tag` stands for must lie there and be as the owner of the tag
    /// demands, for as long.
    pub unsafe fn set_tag(&self, tag: &'static Tag) {
        self.tag.set(tag);
    }

    /// Returns whether what `tag` stands for lies beneath. Any context, signal handlers included.
    pub fn is_tagged(&self, tag: &'static Tag) -> bool {
        self.tag.is(tag)
    }

    /// Returns whether this is the unharmed header of a stack that is in use: not overwritten, not moved,
    /// not on a free list.
    #[inline]
    pub fn check(&self) -> bool {
        self.identity.load(Ordering::Relaxed) == self.expect(LIVE)
    }

    /// Returns whether this is the unharmed header of a stack on a free list.
    #[inline]
    pub(crate) fn check_free(&self) -> bool {
        self.identity.load(Ordering::Relaxed) == self.expect(FREE)
    }

    #[inline]
    fn expect(&self, state: usize) -> usize {
        mix(ptr::from_ref(self).addr(), self.bottom.addr(), state)
    }

    /// In use → free. Only the owner may call this.
    #[inline]
    pub(crate) fn retire(&self, place: &'static str) {
        if !self.check() {
            fatal(self, place);
        }
        if !self.canary_intact() {
            overrun(self, place);
        }
        self.identity.store(self.expect(FREE), Ordering::Relaxed);
        self.age.set(0);
    }

    /// Free → in use. Only the owner may call this.
    #[inline]
    pub(crate) fn revive(&self, place: &'static str) {
        if !self.check_free() {
            fatal(self, place);
        }
        self.identity.store(self.expect(LIVE), Ordering::Relaxed);
    }

    /// Makes a stack that comes back from a source's own free list look new.
    #[inline]
    pub(crate) fn renew(&self, class: Class, place: &'static str) {
        self.revive(place);
        self.class.set(class);
        self.flags.set(self.flags.get() | FRESH);
    }

    /// Receives the stack in the source with this origin, which must have made it: another one is fatal, and so is
    /// a stack with a segment above. What lies beneath is nothing from here on.
    #[inline]
    pub(crate) fn comes_back(&self, origin: usize, place: &'static str) {
        if self.origin != origin {
            foreign(self, place);
        }
        if !self.above.get().is_null() {
            keeps(self, place);
        }
        self.tag.clear();
    }

    /// Returns whether [`Stack::first_use`](crate::Stack::first_use) has yet to be asked.
    #[inline]
    pub fn fresh(&self) -> bool {
        self.flags.get() & FRESH != 0
    }

    #[inline]
    pub(crate) fn take_fresh(&self) -> bool {
        let flags = self.flags.get();
        self.flags.set(flags & !FRESH);
        flags & FRESH != 0
    }

    /// Returns whether the stack was painted before its first use.
    pub(crate) fn is_painted(&self) -> bool {
        self.flags.get() & PAINTED != 0
    }

    /// Returns whether the stack has canary words at its bottom.
    #[inline]
    pub fn has_canary(&self) -> bool {
        self.flags.get() & CANARY != 0
    }

    /// Returns whether the canary words are as they were written; true where there are none.
    ///
    /// A broken canary tells that frames ran over the bottom *in the past*: memory beneath the
    /// stack may have been overwritten. A frame that jumps over the words breaks nothing.
    #[inline]
    pub fn canary_intact(&self) -> bool {
        // SAFETY: a header's stack is readable from its bottom up.
        !self.has_canary() || unsafe { paint::canary_intact(self.bottom) }
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("top", &self.top())
            .field("bottom", &self.bottom)
            .field("kind", &self.kind)
            .field("guarded", &self.guarded())
            .field("live", &self.check())
            .finish()
    }
}

/// Returns the identity word. Odd multiplication spreads every bit of the bottom upwards, so that a
/// header copied elsewhere, or one half overwritten, does not match by chance.
#[inline]
fn mix(header: usize, bottom: usize, state: usize) -> usize {
    (header ^ state).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize) ^ bottom
}

#[cold]
#[inline(never)]
pub(crate) fn fatal(header: &Header, place: &'static str) -> ! {
    let what = if header.check() {
        "it is in use, though a free list holds it (a stack handed out twice)"
    } else if header.check_free() {
        "it is on a free list already (a stack given back twice)"
    } else {
        "its header was overwritten"
    };
    panic!("g0-stack: {place}: stack with top {:p}: {what}", header.top());
}

#[cold]
#[inline(never)]
fn foreign(header: &Header, place: &'static str) -> ! {
    if !header.check() {
        fatal(header, place);
    }
    panic!("g0-stack: {place}: stack with top {:p}: it came from another source", header.top());
}

/// What tells of a broken canary before the panic does: null, or a `fn(&Header)` that `overflow` has put here.
#[cfg(all(feature = "std", target_os = "linux"))]
pub(crate) static ON_OVERRUN: AtomicPtr<()> = AtomicPtr::new(ptr::null_mut());

#[cold]
#[inline(never)]
fn keeps(header: &Header, place: &'static str) -> ! {
    if !header.check() {
        fatal(header, place);
    }
    panic!(
        "g0-stack: {place}: stack with top {:p}: it has a segment above: take it first (grow::take_kept)",
        header.top()
    );
}

#[cold]
#[inline(never)]
fn overrun(header: &Header, place: &'static str) -> ! {
    #[cfg(all(feature = "std", target_os = "linux"))]
    {
        let tell = ON_OVERRUN.load(Ordering::Acquire);
        if !tell.is_null() {
            // SAFETY: `overflow` stores nothing else there.
            unsafe { core::mem::transmute::<*mut (), fn(&Header)>(tell)(header) };
        }
    }
    panic!(
        "g0-stack: {place}: stack with top {:p}, {} bytes: it overflowed (canary overwritten), and \
         memory beneath it may be damaged: make it larger",
        header.top(),
        header.size()
    );
}
