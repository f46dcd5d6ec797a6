//! What the kernel tells of a fault.

use core::ops::Range;

use crate::slab::page_size;

/// The kernel's own code (`SI_KERNEL`), which it gives for no address in particular.
const KERNEL: libc::c_int = 0x80;
/// What x86 keeps beneath the stack pointer, with room for alignment.
const BENEATH: usize = 128 + 64;

/// Why a process is sent SIGSEGV or SIGBUS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Code touched an address that it must not touch. It does so again when the handler returns.
    Access,
    /// Another signal came, and the kernel could not write its frame: the stack that its handler should run on,
    /// which is the interrupted code's own unless it has SA_ONSTACK, has no room, or is no memory. That signal is
    /// lost, and the kernel does not say which it was.
    SignalFrame,
    /// A process sent it, this one or another.
    Sent,
}

/// A fault, as the kernel tells of it.
#[derive(Debug, Clone)]
pub struct Fault {
    address: usize,
    sp: Option<usize>,
    origin: Origin,
    repeats: bool,
    signal_stack: Range<usize>,
}

impl Fault {
    /// # Safety
    ///
    /// The arguments must be those that the kernel has given to an SA_SIGINFO handler.
    pub(super) unsafe fn read(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) -> Fault {
        // SAFETY: the kernel gives a valid record.
        let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
        let context = context.cast::<libc::ucontext_t>();
        // SAFETY: the third argument is this record.
        let stack = unsafe { (*context).uc_stack };
        let low = stack.ss_sp.addr();
        let has_one = stack.ss_flags & libc::SS_DISABLE == 0;
        let origin = match code {
            ..=0 => Origin::Sent,
            KERNEL if signal == libc::SIGSEGV && !is_protection(context) => Origin::SignalFrame,
            _ => Origin::Access,
        };
        Fault {
            // What is sent has no address.
            address: if origin == Origin::Access { address } else { 0 },
            sp: stack_pointer(context),
            origin,
            repeats: code > 0 && code != KERNEL,
            signal_stack: if has_one { low..low.saturating_add(stack.ss_size) } else { 0..0 },
        }
    }

    /// Returns the address that was touched; 0 where none was.
    pub fn address(&self) -> usize {
        self.address
    }

    /// Returns the interrupted code's stack pointer, where this crate knows how to find it.
    pub fn sp(&self) -> Option<usize> {
        self.sp
    }

    /// Returns what it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Returns whether a handler for signals has filled the thread's alternate stack.
    ///
    /// The kernel tells of that only if the handler's stack pointer has come to the end of that stack: the frame
    /// of SIGSEGV lies over the handler's first ones then. Before, it finds no room for the frame, and ends the
    /// process by SIGSEGV without a word.
    pub fn is_of_signal_stack(&self) -> bool {
        let low = self.signal_stack.start;
        let beneath = low.saturating_sub(page_size());
        self.origin == Origin::Access
            && (beneath..low).contains(&self.address)
            && self.sp.is_none_or(|sp| (beneath..=low).contains(&sp))
    }

    /// Returns the bytes of the thread's alternate stack.
    pub fn signal_stack_size(&self) -> usize {
        self.signal_stack.len()
    }

    /// Returns whether the frame of a signal would reach beneath `bottom`, the lowest address of the stack that
    /// the interrupted code runs on.
    pub fn frame_exceeds(&self, bottom: usize) -> bool {
        self.sp.is_some_and(|sp| sp < bottom.saturating_add(frame_size() + BENEATH))
    }

    /// Returns whether the same happens again when the handler has returned and nothing was repaired.
    pub(super) fn repeats(&self) -> bool {
        self.repeats
    }
}

/// Returns how many bytes the kernel writes for a signal at most. It grows with the processor's registers.
pub(super) fn frame_size() -> usize {
    // SAFETY: only asks.
    let frame = unsafe { libc::getauxval(libc::AT_MINSIGSTKSZ) } as usize;
    frame.max(libc::MINSIGSTKSZ)
}

/// Returns whether the processor has refused an instruction for a reason other than its address: the kernel says
/// of that what it says of a frame that does not fit. (An earlier one on the same thread, which was survived, may
/// be taken for it.)
fn is_protection(context: *const libc::ucontext_t) -> bool {
    cfg_if::cfg_if! {
        if #[cfg(target_arch = "x86_64")] {
            const GENERAL_PROTECTION: i64 = 13;
            // SAFETY: the kernel's record.
            let trap = unsafe { (*context).uc_mcontext.gregs[libc::REG_TRAPNO as usize] };
            trap == GENERAL_PROTECTION
        } else {
            let _ = context;
            false
        }
    }
}

/// Returns the stack pointer at the fault, where this crate knows how to find it.
fn stack_pointer(context: *const libc::ucontext_t) -> Option<usize> {
    cfg_if::cfg_if! {
        if #[cfg(target_arch = "x86_64")] {
            // SAFETY: the kernel's record.
            let sp = unsafe { (*context).uc_mcontext.gregs[libc::REG_RSP as usize] };
            usize::try_from(sp).ok()
        } else if #[cfg(target_arch = "aarch64")] {
            // SAFETY: the kernel's record.
            let sp = unsafe { (*context).uc_mcontext.sp };
            usize::try_from(sp).ok()
        } else {
            let _ = context;
            None
        }
    }
}
