//! Stacks from the kernel.
#![cfg(target_os = "linux")]

use std::collections::HashSet;

use g0_stack::{Cache, Class, Depot, SlabSource, Stack, StackSource};

fn class(size: usize) -> Class {
    Class::for_size(size).unwrap()
}

/// Returns the signal that a child dies of when it writes to the address; 0 if it lives.
fn write_in_child(at: *mut u8) -> i32 {
    // SAFETY: the child only writes one byte and leaves.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0);
        if child == 0 {
            libc::signal(libc::SIGSEGV, libc::SIG_DFL);
            at.write_volatile(1);
            libc::_exit(0);
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &mut status, 0), child);
        if libc::WIFSIGNALED(status) { libc::WTERMSIG(status) } else { 0 }
    }
}

/// Returns how many bytes of the range are resident.
fn resident(from: *mut u8, bytes: usize) -> usize {
    let mut pages = vec![0_u8; bytes.div_ceil(4096)];
    // SAFETY: the range is mapped, the vector long enough (pages are 4 KiB or more).
    let told = unsafe { libc::mincore(from.cast(), bytes, pages.as_mut_ptr().cast()) };
    assert_eq!(told, 0);
    pages.iter().filter(|&&page| page & 1 != 0).count() * 4096
}

fn free(source: &SlabSource, stack: Stack) {
    // SAFETY: nothing runs on a stack in these tests.
    unsafe { source.free(stack) };
}

#[test]
fn slab_stacks_are_guarded_and_apart() {
    for source in [SlabSource::new(), SlabSource::builder().protected_guards().build()] {
        for size in [4096, 8192, 64 << 10, 256 << 10] {
            let stacks: Vec<_> = (0..300).map(|_| source.alloc(class(size)).unwrap()).collect();
            let mut bottoms = HashSet::new();
            for stack in &stacks {
                assert!(stack.check() && stack.guarded() && bottoms.insert(stack.bottom().addr()));
                // Header and colour are of the class's bytes, no more.
                assert!(stack.size() < size && stack.size() >= size - 64 - 24 * 64);
            }
            for stack in stacks.iter().step_by(97) {
                assert_eq!(write_in_child(stack.bottom()), 0);
                assert_eq!(write_in_child(stack.bottom().wrapping_sub(1)), libc::SIGSEGV);
                assert_eq!(write_in_child(stack.bottom().wrapping_sub(4096)), libc::SIGSEGV);
            }
            stacks.into_iter().for_each(|stack| free(&source, stack));
        }
    }
}

#[test]
fn without_guards_there_are_none() {
    // SAFETY: no code runs on its stacks.
    let source = unsafe { SlabSource::builder().without_guards() }.build();
    let stack = source.alloc(class(65536)).unwrap();
    assert!(!stack.guarded() && !stack.has_canary());
    assert_eq!(write_in_child(stack.bottom().wrapping_sub(1)), 0);
    free(&source, stack);
}

#[test]
fn a_new_stack_costs_one_page() {
    let source = SlabSource::new();
    for _ in 0..200 {
        let stack = source.alloc(class(65536)).unwrap();
        // A payload and the first frames of a goroutine.
        // SAFETY: within the stack.
        unsafe { stack.top().sub(2048).write_bytes(1, 2048) };
        let end = (stack.top().addr() + 64).next_multiple_of(4096);
        assert_eq!(resident(stack.bottom(), end - stack.bottom().addr()), 4096);
    }
}

#[test]
fn tops_are_coloured() {
    let source = SlabSource::new();
    let lines: HashSet<_> =
        (0..24).map(|_| source.alloc(class(65536)).unwrap().top().addr() % 4096 / 64).collect();
    assert_eq!(lines.len(), 24);
}

#[test]
fn high_water_of_a_slab_stack_needs_no_paint() {
    let source = SlabSource::new();
    let stack = source.alloc(class(1 << 20)).unwrap();
    assert_eq!(stack.high_water(), Some(0));
    for used in [64, 5000, 300_000, 900_000] {
        // Only the deepest word: the pages between are not touched.
        // SAFETY: within the stack.
        unsafe { stack.top().sub(used).cast::<usize>().write(1) };
        assert_eq!(stack.high_water(), Some(used));
    }
    // SAFETY: the whole stack is the test's own.
    unsafe { stack.bottom().write_bytes(1, stack.size()) };
    assert_eq!(stack.high_water(), Some(stack.size()));
}

#[test]
fn idle_stacks_give_back_all_but_their_top_page_and_keep_their_guard() {
    let source = SlabSource::new();
    let depot = Depot::new(class(65536), &source);
    let mut cache = Cache::new(class(65536));
    let stack = depot.alloc(&mut cache).unwrap();
    let (bottom, size) = (stack.bottom(), stack.size());
    let payload = stack.payload::<[u64; 64]>();
    // SAFETY: within the stack.
    unsafe {
        bottom.write_bytes(7, size);
        payload.write([42; 64]);
    }
    assert!(resident(bottom, size) >= 15 * 4096);
    // SAFETY: nothing runs on it, and the cache's stacks are the depot's.
    unsafe {
        depot.free(&mut cache, stack);
        depot.drain(&mut cache);
    }
    assert_eq!(depot.release_idle(), 0, "it was in use a moment ago");
    assert!(depot.release_idle() >= 1);
    assert_eq!(resident(bottom, size), 4096);
    // SAFETY: the payload was written and stays.
    assert_eq!(unsafe { payload.read() }, [42; 64]);
    assert_eq!(write_in_child(bottom.wrapping_sub(1)), libc::SIGSEGV);

    // The source's own list does the same.
    let stack = source.alloc(class(131072)).unwrap();
    let (bottom, size) = (stack.bottom(), stack.size());
    // SAFETY: within the stack.
    unsafe { bottom.write_bytes(7, size) };
    free(&source, stack);
    assert_eq!(source.release_idle(), 0);
    assert!(source.release_idle() >= 1);
    assert_eq!(resident(bottom, size), 4096);
    assert_eq!(source.release_idle(), 0, "released once");
    let again = source.alloc(class(131072)).unwrap();
    assert_eq!((again.bottom(), again.fresh()), (bottom, true));
}

#[test]
fn many_threads_grow_one_source() {
    let source = SlabSource::new();
    let sizes = [4096, 65536, 1 << 20];
    let mut all = HashSet::new();
    let tops: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let stacks: Vec<_> =
                        (0..1500).map(|i| source.alloc(class(sizes[i % 3])).unwrap()).collect();
                    stacks.iter().map(|stack| stack.bottom().addr()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert!(tops.iter().all(|&top| all.insert(top)));
    assert_eq!(all.len(), 6000);
}
