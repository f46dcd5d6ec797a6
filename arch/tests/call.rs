//! Calls on another stack, and leaving them.

mod common;

use std::arch::asm;
use std::hint::black_box;
use std::ptr;

use common::Stack;
use g0_arch::{Arch, Native, call_here, stack_pointer};

/// Leaves the call whose slot is at `arg`.
unsafe extern "C" fn leave(arg: *mut u8) -> usize {
    // SAFETY: the tests pass the slot of a call that is open, with nothing to drop in between.
    unsafe { Native::escape(arg.cast(), 7) }
}

unsafe extern "C" fn where_am_i(arg: *mut u8) -> usize {
    // SAFETY: the test passes a place for it.
    unsafe { arg.cast::<*mut u8>().write(stack_pointer()) };
    5
}

#[test]
fn the_function_runs_on_the_other_stack_and_its_value_comes_back() {
    let mut stack = Stack::new(64 << 10);
    let top = stack.top();
    let (mut slot, mut sp) = (ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
    // SAFETY: the stack is unused.
    let value = unsafe { Native::call_on(top, where_am_i, (&raw mut sp).cast(), &mut slot) };
    assert_eq!(value, 5);
    assert!(sp <= top && sp > top.wrapping_sub(64 << 10));
    let here = stack_pointer().addr();
    assert!(slot.addr().abs_diff(here) < 64 << 10, "the slot is on the old stack");
}

#[test]
fn call_here_stays_on_the_stack_below_its_slot() {
    let (mut slot, mut sp) = (ptr::null_mut::<u8>(), ptr::null_mut::<u8>());
    // SAFETY: it writes its stack pointer to `sp`.
    assert_eq!(unsafe { call_here(where_am_i, (&raw mut sp).cast(), &mut slot) }, 5);
    assert!(sp <= slot && slot.addr() - sp.addr() < 4096);
}

#[test]
fn escape_leaves_a_call() {
    let mut stack = Stack::new(64 << 10);
    let mut slot: *mut u8 = ptr::null_mut();
    let s = &raw mut slot;
    // SAFETY: the stack is unused otherwise; `leave` has nothing to drop.
    unsafe {
        assert_eq!(Native::call_on(stack.top(), leave, s.cast(), s), 7);
        assert_eq!(call_here(leave, s.cast(), s), 7);
    }
}

#[test]
fn values_in_registers_survive_an_escape() {
    let mut stack = Stack::new(64 << 10);
    let mut slot: *mut u8 = ptr::null_mut();
    let s = &raw mut slot;
    let f: [f64; 6] = black_box([1.5, 2.5, 3.5, 4.5, 5.5, 6.5]);
    let n: [u64; 8] = black_box([1, 2, 3, 4, 5, 6, 7, 8]);
    let (mut fs, mut ns) = (f.map(|x| x * 2.0), n.map(|x| x * 3));
    for _ in 0..3 {
        // SAFETY: as above.
        unsafe { Native::call_on(stack.top(), leave, s.cast(), s) };
        fs = fs.map(|x| x + 1.0);
        ns = ns.map(|x| x + 1);
    }
    assert_eq!(fs, f.map(|x| x * 2.0 + 3.0));
    assert_eq!(ns, n.map(|x| x * 3 + 3));
}

struct Levels {
    stacks: [Stack; 2],
    slots: [*mut u8; 3],
    came_back: usize,
}

unsafe extern "C" fn middle(arg: *mut u8) -> usize {
    let levels = arg.cast::<Levels>();
    // SAFETY: the second stack is unused; `leave` leaves the inner call, which has no frames with
    // anything to drop.
    unsafe {
        let top = { &mut (*levels).stacks[1] }.top();
        let slot = &raw mut (*levels).slots[1];
        let inner = Native::call_on(top, leave, slot.cast(), slot);
        (*levels).came_back += 1;
        inner + 100
    }
}

#[test]
fn escape_from_a_nested_call_leaves_the_innermost_only() {
    let mut levels = Levels {
        stacks: [Stack::new(64 << 10), Stack::new(64 << 10)],
        slots: [ptr::null_mut(); 3],
        came_back: 0,
    };
    let l = &raw mut levels;
    // SAFETY: the first stack is unused.
    let value = unsafe {
        let top = { &mut (*l).stacks[0] }.top();
        Native::call_on(top, middle, l.cast(), &raw mut (*l).slots[0])
    };
    assert_eq!((value, levels.came_back), (107, 1));
}

unsafe extern "C" fn leave_both(arg: *mut u8) -> usize {
    let levels = arg.cast::<Levels>();
    // SAFETY: `leave` is told to leave the outer call; nothing has a destructor on the way.
    unsafe {
        let top = { &mut (*levels).stacks[1] }.top();
        let (outer, inner) = (&raw mut (*levels).slots[0], &raw mut (*levels).slots[1]);
        Native::call_on(top, leave, outer.cast(), inner);
        (*levels).came_back += 1;
    }
    0
}

#[test]
fn escape_to_an_outer_slot_drops_the_inner_call() {
    let mut levels = Levels {
        stacks: [Stack::new(64 << 10), Stack::new(64 << 10)],
        slots: [ptr::null_mut(); 3],
        came_back: 0,
    };
    let l = &raw mut levels;
    // SAFETY: the first stack is unused.
    let value = unsafe {
        let top = { &mut (*l).stacks[0] }.top();
        Native::call_on(top, leave_both, l.cast(), &raw mut (*l).slots[0])
    };
    assert_eq!((value, levels.came_back), (7, 0));
}

/// Two stacks that call each other, each time below the frames that are there.
struct Nest {
    bases: [*mut u8; 2],
    depth: usize,
    escape_at: usize,
}

unsafe extern "C" fn deeper(arg: *mut u8) -> usize {
    let nest = arg.cast::<Nest>();
    // SAFETY: `bases[i]` is where stack `i` was left last; the test keeps the record alive.
    unsafe {
        (*nest).depth += 1;
        let depth = (*nest).depth;
        if depth == 1000 {
            return 0;
        }
        let there = depth % 2;
        let (to, back) = ((*nest).bases[there], &raw mut (*nest).bases[1 - there]);
        let mine = (*back, black_box(depth as f64));
        let result = Native::call_on(to, deeper, arg, back);
        *back = mine.0;
        assert_eq!(mine.1, black_box(depth as f64));
        if depth == (*nest).escape_at {
            // This function's own call is the one that left its slot in the other entry.
            Native::escape(&raw mut (*nest).bases[there], result + 1_000_000);
        }
        result + 1
    }
}

#[test]
fn a_thousand_calls_nest_over_two_stacks() {
    for escape_at in [0, 500] {
        let (mut a, mut b) = (Stack::new(1 << 20), Stack::new(1 << 20));
        let mut nest = Nest { bases: [a.top(), b.top()], depth: 0, escape_at };
        let n = &raw mut nest;
        let mut slot = ptr::null_mut();
        // SAFETY: the stacks are unused, and large enough for 500 frames each.
        let result = unsafe { Native::call_on((*n).bases[0], deeper, n.cast(), &mut slot) };
        let expected = if escape_at == 0 { 999 } else { 998 + 1_000_000 };
        assert_eq!((result, nest.depth), (expected, 1000));
    }
}

/// Does what a foreign function does that sets a rounding mode for itself, and then is dropped.
unsafe extern "C" fn leave_with_another_rounding_mode(arg: *mut u8) -> usize {
    // SAFETY: nothing computes before the escape puts the modes back.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        {
            let (mxcsr, x87) = (0x7f80_u32, 0x0f7f_u16);
            asm!("ldmxcsr [{}]", "fldcw [{}]", in(reg) &mxcsr, in(reg) &x87);
        }
        #[cfg(target_arch = "aarch64")]
        asm!("msr fpcr, {}", in(reg) 3_u64 << 22);
        Native::escape(arg.cast(), 1)
    }
}

#[cfg(target_arch = "x86_64")]
fn control_words() -> (u64, u64) {
    let (mut mxcsr, mut x87) = (0_u32, 0_u16);
    // SAFETY: the two are stored to this function's own variables.
    unsafe { asm!("stmxcsr [{}]", "fnstcw [{}]", in(reg) &mut mxcsr, in(reg) &mut x87) };
    // The low six bits say what has happened, not what is to be done.
    (u64::from(mxcsr & !0x3f), u64::from(x87))
}

#[cfg(target_arch = "aarch64")]
fn control_words() -> (u64, u64) {
    let fpcr: u64;
    // SAFETY: it reads a register.
    unsafe { asm!("mrs {}, fpcr", out(reg) fpcr) };
    (fpcr, 0)
}

#[test]
fn escape_restores_the_floating_point_modes() {
    let before = control_words();
    let mut stack = Stack::new(64 << 10);
    let mut slot: *mut u8 = ptr::null_mut();
    let s = &raw mut slot;
    // SAFETY: the stack is unused.
    let one =
        unsafe { Native::call_on(stack.top(), leave_with_another_rounding_mode, s.cast(), s) };
    assert_eq!(one, 1);
    assert_eq!(control_words(), before);
    assert_eq!(black_box(1.0_f64) + black_box(1e-30), 1.0);
}
