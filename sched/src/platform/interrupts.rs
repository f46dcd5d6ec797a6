//! Interrupt handlers that wake goroutines.

/// Interrupt handlers. Provided: there are none.
///
/// From a handler a wake (a [`Waker`](core::task::Waker) of [`block_on`](crate::generic::block_on), or
/// [`unpark`](crate::generic::Goroutine::unpark)) and the drop of such a handle take no lock: they only put
/// the goroutine into the inbox of an M, into that of the M it is bound to, else of this core's, which must
/// be an M of the goroutine's scheduler. The M runs it when it comes to a scheduling point or out of
/// [`park`](crate::Platform::park). A handler may use nothing else of the scheduler: what it has interrupted may be
/// the scheduler itself, at any instruction. An operation that comes to the scheduler there ends the program with a
/// message; one that meets a lock which the interrupted code holds waits for ever.
///
/// For platforms that do not unwind ([`UNWINDS`](super::unwinding::Unwinding::UNWINDS)).
pub trait Interrupts {
    /// Returns whether the caller is an interrupt handler. Any context.
    fn in_interrupt() -> bool {
        false
    }
}
