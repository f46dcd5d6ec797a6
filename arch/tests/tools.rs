//! A small executor that announces its stacks. Without a tool it shows that the announcements do
//! nothing; under valgrind, the address or the thread sanitizer, that they suffice: any report
//! fails the run.

mod common;

use std::hint::black_box;
use std::ptr;

use common::Stack;
use g0_arch::tools::{self, Fiber};
use g0_arch::{Arch, Context, Native};

struct Task {
    main: Context,
    main_fiber: Fiber,
    own: Context,
    fiber: Fiber,
    slot: *mut u8,
    sum: usize,
    done: bool,
}

/// Uses some stack, so that there are frames with red zones, and memory to be wrong about.
#[inline(never)]
fn work(n: usize) -> usize {
    let numbers: [usize; 64] = black_box(std::array::from_fn(|i| i + n));
    if n == 0 { 0 } else { numbers[0] + work(n - 1) }
}

/// Runs on the thread's own stack, called from the task's.
unsafe extern "C" fn on_main(arg: *mut u8) -> usize {
    let task = arg.cast::<Task>();
    // SAFETY: called from the task, whose fiber waits.
    unsafe {
        tools::acquire(task);
        (*task).main_fiber.after_switch();
        let result = work(10);
        tools::release(task);
        (*task).main_fiber.before_return(&(*task).fiber);
        result
    }
}

unsafe fn body(task: *mut Task) {
    // SAFETY: the task and the thread take turns.
    unsafe {
        tools::acquire(task);
        (*task).fiber.after_switch();
        for _ in 0..100 {
            (*task).sum += work(20);
            // The thread waits in `switch`: nothing is live below its context.
            let base = (*task).main.stack_pointer();
            let (f, arg) = (on_main as g0_arch::Call, task.cast());
            let sum = (*task).sum;
            let slot = &raw mut (*task).slot;
            tools::release(task);
            (*task).fiber.before_switch(&(*task).main_fiber);
            let more = Native::call_on(base, f, arg, slot);
            (*task).fiber.after_return();
            tools::acquire(task);
            (*task).sum = sum + more;
            let (from, to) = (&raw mut (*task).own, (*task).main);
            tools::release(task);
            (*task).fiber.before_switch(&(*task).main_fiber);
            Native::switch(from, to, 0);
            tools::acquire(task);
            (*task).fiber.after_switch();
        }
        (*task).done = true;
    }
}

unsafe extern "C" fn entry(_value: usize, data: *mut u8) -> ! {
    let task = data.cast::<Task>();
    // SAFETY: as in `body`; nothing switches back.
    unsafe {
        body(task);
        let (from, to) = (&raw mut (*task).own, (*task).main);
        tools::release(task);
        (*task).fiber.before_exit(&(*task).main_fiber);
        Native::switch(from, to, 0);
    }
    unreachable!("nobody switches back")
}

/// Runs one task after the other on one stack.
fn run() {
    let mut stack = Stack::new(1 << 20);
    let top = stack.top();
    for _ in 0..20 {
        // SAFETY: the stack is free; the thread runs on its own.
        let mut task = unsafe {
            Task {
                main: Context::EMPTY,
                main_fiber: Fiber::of_thread(),
                own: Context::EMPTY,
                fiber: Fiber::new(top.wrapping_sub(1 << 20), 1 << 20),
                slot: ptr::null_mut(),
                sum: 0,
                done: false,
            }
        };
        let t = &raw mut task;
        // SAFETY: the task and the thread take turns; the stack is retired after its last use.
        unsafe {
            (*t).own = Native::init(top, entry, t.cast());
            while !(*t).done {
                let (from, to) = (&raw mut (*t).main, (*t).own);
                tools::release(t);
                (*t).main_fiber.before_switch(&(*t).fiber);
                Native::switch(from, to, 0);
                tools::acquire(t);
                (*t).fiber.left();
                (*t).main_fiber.after_switch();
            }
            (*t).fiber.retire();
        }
        assert_eq!(task.sum, 100 * (210 + 55));
    }
}

#[test]
fn announced_stacks_raise_no_report() {
    run();
    // On a second thread as well, at the same time as on a third.
    let other = std::thread::spawn(run);
    run();
    other.join().unwrap();
}

#[cfg(not(any(g0_asan, g0_tsan, g0_valgrind)))]
#[test]
fn without_a_tool_a_fiber_is_nothing() {
    assert_eq!(size_of::<Fiber>(), 0);
}
