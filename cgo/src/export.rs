//! `export!`: functions for C to call. It writes no attribute, and no `unsafe` that its user has not
//! written.

/// Writes `extern "C"` functions whose bodies are goroutine code, each around a
/// [`callback`](crate::Bridge::callback).
///
/// ```
/// # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sixty_lines/runtime.rs")); }
/// use core::ffi::{c_int, c_void};
/// use runtime::Sixty;
///
/// g0_cgo::export! {
///     in Sixty;
///
///     /// A comparator for `qsort`. If its body panics C is told that the two are equal, and the
///     /// panic goes on after `qsort` has returned.
///     pub unsafe fn by_value(a: *const c_void, b: *const c_void) -> c_int = 0 {
///         // SAFETY: `qsort` passes elements of the array.
///         let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
///         a.cmp(&b) as c_int
///     }
///
///     fn nothing_to_say() { runtime::yield_now() }
/// }
/// # runtime::run(|| assert_eq!(1, g0_cgo::Bridge::<Sixty>::call(|| unsafe {
/// #     nothing_to_say();
/// #     by_value((&raw const *&2).cast(), (&raw const *&1).cast())
/// # })));
/// ```
///
/// - `in Type;` names the [`Runtime`](crate::Runtime). With the features `sched` and `std` it may
///   be left out: then it is the hosted scheduler.
/// - A function that returns something says after `=` what C gets if the body panics. The value
///   ends at the body's brace: a struct literal there needs parentheses.
/// - The names are Rust's, and so is their visibility: C is handed a pointer, as `qsort` is. A function
///   that C refers to by its name gets the attribute that says so, `#[unsafe(no_mangle)]`, and a name that
///   no other part of the program uses. All attributes are passed on.
/// - `unsafe fn` is for functions which trust their arguments: Rust code cannot call them by
///   accident. C does not see the difference.
/// - `return` leaves the body only. No panic leaves the function.
/// - `unsafe unwind fn` is the other form, around a [`callback_unwind`](crate::Bridge::callback_unwind):
///   a panic of the body drops the frames of C up to the call, so there is no value for C. Code that
///   hands the function to C must ensure what `callback_unwind` asks.
///
/// ```
/// # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sixty_lines/runtime.rs")); }
/// # use core::ffi::c_int;
/// g0_cgo::export! {
///     in runtime::Sixty;
///
///     /// # Safety
///     ///
///     /// Only plain frames between here and the call if `code` is not 0.
///     pub unsafe unwind fn or_panic(code: c_int) -> c_int {
///         assert_eq!(code, 0, "C has failed");
///         code
///     }
/// }
/// # runtime::run(|| assert_eq!(0, g0_cgo::Bridge::<runtime::Sixty>::call(|| unsafe { or_panic(0) })));
/// ```
///
/// Without that attribute there is no symbol, so a name that C has already is no harm:
///
/// ```
/// #![forbid(unsafe_code)]
/// # #[cfg(all(feature = "sched", feature = "std"))]
/// g0_cgo::export! {
///     pub fn malloc(_size: usize) -> usize = 1 { 1 }
/// }
/// # fn main() {}
/// ```
///
/// With it the name is the program's responsibility, and where `unsafe` is forbidden it does not compile:
///
/// ```compile_fail
/// #![forbid(unsafe_code)]
/// # #[cfg(all(feature = "sched", feature = "std"))]
/// g0_cgo::export! {
///     #[unsafe(no_mangle)] // says: declaration of a `no_mangle` function
///     pub fn malloc(_size: usize) -> usize = 1 { 1 }
/// }
/// # #[cfg(not(all(feature = "sched", feature = "std")))]
/// # compile_error!("there is no default runtime here");
/// # fn main() {}
/// ```
///
/// What is not a function that C could call does not compile, and the message says why: here the
/// value for C is missing.
///
/// ```compile_fail
/// # mod runtime { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/sixty_lines/runtime.rs")); }
/// g0_cgo::export! {
///     in runtime::Sixty;
///     fn answer() -> i32 { 42 } // says: write `-> i32 = value { .. }`
/// }
/// ```
#[macro_export]
macro_rules! export {
    (in $runtime:ty; $($functions:tt)*) => {
        $crate::__export! { [$runtime] $($functions)* }
    };
    ($($functions:tt)*) => {
        $crate::__export! { [] $($functions)* }
    };
}

/// Takes one function at a time: its attributes, its qualifiers, then the signature, then the default value
/// token by token up to the body.
///
/// The attributes go into the result with their own `#` and brackets, which is why `@item` has what follows
/// twice, once to take from and once to look at. With a `#` of this macro's the compiler would ascribe
/// `#[unsafe(no_mangle)]` to the macro, and `forbid(unsafe_code)` would let it pass.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ([$($runtime:ty)?]) => {};

    (@item $runtime:tt [$($head:tt)*] [$h1:tt $a1:tt $h2:tt $a2:tt $h3:tt $a3:tt $h4:tt $a4:tt $($rest:tt)*]
        # $s1:tt # $s2:tt # $s3:tt # $($same:tt)*) => {
        $crate::__export! {
            @item $runtime [$($head)* $h1 $a1 $h2 $a2 $h3 $a3 $h4 $a4] [$($rest)*] $($rest)*
        }
    };
    (@item $runtime:tt [$($head:tt)*] [$hash:tt $attribute:tt $($rest:tt)*] # $($same:tt)*) => {
        $crate::__export! { @item $runtime [$($head)* $hash $attribute] [$($rest)*] $($rest)* }
    };
    (@item $runtime:tt [$($head:tt)*] $same:tt $vis:vis unsafe unwind fn $($rest:tt)*) => {
        $crate::__export! { @unwind $runtime [$($head)* $vis] unsafe $($rest)* }
    };
    (@item $runtime:tt $head:tt $same:tt $vis:vis unwind fn $name:ident $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "` drops frames of C when its body panics, which is for \
            its caller to allow: write `unsafe unwind fn`"
        ));
    };
    (@item $runtime:tt [$($head:tt)*] $same:tt $vis:vis unsafe fn $($rest:tt)*) => {
        $crate::__export! { @fn $runtime [$($head)* $vis unsafe] $($rest)* }
    };
    (@item $runtime:tt [$($head:tt)*] $same:tt $vis:vis fn $($rest:tt)*) => {
        $crate::__export! { @fn $runtime [$($head)* $vis] $($rest)* }
    };
    (@item $($other:tt)*) => {
        ::core::compile_error!("export!: write functions: `fn name(a: T, ..) -> R = default { .. }`");
    };

    (@unwind [$($runtime:ty)?] [$($head:tt)*] unsafe $name:ident ($($arg:ident: $ty:ty),* $(,)?)
        $(-> $ret:ty)? $body:block $($rest:tt)*) => {
        $($head)* unsafe extern "C" fn $name($($arg: $ty),*) $(-> $ret)? {
            let body = move || $(-> $ret)? { $body };
            // SAFETY: as the caller of an unwinding function ensures.
            unsafe { $crate::__callback_unwind!([$($runtime)?] body) }
        }
        $crate::__export! { [$($runtime)?] $($rest)* }
    };
    (@unwind $runtime:tt $head:tt unsafe $name:ident $args:tt -> $ret:ty = $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "` unwinds, so C never gets a value when its body \
            panics: leave out what is after `=`"
        ));
    };
    (@unwind $runtime:tt $head:tt $($other:tt)*) => {
        ::core::compile_error!("export!: write `unsafe unwind fn name(a: T, ..) -> R { .. }`");
    };

    // As the next one, of the usual length.
    (@fn $runtime:tt $head:tt $name:ident $args:tt -> $ret:ty = $default:tt $body:block $($rest:tt)*) => {
        $crate::__export! { @default $runtime $head $name $args [$ret] [$default] $body $($rest)* }
    };
    (@fn $runtime:tt $head:tt $name:ident $args:tt -> $ret:ty = $($rest:tt)*) => {
        $crate::__export! { @default $runtime $head $name $args [$ret] [] $($rest)* }
    };
    (@fn $runtime:tt $head:tt $name:ident $args:tt $body:block $($rest:tt)*) => {
        $crate::__export! { @default $runtime $head $name $args [()] [()] $body $($rest)* }
    };
    (@fn $runtime:tt $head:tt $name:ident $args:tt -> $ret:ty $body:block $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "` returns a value, so say what C gets if its \
            body panics: `-> ", ::core::stringify!($ret), " = value { .. }`"
        ));
    };
    (@fn $runtime:tt $head:tt $name:ident < $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "` is generic; C calls one function by one name"
        ));
    };
    (@fn $runtime:tt $head:tt $($other:tt)*) => {
        ::core::compile_error!("export!: write `fn name(a: T, ..) -> R = default { .. }`");
    };

    (@default $runtime:tt $head:tt $name:ident $args:tt $ret:tt [] $body:block $($rest:tt)*) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "`: a value is missing between `=` and the body"
        ));
    };
    (@default [$($runtime:ty)?] [$($head:tt)*] $name:ident ($($arg:ident: $ty:ty),* $(,)?)
        [$ret:ty] [$($default:tt)+] $body:block $($rest:tt)*) => {
        $($head)* extern "C" fn $name($($arg: $ty),*) -> $ret {
            $crate::__callback!([$($runtime)?] $($default)+, move || -> $ret { $body })
        }
        $crate::__export! { [$($runtime)?] $($rest)* }
    };
    (@default $runtime:tt $head:tt $name:ident $args:tt $ret:tt [$($default:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__export! { @default $runtime $head $name $args $ret [$($default)* $next] $($rest)* }
    };
    (@default $runtime:tt $head:tt $name:ident $args:tt $ret:tt [$($default:tt)*]) => {
        ::core::compile_error!(::core::concat!(
            "export!: `", ::core::stringify!($name), "` has no body after `=`"
        ));
    };

    ([$($runtime:ty)?] $($functions:tt)*) => {
        $crate::__export! { @item [$($runtime)?] [] [$($functions)*] $($functions)* }
    };
}

/// Expands to a callback of the runtime that was named, or of the hosted one.
#[cfg(all(feature = "sched", feature = "std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __callback {
    ([] $($args:tt)*) => { $crate::callback($($args)*) };
    ([$runtime:ty] $($args:tt)*) => { $crate::Bridge::<$runtime>::callback($($args)*) };
}

/// As `__callback`, for the other form.
#[cfg(all(feature = "sched", feature = "std"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __callback_unwind {
    ([] $body:ident) => {
        $crate::callback_unwind($body)
    };
    ([$runtime:ty] $body:ident) => {
        $crate::Bridge::<$runtime>::callback_unwind($body)
    };
}

/// Expands to a callback of the runtime that was named.
#[cfg(not(all(feature = "sched", feature = "std")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __callback {
    ([] $($args:tt)*) => {
        ::core::compile_error!(
            "export!: start with `in MyRuntime;`, or enable g0-cgo's features `sched` and `std`"
        )
    };
    ([$runtime:ty] $($args:tt)*) => { $crate::Bridge::<$runtime>::callback($($args)*) };
}

/// As `__callback`, for the other form.
#[cfg(not(all(feature = "sched", feature = "std")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __callback_unwind {
    ([] $($args:tt)*) => { $crate::__callback!([] $($args)*) };
    ([$runtime:ty] $body:ident) => { $crate::Bridge::<$runtime>::callback_unwind($body) };
}
