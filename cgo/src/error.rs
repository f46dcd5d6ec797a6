//! Why a callback has no value for C.

use core::fmt;

/// Why C got the default: the closure did not run to its end, or did not run at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
// A word, as what a callback has in its place when all is well: a byte would have the compiler take that apart.
#[repr(usize)]
pub enum CallbackError {
    /// The closure has panicked, or ended its goroutine; that goes on when the call is left.
    Panicked,
    /// The thread is none of the runtime's, and no runtime takes its callbacks; or it ended meanwhile.
    NoRuntime,
    /// The thread is none of the runtime's, and there is no memory for what it would need.
    NoMachine,
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Panicked => "the callback panicked: the panic goes on when the call is left",
            Self::NoRuntime => {
                "a callback on a thread that no runtime has started, and none runs: start the runtime \
                 before C's threads call back, and stop them before its main function returns"
            }
            Self::NoMachine => {
                "a callback on a thread that no runtime has started, and there is no memory for its \
                 goroutine: let fewer threads call back, or borrow"
            }
        })
    }
}

impl core::error::Error for CallbackError {}
