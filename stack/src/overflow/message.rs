//! Writing from a signal handler.

use core::fmt::{self, Write};

use super::fault::frame_size;
use super::onstack::without_onstack;
use super::{Fault, Overflow};

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
    let (size, address) = (overflow.size(), overflow.address());
    let stack = overflow.stack();
    let (bottom, top) = (stack.bottom().addr(), stack.top().addr());
    let frame = overflow.signal_frame();
    let code = format_args!("full: address {address:#x} lies in its guard page");
    let (what, remedy): (&dyn fmt::Display, _) = match &frame {
        Some(frame) => (frame, ""),
        None => (&code, ", or make the recursion shallower or the frames smaller"),
    };
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        message,
        "stack overflow: a stack of {size} bytes ({bottom:#x} to {top:#x}) is {what}.\n\
         Give it a larger stack{remedy}."
    );
}

/// Writes the message about a handler that has filled an alternate stack of which no reporter has told.
pub(super) fn signal_stack(fault: &Fault) {
    // Writing to a `Message` does not fail.
    let _ = writeln!(
        Message::new(),
        "stack overflow: a signal handler on thread {} has filled the thread's alternate signal stack of {} bytes \
         (address {:#x} lies beneath it).\nGive the thread a larger one (sigaltstack), or do less in the handler.",
        ThisThread,
        fault.signal_stack_size(),
        fault.address(),
    );
}

/// The calling thread's name and number, for a message.
#[derive(Debug, Clone, Copy)]
pub struct ThisThread;

impl fmt::Display for ThisThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = [0_u8; 16];
        // SAFETY: the call writes at most 16 bytes, the last of them 0.
        let number = unsafe {
            libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr());
            libc::gettid()
        };
        let length = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
        // A name that was cut in the middle of a letter is left out.
        match core::str::from_utf8(&name[..length]) {
            Ok(name) if !name.is_empty() => write!(f, "'{name}' ({number})"),
            _ => write!(f, "{number}"),
        }
    }
}

/// Says of a stack that the frame of a signal did not fit, why it was to lie there, and what helps.
#[derive(Debug, Clone, Copy)]
pub struct SignalFrame {
    pub(super) room: usize,
}

impl fmt::Display for SignalFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "too full for a signal: {} bytes are left, and the kernel's frame takes up to {}. The signal is lost. ",
            self.room,
            frame_size(),
        )?;
        let mut signals = without_onstack();
        let Some(first) = signals.next() else {
            return f
                .write_str("The thread has no alternate signal stack, or one that is too small");
        };
        write!(f, "Handlers that run on whatever stack they meet: of signal {first}")?;
        signals.try_for_each(|signal| write!(f, ", {signal}"))?;
        f.write_str(" (install them with SA_ONSTACK)")
    }
}
