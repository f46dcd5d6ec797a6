//! Loom's atomics, which can say where in the source they were used; or shuttle's.
//!
//! So a set of models can be held against the source: which operations has no schedule come to?
//! Nothing is kept before [`start`].

use core::fmt;
use core::panic::Location;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool as Flag, Ordering::Relaxed};
use std::vec::Vec;

#[cfg(not(g0_shuttle))]
use loom::sync::atomic as model;
use model::Ordering;
#[cfg(g0_shuttle)]
use shuttle::sync::atomic as model;

static ON: Flag = Flag::new(false);
/// The standard library's: the places that were reached are no part of a model.
static PLACES: Mutex<BTreeSet<&'static Location<'static>>> = Mutex::new(BTreeSet::new());

/// Begins to keep places.
pub fn start() {
    ON.store(true, Relaxed);
}

/// Returns the places at which atomic operations and fences have been executed since [`start`].
pub fn places() -> Vec<&'static Location<'static>> {
    PLACES.lock().unwrap().iter().copied().collect()
}

#[track_caller]
fn here() {
    if ON.load(Relaxed) {
        PLACES.lock().unwrap().insert(Location::caller());
    }
}

/// As `loom::sync::atomic::fence`.
#[track_caller]
pub fn fence(_order: Ordering) {
    here();
    // Shuttle knows one order of all accesses.
    #[cfg(not(g0_shuttle))]
    model::fence(_order);
}

/// Does nothing: loom has no reordering within a thread for it to stop.
#[track_caller]
pub fn compiler_fence(_order: Ordering) {
    here();
}

macro_rules! atomic {
    ($name:ident $(<$of:ident>)?, $value:ty, $($fetch:ident)*) => {
        #[doc = concat!("Loom's `", stringify!($name), "`, whose uses can be listed.")]
        pub struct $name$(<$of>)?(model::$name$(<$of>)?);

        impl$(<$of>)? fmt::Debug for $name$(<$of>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl$(<$of>)? Default for $name$(<$of>)? {
            fn default() -> Self {
                Self(Default::default())
            }
        }

        impl$(<$of>)? $name$(<$of>)? {
            /// As loom's.
            #[track_caller]
            pub fn new(value: $value) -> Self {
                Self(model::$name::new(value))
            }

            /// As loom's. No atomic operation: it is not listed.
            ///
            /// # Safety
            ///
            /// No other thread may write the word.
            #[track_caller]
            pub unsafe fn unsync_load(&self) -> $value {
                // SAFETY: as the caller ensures.
                unsafe {
                    #[cfg(not(g0_shuttle))]
                    return self.0.unsync_load();
                    #[cfg(g0_shuttle)]
                    return self.0.raw_load();
                }
            }

            /// As loom's.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                here();
                self.0.load(order)
            }

            /// As loom's.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                here();
                self.0.store(value, order);
            }

            /// As loom's.
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                here();
                self.0.swap(value, order)
            }

            /// As loom's.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                here();
                self.0.compare_exchange(old, new, success, failure)
            }

            /// As loom's.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                here();
                self.0.compare_exchange_weak(old, new, success, failure)
            }

            /// As loom's.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                f: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                here();
                self.0.fetch_update(set, fetch, f)
            }

            $(
                /// As loom's.
                #[track_caller]
                pub fn $fetch(&self, value: $value, order: Ordering) -> $value {
                    here();
                    self.0.$fetch(value, order)
                }
            )*
        }
    };
}

macro_rules! integers {
    ($($name:ident: $value:ty),*) => {
        $(atomic!(
            $name, $value,
            fetch_add fetch_sub fetch_and fetch_nand fetch_or fetch_xor fetch_max fetch_min
        );)*
    };
}

integers!(AtomicI32: i32, AtomicI64: i64, AtomicIsize: isize);
integers!(AtomicU8: u8, AtomicU16: u16, AtomicU32: u32, AtomicU64: u64, AtomicUsize: usize);
atomic!(AtomicBool, bool, fetch_and fetch_nand fetch_or fetch_xor);
atomic!(AtomicPtr<T>, *mut T,);
