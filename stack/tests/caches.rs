//! Caches and depots, over static memory: what runs without an allocator.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_stack::{Cache, Class, Depot, Stack, StackError, StackSource, StaticSource};

const SIZE: usize = 4096;

fn class() -> Class {
    Class::MIN
}

/// Returns what a panic said.
fn message(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it did not panic");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().map_or(String::new(), |text| text.to_string()),
    }
}

fn put(cache: &mut Cache, stack: Stack) {
    // SAFETY: no test runs anything on a stack.
    assert!(unsafe { cache.put(stack) }.is_ok(), "the cache is full");
}

#[test]
fn static_stacks_are_distinct_and_bounded() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<5, SIZE> = unsafe { StaticSource::new() };
    let mut stacks = Vec::new();
    let mut seen = HashSet::new();
    for _ in 0..5 {
        let stack = (&SOURCE).alloc(class()).unwrap();
        assert!(stack.check() && !stack.guarded() && stack.has_canary());
        assert_eq!(stack.top().addr() - stack.bottom().addr(), stack.size());
        assert!(seen.insert(stack.bottom().addr()));
        // SAFETY: the whole stack is the test's to write, but for the canary's four words.
        unsafe { stack.bottom().add(32).write_bytes(0xff, stack.size() - 32) };
        stacks.push(stack);
    }
    assert!(stacks.iter().all(|stack| stack.check() && stack.canary_intact()));
    assert_eq!((&SOURCE).alloc(class()).unwrap_err(), StackError::Exhausted { stacks: 5 });
    // SAFETY: nothing runs on it.
    unsafe { (&SOURCE).free(stacks.pop().unwrap()) };
    let mut again = (&SOURCE).alloc(class()).unwrap();
    assert!(again.first_use() && !again.first_use(), "fresh from its source, once");
}

#[test]
fn a_class_beyond_the_static_size_is_an_error() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    let asked = Class::for_size(SIZE + 1).unwrap();
    let error = (&SOURCE).alloc(asked).unwrap_err();
    assert_eq!(error, StackError::TooLarge { asked: asked.size(), largest: SIZE });
}

#[test]
fn paint_tells_the_high_water_mark() {
    // SAFETY: no code runs on its stacks.
    static PAINTED: StaticSource<1, SIZE> = unsafe { StaticSource::new() }.painted();
    // SAFETY: no code runs on its stacks.
    static PLAIN: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    let stack = (&PAINTED).alloc(class()).unwrap();
    assert_eq!(stack.high_water(), Some(0));
    for used in [8, 100, 2000] {
        // SAFETY: within the stack.
        unsafe { stack.top().sub(used).write_bytes(1, used) };
        let mark = stack.high_water().unwrap();
        assert_eq!(mark, used.next_multiple_of(size_of::<usize>()));
    }
    assert_eq!((&PLAIN).alloc(class()).unwrap().high_water(), None);
    // Of all stacks of a source, the one that was used most.
    assert_eq!((PAINTED.high_water(), PLAIN.high_water()), (stack.high_water(), None));
}

#[test]
fn cache_is_last_in_first_out_and_bounded() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<65, SIZE> = unsafe { StaticSource::new() };
    let mut cache = Cache::new(class());
    let mut order = Vec::new();
    for _ in 0..Cache::CAPACITY {
        let stack = (&SOURCE).alloc(class()).unwrap();
        order.push(stack.top().addr());
        put(&mut cache, stack);
    }
    let extra = (&SOURCE).alloc(class()).unwrap();
    let top = extra.top().addr();
    // SAFETY: nothing runs on it.
    let refused = unsafe { cache.put(extra) }.unwrap_err();
    assert!(refused.top().addr() == top && refused.check());
    assert_eq!(cache.len(), Cache::CAPACITY);
    while let Some(stack) = cache.get() {
        assert!(stack.check());
        assert_eq!(Some(stack.top().addr()), order.pop());
    }
    assert!(order.is_empty() && cache.is_empty());
}

#[test]
fn payload_survives_cache_and_depot() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<80, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    let (mut one, mut two) = (Cache::new(class()), Cache::new(class()));
    let mut stacks = Vec::new();
    for number in 0..80_usize {
        let mut stack = depot.alloc(&mut one).unwrap();
        assert!(stack.first_use());
        let payload = stack.payload::<[usize; 9]>();
        assert_eq!(payload.addr() % 64, 0);
        assert_eq!(stack.top().addr() - payload.addr(), 128);
        // SAFETY: fresh, and within the stack.
        unsafe { payload.write([number; 9]) };
        stacks.push(stack);
    }
    for stack in stacks {
        // SAFETY: nothing runs on it.
        unsafe { depot.free(&mut one, stack) };
    }
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut one) };
    assert_eq!(depot.len(), 80);
    let mut seen = HashSet::new();
    for _ in 0..80 {
        let mut stack = depot.alloc(&mut two).unwrap();
        assert!(!stack.first_use());
        let payload = stack.payload::<[usize; 9]>();
        // SAFETY: written above; no longer fresh says so.
        let (value, header) = unsafe { (payload.read(), g0_stack::Header::of_payload(payload)) };
        assert_eq!(header.as_ptr().addr(), stack.top().addr());
        assert!(value.iter().all(|&word| word == value[0]) && seen.insert(value[0]));
        // Kept out of reach until the end.
        let _ = stack.into_raw();
    }
    assert_eq!(seen.len(), 80);
}

#[test]
fn flush_and_refill_move_halves() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<100, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    let mut cache = Cache::new(class());
    let stacks: Vec<_> = (0..100).map(|_| (&SOURCE).alloc(class()).unwrap()).collect();
    for (i, stack) in stacks.into_iter().enumerate() {
        // SAFETY: nothing runs on it, and it is from the depot's source.
        unsafe { depot.free(&mut cache, stack) };
        assert_eq!(cache.len() + depot.len(), i + 1);
        assert_eq!(depot.len() % Cache::HALF, 0);
    }
    assert_eq!(depot.len(), 64);
    let mut other = Cache::new(class());
    depot.refill(&mut other).unwrap();
    assert_eq!((other.len(), depot.len()), (32, 32));
    depot.refill(&mut other).unwrap();
    assert_eq!(other.len(), 32, "a cache that has some is left alone");
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut cache) };
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut other) };
    let mut last = 0;
    assert_eq!(depot.trim(|_| last += 1), 100);
    assert_eq!((last, depot.len()), (100, 0));
    assert_eq!((0..100).filter(|_| (&SOURCE).alloc(class()).is_ok()).count(), 100);
}

#[test]
fn a_short_depot_gives_what_there_is_and_then_the_sources_error() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<3, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    let mut cache = Cache::new(class());
    let stacks: Vec<_> = (0..3).map(|_| depot.alloc(&mut cache).unwrap()).collect();
    assert_eq!(depot.alloc(&mut cache).unwrap_err(), StackError::Exhausted { stacks: 3 });
    for stack in stacks {
        // SAFETY: nothing runs on it.
        unsafe { depot.free(&mut cache, stack) };
    }
    assert_eq!(cache.len(), 3);
}

#[test]
fn identity_is_checked_when_a_stack_is_put_and_got() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<8, SIZE> = unsafe { StaticSource::new() };
    let source = &SOURCE;

    // Overwritten while in use.
    let stack = source.alloc(class()).unwrap();
    // SAFETY: this is the damage under test; the memory is the test's own.
    unsafe { stack.top().cast::<usize>().write(0x4141_4141) };
    assert!(!stack.check());
    let text = message(|| put(&mut Cache::new(class()), stack));
    assert!(text.contains("Cache::put") && text.contains("overwritten"), "{text}");

    // Overwritten while in the cache.
    let stack = source.alloc(class()).unwrap();
    let identity = stack.top().cast::<usize>();
    let mut cache = Cache::new(class());
    put(&mut cache, stack);
    // SAFETY: as above.
    unsafe { identity.write(0x4141_4141) };
    let text = message(|| assert!(cache.get().is_none()));
    assert!(text.contains("Cache::get") && text.contains("overwritten"), "{text}");

    // Given back twice.
    let stack = source.alloc(class()).unwrap();
    let top = format!("{:p}", stack.top());
    let raw = stack.into_raw();
    // SAFETY: the second ownership is the mistake under test.
    let (first, second) = unsafe { (Stack::from_raw(raw), Stack::from_raw(raw)) };
    put(&mut cache, first);
    let text = message(|| put(&mut cache, second));
    assert!(text.contains("twice") && text.contains(&top), "{text}");

    // To another source, in another class.
    // SAFETY: no code runs on its stacks.
    static OTHER: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    let stack = source.alloc(class()).unwrap();
    // SAFETY: nothing runs on it; the wrong source is the mistake under test.
    let text = message(|| unsafe { (&OTHER).free(stack) });
    assert!(text.contains("another source"), "{text}");
    let stack = source.alloc(class()).unwrap();
    let text = message(|| put(&mut Cache::new(Class::MAX), stack));
    assert!(text.contains("another class"), "{text}");
}

#[test]
fn a_broken_canary_is_found_at_the_latest_when_the_stack_is_put_back() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    let stack = (&SOURCE).alloc(class()).unwrap();
    assert!(stack.canary_intact());
    // SAFETY: this is the damage under test; the memory is the test's own.
    unsafe { stack.bottom().add(24).write(7) };
    assert!(!stack.canary_intact());
    let text = message(|| put(&mut Cache::new(class()), stack));
    assert!(text.contains("overflowed") && text.contains("larger"), "{text}");
}

#[test]
fn idle_stacks_are_swept_without_losing_any() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<64, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    let mut cache = Cache::new(class());
    for _ in 0..64 {
        put(&mut cache, (&SOURCE).alloc(class()).unwrap());
    }
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut cache) };
    assert_eq!([depot.release_idle(), depot.release_idle(), depot.release_idle()], [0, 64, 0]);
    assert_eq!(depot.len(), 64);
    depot.refill(&mut cache).unwrap();
    let stack = depot.alloc(&mut cache).unwrap();
    // SAFETY: nothing runs on it.
    unsafe { depot.free(&mut cache, stack) };
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut cache) };
    // Only the one that was used is young again.
    assert_eq!([depot.release_idle(), depot.release_idle()], [0, 1]);
}

/// Many owners, one depot: no stack is ever with two of them, and none is lost.
#[test]
fn a_stack_has_one_owner_among_many_threads() {
    const THREADS: usize = 4;
    // More than the threads and their caches ever hold.
    const STACKS: usize = THREADS * (200 + Cache::CAPACITY);
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<STACKS, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    std::thread::scope(|scope| {
        for thread in 1..=THREADS {
            let depot = &depot;
            scope.spawn(move || {
                let mut cache = Cache::new(class());
                let mut held: Vec<Stack> = Vec::new();
                let mut random = thread as u64;
                for round in 0..4000 {
                    random =
                        random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    // Swings of up to 200 stacks, so that halves move in both directions.
                    let aim = (random >> 40) as usize % 200;
                    while held.len() < aim {
                        let mut stack = match depot.alloc(&mut cache) {
                            Ok(stack) => stack,
                            // The rest is where another thread releases what is idle.
                            Err(StackError::Exhausted { .. }) => {
                                std::thread::yield_now();
                                continue;
                            }
                            Err(error) => panic!("{error}"),
                        };
                        let owner = stack.payload::<AtomicUsize>();
                        // SAFETY: within the stack, which this thread owns; written before it is read.
                        unsafe {
                            if stack.first_use() {
                                owner.write(AtomicUsize::new(0));
                            }
                            assert_eq!((*owner).swap(thread, Ordering::Relaxed), 0);
                        }
                        held.push(stack);
                    }
                    while held.len() > aim {
                        let stack = held.swap_remove((random >> 20) as usize % held.len());
                        // SAFETY: written above; nothing runs on it.
                        unsafe {
                            let owner = stack.payload::<AtomicUsize>();
                            assert_eq!((*owner).swap(0, Ordering::Relaxed), thread);
                            depot.free(&mut cache, stack);
                        }
                    }
                    if round % 512 == 0 {
                        depot.release_idle();
                    }
                }
                for stack in held {
                    // SAFETY: as above.
                    unsafe {
                        (*stack.payload::<AtomicUsize>()).store(0, Ordering::Relaxed);
                        depot.free(&mut cache, stack);
                    }
                }
                // SAFETY: its stacks are the depot's.
                unsafe { depot.drain(&mut cache) };
            });
        }
    });
    let stacks = depot.len();
    let mut seen = HashSet::new();
    assert_eq!(depot.trim(|header| assert!(seen.insert(header.top().addr()))), stacks);
    let rest = (0..STACKS).filter(|_| (&SOURCE).alloc(class()).is_ok()).count();
    assert_eq!(rest, STACKS, "all stacks came back");
}
