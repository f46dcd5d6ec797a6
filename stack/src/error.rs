//! The one error of this crate.

use core::fmt;

/// Why no stack could be had.
///
/// It exists so that a spawner can tell "you asked for the wrong thing" from "the machine has no
/// more of it": the first is a mistake in the program, the second passes when stacks are freed.
/// It is `Copy` and allocates nothing, because it is made exactly when memory is short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StackError {
    /// A stack of no bytes was asked for.
    ZeroSize,
    /// The size is beyond what this source or this address space can hold.
    TooLarge {
        /// The bytes asked for.
        asked: usize,
        /// The most bytes that would have been given.
        largest: usize,
    },
    /// The kernel or the global allocator refused the memory.
    OutOfMemory,
    /// Every stack of a [`StaticSource`](crate::StaticSource) is in use.
    Exhausted {
        /// How many stacks the source has.
        stacks: usize,
    },
    /// The stacks of a source take as much together as its limit allows, and none of them is free.
    Limit {
        /// The bytes that the source may reserve for all its stacks.
        bytes: usize,
    },
    /// The process has as many mappings as the kernel allows, and its guard pages need mappings.
    TooManyMappings,
    /// The segments of one task would take more than they may: see [`grow`](crate::grow).
    SegmentLimit {
        /// The bytes of the segment that was wanted.
        asked: usize,
        /// The bytes of those that the task has.
        used: usize,
        /// The bytes that it may have.
        limit: usize,
    },
    /// The kernel refused a signal handler or an alternate stack, with this error number.
    Signal(i32),
    /// Packed stacks in a build with debug assertions, whose frames are several times as deep: one wait takes more
    /// than a whole stack.
    Unoptimised,
    /// Packed stacks in a program that binds functions of libraries at their first call, which takes more than a
    /// whole stack.
    LazyBinding,
    /// Packed stacks in a program with a handler of this signal that runs on whatever stack the signal meets.
    SignalOnStack(i32),
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            StackError::ZeroSize => f.write_str("a stack of 0 bytes: ask for at least one byte"),
            StackError::TooLarge { asked, largest } => {
                write!(f, "a stack of {asked} bytes: ask for at most {largest} bytes")
            }
            StackError::OutOfMemory => f.write_str(
                "no memory for a stack: free stacks, ask for smaller ones, or raise the limit on \
                 address space (ulimit -v)",
            ),
            StackError::Exhausted { stacks } => write!(
                f,
                "all {stacks} stacks of the static source are in use: free one, or declare more",
            ),
            StackError::Limit { bytes } => write!(
                f,
                "the limit of {bytes} bytes for all stacks together is reached: wait until one is free, ask for \
                 smaller ones, or raise the limit",
            ),
            StackError::TooManyMappings => f.write_str(
                "the limit on memory mappings is reached (this kernel needs one for every guard \
                 page): raise vm.max_map_count, or build the source without guards",
            ),
            StackError::SegmentLimit { asked, used, limit } => write!(
                f,
                "stack overflow: {used} bytes of segments are in use, and {asked} more would exceed \
                 the limit of {limit} bytes: a recursion does not end, or the limit must be raised",
            ),
            StackError::Signal(errno) => write!(
                f,
                "the kernel refused a signal handler or its stack (error {errno}): check seccomp \
                 and memory limits",
            ),
            StackError::Unoptimised => f.write_str(
                "packed stacks in a build with debug assertions, whose frames are too deep for them: build with \
                 --release, or take larger stacks with guards",
            ),
            StackError::LazyBinding => f.write_str(
                "packed stacks in a program that binds functions at their first call, which takes 3 KiB of stack: \
                 link it with -z now (rustc: -C relro-level=full), or start it with LD_BIND_NOW=1",
            ),
            StackError::SignalOnStack(signal) => write!(
                f,
                "packed stacks in a program whose handler of signal {signal} runs on the stack that the signal \
                 meets: install it with SA_ONSTACK",
            ),
        }
    }
}

impl core::error::Error for StackError {}
