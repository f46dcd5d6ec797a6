//! Values that travel through a `void *`.
//!
//! A callback from C often comes with one word of the user's own. A pointer in it is a promise that
//! nothing checks: C may call back after the value is gone, or hand the word to the wrong function. A
//! [`Handle`] is a number instead, which leads to the value through a table, and a number that leads
//! nowhere is an error and nothing worse.
//!
//! ```text
//!   | generation | index + 1 |   the word; never 0
//! ```
//!
//! A slot of the table counts how often it was used: the generation. The word of a value that has been
//! released is never given out again; a slot whose count has come to its end is used no more.

use core::any::Any;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::Vec;

/// Half of the word is for the index, half for the generation.
const HALF: u32 = usize::BITS / 2;
const LOW: usize = (1 << HALF) - 1;

type Value = Arc<dyn Any + Send + Sync>;

#[derive(Default)]
struct Slot {
    /// Of its present value; of the next one if there is none.
    generation: usize,
    value: Option<Value>,
}

struct Table {
    slots: Vec<Slot>,
    /// Slots without a value that may be used again.
    free: Vec<usize>,
}

static TABLE: Mutex<Table> = Mutex::new(Table { slots: Vec::new(), free: Vec::new() });

/// Returns the table, locked. No user code runs while it is locked, and nothing parks.
fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A shared value of type `T`, as a word that C can carry.
///
/// It may be copied, sent to other threads and made up: a word that is not the handle of a `T`,
/// or no longer, is told by a [`BadHandle`]. The value lives until [`release`](Handle::release), and
/// on as long as a user holds what [`get`](Handle::get) gave.
///
/// ```
/// use core::ffi::c_void;
/// use g0_cgo::{BadHandle, Handle};
///
/// extern "C" fn count(user: *mut c_void) -> usize {
///     match Handle::<String>::from_ptr(user).get() {
///         Ok(text) => text.len(),
///         Err(BadHandle::Gone) => 0,
///         Err(_) => usize::MAX,
///     }
/// }
///
/// let handle = Handle::new(String::from("a value"));
/// assert_eq!(count(handle.as_ptr()), 7);
/// assert_eq!(count(Handle::new(5_u8).as_ptr()), usize::MAX);
/// assert_eq!(*handle.release()?, "a value");
/// assert_eq!(count(handle.as_ptr()), 0);
/// # Ok::<(), BadHandle>(())
/// ```
pub struct Handle<T> {
    word: usize,
    kind: PhantomData<fn() -> T>,
}

/// A word that is no handle of this kind. Nothing was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadHandle {
    /// The value has been released, or there never was one.
    Gone,
    /// There is a value, of another type.
    Kind,
}

impl fmt::Display for BadHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadHandle::Gone => {
                "a handle that has been released, or was never made: keep it until C is done"
            }
            BadHandle::Kind => {
                "a handle of another type: C has been given, or has kept, the wrong word"
            }
        })
    }
}

impl core::error::Error for BadHandle {}

impl<T: Any + Send + Sync> Handle<T> {
    /// Returns a handle of `value`.
    pub fn new(value: T) -> Self {
        Self::share(Arc::new(value))
    }

    /// Returns a handle of a value that has other owners as well.
    ///
    /// # Panics
    ///
    /// With 2³¹ values at once (of a 64-bit word; 2¹⁵ of a 32-bit one).
    pub fn share(value: Arc<T>) -> Self {
        let mut table = table();
        let index = table.free.pop().unwrap_or_else(|| {
            table.slots.push(Slot::default());
            table.slots.len() - 1
        });
        assert!(index < LOW / 2, "g0-cgo: too many handles: release those that C is done with");
        let slot = &mut table.slots[index];
        slot.value = Some(value);
        Self { word: slot.generation << HALF | (index + 1), kind: PhantomData }
    }

    /// Returns the value.
    ///
    /// # Errors
    ///
    /// See [`BadHandle`].
    pub fn get(self) -> Result<Arc<T>, BadHandle> {
        let table = table();
        let (_, value) = find(&table, self.word)?;
        let value = value.clone();
        drop(table);
        value.downcast().map_err(|_| BadHandle::Kind)
    }

    /// Returns the value, which the handle gives up: it is gone, for every copy of the handle.
    ///
    /// # Errors
    ///
    /// See [`BadHandle`]: also the second time.
    pub fn release(self) -> Result<Arc<T>, BadHandle> {
        let mut table = table();
        let (index, value) = find(&table, self.word)?;
        let value = value.clone().downcast::<T>().map_err(|_| BadHandle::Kind)?;
        let slot = &mut table.slots[index];
        // Not the last reference: `value` is one, so nothing is dropped under the lock.
        slot.value = None;
        if slot.generation < LOW {
            slot.generation += 1;
            table.free.push(index);
        }
        Ok(value)
    }
}

impl<T> Handle<T> {
    /// Returns the word. It is not an address: nothing may be read or written there.
    pub fn as_ptr(self) -> *mut c_void {
        core::ptr::without_provenance_mut(self.word)
    }

    /// Returns the handle whose word this is; of any word, for it is looked at when it is used.
    pub fn from_ptr(word: *mut c_void) -> Self {
        Self { word: word.addr(), kind: PhantomData }
    }
}

/// Returns the slot of a word, and its value.
fn find(table: &Table, word: usize) -> Result<(usize, &Value), BadHandle> {
    let index = (word & LOW).checked_sub(1).ok_or(BadHandle::Gone)?;
    let slot = table.slots.get(index).ok_or(BadHandle::Gone)?;
    match &slot.value {
        Some(value) if slot.generation == word >> HALF => Ok((index, value)),
        _ => Err(BadHandle::Gone),
    }
}

// Not derived: that would ask for a `T` which can do it.
impl<T> Clone for Handle<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<T> {}

impl<T> PartialEq for Handle<T> {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl<T> Eq for Handle<T> {}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({:#x})", self.word)
    }
}
