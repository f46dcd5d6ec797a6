//! The parts of a platform as they are provided, in one line.

/// Implements for a [`Platform`](crate::Platform) the parts in which it differs in nothing from what is
/// provided: all of them, or those that are listed.
///
/// ```
/// # struct Board;
/// g0_sched::default_parts!(Board: ForeignCode, Interrupts, Machines, Unwinding);
///
/// impl g0_sched::port::Reports for Board {
///     // Its handlers use nothing but handles and wakers.
///     unsafe fn external_wakers(_own: usize) -> bool {
///         false
///     }
/// }
/// ```
#[macro_export]
macro_rules! default_parts {
    (@ForeignCode $platform:ty) => { impl $crate::port::ForeignCode for $platform {} };
    (@Interrupts $platform:ty) => { impl $crate::port::Interrupts for $platform {} };
    (@Machines $platform:ty) => { impl $crate::port::Machines for $platform {} };
    (@Reports $platform:ty) => { impl $crate::port::Reports for $platform {} };
    (@Unwinding $platform:ty) => { impl $crate::port::Unwinding for $platform {} };
    ($platform:ty: $($part:ident),+ $(,)?) => { $($crate::default_parts!(@$part $platform);)+ };
    ($platform:ty) => {
        $crate::default_parts!($platform: ForeignCode, Interrupts, Machines, Reports, Unwinding);
    };
}
