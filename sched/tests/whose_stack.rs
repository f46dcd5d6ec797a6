//! A stack that overflows beside a runtime and is no goroutine's: the last message is about the stack, not about a
//! goroutine that is not there.
#![cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]

mod common;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;

use common::child::in_children;
use g0_arch::{Arch, Native};
use g0_sched::{Runtime, go};
use g0_stack::overflow::AltStack;
use g0_stack::{Class, SlabSource, Stack, StackSource};

const SIZE: usize = 64 << 10;

fn deep(n: usize) -> usize {
    let frame = black_box([n; 64]);
    if n == usize::MAX { 0 } else { deep(n + 1) + frame[n % 64] }
}

unsafe extern "C" fn endless(_: *mut u8) -> usize {
    deep(1)
}

/// A stack of a source of its own, in which nothing lies but what `byte` says.
fn stack(byte: u8) -> Stack {
    // It is never given back.
    let source = Box::leak(Box::new(SlabSource::new()));
    let stack = source.alloc(Class::for_size(SIZE).expect("a size")).expect("a stack");
    // SAFETY: within the stack, which is the test's: where a G would lie.
    unsafe { stack.top().sub(1024).write_bytes(byte, 1024) };
    stack
}

fn overflows(stack: &Stack) {
    let mut slot = core::ptr::null_mut();
    // SAFETY: the stack is the test's own, and nothing unwinds.
    unsafe { Native::call_on(stack.top(), endless, core::ptr::null_mut(), &mut slot) };
}

/// Runs `part` in children: they end with the message about a stack.
fn tells_of_a_stack(test: &str, part: fn(&Runtime)) {
    in_children(
        test,
        |kind, procs| {
            let _signals = AltStack::ensure().expect("a stack for signals");
            let runtime = kind.build(Runtime::builder().procs(procs).stack_size(SIZE));
            part(&runtime);
            runtime.run(|| go(|| overflows(&stack(0xee))).join().unwrap()).expect("it is aborted");
        },
        |kind, procs, out, said| {
            let what = format!("{kind:?} with {procs} procs: {:?}: {said}", out.status);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}");
            assert!(said.contains("stack overflow: a stack of "), "{what}");
            assert!(!said.contains("goroutine"), "{what}");
        },
    );
}

#[test]
fn a_stack_of_its_own_that_a_goroutine_calls_on() {
    tells_of_a_stack("a_stack_of_its_own_that_a_goroutine_calls_on", |_| ());
}

#[test]
fn a_stack_on_which_a_thread_calls_beside_a_runtime() {
    tells_of_a_stack("a_stack_on_which_a_thread_calls_beside_a_runtime", |_| {
        overflows(&stack(0xff))
    });
}

#[test]
fn a_stack_with_nothing_but_zeros_beneath_its_header() {
    tells_of_a_stack("a_stack_with_nothing_but_zeros_beneath_its_header", |_| overflows(&stack(0)));
}
