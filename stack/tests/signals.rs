//! Signals on stacks that have no room for them, each in a child process.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::fmt::Write as _;
use std::hint::black_box;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ends::{died, in_child, lived, on, recurse, stack};
use g0_stack::overflow::{
    self, AltStack, Fault, Message, Origin, SignalStack, add_onstack_flags, handler_without_onstack,
};

/// Less than any frame of the kernel's, more than it takes to raise a signal.
const ROOM: usize = 1200;

static HANDLED: AtomicUsize = AtomicUsize::new(0);
static ON_ALTERNATE: AtomicUsize = AtomicUsize::new(0);

/// Returns the calling thread's alternate stack: where it begins, its size, and whether it is in use.
fn alternate() -> Option<(usize, usize, bool)> {
    // SAFETY: zeros are a valid `stack_t`, and the call only fills it.
    let stack = unsafe {
        let mut stack: libc::stack_t = mem::zeroed();
        assert_eq!(libc::sigaltstack(ptr::null(), &raw mut stack), 0);
        stack
    };
    let has_one = stack.ss_flags & libc::SS_DISABLE == 0;
    has_one.then_some((stack.ss_sp.addr(), stack.ss_size, stack.ss_flags & libc::SS_ONSTACK != 0))
}

extern "C" fn count(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    if alternate().is_some_and(|(.., used)| used) {
        ON_ALTERNATE.fetch_add(1, Ordering::Relaxed);
    }
}

extern "C" fn fill(_: i32) {
    recurse(1);
}

fn handle(signal: i32, handler: extern "C" fn(i32), flags: i32) {
    // SAFETY: zeros are a valid action; the handlers above keep to what they may do, but for the fault under test.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(signal, &action, ptr::null_mut()), 0);
    }
}

/// Returns them, but for the one by which the C library says how a handler returns (SA_RESTORER).
fn flags(signal: i32) -> i32 {
    // SAFETY: zeros are a valid action, and the call only fills it.
    unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        assert_eq!(libc::sigaction(signal, ptr::null(), &mut action), 0);
        action.sa_flags & !0x0400_0000
    }
}

/// Sends the signal to this very thread.
fn raise(signal: i32) {
    // SAFETY: only a signal.
    assert_eq!(unsafe { libc::raise(signal) }, 0);
}

/// Raises SIGUSR1 when the stack, whose lowest byte is at `bottom`, is nearly full.
fn raise_at_the_end(bottom: usize) -> usize {
    let frame = black_box([bottom; 4]);
    if (&raw const frame).addr() - bottom < ROOM {
        raise(libc::SIGUSR1);
        return 0;
    }
    raise_at_the_end(bottom) + frame[bottom % 4]
}

unsafe extern "C" fn on_a_slab_stack(bottom: *mut u8) -> usize {
    raise_at_the_end(bottom.addr())
}

/// On a stack of this crate's.
fn raise_on_a_full_stack() {
    let stack = stack(64 << 10);
    on(&stack, on_a_slab_stack, stack.bottom());
}

#[test]
fn a_frame_that_does_not_fit_is_reported_with_the_handlers_that_lack_the_flag() {
    let name = "a_frame_that_does_not_fit_is_reported_with_the_handlers_that_lack_the_flag";
    let output = in_child(name, || {
        overflow::install().unwrap();
        let _signals = AltStack::ensure().unwrap();
        handle(libc::SIGUSR1, count, libc::SA_RESTART);
        handle(libc::SIGUSR2, count, libc::SA_ONSTACK);
        handle(libc::SIGWINCH, count, 0);
        raise_on_a_full_stack();
    });
    let Some(output) = output else { return };
    let text = died(&output, libc::SIGABRT);
    assert!(text.contains("stack overflow") && text.contains("too full for a signal"), "{text}");
    assert!(text.contains(": of signal 10, 28 ("), "{text}");
}

#[test]
fn a_handler_that_was_given_the_flag_runs_on_the_alternate_stack() {
    let output = in_child("a_handler_that_was_given_the_flag_runs_on_the_alternate_stack", || {
        overflow::install().unwrap();
        let _signals = AltStack::ensure().unwrap();
        handle(libc::SIGUSR1, count, libc::SA_RESTART | libc::SA_NODEFER);
        assert_eq!(handler_without_onstack(), Some(libc::SIGUSR1));
        assert_eq!(add_onstack_flags(), 1);
        assert_eq!(handler_without_onstack(), None);
        assert_eq!(add_onstack_flags(), 0);
        let kept = libc::SA_RESTART | libc::SA_NODEFER | libc::SA_ONSTACK;
        assert_eq!(flags(libc::SIGUSR1), kept);
        for _ in 0..3 {
            raise_on_a_full_stack();
        }
        assert_eq!(HANDLED.load(Ordering::Relaxed), 3);
        assert_eq!(ON_ALTERNATE.load(Ordering::Relaxed), 3);
    });
    let Some(output) = output else { return };
    lived(&output);
}

#[test]
fn flags_are_added_while_other_threads_install_handlers() {
    let output = in_child("flags_are_added_while_other_threads_install_handlers", || {
        extern "C" fn other(_: i32) {}
        let installing = std::thread::spawn(|| {
            for _ in 0..20_000 {
                handle(libc::SIGUSR1, other, 0);
                handle(libc::SIGUSR1, count, libc::SA_RESTART);
            }
        });
        while !installing.is_finished() {
            add_onstack_flags();
        }
        installing.join().unwrap();
        add_onstack_flags();
        raise(libc::SIGUSR1);
        assert_eq!(HANDLED.load(Ordering::Relaxed), 1, "the handler that was installed last");
        assert_eq!(flags(libc::SIGUSR1), libc::SA_RESTART | libc::SA_ONSTACK);
    });
    let Some(output) = output else { return };
    lived(&output);
}

/// On a thread's own stack, of which std's handler does not know what to make.
fn raise_on_a_full_thread() {
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
        let mut attributes = mem::MaybeUninit::uninit();
        let (mut low, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the attributes are made by the first call.
        unsafe {
            libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr());
            libc::pthread_attr_getstack(attributes.as_ptr(), &mut low, &mut size);
        }
        raise_at_the_end(low.addr());
    });
    thread.unwrap().join().unwrap();
}

#[test]
fn a_lost_signal_never_leaves_the_process_without_its_handler() {
    let output = in_child("a_lost_signal_never_leaves_the_process_without_its_handler", || {
        overflow::install().unwrap();
        handle(libc::SIGUSR1, count, 0);
        raise_on_a_full_thread();
        // It would be reported, had it not been switched off.
        on(&stack(64 << 10), endless, ptr::null_mut());
    });
    let Some(output) = output else { return };
    assert!(!died(&output, libc::SIGSEGV).contains("stack overflow"));
}

unsafe extern "C" fn endless(_: *mut u8) -> usize {
    recurse(1)
}

#[test]
fn a_sent_signal_that_stds_handler_swallows_ends_the_process() {
    let output = in_child("a_sent_signal_that_stds_handler_swallows_ends_the_process", || {
        overflow::install().unwrap();
        raise(libc::SIGSEGV);
    });
    let Some(output) = output else { return };
    died(&output, libc::SIGSEGV);
}

#[test]
fn a_handler_that_fills_the_alternate_stack_is_reported() {
    let output = in_child("a_handler_that_fills_the_alternate_stack_is_reported", || {
        overflow::install().unwrap();
        let (signals, _) = AltStack::in_place(SignalStack::new().unwrap());
        let _signals = signals.unwrap();
        handle(libc::SIGUSR1, fill, libc::SA_ONSTACK);
        raise(libc::SIGUSR1);
    });
    let Some(output) = output else { return };
    let text = died(&output, libc::SIGABRT);
    assert!(text.contains("has filled the thread's alternate signal stack of "), "{text}");
    let thread = "a signal handler on thread 'a_handler_that_' (";
    assert!(text.contains(thread), "{text}");
}

/// Knows of faults of which the handler does not.
fn reporter(fault: &Fault) -> bool {
    let _ = writeln!(Message::new(), "told of {:?} at {:#x}", fault.origin(), fault.address());
    fault.address() == 16 || fault.origin() == Origin::SignalFrame
}

#[test]
fn a_fault_reporter_is_asked_of_all_else_and_what_it_knows_ends_the_process() {
    let name = "a_fault_reporter_is_asked_of_all_else_and_what_it_knows_ends_the_process";
    let output = in_child(name, || {
        // SAFETY: zeros are a valid action.
        unsafe { libc::signal(libc::SIGSEGV, libc::SIG_DFL) };
        // SAFETY: it writes a `Message`.
        unsafe { overflow::set_fault_reporter(reporter) };
        overflow::install().unwrap();
        // SAFETY: none: the fault is what is tested.
        unsafe { ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
    });
    let Some(output) = output else { return };
    assert_eq!(died(&output, libc::SIGABRT), "told of Access at 0x10\n");
}

#[test]
fn what_a_fault_reporter_does_not_know_is_passed_on() {
    let output = in_child("what_a_fault_reporter_does_not_know_is_passed_on", || {
        // SAFETY: it writes a `Message`.
        unsafe { overflow::set_fault_reporter(reporter) };
        overflow::install().unwrap();
        // SAFETY: none: the fault is what is tested.
        unsafe { ptr::without_provenance_mut::<u8>(32).write_volatile(1) };
    });
    let Some(output) = output else { return };
    // std's handler, which was there before, restores the default: once, and no more.
    assert_eq!(died(&output, libc::SIGSEGV), "told of Access at 0x20\n");
}

#[test]
fn a_stack_in_place_of_a_threads_own_is_larger_and_gives_way_to_it_again() {
    // std's main thread and its children have one.
    std::thread::spawn(|| {
        let own = alternate();
        let (first, left) = AltStack::in_place(SignalStack::new().unwrap());
        let first = first.unwrap();
        assert!(first.is_ours() && left.is_none());
        let (low, size, _) = alternate().expect("one");
        assert!(size >= 64 << 10 && own.is_none_or(|(own, ..)| own != low));
        assert!(!AltStack::ensure().unwrap().is_ours(), "it has one");
        assert!(first.take_off().is_some());
        assert_eq!(alternate(), own);
    })
    .join()
    .unwrap();
}
