//! Records that are not what they have to be.

/// Ends the program when a record is not what it has to be: all that a cache asks of a
/// [`Local`](crate::Local), each of which is one.
pub(crate) trait Harm {
    /// As [`Local::fatal`](crate::Local::fatal).
    fn harm(reason: &'static str) -> !;
}
