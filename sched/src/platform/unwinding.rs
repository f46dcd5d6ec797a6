//! How shutdown ends goroutines that still wait.

/// Unwinding of a goroutine by Goexit. Provided: the platform cannot, and shutdown leaves what waits as
/// it is.
pub trait Unwinding {
    /// Whether [`throw_goexit`](Self::throw_goexit) throws.
    const UNWINDS: bool = false;

    /// Unwinds the running goroutine by Goexit, where [`UNWINDS`](Self::UNWINDS) says so; then it must not
    /// return. Else it must do nothing. Called in goroutines that the end of the run meets. On the
    /// goroutine's stack, outside.
    ///
    /// # Safety
    ///
    /// By the scheduler only, which has noted in the goroutine that it exits.
    unsafe fn throw_goexit() {}
}
