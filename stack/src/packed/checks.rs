//! Reasons against packed stacks in this program, as far as they can be found at the start.

use core::ffi::{c_int, c_void};
use core::ptr;

use crate::StackError;
use crate::overflow::handler_without_onstack;

/// Makes all checks.
pub(super) fn all() -> Result<(), StackError> {
    if cfg!(debug_assertions) {
        return Err(StackError::Unoptimised);
    }
    if binds_lazily() && !is_bound_at_start() {
        return Err(StackError::LazyBinding);
    }
    signals()
}

/// Looks for a handler that would run on the stack that it interrupts.
pub(super) fn signals() -> Result<(), StackError> {
    match handler_without_onstack() {
        Some(signal) => Err(StackError::SignalOnStack(signal)),
        None => Ok(()),
    }
}

/// Returns whether the loader was told to bind everything when it loaded the program.
fn is_bound_at_start() -> bool {
    const NAME: &str = "LD_BIND_NOW";
    // As the program was started, whatever it has set since.
    match std::fs::read("/proc/self/environ") {
        Ok(text) => text.split(|&byte| byte == 0).any(|entry| {
            entry
                .strip_prefix(NAME.as_bytes())
                .is_some_and(|rest| rest.len() > 1 && rest[0] == b'=')
        }),
        Err(_) => std::env::var_os(NAME).is_some_and(|value| !value.is_empty()),
    }
}

/// Returns whether the program, or the library that this code is in, binds functions at their first call.
fn binds_lazily() -> bool {
    // The other C libraries bind at once.
    cfg!(target_env = "gnu") && {
        let mut look = Look { code: binds_lazily as fn() -> bool as usize, lazy: false };
        // SAFETY: `object` keeps to what such a function may do, and `look` outlives the call.
        unsafe { libc::dl_iterate_phdr(Some(object), (&raw mut look).cast()) };
        look.lazy
    }
}

struct Look {
    /// An address in the object that is looked for.
    code: usize,
    lazy: bool,
}

/// Looks at one object that is loaded; returns 1 when it was the one.
unsafe extern "C" fn object(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    look: *mut c_void,
) -> c_int {
    // SAFETY: the loader gives a valid record, and `binds_lazily` its own `Look`; headers and segments are mapped as
    // long as the object is loaded, which it is during the call.
    unsafe {
        let (info, look) = (&*info, &mut *look.cast::<Look>());
        let headers = core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into());
        let base = info.dlpi_addr as usize;
        let is_ours = headers.iter().any(|header| {
            header.p_type == libc::PT_LOAD
                && look.code.wrapping_sub(base + header.p_vaddr as usize) < header.p_memsz as usize
        });
        if !is_ours {
            return 0;
        }
        if let Some(header) = headers.iter().find(|header| header.p_type == libc::PT_DYNAMIC) {
            let at = ptr::with_exposed_provenance::<Entry>(base + header.p_vaddr as usize);
            let entries = header.p_memsz as usize / size_of::<Entry>();
            look.lazy = is_lazy(core::slice::from_raw_parts(at, entries));
        }
        1
    }
}

/// An entry of an object's dynamic section.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    tag: usize,
    value: usize,
}

/// Returns whether an object with this dynamic section has functions that are bound at their first call.
fn is_lazy(section: &[Entry]) -> bool {
    const END: usize = 0;
    /// Bytes of the relocations of functions that may be bound lazily.
    const PLTRELSZ: usize = 2;
    const BIND_NOW: usize = 24;
    const FLAGS: usize = 30;
    const FLAGS_1: usize = 0x6fff_fffb;
    /// Of FLAGS and of FLAGS_1.
    const NOW: [(usize, usize); 2] = [(FLAGS, 8), (FLAGS_1, 1)];

    let section = || section.iter().take_while(|entry| entry.tag != END);
    let has_functions = section().any(|entry| entry.tag == PLTRELSZ && entry.value != 0);
    let is_now = section().any(|entry| {
        entry.tag == BIND_NOW
            || NOW.iter().any(|&(tag, flag)| entry.tag == tag && entry.value & flag != 0)
    });
    has_functions && !is_now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_lazy_if_it_has_such_functions_and_no_flag() {
        let section = |entries: &[(usize, usize)]| {
            let entries: std::vec::Vec<_> =
                entries.iter().map(|&(tag, value)| Entry { tag, value }).collect();
            is_lazy(&entries)
        };
        assert!(section(&[(5, 1), (2, 48), (0, 0)]));
        assert!(section(&[(2, 48), (30, 0x10), (0x6fff_fffb, 0x0800_0000)]));
        assert!(!section(&[(5, 1), (0, 0)]));
        assert!(!section(&[(2, 0), (0, 0)]));
        assert!(!section(&[(2, 48), (24, 0)]));
        assert!(!section(&[(2, 48), (30, 8)]));
        assert!(!section(&[(2, 48), (0x6fff_fffb, 0x0800_0001)]));
        // What lies behind the end does not count.
        assert!(section(&[(2, 48), (0, 0), (24, 0)]));
    }

    #[test]
    fn rust_programs_are_bound_at_their_start() {
        assert!(!binds_lazily());
    }
}
