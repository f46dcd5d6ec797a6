//! A copy of the stack of a goroutine that waits, and of the segments that it is on.

use core::fmt;
use core::mem;
use core::ptr::NonNull;
use std::time::{Duration, Instant};
use std::vec::Vec;

use g0_arch::Suspended;
use g0_stack::Header;
use g0_stack::grow::{SEGMENT, Segment};

use crate::objects::g::{G, status};
use crate::parts::stat_atomic::Ordering;

/// For how long a goroutine may be diverted, on a busy machine.
const PATIENCE: Duration = Duration::from_millis(100);

/// What was in use of a goroutine's stacks, the innermost first.
pub(super) struct Copy {
    pub(super) pieces: Vec<Piece>,
    /// Whether that is all.
    pub(super) is_whole: bool,
}

/// The part of one stack that was in use, and where to begin.
pub(super) struct Piece {
    /// The address of the first byte.
    start: usize,
    bytes: Vec<u8>,
    pub(super) registers: Suspended,
}

/// How many stacks of a goroutine are copied at most.
const MOST: usize = 16;

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

/// Returns the context of `g`, and its present stack, if it is the goroutine with this number and waits.
fn waits(g: NonNull<G>, id: u64) -> Result<(usize, usize), Why> {
    // SAFETY: registered Gs live as long as the scheduler.
    let this = unsafe { g.as_ref() };
    // By the kernel, for they may be written at this moment.
    let [sp] = words(this.context.as_ptr().addr())?;
    let [present] = words(this.present.as_ptr().addr())?;
    if this.status.load(Ordering::Acquire) != status::PARKED || this.ident.id() != id {
        return Err(Why::Woke);
    }
    Ok((sp, present))
}

/// As [`waits`]. Sysmon may be giving pages of its stack back, for a moment: then the stack pointer is a detour's.
fn waits_on_it(g: NonNull<G>, id: u64) -> Result<(usize, usize), Why> {
    let start = Instant::now();
    loop {
        let (sp, stack) = waits(g, id)?;
        let header: *const Header = core::ptr::with_exposed_provenance(stack);
        // SAFETY: a stack of the goroutine's, or one that has been; its header stays, and its bottom.
        let header = unsafe { header.as_ref() }.ok_or(Why::Woke)?;
        if (header.bottom().addr()..stack).contains(&sp) {
            return Ok((sp, stack));
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
        let context = waits_on_it(g, id)?;
        let (mut sp, mut stack) = context;
        let mut copy = Self { pieces: Vec::new(), is_whole: false };
        while copy.pieces.len() < MOST {
            let own = stack == G::header(g).as_ptr().addr();
            let header: *const Header = core::ptr::with_exposed_provenance(stack);
            // SAFETY: a stack of the goroutine's, or one that has been; its header stays, and its bottom.
            let header = unsafe { header.as_ref() }.ok_or(Why::Woke)?;
            // The frames begin beneath the G, or beneath a segment's record.
            let top = if own { g.as_ptr().addr() } else { header.payload::<Segment>().addr() };
            if !(header.bottom().addr()..top).contains(&sp) {
                return Err(Why::Woke);
            }
            let mut bytes = std::vec![0; top - sp];
            read(sp, &mut bytes)?;
            let word = |at| word_in(sp, &bytes, at);
            let registers = match copy.pieces.is_empty() {
                true => Suspended::read(sp, word),
                false => Suspended::read_call(sp, word),
            };
            let registers = registers.ok_or(Why::Woke)?;
            copy.pieces.push(Piece { start: sp, bytes, registers });
            if own {
                copy.is_whole = true;
                break;
            }
            if !header.is_tagged(&SEGMENT) {
                return Err(Why::Woke);
            }
            // A record begins with the stack beneath, and where that was left.
            [stack, sp] = words(top)?;
        }
        // If it has waited all the time the copy is of one moment.
        if waits_on_it(g, id)? == context { Ok(copy) } else { Err(Why::Woke) }
    }
}

impl Piece {
    /// Returns the word that was at this address.
    pub(super) fn word(&self, at: usize) -> Option<usize> {
        word_in(self.start, &self.bytes, at)
    }
}

/// Returns the words from this address on.
fn words<const N: usize>(from: usize) -> Result<[usize; N], Why> {
    const SIZE: usize = size_of::<usize>();
    let mut bytes = [0; 2 * SIZE];
    read(from, &mut bytes[..N * SIZE])?;
    let word = |n| {
        let mut word = [0; SIZE];
        word.copy_from_slice(&bytes[n * SIZE..(n + 1) * SIZE]);
        usize::from_ne_bytes(word)
    };
    Ok(core::array::from_fn(word))
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
