//! From a copied stack to names.

use core::ffi::c_void;
use std::collections::HashMap;
use std::io::{self, Write};
use std::string::{String, ToString};
use std::vec::Vec;

use framehop::{
    CacheNative, MayAllocateDuringUnwind, UnwindRegsNative, Unwinder as _, UnwinderNative,
};

use super::modules;
use super::stack::{Copy, Piece};

/// Frames of one goroutine at most.
const MOST: usize = 200;

/// A parked goroutine's innermost frames are the scheduler's, and say nothing of it: what lies in these
/// files, and all further in.
const OURS: [&str; 3] = ["exec/park.rs", "exec/switch.rs", "waiter.rs"];

/// Returns where this crate's files are, as debug information names them.
fn sources() -> &'static str {
    file!().strip_suffix("hosted/dump/frames.rs").unwrap_or("g0-sched")
}

/// What there is of an address: the functions that were inlined there, innermost first, and where.
#[derive(Clone)]
struct Named {
    function: String,
    place: Option<(String, u32)>,
}

impl Named {
    fn is_ours(&self) -> bool {
        let file = self.place.as_ref().and_then(|(file, _)| file.split_once(sources()));
        file.is_some_and(|(_, rest)| OURS.contains(&rest))
    }
}

/// What comes after the frames of one stack.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Nothing: the last one is the entry.
    Ends,
    /// Something that is not on this stack, or cannot be found there.
    LeadsOn,
    /// More than is asked for.
    TooMany,
}

/// Finds frames and their names; what it has found once it keeps.
pub(super) struct Walker {
    unwinder: UnwinderNative<Vec<u8>, MayAllocateDuringUnwind>,
    cache: CacheNative<MayAllocateDuringUnwind>,
    names: HashMap<u64, Vec<Named>>,
}

impl Walker {
    pub(super) fn new() -> Self {
        let mut unwinder = UnwinderNative::new();
        modules::all().into_iter().for_each(|module| unwinder.add_module(module));
        Self { unwinder, cache: CacheNative::new(), names: HashMap::new() }
    }

    /// Writes the backtrace of `copy`.
    pub(super) fn write(&mut self, copy: &Copy, out: &mut impl Write) -> io::Result<()> {
        let (addresses, whole) = self.walk(copy);
        let frames: Vec<Named> = addresses.into_iter().flat_map(|at| self.names(at)).collect();
        let ours = frames.iter().rposition(Named::is_ours).map_or(0, |last| last + 1);
        for (n, frame) in frames.iter().skip(ours).enumerate() {
            writeln!(out, "    {n:2}: {}", frame.function)?;
            if let Some((file, line)) = &frame.place {
                writeln!(out, "        at {file}:{line}")?;
            }
        }
        if !whole {
            writeln!(out, "        (no further)")?;
        }
        Ok(())
    }

    /// Returns the addresses of the frames, innermost first, and whether they go to the goroutine's entry.
    fn walk(&mut self, copy: &Copy) -> (Vec<u64>, bool) {
        let mut all = Vec::new();
        for (n, piece) in copy.pieces.iter().enumerate() {
            let is_last = copy.is_whole && n + 1 == copy.pieces.len();
            let (mut addresses, end) = self.walk_piece(piece, MOST - all.len());
            if end == Way::LeadsOn && !is_last {
                // The last one is the call that leads there, which is the first of the next piece again.
                addresses.pop();
            }
            all.append(&mut addresses);
            if end != if is_last { Way::Ends } else { Way::LeadsOn } {
                return (all, false);
            }
        }
        (all, copy.is_whole)
    }

    /// Returns the addresses of the frames on one stack, `most` at most, and what comes after them.
    fn walk_piece(&mut self, piece: &Piece, most: usize) -> (Vec<u64>, Way) {
        let at = piece.registers;
        let (pc, sp, fp) = (at.pc as u64, at.sp as u64, at.fp as u64);
        #[cfg(target_arch = "x86_64")]
        let registers = UnwindRegsNative::new(pc, sp, fp);
        // The switch has overwritten the link register: it is in the frame.
        #[cfg(target_arch = "aarch64")]
        let registers = UnwindRegsNative::new(0, sp, fp);
        let mut word = |at: u64| piece.word(at as usize).map(|word| word as u64).ok_or(());
        let mut frames = self.unwinder.iter_frames(pc, registers, &mut self.cache, &mut word);
        let mut addresses = Vec::new();
        loop {
            match frames.next() {
                Ok(Some(frame)) if addresses.len() < most => {
                    addresses.push(frame.address_for_lookup());
                }
                Ok(None) => return (addresses, Way::Ends),
                // The base of a segment: its caller lies on the stack beneath, which is another piece.
                Err(_) => return (addresses, Way::LeadsOn),
                Ok(Some(_)) => return (addresses, Way::TooMany),
            }
        }
    }

    fn names(&mut self, address: u64) -> Vec<Named> {
        let find = || {
            let mut found = Vec::new();
            let at: *mut c_void = core::ptr::without_provenance_mut(address as usize);
            backtrace::resolve(at, |symbol| {
                let function = symbol.name().map(|name| std::format!("{name:#}"));
                let file = symbol.filename().map(|file| file.display().to_string());
                found.push(Named {
                    function: function.unwrap_or_else(|| std::format!("{address:#x}")),
                    place: file.zip(symbol.lineno()),
                });
            });
            if found.is_empty() {
                found.push(Named { function: std::format!("{address:#x}"), place: None });
            }
            found
        };
        self.names.entry(address).or_insert_with(find).clone()
    }
}
