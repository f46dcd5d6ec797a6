//! The payload of a panic that travels without an unwinder: a list of records.

use core::alloc::Layout;
use core::any::Any;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

use crate::record::{Holds, Record};
use crate::{Goexit, Local, store};

/// Panics of one goroutine of which each replaced the one before it, mostly one. What
/// [`Own`](crate::Own) throws and catches.
///
/// Each lies in a record of `L`'s caches, so a throw allocates nothing where a cache or the depot has one.
///
/// > A ring that is never empty: `newest`, and behind it the oldest, the next to it, and so on. Each
/// > record holds a panic.
///
/// A ring, so that one replaces another in constant time, and reports begin with the oldest.
pub struct Thrown<L: Local> {
    newest: NonNull<Record>,
    local: PhantomData<fn() -> L>,
}

// SAFETY: the values in it are `Send`, and the records are its own.
unsafe impl<L: Local> Send for Thrown<L> {}

/// Returns the value of a record that holds a `T`: its `Look`.
///
/// # Safety
///
/// The record must hold a `T`.
unsafe fn look<T: Any + Send>(record: NonNull<Record>) -> (*mut (dyn Any + Send), Layout) {
    // SAFETY: as the caller ensures.
    (unsafe { Record::content::<T>(record) }, Record::layout::<T>())
}

impl<L: Local> Thrown<L> {
    /// Returns one panic.
    #[inline]
    pub(crate) fn new<T: Any + Send>(value: T) -> Self {
        let Ok(newest) = store::take::<L>(Record::layout::<T>()) else {
            L::fatal(
                "no memory for the payload of a panic: panic with a smaller value, or give the depot memory, \
                 or turn on g0-defer's feature `alloc`",
            )
        };
        // SAFETY: an empty record of this layout, this function's.
        unsafe {
            Record::fill(newest, value);
            newest.as_ref().holds.set(Holds::Panic(look::<T>));
            newest.as_ref().next.set(newest.as_ptr());
        }
        Thrown { newest, local: PhantomData }
    }

    pub(crate) fn into_raw(self) -> *mut () {
        ManuallyDrop::new(self).newest.as_ptr().cast()
    }

    /// # Safety
    ///
    /// It must be from `into_raw`, and used once.
    pub(crate) unsafe fn from_raw(at: *mut ()) -> Self {
        // SAFETY: as the caller ensures: not null.
        Thrown { newest: unsafe { NonNull::new_unchecked(at.cast()) }, local: PhantomData }
    }

    /// Returns the record behind this one.
    fn after(record: NonNull<Record>) -> NonNull<Record> {
        // SAFETY: a record of the ring, which is closed.
        unsafe { NonNull::new_unchecked(record.as_ref().next.get()) }
    }

    fn value_in(record: NonNull<Record>) -> (*mut (dyn Any + Send), Layout) {
        // SAFETY: a record of the ring holds a panic.
        unsafe {
            match record.as_ref().holds.get() {
                Holds::Panic(look) => look(record),
                _ => L::fatal("L16: a record among panics holds none"),
            }
        }
    }

    /// Returns `newer`, which replaces this one; each may stand for several.
    pub(crate) fn replaced_by(self, newer: Self) -> Self {
        let (old, new) = (ManuallyDrop::new(self).newest, ManuallyDrop::new(newer).newest);
        let (oldest, next) = (Self::after(old), Self::after(new));
        // SAFETY: both rings are this function's, and become one: … old, then all of the newer one.
        unsafe {
            old.as_ref().next.set(next.as_ptr());
            new.as_ref().next.set(oldest.as_ptr());
        }
        Thrown { newest: new, local: PhantomData }
    }

    /// Returns what comes after the last Goexit, and what there was up to it.
    pub(crate) fn recovered(self) -> (Option<Self>, Option<Self>) {
        let newest = self.newest;
        let mut goexit = None;
        let mut at = Self::after(newest);
        loop {
            // SAFETY: the ring's, and only looked at.
            if unsafe { &*Self::value_in(at).0 }.is::<Goexit>() {
                goexit = Some(at);
            }
            if at == newest {
                break;
            }
            at = Self::after(at);
        }
        let Some(goexit) = goexit else { return (Some(self), None) };
        if goexit == newest {
            return (None, Some(self));
        }
        let _ = ManuallyDrop::new(self);
        let (oldest, next) = (Self::after(newest), Self::after(goexit));
        // SAFETY: the ring is this value's, and becomes two: from the oldest to the Goexit, and the rest.
        unsafe {
            goexit.as_ref().next.set(oldest.as_ptr());
            newest.as_ref().next.set(next.as_ptr());
        }
        let of = |newest| Some(Thrown { newest, local: PhantomData });
        (of(newest), of(goexit))
    }

    /// Returns the one in flight.
    pub fn newest(&self) -> &(dyn Any + Send) {
        // SAFETY: the ring is this value's, and borrowed as long as this value.
        unsafe { &*Self::value_in(self.newest).0 }
    }

    /// Returns all of them, oldest first; a Goexit is among them as [`Goexit`].
    pub fn iter(&self) -> impl Iterator<Item = &(dyn Any + Send)> {
        let mut at = Some(Self::after(self.newest));
        core::iter::from_fn(move || {
            let record = at?;
            at = (record != self.newest).then(|| Self::after(record));
            // SAFETY: as `newest`.
            Some(unsafe { &*Self::value_in(record).0 })
        })
    }

    /// Returns the value of the one in flight, if it is a `T`; those that it replaced are dropped.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn downcast<T: Any>(self) -> Result<T, Self> {
        if !self.newest().is::<T>() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        let (newest, oldest) = (this.newest, Self::after(this.newest));
        // SAFETY: the ring is this value's; the value is moved out, its record is freed, and the rest, if
        // there is one, is closed by what came before it.
        unsafe {
            let (value, layout) = Self::value_in(newest);
            let value = value.cast::<T>().read();
            if oldest != newest {
                let mut last = oldest;
                while Self::after(last) != newest {
                    last = Self::after(last);
                }
                last.as_ref().next.set(oldest.as_ptr());
                drop(Thrown::<L> { newest: last, local: PhantomData });
            }
            newest.as_ref().clear(Holds::Empty);
            store::give_back::<L>(newest, layout);
            Ok(value)
        }
    }
}

impl<L: Local> Drop for Thrown<L> {
    fn drop(&mut self) {
        let mut at = Self::after(self.newest);
        loop {
            let (record, next) = (at, Self::after(at));
            // SAFETY: the ring is this value's; each value is dropped once and its record freed. A drop that
            // is left by a throw leaves the rest where they are, for good.
            unsafe {
                let (value, layout) = Self::value_in(record);
                value.drop_in_place();
                record.as_ref().clear(Holds::Empty);
                store::give_back::<L>(record, layout);
            }
            if record == self.newest {
                return;
            }
            at = next;
        }
    }
}

impl<L: Local> fmt::Display for Thrown<L> {
    /// As [`show`](crate::Unwind::show) says.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::report::chain(self.iter(), f)
    }
}

impl<L: Local> fmt::Debug for Thrown<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Thrown").field(&format_args!("{self}")).finish()
    }
}
