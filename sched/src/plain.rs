//! Words that one thread at a time uses, by the names that this crate has for them; and an assertion.

pub(crate) use g0_arch::sync::{OwnedCell as Plain, WatchedPtr as Shown, load_owned as own};

macro_rules! maybe_const {
    ($($function:tt)*) => {
        g0_arch::const_unless_loom! { $($function)* }
    };
}

/// An assertion of debug builds, and of models.
macro_rules! checked {
    ($($assertion:tt)*) => {
        if cfg!(any(debug_assertions, loom)) {
            assert!($($assertion)*);
        }
    };
}
