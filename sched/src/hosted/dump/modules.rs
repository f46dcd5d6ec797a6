//! The program and its libraries as they lie in memory: their unwind tables.

use core::ffi::{c_int, c_void};
use core::ops::Range;
use core::slice;
use std::string::String;
use std::vec::Vec;

use framehop::{ExplicitModuleSectionInfo, Module};

/// `.eh_frame_hdr` begins with its version, and how the pointer to `.eh_frame` is written: relative to
/// its own place, four bytes with a sign. All linkers write it so.
const HDR: [u8; 2] = [1, 0x1B];

/// Returns all that are loaded now. The tables are copied, for a library may go.
pub(super) fn all() -> Vec<Module<Vec<u8>>> {
    let mut all = Vec::new();
    // SAFETY: the callback gets what it is told, and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut all).cast()) };
    all
}

unsafe extern "C" fn add(
    info: *mut libc::dl_phdr_info,
    _size: libc::size_t,
    all: *mut c_void,
) -> c_int {
    // SAFETY: `dl_iterate_phdr` passes a module that is loaded while this runs, and what `all` gave.
    unsafe {
        let all = &mut *all.cast::<Vec<Module<Vec<u8>>>>();
        all.extend(module(&*info));
    }
    0
}

/// # Safety
///
/// The module must be loaded where it says.
unsafe fn module(info: &libc::dl_phdr_info) -> Option<Module<Vec<u8>>> {
    let base = info.dlpi_addr;
    // SAFETY: as the caller ensures.
    let headers = unsafe { slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
    let place = |header: &libc::Elf64_Phdr| {
        let start = base.wrapping_add(header.p_vaddr);
        start..start.wrapping_add(header.p_memsz)
    };
    let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(place);
    let whole = loaded().map(|r| r.start).min()?..loaded().map(|r| r.end).max()?;
    let hdr = place(headers.iter().find(|header| header.p_type == libc::PT_GNU_EH_FRAME)?);
    if !loaded().any(|r| r.start <= hdr.start && hdr.end <= r.end) || hdr.end - hdr.start < 8 {
        return None;
    }
    // SAFETY: within a loaded segment.
    let hdr_bytes = unsafe { bytes(&hdr) };
    if hdr_bytes[..2] != HDR {
        return None;
    }
    let offset = i32::from_ne_bytes(hdr_bytes[4..8].try_into().ok()?);
    let start = (hdr.start + 4).wrapping_add_signed(i64::from(offset));
    // Where it ends is not said: not after its segment.
    let eh = start..loaded().find(|r| r.contains(&start))?.end;
    // SAFETY: as above.
    let eh_bytes = unsafe { bytes(&eh) };
    let sections = ExplicitModuleSectionInfo {
        // As in memory, all addresses.
        base_svma: whole.start,
        eh_frame_svma: Some(eh),
        eh_frame: Some(eh_bytes),
        eh_frame_hdr_svma: Some(hdr),
        eh_frame_hdr: Some(hdr_bytes),
        ..Default::default()
    };
    Some(Module::new(String::new(), whole.clone(), whole.start, sections))
}

/// # Safety
///
/// The range must be mapped, readable and constant.
unsafe fn bytes(range: &Range<u64>) -> Vec<u8> {
    let start = core::ptr::with_exposed_provenance::<u8>(range.start as usize);
    // SAFETY: as the caller ensures.
    unsafe { slice::from_raw_parts(start, (range.end - range.start) as usize) }.to_vec()
}
