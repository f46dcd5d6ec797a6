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
use super::stack::Copy;

/// Frames of one goroutine at most.
const MOST: usize = 200;

/// How a parked goroutine's innermost frames begin: they are the scheduler's, and say nothing of it.
const OURS: [&str; 4] = ["g0_arch::", "<g0_arch::", "g0_sched::exec::", "g0_sched::waiter::"];

/// What there is of an address: the functions that were inlined there, innermost first, and where.
#[derive(Clone)]
struct Named {
    function: String,
    place: Option<(String, u32)>,
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
        let mut shown = 0;
        for address in addresses {
            for named in self.names(address) {
                let ours = shown == 0 && OURS.iter().any(|ours| named.function.starts_with(ours));
                if !ours {
                    writeln!(out, "    {shown:2}: {}", named.function)?;
                    if let Some((file, line)) = &named.place {
                        writeln!(out, "        at {file}:{line}")?;
                    }
                    shown += 1;
                }
            }
        }
        if !whole {
            writeln!(out, "        (no further)")?;
        }
        Ok(())
    }

    /// The addresses of the frames, innermost first; whether they go to the goroutine's entry.
    fn walk(&mut self, copy: &Copy) -> (Vec<u64>, bool) {
        let at = copy.registers;
        let (pc, sp, fp) = (at.pc as u64, at.sp as u64, at.fp as u64);
        #[cfg(target_arch = "x86_64")]
        let registers = UnwindRegsNative::new(pc, sp, fp);
        // The switch has overwritten the link register: it is in the frame.
        #[cfg(target_arch = "aarch64")]
        let registers = UnwindRegsNative::new(0, sp, fp);
        let mut word = |at: u64| copy.word(at as usize).map(|word| word as u64).ok_or(());
        let mut frames = self.unwinder.iter_frames(pc, registers, &mut self.cache, &mut word);
        let mut addresses = Vec::new();
        loop {
            match frames.next() {
                Ok(Some(frame)) if addresses.len() < MOST => {
                    addresses.push(frame.address_for_lookup());
                }
                Ok(None) => return (addresses, true),
                _ => return (addresses, false),
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
