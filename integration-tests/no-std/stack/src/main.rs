//! g0-stack without std: stacks from static memory through a depot and a cache, their payload, the
//! canary that tells of an overflow, the high-water mark, growth by segments; with an allocator, the heap
//! source too.
#![no_std]
#![no_main]

mod grow;

use g0_stack::{Cache, Class, Depot, Stack, StackError, StackSource, StaticSource};
use nostd_start::check;

nostd_start::program!(main);

const STACKS: usize = 4;
const SIZE: usize = 8192;
const CLASS: Class = match Class::for_size(SIZE) {
    Ok(class) => class,
    Err(_) => panic!("8 KiB is a size"),
};

// SAFETY: no code runs on its stacks.
static MEMORY: StaticSource<STACKS, SIZE> = unsafe { StaticSource::new() }.painted();
static DEPOT: Depot<&'static StaticSource<STACKS, SIZE>> = Depot::new(CLASS, &MEMORY);

/// What a scheduler would keep beneath the header.
struct Payload {
    id: u64,
}

fn stack(from: Result<Stack, StackError>) -> Stack {
    match from {
        Ok(stack) => stack,
        Err(_) => nostd_start::exit(1),
    }
}

fn use_every_stack(cache: &mut Cache) {
    let mut held = [const { None }; STACKS];
    for (id, place) in held.iter_mut().enumerate() {
        let mut stack = stack(DEPOT.alloc(cache));
        check(2, stack.first_use() && stack.check() && !stack.guarded());
        check(3, stack.size() < SIZE && stack.bottom() < stack.top());
        // SAFETY: the stack is ours and has room for the payload.
        unsafe { stack.payload::<Payload>().write(Payload { id: id as u64 }) };
        *place = Some(stack);
    }
    check(4, matches!(DEPOT.alloc(cache), Err(StackError::Exhausted { stacks: STACKS })));
    for stack in held.into_iter().flatten() {
        // SAFETY: nothing ran on it.
        unsafe { DEPOT.free(cache, stack) };
    }
}

/// The stack freed last comes back first, with what it carries.
fn reuse_one(cache: &mut Cache) {
    let mut stack = stack(DEPOT.alloc(cache));
    check(5, !stack.first_use());
    // SAFETY: `use_every_stack` wrote it, and caches leave payloads alone.
    check(6, unsafe { (*stack.payload::<Payload>()).id } == STACKS as u64 - 1);

    const DEEP: usize = 3000;
    // SAFETY: within the stack, which is ours, on which nothing runs.
    unsafe { stack.top().sub(DEEP).write_bytes(1, 8) };
    check(7, stack.high_water() == Some(DEEP));
    check(8, stack.canary_intact());
    check(16, MEMORY.high_water() == Some(DEEP));

    let last = stack.bottom();
    // SAFETY: the lowest byte of the stack, in the canary; it is put back before the stack is.
    unsafe {
        let kept = last.read();
        last.write(!kept);
        check(9, !stack.canary_intact());
        last.write(kept);
        DEPOT.free(cache, stack);
    }
    // SAFETY: its stacks are the depot's.
    unsafe { DEPOT.drain(cache) };
    check(10, DEPOT.trim(|_| {}) == STACKS);
}

fn sizes() {
    check(11, Class::for_size(0) == Err(StackError::ZeroSize));
    check(12, Class::for_size(usize::MAX).is_err());
    let large = Class::for_size(SIZE + 1);
    check(13, large.is_ok_and(|class| (&MEMORY).alloc(class).is_err()));
}

#[cfg(feature = "alloc")]
fn heap() {
    // SAFETY: no code runs on its stacks.
    let source = unsafe { g0_stack::HeapSource::new() };
    let before = nostd_start::heap_used();
    let stack = stack(source.alloc(CLASS));
    check(14, stack.check() && stack.canary_intact());
    check(15, nostd_start::heap_used() - before >= SIZE);
    // SAFETY: nothing ran on it.
    unsafe { source.free(stack) };
}

fn main() {
    let mut cache = Cache::new(CLASS);
    use_every_stack(&mut cache);
    reuse_one(&mut cache);
    sizes();
    grow::run();
    #[cfg(feature = "alloc")]
    heap();
}
