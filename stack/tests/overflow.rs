//! Overflow of a stack, and every other fault, each in a child process.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

mod common;
#[path = "common/ends.rs"]
mod ends;

use std::fmt::Write as _;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use ends::{died, in_child, lived, on, recurse, stack};
use g0_arch::{Arch, Native};
use g0_stack::overflow::{self, AltStack, Message, Overflow, SignalStack};
use g0_stack::{Class, SlabSource, StackSource, Tag};

unsafe extern "C" fn endless(_: *mut u8) -> usize {
    recurse(1)
}

/// Writes to the address, on whatever stack.
unsafe extern "C" fn write(at: *mut u8) -> usize {
    // SAFETY: none: the fault is what is tested.
    unsafe { at.write_volatile(1) };
    0
}

#[test]
fn overflow_aborts_with_a_message() {
    let output = in_child("overflow_aborts_with_a_message", || {
        overflow::install().unwrap();
        overflow::install().unwrap();
        let stack = stack(64 << 10);
        on(&stack, endless, ptr::null_mut());
    });
    let Some(output) = output else { return };
    let text = died(&output, libc::SIGABRT);
    assert!(text.contains("stack overflow") && text.contains("larger stack"), "{text}");
}

#[test]
fn overflow_is_reported_with_address_stack_and_payload() {
    static NUMBER: Tag = Tag::new();
    static OTHER: Tag = Tag::new();
    fn reporter(overflow: &Overflow<'_>) -> bool {
        let stack = overflow.stack();
        if !stack.is_tagged(&NUMBER) || stack.is_tagged(&OTHER) {
            return false;
        }
        let below = stack.bottom().addr().wrapping_sub(overflow.address());
        // SAFETY: the tag says that it is there.
        let number = unsafe { stack.payload::<usize>().read() };
        let _ = writeln!(
            Message::new(),
            "report: payload {number}, in guard {}, size {}, whole {}",
            (1..=4096).contains(&below),
            overflow.size() == stack.size(),
            stack.check(),
        );
        true
    }
    let output = in_child("overflow_is_reported_with_address_stack_and_payload", || {
        // SAFETY: it reads and writes a `Message`.
        unsafe { overflow::set_reporter(reporter) };
        overflow::install().unwrap();
        let stack = stack(16 << 10);
        let payload = stack.payload::<usize>();
        // SAFETY: within the stack, and frames start below it.
        unsafe {
            payload.write(4711);
            stack.set_tag(&NUMBER);
        }
        let mut slot = ptr::null_mut();
        // SAFETY: as in `on`.
        unsafe { Native::call_on(payload.cast(), endless, ptr::null_mut(), &mut slot) };
    });
    let Some(output) = output else { return };
    let text = died(&output, libc::SIGABRT);
    assert!(text.contains("report: payload 4711, in guard true, size true, whole true"), "{text}");
}

#[test]
fn overflow_is_found_with_protected_guards_and_on_a_reused_record() {
    let name = "overflow_is_found_with_protected_guards_and_on_a_reused_record";
    let output = in_child(name, || {
        overflow::install().unwrap();
        for _ in 0..3 {
            // Its chunk is unmapped at the end of the turn, and its record used again.
            let source = SlabSource::new();
            let stack = source.alloc(Class::MIN).unwrap();
            // SAFETY: nothing ran on it.
            unsafe { source.free(stack) };
        }
        let source = SlabSource::builder().protected_guards().build();
        let stack = source.alloc(Class::for_size(64 << 10).unwrap()).unwrap();
        on(&stack, endless, ptr::null_mut());
    });
    let Some(output) = output else { return };
    assert!(died(&output, libc::SIGABRT).contains("stack overflow"));
}

#[test]
fn a_wild_write_into_a_guard_page_is_no_overflow() {
    let output = in_child("a_wild_write_into_a_guard_page_is_no_overflow", || {
        overflow::install().unwrap();
        let (one, other) = (stack(64 << 10), stack(64 << 10));
        // From the thread's own stack and from another slab stack.
        on(&one, write, other.bottom().wrapping_sub(8));
    });
    let Some(output) = output else { return };
    // std's handler, which was there before, restores the default.
    assert!(!died(&output, libc::SIGSEGV).contains("stack overflow"));
}

#[test]
fn a_fault_in_the_guard_of_a_free_stack_is_no_overflow() {
    let output = in_child("a_fault_in_the_guard_of_a_free_stack_is_no_overflow", || {
        overflow::install().unwrap();
        let stack = stack(4096);
        let mut cache = g0_stack::Cache::new(stack.class());
        let top = stack.top();
        let guard = stack.bottom().wrapping_sub(8);
        // SAFETY: the mistake under test is to run on it all the same.
        assert!(unsafe { cache.put(stack) }.is_ok());
        let mut slot = ptr::null_mut();
        // SAFETY: the memory is still there.
        unsafe { Native::call_on(top, write, guard, &mut slot) };
    });
    let Some(output) = output else { return };
    assert!(!died(&output, libc::SIGSEGV).contains("stack overflow"));
}

#[test]
fn overflow_of_a_threads_own_stack_is_still_stds_to_report() {
    let output = in_child("overflow_of_a_threads_own_stack_is_still_stds_to_report", || {
        overflow::install().unwrap();
        let thread = std::thread::Builder::new().name("plain".into()).stack_size(64 << 10);
        let _ = thread.spawn(|| recurse(1)).unwrap().join();
    });
    let Some(output) = output else { return };
    let text = died(&output, libc::SIGABRT);
    assert!(text.contains("plain") && text.contains("has overflowed its stack"), "{text}");
}

/// Faults that the C-like handlers below have seen.
static SEEN: AtomicUsize = AtomicUsize::new(0);
/// The page that they make writable.
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// A C program's handler: repairs a fault at its own page.
extern "C" fn repair(signal: i32, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    let page = PAGE.load(Ordering::Relaxed);
    // SAFETY: the kernel's record.
    let at = unsafe { (*info).si_addr() }.addr();
    assert!(signal == libc::SIGSEGV && (page..page + 4096).contains(&at));
    SEEN.fetch_add(1, Ordering::Relaxed);
    // SAFETY: the test's own page.
    unsafe { libc::mprotect(ptr::without_provenance_mut(page), 4096, 3) };
}

/// Installs a handler as a C program would.
fn sigaction(handler: usize, flags: i32) {
    // SAFETY: zeros are a valid action; the handlers above keep to what they may do.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = flags;
        assert_eq!(libc::sigaction(libc::SIGSEGV, &action, ptr::null_mut()), 0);
    }
}

/// Returns a page that cannot be written.
fn closed_page() -> *mut u8 {
    // SAFETY: a new mapping where the kernel likes.
    let page = unsafe { libc::mmap(ptr::null_mut(), 4096, 0, 0x22, -1, 0) };
    assert_ne!(page, libc::MAP_FAILED);
    PAGE.store(page.addr(), Ordering::Relaxed);
    page.cast()
}

#[test]
fn another_fault_goes_to_the_handler_that_was_there_before() {
    let output = in_child("another_fault_goes_to_the_handler_that_was_there_before", || {
        sigaction(repair as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
        overflow::install().unwrap();
        let page = closed_page();
        let stack = stack(64 << 10);
        // On one of this crate's stacks and on the thread's own; the write happens in the end.
        on(&stack, write, page);
        let page = closed_page();
        // SAFETY: the handler opens the page.
        unsafe { page.write_volatile(3) };
        // SAFETY: it is open now.
        assert_eq!(unsafe { page.read_volatile() }, 3);
        assert_eq!(SEEN.load(Ordering::Relaxed), 2);
    });
    let Some(output) = output else { return };
    lived(&output);
}

#[test]
fn overflow_is_reported_with_a_c_handler_beneath() {
    let output = in_child("overflow_is_reported_with_a_c_handler_beneath", || {
        sigaction(repair as *const () as usize, libc::SA_SIGINFO | libc::SA_ONSTACK);
        overflow::install().unwrap();
        let stack = stack(64 << 10);
        on(&stack, endless, ptr::null_mut());
    });
    let Some(output) = output else { return };
    assert!(died(&output, libc::SIGABRT).contains("stack overflow"));
}

#[test]
fn a_handler_that_asked_to_run_once_runs_once() {
    let output = in_child("a_handler_that_asked_to_run_once_runs_once", || {
        let flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_RESETHAND;
        sigaction(repair as *const () as usize, flags);
        overflow::install().unwrap();
        for _ in 0..2 {
            // SAFETY: the handler opens the first page, and the default kills at the second.
            unsafe { closed_page().write_volatile(1) };
            let _ = writeln!(Message::new(), "repaired");
        }
    });
    let Some(output) = output else { return };
    assert_eq!(died(&output, libc::SIGSEGV).matches("repaired").count(), 1);
}

#[test]
fn the_default_action_still_kills() {
    let output = in_child("the_default_action_still_kills", || {
        sigaction(libc::SIG_DFL, 0);
        overflow::install().unwrap();
        // SAFETY: none: the fault is what is tested.
        unsafe { closed_page().write_volatile(1) };
    });
    let Some(output) = output else { return };
    died(&output, libc::SIGSEGV);
}

#[test]
fn a_sent_signal_is_passed_on_too() {
    let output = in_child("a_sent_signal_is_passed_on_too", || {
        sigaction(libc::SIG_DFL, 0);
        overflow::install().unwrap();
        // SAFETY: only a signal to ourselves.
        unsafe { libc::raise(libc::SIGSEGV) };
    });
    let Some(output) = output else { return };
    died(&output, libc::SIGSEGV);
}

#[test]
fn an_ignored_signal_stays_ignored() {
    let output = in_child("an_ignored_signal_stays_ignored", || {
        sigaction(libc::SIG_IGN, 0);
        overflow::install().unwrap();
        // SAFETY: only a signal to ourselves.
        unsafe { libc::raise(libc::SIGSEGV) };
    });
    let Some(output) = output else { return };
    lived(&output);
}

/// Runs in a thread of C's, which has no alternate stack.
extern "C" fn c_thread(_: *mut libc::c_void) -> *mut libc::c_void {
    let first = AltStack::ensure().unwrap();
    assert!(first.is_ours());
    assert!(!AltStack::ensure().unwrap().is_ours());
    drop(first);
    let second = AltStack::ensure().unwrap();
    assert!(second.is_ours());
    if common::is_child() {
        let stack = stack(64 << 10);
        on(&stack, endless, ptr::null_mut());
    }
    ptr::null_mut()
}

fn run_c_thread() {
    // SAFETY: starts a thread and waits for it.
    unsafe {
        let mut thread = 0;
        let started = libc::pthread_create(&mut thread, ptr::null(), c_thread, ptr::null_mut());
        assert_eq!(started, 0);
        assert_eq!(libc::pthread_join(thread, ptr::null_mut()), 0);
    }
}

#[test]
fn a_thread_without_an_alternate_stack_is_given_one() {
    let output = in_child("a_thread_without_an_alternate_stack_is_given_one", || {
        overflow::install().unwrap();
        run_c_thread();
    });
    let Some(output) = output else { return };
    assert!(died(&output, libc::SIGABRT).contains("stack overflow"));
    run_c_thread();
}

#[test]
fn the_memory_of_an_alternate_stack_goes_from_thread_to_thread() {
    // Of C, for threads of std have a stack already.
    extern "C" fn start(arg: *mut libc::c_void) -> *mut libc::c_void {
        // SAFETY: below.
        let memory = unsafe { &mut *arg.cast::<Option<SignalStack>>() };
        let (stack, left) = AltStack::with(memory.take().unwrap());
        let stack = stack.unwrap();
        assert!(stack.is_ours() && left.is_none());
        let (second, left) = AltStack::with(SignalStack::new().unwrap());
        assert!(!second.unwrap().is_ours() && left.is_some(), "it has one already");
        *memory = stack.take_off();
        let none = AltStack::ensure().unwrap();
        assert!(none.is_ours(), "and then none");
        std::ptr::null_mut()
    }
    let mut memory = Some(SignalStack::new().unwrap());
    for _ in 0..3 {
        // SAFETY: the thread is joined before `memory` is looked at again.
        unsafe {
            let mut thread = 0;
            let arg = (&raw mut memory).cast();
            assert_eq!(libc::pthread_create(&mut thread, std::ptr::null(), start, arg), 0);
            assert_eq!(libc::pthread_join(thread, std::ptr::null_mut()), 0);
        }
        assert!(memory.is_some(), "the memory is for the next");
    }
    // This thread is std's.
    let (stack, left) = AltStack::with(memory.unwrap());
    assert!(!stack.unwrap().is_ours() && left.is_some());
}
