//! valgrind: a registered stack is known as one, and a jump to it is seen as a switch and not
//! as an allocation of gigabytes.
//!
//! A client request is an instruction sequence that does nothing on a processor (rotations by 128
//! bits in all, then an exchange of a register with itself) and that valgrind, which
//! translates every instruction, recognises. So a program built with it also runs without.

use core::cell::Cell;

use super::Tool;

const STACK_REGISTER: usize = 0x1501;
const STACK_DEREGISTER: usize = 0x1502;
/// memcheck's: the bytes may be used, and hold nothing yet.
const MAKE_UNDEFINED: usize = 0x4d43_0001;
/// memcheck's: the bytes may be used, and hold what they hold.
const MAKE_DEFINED: usize = 0x4d43_0002;

/// The number under which the stack is registered.
#[derive(Debug)]
pub(super) struct Side(Cell<Option<usize>>);

impl Tool for Side {
    const NONE: Side = Side(Cell::new(None));

    // What a former user of the stack has popped is out of bounds to memcheck, and the next one may
    // lay out what it needs beyond. The bytes keep their values, for canary words may be among them; each
    // frame that is pushed is undefined anew.
    #[inline]
    unsafe fn begin(&self, bottom: *mut u8, size: usize) {
        let last = bottom.addr() + size - 1;
        request(MAKE_DEFINED, bottom.addr(), size);
        self.0.set(Some(request(STACK_REGISTER, bottom.addr(), last)));
    }

    // valgrind knows the stacks that threads are started on.
    #[inline(always)]
    unsafe fn adopt(&self) {
        self.0.set(None);
    }

    #[inline]
    unsafe fn retire(&self) {
        if let Some(id) = self.0.take() {
            request(STACK_DEREGISTER, id, 0);
        }
    }
}

/// Says that the bytes, popped or never pushed, are going to be written to.
pub(super) unsafe fn open(low: *mut u8, size: usize) {
    request(MAKE_UNDEFINED, low.addr(), size);
}

/// Performs a client request; returns 0 when not under valgrind.
#[inline]
fn request(code: usize, a: usize, b: usize) -> usize {
    let args: [usize; 6] = [code, a, b, 0, 0, 0];
    let result;
    cfg_if::cfg_if! {
        if #[cfg(target_arch = "x86_64")] {
            // SAFETY: the sequence leaves every register but rdx as it was.
            unsafe {
                core::arch::asm!(
                    "rol rdi, 3",
                    "rol rdi, 13",
                    "rol rdi, 61",
                    "rol rdi, 51",
                    "xchg rbx, rbx",
                    in("rax") args.as_ptr(),
                    inout("rdx") 0_usize => result,
                    options(nostack),
                );
            }
        } else if #[cfg(target_arch = "aarch64")] {
            // SAFETY: the sequence leaves every register but x3 as it was.
            unsafe {
                core::arch::asm!(
                    "ror x12, x12, #3",
                    "ror x12, x12, #13",
                    "ror x12, x12, #51",
                    "ror x12, x12, #61",
                    "orr x10, x10, x10",
                    in("x4") args.as_ptr(),
                    inout("x3") 0_usize => result,
                    options(nostack),
                );
            }
        } else {
            compile_error!("g0_valgrind: no client request for this target");
        }
    }
    result
}
