//! What can go wrong before anything has happened.

use core::fmt;

use g0_stack::StackError;

use super::limits::MAX_PROCS;

/// Why a runtime was not built or a goroutine not started. Nothing has happened then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No P was asked for, or more than [`MAX_PROCS`].
    Procs,
    /// The stack size is 0, too small for a goroutine, or beyond the address space.
    StackSize(StackError),
    /// No stack could be had.
    Stack(StackError),
    /// No segment could be had for a stack that was to grow.
    Segment(StackError),
    /// The size of segments is 0, too small, or beyond the address space.
    SegmentSize(StackError),
    /// The scheduler has no source of segments: [`Scheduler::segments`](crate::Scheduler::segments) names one.
    NoSegments,
    /// Packed stacks cannot be had in this program, and why.
    PackedStacks(StackError),
    /// Packed stacks for the exclusive runtime, each of whose goroutines has the stack of a thread besides.
    PackedExclusive,
    /// The Ps given to this scheduler belong to another one.
    ProcsInUse,
    /// The calling thread runs goroutines of a runtime already.
    Nested,
    /// The calling thread belongs to no runtime.
    NoRuntime,
    /// The runtime is being shut down.
    ShutDown,
    /// What the closure captures and its result take more than a quarter of the stack, or an eighth of a packed one: box
    /// it.
    ClosureTooLarge,
    /// No thread could be started.
    ThreadSpawn,
    /// The kernel has no heavy fence for this process: ask for symmetric fences.
    MembarrierUnavailable,
    /// The runtime may start no thread, for its goroutines or for what they offload.
    MaxThreads,
    /// The environment variable of this name has a value that says nothing to the runtime.
    Environment(&'static str),
    /// The name for the runtime's threads holds a NUL byte.
    ThreadName,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Procs => write!(f, "a runtime needs between 1 and {} procs", MAX_PROCS),
            Error::StackSize(error) => write!(f, "no usable stack size: {error}"),
            Error::Stack(error) => write!(f, "no stack for another goroutine: {error}"),
            Error::Segment(error) => write!(f, "no segment of stack: {error}"),
            Error::SegmentSize(error) => write!(f, "no usable size of segments: {error}"),
            Error::NoSegments => f.write_str(
                "the scheduler has no source of segments, so no stack grows: give it one by Scheduler::segments",
            ),
            Error::PackedStacks(error) => error.fmt(f),
            Error::PackedExclusive => f.write_str(
                "packed stacks on the exclusive runtime, where each goroutine has a thread: \
                 build it pinned or migrating, or without them",
            ),
            Error::ProcsInUse => f.write_str("these Ps belong to another scheduler: give each its own"),
            Error::Nested => f.write_str(
                "a runtime inside a runtime: this thread runs goroutines already; \
                 start a goroutine, or run the other runtime on a thread of its own",
            ),
            Error::NoRuntime => f.write_str(
                "this thread belongs to no runtime: start goroutines inside Runtime::run",
            ),
            Error::ShutDown => f.write_str("the runtime is shut down: its main function has returned"),
            Error::ClosureTooLarge => f.write_str(
                "the closure and its result take more than a quarter of the stack (an eighth, where it is packed): box what it captures",
            ),
            Error::MembarrierUnavailable => f.write_str(
                "the kernel refuses membarrier: ask for Fences::Auto or Fences::Symmetric",
            ),
            Error::Environment(name) => {
                write!(f, "the environment variable {name} has a value that is not one of its own")
            }
            Error::MaxThreads => f.write_str("a runtime needs a thread, and so does what is offloaded: it may start none"),
            Error::ThreadName => f.write_str(
                "the name for the runtime's threads holds a NUL byte, which the system takes for its end",
            ),
            Error::ThreadSpawn => f.write_str("the system has no thread for the runtime"),
        }
    }
}

impl core::error::Error for Error {}
