//! After its first callback a thread of C's own makes no system call and allocates nothing.
//!
//! System calls are caught by the kernel: it can be told, thread by thread, to send SIGSYS in place of
//! each (`PR_SET_SYSCALL_USER_DISPATCH`, Linux 5.11); the handler counts them and lets the thread make them
//! again. Allocations are counted by the program's allocator.

#[path = "../../sched/tests/common/mod.rs"]
mod common;
mod threads;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::c_void;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use g0_cgo::callback;
use threads::{alone, is_bound, on_c_thread};

struct Counting;

std::thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise, here and below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const DISPATCH: libc::c_int = 59;
const ALLOW: u8 = 0;
const BLOCK: u8 = 1;

/// Read by the kernel at each system call of the thread that is watched.
static SELECTOR: AtomicU8 = AtomicU8::new(ALLOW);
static CAUGHT: AtomicUsize = AtomicUsize::new(0);
/// The first that was caught.
static NUMBER: AtomicUsize = AtomicUsize::new(usize::MAX);

/// A system call was tried. The handler's own return is one: so from here on they are allowed.
extern "C" fn caught(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    SELECTOR.store(ALLOW, Ordering::SeqCst);
    // After signal, errno, code, the address of the call: its number. `libc` has no name for it.
    // SAFETY: the kernel's, of SIGSYS.
    let number = unsafe { info.cast::<i32>().add(6).read() };
    if CAUGHT.fetch_add(1, Ordering::SeqCst) == 0 {
        NUMBER.store(number as usize, Ordering::SeqCst);
    }
}

/// Returns whether system calls can be caught: emulators and checkers make them themselves, or do not
/// know this one.
fn sees_calls() -> bool {
    let alone = std::env::var_os("G0_TEST_RUNNER").is_none_or(|runner| runner.is_empty());
    alone && !cfg!(any(g0_valgrind, g0_asan, g0_tsan))
}

/// Runs `f` and says how often it entered the kernel and the allocator. After the first entry no
/// further one is counted.
fn watched(f: impl FnOnce()) -> (usize, usize) {
    CAUGHT.store(0, Ordering::SeqCst);
    NUMBER.store(usize::MAX, Ordering::SeqCst);
    // SAFETY: a handler that keeps to what handlers may do; the selector is a static.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = caught as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        assert_eq!(libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut()), 0);
        let rc = libc::prctl(DISPATCH, 1, 0, 0, SELECTOR.as_ptr());
        assert!(rc == 0 || !sees_calls(), "this test needs Linux 5.11");
    }
    let before = ALLOCATIONS.get();
    SELECTOR.store(BLOCK, Ordering::SeqCst);
    f();
    SELECTOR.store(ALLOW, Ordering::SeqCst);
    let allocations = ALLOCATIONS.get() - before;
    // SAFETY: off again.
    let rc = unsafe { libc::prctl(DISPATCH, 0, 0, 0, 0) };
    assert!(rc == 0 || !sees_calls());
    (CAUGHT.load(Ordering::SeqCst), allocations)
}

#[test]
fn a_bound_thread_makes_no_system_call_and_allocates_nothing() {
    let _alone = alone();
    // With one P, main's would have to be taken for it.
    common::on_each_kind(|kind, _| {
        kind.with_procs(2)
            .run(|| {
                on_c_thread(|| {
                    callback((), || ());
                    assert!(is_bound());
                    // Both are seen.
                    let (seen, allocated) = watched(|| {
                        drop(std::hint::black_box(Box::new(0)));
                        // SAFETY: it asks for a number.
                        unsafe { libc::syscall(libc::SYS_gettid) };
                    });
                    assert_eq!((seen, allocated), (usize::from(sees_calls()), 2));
                    // The scheduler may want the P back at that moment, on a busy machine: another round tells.
                    let round = || {
                        let mut sum = 0u64;
                        let (seen, allocated) = watched(|| {
                            for i in 0..100_000 {
                                sum += callback(0, || i);
                            }
                        });
                        assert_eq!(sum, 99_999 * 50_000);
                        assert_eq!(allocated, 0);
                        seen == 0
                    };
                    let number = || NUMBER.load(Ordering::SeqCst);
                    assert!((0..5).any(|_| round()), "system call {} in each round", number());
                });
            })
            .unwrap();
    });
}
