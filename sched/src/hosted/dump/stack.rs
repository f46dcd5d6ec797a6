//! A copy of the stack of a goroutine that waits.

use core::fmt;
use core::mem;
use core::ops::Range;
use core::ptr::NonNull;
use std::time::{Duration, Instant};
use std::vec::Vec;

use g0_arch::Suspended;

use crate::objects::g::{G, status};
use crate::parts::stat_atomic::Ordering;

/// For how long a goroutine may be diverted, on a busy machine.
const PATIENCE: Duration = Duration::from_millis(100);

/// The part of a stack that was in use, and where to begin.
pub(super) struct Copy {
    /// The address of the first byte.
    start: usize,
    bytes: Vec<u8>,
    pub(super) registers: Suspended,
}

/// Why there is no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It does not wait any more, or waits for something else.
    Woke,
    /// The kernel does not let the process read its own memory.
    Refused,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Woke => "it woke meanwhile",
            Self::Refused => "the kernel refused process_vm_readv",
        })
    }
}

/// Returns the context of `g`, if it is the goroutine with this number and waits.
fn waits(g: NonNull<G>, id: u64) -> Result<usize, Why> {
    // SAFETY: registered Gs live as long as the scheduler.
    let this = unsafe { g.as_ref() };
    let mut sp = [0; size_of::<usize>()];
    // By the kernel, for it may be written at this moment.
    read(this.context.as_ptr().addr(), &mut sp)?;
    if this.status.load(Ordering::Acquire) != status::PARKED || this.ident.id() != id {
        return Err(Why::Woke);
    }
    Ok(usize::from_ne_bytes(sp))
}

/// As [`waits`], for a stack with these bounds. Sysmon may be giving pages of it back, for a moment: then the context is a
/// detour's.
fn waits_in(g: NonNull<G>, id: u64, stack: Range<usize>) -> Result<usize, Why> {
    let start = Instant::now();
    loop {
        let sp = waits(g, id)?;
        if stack.contains(&sp) {
            return Ok(sp);
        }
        if start.elapsed() > PATIENCE {
            return Err(Why::Woke);
        }
        std::thread::yield_now();
    }
}

impl Copy {
    /// Of `g`, which was the goroutine with this number.
    pub(super) fn of(g: NonNull<G>, id: u64) -> Result<Self, Why> {
        // SAFETY: as above; the header's words stay.
        let bottom = unsafe { G::header(g).as_ref() }.bottom().addr();
        // The frames begin beneath the G.
        let top = g.as_ptr().addr();
        let waits = || waits_in(g, id, bottom..top);
        let sp = waits()?;
        let mut bytes = std::vec![0; top - sp];
        read(sp, &mut bytes)?;
        if waits()? != sp {
            return Err(Why::Woke);
        }
        let word = |at| word_in(sp, &bytes, at);
        let registers = Suspended::read(sp, word).ok_or(Why::Woke)?;
        Ok(Self { start: sp, bytes, registers })
    }

    /// Returns the word that was at this address.
    pub(super) fn word(&self, at: usize) -> Option<usize> {
        word_in(self.start, &self.bytes, at)
    }
}

fn word_in(start: usize, bytes: &[u8], at: usize) -> Option<usize> {
    let from = at.checked_sub(start)?;
    let word = bytes.get(from..from.checked_add(size_of::<usize>())?)?;
    Some(usize::from_ne_bytes(word.try_into().ok()?))
}

/// Reads memory of this process that another thread may write, or that may not be there at all: only the
/// kernel can.
fn read(from: usize, to: &mut [u8]) -> Result<(), Why> {
    let mut done = 0;
    while done < to.len() {
        let rest = &mut to[done..];
        let local = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        let remote = libc::iovec {
            iov_base: core::ptr::without_provenance_mut(from + done),
            iov_len: rest.len(),
        };
        // SAFETY: the buffer is the caller's and as long as it says; the rest is the kernel's to check.
        let n = unsafe {
            libc::process_vm_readv(libc::getpid(), &raw const local, 1, &raw const remote, 1, 0)
        };
        match usize::try_from(n) {
            Ok(n) if n > 0 => done += n,
            _ => return Err(Why::Refused),
        }
    }
    Ok(())
}

const _: () = assert!(mem::size_of::<g0_arch::Context>() == mem::size_of::<usize>());
