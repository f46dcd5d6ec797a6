//! What a Linux program needs when there is neither std nor libc: an entry point, an exit, the
//! five memory functions that the compiler calls by name, a panic handler, and, with the feature
//! `alloc`, an allocator.
//!
//! A program here is a list of checks. [`check`] ends it with the number of the one that failed,
//! so the exit status tells which; 0 means that all held, 101 a panic.
//!
//! The panic handler is the point of the whole workspace: std has one too, so a program into
//! which std leaks is refused by the compiler (E0152) instead of linking by accident.

#![no_std]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the no-std proof is a program for x86_64 Linux");

#[cfg(feature = "alloc")]
mod bump;
mod memory;

/// Bytes that the global allocator has given out.
#[cfg(feature = "alloc")]
pub use bump::used as heap_used;

use core::arch::asm;
use core::panic::PanicInfo;

/// Exit status of a program that panicked, as std's.
pub const PANICKED: u8 = 101;

/// Makes `main: fn()` the program: it starts on the kernel's stack, and its return is exit 0.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        // The kernel enters with rsp at argc, aligned to 16, and nothing pushed; rbp = 0 ends the
        // chain of frames. The call leaves rsp as a C function expects it.
        core::arch::global_asm!(
            ".globl _start",
            "_start:",
            "xor ebp, ebp",
            "call {start}",
            "ud2",
            start = sym start,
        );

        extern "C" fn start() -> ! {
            let main: fn() = $main;
            main();
            $crate::exit(0)
        }
    };
}

/// Ends the program with exit status `number` when `held` is false.
///
/// # Panics
/// If the number is 0 or 101, which mean something else.
#[track_caller]
pub fn check(number: u8, held: bool) {
    assert!(number != 0 && number != PANICKED);
    if !held {
        exit(number)
    }
}

/// Ends the program.
pub fn exit(status: u8) -> ! {
    const EXIT_GROUP: usize = 231;
    // SAFETY: exit_group takes an integer, touches no memory of ours and does not return.
    unsafe {
        asm!("syscall", in("rax") EXIT_GROUP, in("rdi") usize::from(status), options(noreturn))
    }
}

/// A clock that never goes back, in nanoseconds.
pub fn now() -> u64 {
    const CLOCK_GETTIME: usize = 228;
    const MONOTONIC: usize = 1;
    let mut time = [0_u64; 2];
    // SAFETY: the kernel writes the two words; syscall clobbers rax, rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") CLOCK_GETTIME => _,
            in("rdi") MONOTONIC,
            in("rsi") time.as_mut_ptr(),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    time[0] * 1_000_000_000 + time[1]
}

/// Writes a line on standard error; what cannot be written is lost.
pub fn say(line: &str) {
    write(line.as_bytes());
    write(b"\n");
}

fn write(bytes: &[u8]) {
    const WRITE: usize = 1;
    const STDERR: usize = 2;
    // SAFETY: the kernel reads `bytes` and writes nothing; syscall clobbers rax, rcx and r11.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") WRITE => _,
            in("rdi") STDERR,
            in("rsi") bytes.as_ptr(),
            in("rdx") bytes.len(),
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack, readonly),
        );
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(text) = info.message().as_str() {
        say(text);
    }
    if let Some(place) = info.location() {
        say(place.file());
    }
    exit(PANICKED)
}
