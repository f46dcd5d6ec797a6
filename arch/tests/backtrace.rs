//! Backtraces across stacks.

use std::backtrace::Backtrace;
use std::hint::black_box;
use std::ptr;

use g0_arch::{Arch, Native, call_here};

fn frames(text: &str, names: &[&str]) {
    let mut rest = text;
    for name in names {
        let Some(at) = rest.find(name) else {
            panic!("no {name}, or not in this order, in\n{text}");
        };
        rest = &rest[at + name.len()..];
    }
}

unsafe extern "C" fn innermost(arg: *mut u8) -> usize {
    // SAFETY: every test passes a pointer to such a string.
    let text = unsafe { &mut *arg.cast::<String>() };
    *text = Backtrace::force_capture().to_string();
    black_box(1)
}

#[inline(never)]
fn calls_on_another_stack(top: *mut u8, text: *mut String) -> usize {
    let mut slot = ptr::null_mut();
    // SAFETY: the caller gives a stack that is not in use.
    black_box(unsafe { Native::call_on(top, innermost, text.cast(), &mut slot) })
}

#[test]
fn a_backtrace_crosses_a_call_on_another_stack() {
    let mut stack = vec![0_u8; 1 << 20];
    let mut text = String::new();
    calls_on_another_stack(stack.as_mut_ptr_range().end, &mut text);
    frames(&text, &["innermost", "calls_on_another_stack", "a_backtrace_crosses_a_call"]);
}

struct Nest {
    text: String,
    b: *mut u8,
    a: *mut u8,
}

#[inline(never)]
unsafe extern "C" fn on_b(arg: *mut u8) -> usize {
    let nest = arg.cast::<Nest>();
    let mut slot = ptr::null_mut();
    // SAFETY: `a` is the slot of the call that this function is in: a base on the first stack.
    unsafe {
        black_box(Native::call_on((*nest).a, innermost, (&raw mut (*nest).text).cast(), &mut slot))
    }
}

#[inline(never)]
fn starts_on_a(nest: *mut Nest) -> usize {
    // SAFETY: `b` is a stack that is not in use.
    black_box(unsafe { Native::call_on((*nest).b, on_b, nest.cast(), &raw mut (*nest).a) })
}

#[test]
fn a_backtrace_crosses_a_callback_onto_the_first_stack() {
    let mut stack = vec![0_u8; 1 << 20];
    let mut nest =
        Nest { text: String::new(), b: stack.as_mut_ptr_range().end, a: ptr::null_mut() };
    starts_on_a(&raw mut nest);
    frames(&nest.text, &["innermost", "on_b", "starts_on_a", "a_backtrace_crosses_a_callback"]);
}

#[inline(never)]
fn calls_here(text: *mut String) -> usize {
    let mut slot = ptr::null_mut();
    // SAFETY: `innermost` gets what it wants.
    black_box(unsafe { call_here(innermost, text.cast(), &mut slot) })
}

#[test]
fn a_backtrace_crosses_call_here() {
    let mut text = String::new();
    calls_here(&mut text);
    frames(&text, &["innermost", "calls_here", "a_backtrace_crosses_call_here"]);
}
