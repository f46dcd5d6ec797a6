//! High-water marks that are forgotten, for the next user of a stack.
#![cfg(target_os = "linux")]

use g0_stack::{Class, HeapSource, PackedSource, SlabSource, Stack, StackSource, StaticSource};

fn class(size: usize) -> Class {
    Class::for_size(size).unwrap()
}

/// Writes a word so many bytes below the top.
fn write(stack: &Stack, below: usize) {
    // SAFETY: within the stack, which is the test's own.
    unsafe { stack.top().sub(below).cast::<usize>().write(1) };
}

fn reset(stack: &Stack, live: *mut u8) {
    // SAFETY: the test's own, on which nothing runs.
    unsafe { stack.reset_high_water(live) };
}

fn free(source: &impl StackSource, stack: Stack) {
    // SAFETY: as above.
    unsafe { source.free(stack) };
}

/// One stack of each kind whose mark can be told, of so many bytes.
fn on_each_kind(size: usize, test: impl Fn(&Stack)) {
    static STATIC: StaticSource<1, 8192> = {
        // SAFETY: no code runs on the tests' stacks; so below.
        unsafe { StaticSource::new() }.painted()
    };
    // SAFETY: as above.
    let heap = unsafe { HeapSource::new() }.painted();
    // SAFETY: as above.
    let packed = unsafe { PackedSource::unchecked() };
    let slab = SlabSource::new();
    let sources: [&dyn StackSource; 4] = [&heap, &&STATIC, &packed, &slab];
    for source in sources {
        // The static one is of 8 KiB.
        if let Ok(stack) = source.alloc(class(size)) {
            test(&stack);
            assert!(stack.check() && stack.canary_intact());
            free(&source, stack);
        }
    }
}

#[test]
fn a_mark_that_was_reset_tells_of_what_is_used_afterwards() {
    for size in [8192, 64 << 10] {
        on_each_kind(size, |stack| {
            for round in 1..4 {
                write(stack, size / 2);
                write(stack, 64);
                assert_eq!(stack.high_water(), Some(size / 2), "{stack:?}");
                reset(stack, stack.top());
                assert_eq!(stack.high_water(), Some(0), "{stack:?}");
                write(stack, round * 128);
                assert_eq!(stack.high_water(), Some(round * 128), "{stack:?}");
                reset(stack, stack.top());
            }
        });
    }
}

#[test]
fn what_is_live_stays() {
    on_each_kind(8192, |stack| {
        let live = stack.top().wrapping_sub(512);
        for below in [64, 504, 512, 520, 4000] {
            write(stack, below);
        }
        // A byte further up is as good: words are not halved.
        reset(stack, live.wrapping_add(1));
        assert_eq!(stack.high_water(), Some(512), "{stack:?}");
        for below in [64, 504, 512] {
            // SAFETY: within the stack.
            assert_eq!(unsafe { live.add(512 - below).cast::<usize>().read() }, 1);
        }
        reset(stack, stack.top());
        assert_eq!(stack.high_water(), Some(0));
    });
}

#[test]
fn an_address_that_is_not_in_the_stack_resets_nothing() {
    on_each_kind(8192, |stack| {
        write(stack, 4000);
        let (below, above) = (stack.bottom().wrapping_sub(64), stack.top().wrapping_add(64));
        for live in [std::ptr::null_mut(), below, stack.bottom(), above] {
            reset(stack, live);
            assert_eq!(stack.high_water(), Some(4000), "{stack:?}");
        }
    });
}

#[test]
fn a_stack_that_was_used_to_the_bottom_is_as_new_and_its_canary_stays() {
    on_each_kind(8192, |stack| {
        let canary = if stack.has_canary() { 4 * size_of::<usize>() } else { 0 };
        let used = stack.size() - canary;
        // SAFETY: within the stack.
        unsafe { stack.top().sub(used).write_bytes(7, used) };
        assert_eq!(stack.high_water(), Some(used));
        reset(stack, stack.top());
        assert_eq!(stack.high_water(), Some(0));
    });
}

#[test]
fn pages_that_were_never_touched_take_no_memory_for_it() {
    let source = SlabSource::new();
    let stack = source.alloc(class(1 << 20)).unwrap();
    write(&stack, 900_000);
    let before = private_bytes(&stack);
    assert_eq!(stack.high_water(), Some(900_000));
    reset(&stack, stack.top());
    assert_eq!(stack.high_water(), Some(0));
    assert_eq!(private_bytes(&stack), before);
    free(&source, stack);
}

/// Returns how much memory of its own the mapping takes that the stack lies in.
fn private_bytes(stack: &Stack) -> usize {
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let (mut holds, mut bytes) = (false, 0);
    for line in maps.lines() {
        let first = line.split_whitespace().next().unwrap_or("");
        if let Some((from, to)) = first.split_once('-') {
            let [from, to] = [from, to].map(|hex| usize::from_str_radix(hex, 16).unwrap_or(0));
            let (bottom, top) = (stack.bottom().addr(), stack.top().addr());
            holds = from < top && bottom < to;
        } else if holds && first == "Private_Dirty:" {
            let kib = line.split_whitespace().nth(1).unwrap();
            bytes += kib.parse::<usize>().unwrap() << 10;
        }
    }
    bytes
}

#[test]
fn where_nothing_tells_nothing_is_written() {
    // SAFETY: no code runs on its stacks.
    let source = unsafe { HeapSource::new() };
    let stack = source.alloc(Class::MIN).unwrap();
    write(&stack, 512);
    reset(&stack, stack.top());
    assert_eq!(stack.high_water(), None);
    // SAFETY: within the stack.
    assert_eq!(unsafe { stack.top().sub(512).cast::<usize>().read() }, 1);
    free(&source, stack);
}
