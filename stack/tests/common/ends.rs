//! Children that end in a fault, and what they run on.

use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::ptr;

use g0_arch::{Arch, Native};
use g0_stack::{Class, SlabSource, Stack, StackSource};

use crate::common;

/// Runs the named test again in a process of its own, in which `child` runs instead; returns what
/// became of it, or `None` in the child.
pub fn in_child(name: &str, child: fn()) -> Option<Output> {
    if common::is_child() {
        child();
        println!("child done");
        return None;
    }
    Some(common::again(&[], name))
}

/// Checks that the child died of the signal before its end; returns what it wrote to standard error, without what an
/// emulator says of it.
pub fn died(output: &Output, signal: i32) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let text: String =
        text.split_inclusive('\n').filter(|line| !line.starts_with("qemu: ")).collect();
    assert_eq!(output.status.signal(), Some(signal), "{text}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("child done"));
    text
}

/// Checks that the child came to its end.
pub fn lived(output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("child done"), "{text}{errors}");
}

pub fn stack(size: usize) -> Stack {
    // The source is leaked, for its stack is never given back.
    let source = Box::leak(Box::new(SlabSource::new()));
    source.alloc(Class::for_size(size).unwrap()).unwrap()
}

/// Runs `f` on the stack.
pub fn on(stack: &Stack, f: g0_arch::Call, arg: *mut u8) -> usize {
    let mut slot = ptr::null_mut();
    // SAFETY: the stack is the test's own and unused; no `f` here unwinds.
    unsafe { Native::call_on(stack.top(), f, arg, &mut slot) }
}

/// Recurses until there is no more stack.
pub fn recurse(depth: usize) -> usize {
    let frame = std::hint::black_box([depth; 40]);
    if depth == usize::MAX { 0 } else { recurse(depth + 1) + frame[depth % 40] }
}
