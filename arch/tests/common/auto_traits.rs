//! Whether a type may go to another thread, decided when the test is compiled.

/// Compiles only if the type is what is said.
macro_rules! assert_is {
    ($($type:ty: $bound:path),+ $(,)?) => {$({
        fn is<T: ?Sized + $bound>() {}
        is::<$type>();
    })+};
}

/// Compiles only if the type is not: if it were, two traits would offer the function.
macro_rules! assert_is_not {
    ($($type:ty: $bound:path),+ $(,)?) => {$({
        trait Offers<By> {
            fn choose() {}
        }
        impl<T: ?Sized> Offers<()> for T {}
        impl<T: ?Sized + $bound> Offers<u8> for T {}
        <$type as Offers<_>>::choose();
    })+};
}
