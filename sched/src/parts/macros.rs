//! What the layers write again and again.

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
