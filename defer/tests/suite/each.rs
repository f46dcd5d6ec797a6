//! A test for each unwinder.

/// Makes a test of each function, for every unwinder there is, and a list for a build that has no tests.
macro_rules! for_each_unwinder {
    ($($test:ident)*) => {
        #[cfg(test)]
        mod kernel {
            $(#[test] fn $test() { super::$test::<$crate::common::Kernel>() })*
        }
        #[cfg(test)]
        mod own {
            $(#[test] fn $test() { super::$test::<$crate::common::Jumps>() })*
        }
        #[cfg(all(test, feature = "std"))]
        mod rust {
            $(#[test] fn $test() { super::$test::<g0_defer::Rust>() })*
        }
        /// The functions, for the unwinder that needs none.
        #[allow(dead_code)]
        pub const ALL: &[(&str, fn())] =
            &[$((stringify!($test), $test::<$crate::common::Jumps>)),*];
    };
}
