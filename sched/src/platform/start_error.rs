//! What a system refuses that has no thread or core left.

/// Why a new M could not be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// The system has no thread left for this process.
    NoThread,
    /// The platform has no further core.
    NoCore,
}
