//! A memory fault that is recovered like a panic: a signal handler throws, the innermost catch of the
//! faulting thread has it. For programs that ask for it; `g0_defer::Own` makes it possible.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

use std::cell::{Cell, RefCell};
use std::ptr;

use g0_defer::{Cache, Catch, Catches, Depot, Local, Own, recovering_in, scope_in};

enum Here {}
type Panics = Own<Here>;

static DEPOT: Depot = Depot::new();

thread_local! {
    static CACHE: RefCell<Cache> = const { RefCell::new(Cache::new()) };
    static INNERMOST: Cell<*const Catch> = const { Cell::new(ptr::null()) };
}

// SAFETY: a thread's own; the faults of this program are none of the closures'.
unsafe impl Local for Here {
    unsafe fn with<R>(f: impl FnOnce(&mut Cache) -> R) -> Option<R> {
        Some(CACHE.with_borrow_mut(f))
    }

    unsafe fn with_depot<R>(f: impl FnOnce(Option<&mut Cache>, &Depot) -> R) -> Option<R> {
        Some(CACHE.with_borrow_mut(|cache| f(Some(cache), &DEPOT)))
    }
}

// SAFETY: a thread's own.
unsafe impl Catches for Here {
    fn innermost() -> *const Catch {
        INNERMOST.get()
    }

    unsafe fn set_innermost(catch: *const Catch) {
        INNERMOST.set(catch);
    }
}

/// An access that faulted.
#[derive(Debug, PartialEq)]
struct Fault(usize);

extern "C" fn throw(_: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel's. The fault is one of `touch`, over which nothing is dropped; the signal is not
    // masked, so nothing is left to be restored.
    unsafe { Panics::throw_over(Fault((*info).si_addr().addr())) }
}

fn faults_are_panics() {
    // SAFETY: a handler for the faults of this program, on the stack of the one who faults.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = throw as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &raw const action, ptr::null_mut()), 0);
    }
}

#[inline(never)]
fn touch(address: usize) {
    // SAFETY: it faults, and the handler does not come back.
    unsafe { ptr::with_exposed_provenance::<u8>(std::hint::black_box(address)).read_volatile() };
}

#[test]
fn a_memory_fault_becomes_a_panic_that_its_own_thread_recovers() {
    faults_are_panics();
    let fault = |address: usize| {
        let got = Cell::new(None);
        let ran = Cell::new(0);
        let value = recovering_in::<Panics, Here, _>(|s| {
            s.defer_recover(|r| got.set(r.recover()));
            scope_in::<Panics, Here, _>(|inner| {
                // The innermost scope's calls run first.
                inner.defer(|| ran.set(ran.get() + 1));
                touch(address);
            });
        });
        assert_eq!((value, ran.get()), (None, 1));
        got.take().expect("it faulted").downcast::<Fault>().expect("by a fault")
    };
    let threads: Vec<_> = (1..=4_usize)
        .map(|n| {
            std::thread::spawn(move || {
                for i in 0..1000 {
                    let address = n * 512 + i % 512;
                    assert_eq!(fault(address), Fault(address));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("all its faults are recovered"));
}
