//! Writing from a signal handler.

use core::fmt::{self, Write};

use super::Overflow;

/// Text for standard error, written without allocating or locking: safe in a signal handler.
///
/// What is written with `write!` is kept in a small buffer and goes out when that is full and when
/// the message is dropped, so that a short message is one system call and comes out in one piece.
pub struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
    /// Returns an empty message.
    #[must_use]
    pub fn new() -> Message {
        Message { bytes: [0; 512], len: 0 }
    }

    fn flush(&mut self) {
        let mut rest = &self.bytes[..self.len];
        while !rest.is_empty() {
            // SAFETY: `rest` is readable.
            let wrote = unsafe { libc::write(2, rest.as_ptr().cast(), rest.len()) };
            match usize::try_from(wrote) {
                Ok(wrote) if wrote > 0 => rest = &rest[wrote..],
                _ if crate::slab::errno() == libc::EINTR => {}
                _ => break, // nothing listens
            }
        }
        self.len = 0;
    }
}

impl Default for Message {
    fn default() -> Self {
        Message::new()
    }
}

impl Write for Message {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            if self.len == self.bytes.len() {
                self.flush();
            }
            self.bytes[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        self.flush();
    }
}

/// Writes the message about a stack of which no reporter has told.
pub(super) fn overflow(overflow: &Overflow<'_>) {
    let mut message = Message::new();
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: a stack of {} bytes ({:#x} to {:#x}) is full: address {:#x} lies in its \
         guard page.\nGive it a larger stack, or make the recursion shallower or the frames \
         smaller.",
        overflow.size(),
        overflow.stack().bottom().addr(),
        overflow.stack().top().addr(),
        overflow.address(),
    );
}
