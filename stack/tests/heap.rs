//! Stacks from the global allocator.

use std::sync::Arc;

use g0_stack::{Cache, Class, Depot, HeapSource, StackSource};

fn heap() -> HeapSource {
    // SAFETY: no code runs on the tests' stacks.
    unsafe { HeapSource::new() }
}

#[test]
fn heap_stacks_carry_a_canary_and_are_written_to_the_last_byte() {
    let source = heap();
    for size in [4096, 10_000, 1 << 16, 1 << 20] {
        let class = Class::for_size(size).unwrap();
        let stack = source.alloc(class).unwrap();
        assert!(stack.check() && stack.has_canary() && !stack.guarded());
        assert_eq!(stack.size() + 64, class.size());
        // SAFETY: the stack is the test's own.
        unsafe { stack.bottom().add(32).write_bytes(0xee, stack.size() - 32) };
        assert!(stack.check() && stack.canary_intact());
        assert_eq!(stack.high_water(), None);
        // SAFETY: nothing runs on it.
        unsafe { source.free(stack) };
    }
}

#[test]
fn a_pool_over_a_shared_source_gives_everything_back() {
    let depot = Depot::new(Class::MIN, Arc::new(heap().painted()));
    let mut cache = Cache::new(Class::MIN);
    let stacks: Vec<_> = (0..200).map(|_| depot.alloc(&mut cache).unwrap()).collect();
    for stack in stacks {
        assert_eq!(stack.high_water(), Some(0));
        // SAFETY: nothing runs on it.
        unsafe { depot.free(&mut cache, stack) };
    }
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut cache) };
    assert!(depot.len() >= 200);
}

#[test]
#[should_panic(expected = "overflowed")]
fn freeing_an_overflowed_stack_is_fatal() {
    let source = heap();
    let stack = source.alloc(Class::MIN).unwrap();
    // SAFETY: the damage under test, within the test's own memory.
    unsafe { stack.bottom().write(1) };
    // SAFETY: nothing runs on it.
    unsafe { source.free(stack) };
}
