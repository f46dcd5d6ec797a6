//! Packed stacks: side by side, with canary words; what is refused, and what becomes of their memory.
#![cfg(target_os = "linux")]

mod common;

use g0_stack::{Cache, Class, Depot, PackedSource, Stack, StackError, StackSource};

fn source() -> PackedSource {
    // SAFETY: no code runs on the tests' stacks, but for what they measure.
    unsafe { PackedSource::unchecked() }
}

fn class(size: usize) -> Class {
    Class::for_size(size).unwrap()
}

fn free(source: &PackedSource, stack: Stack) {
    // SAFETY: nothing runs on a stack in these tests.
    unsafe { source.free(stack) };
}

fn is_mapped(at: *mut u8) -> bool {
    let mut present = 0_u8;
    // SAFETY: only asks, about one page; fails where nothing is mapped.
    unsafe {
        let size = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap();
        let page = at.wrapping_sub(at.addr() % size);
        libc::mincore(page.cast(), 1, (&raw mut present).cast()) == 0
    }
}

/// Runs the named test again in a process of its own, in which `child` runs instead; returns what it wrote to
/// standard error, or none in the child.
fn in_child(front: &[&str], name: &str, child: fn()) -> Option<String> {
    if common::is_child() {
        child();
        println!("child done");
        return None;
    }
    let output = common::again(front, name);
    let (text, errors) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && text.contains("child done"), "{text}{errors}");
    Some(errors.into_owned())
}

#[test]
fn the_smallest_class_is_of_1_kib_and_others_give_such_stacks_4() {
    if usize::BITS < 64 {
        return;
    }
    assert_eq!(Class::MIN.size(), 1024);
    let slab = g0_stack::SlabSource::new();
    let stack = slab.alloc(Class::MIN).unwrap();
    assert!(stack.guarded() && stack.class() == Class::MIN && stack.size() >= 4096 - 64);
    // SAFETY: nothing runs on it.
    unsafe { slab.free(stack) };

    // SAFETY: no code runs on its stacks.
    let heap = unsafe { g0_stack::HeapSource::new() };
    let stack = heap.alloc(Class::MIN).unwrap();
    assert_eq!(stack.size(), 4096 - 64);
    // SAFETY: nothing runs on it.
    unsafe { heap.free(stack) };

    // SAFETY: no code runs on its stacks.
    static STATIC: g0_stack::StaticSource<1, 1024> = unsafe { g0_stack::StaticSource::new() };
    let refused = (&STATIC).alloc(Class::MIN).unwrap_err();
    assert_eq!(refused, StackError::TooLarge { asked: 4096, largest: 1024 });
}

#[test]
fn packed_stacks_lie_side_by_side_and_carry_a_canary() {
    let source = source();
    for size in [1024, 2048, 8192, 65536] {
        let stacks: Vec<_> = (0..3000).map(|_| source.alloc(class(size)).unwrap()).collect();
        let mut neighbours = 0;
        for (i, stack) in stacks.iter().enumerate() {
            assert!(stack.check() && stack.has_canary() && !stack.guarded());
            assert_eq!(stack.size() + 64, size);
            assert!(stack.bottom().addr().is_multiple_of(size.min(4096)));
            let next = stacks.get(i + 1).map(|next| next.bottom().addr());
            neighbours += usize::from(next == Some(stack.bottom().addr() + size));
            // SAFETY: the test's own, between canary and header.
            unsafe { stack.bottom().add(32).write_bytes(0xee, stack.size() - 32) };
        }
        // Regions are few.
        assert!(neighbours > stacks.len() - 12, "{neighbours} of {}", stacks.len());
        assert!(stacks.iter().all(|stack| stack.check() && stack.canary_intact()));
        stacks.into_iter().for_each(|stack| free(&source, stack));
    }
    let error = source.alloc(class(128 << 10)).unwrap_err();
    assert_eq!(error, StackError::TooLarge { asked: 128 << 10, largest: 64 << 10 });
}

#[test]
fn each_costs_its_size_in_memory_and_no_more() {
    let source = source();
    let stacks: Vec<_> = (0..20_000).map(|_| source.alloc(class(1024)).unwrap()).collect();
    let pages: std::collections::HashSet<_> =
        stacks.iter().map(|stack| stack.bottom().addr() / 4096).collect();
    assert!(pages.len() <= 20_000 / 4 + 64);
    // Regions of 1, 2, 4, 8 and 16 MiB.
    assert!(source.reserved() >= 20_000 * 1024 && source.reserved() < 40 << 20);
    assert_eq!(source.live(), 20_000);
    stacks.into_iter().for_each(|stack| free(&source, stack));
    assert_eq!(source.live(), 0);
}

#[test]
fn a_freed_stack_is_used_again_and_looks_new() {
    let source = source();
    let mut first = source.alloc(class(1024)).unwrap();
    assert!(first.first_use() && !first.first_use());
    let at = first.bottom();
    free(&source, first);
    let mut again = source.alloc(class(1024)).unwrap();
    assert!(again.bottom() == at && again.first_use());
    free(&source, again);
}

#[test]
fn a_pool_keeps_stacks_and_their_payloads_and_idle_ones_keep_their_pages() {
    let source = source();
    {
        let depot = Depot::new(class(1024), &source);
        let mut cache = Cache::new(class(1024));
        let stacks: Vec<_> = (0..500).map(|_| depot.alloc(&mut cache).unwrap()).collect();
        for stack in stacks {
            // SAFETY: the test's own.
            unsafe { stack.payload::<u64>().write(7) };
            // SAFETY: nothing runs on it.
            unsafe { depot.free(&mut cache, stack) };
        }
        // SAFETY: its stacks are the depot's.
        unsafe { depot.drain(&mut cache) };
        depot.release_idle();
        assert!(depot.release_idle() >= 500);
        let stack = depot.alloc(&mut cache).unwrap();
        // SAFETY: the test's own; nothing of its page has gone, nor of its neighbours'.
        assert_eq!(unsafe { stack.payload::<u64>().read() }, 7);
        // SAFETY: nothing runs on it; its stacks are the depot's.
        unsafe {
            depot.free(&mut cache, stack);
            depot.drain(&mut cache);
        }
    }
    assert_eq!(source.live(), 0);
}

#[test]
#[should_panic(expected = "overflowed (canary overwritten)")]
fn a_broken_canary_is_fatal_when_the_stack_comes_back() {
    let source = source();
    let stack = source.alloc(class(1024)).unwrap();
    // SAFETY: the damage under test, within the test's own memory.
    unsafe { stack.bottom().write(1) };
    free(&source, stack);
}

#[test]
#[should_panic(expected = "its header was overwritten")]
fn a_neighbour_that_was_overwritten_is_found_when_it_comes_back() {
    let source = source();
    let (low, high) = (source.alloc(class(1024)).unwrap(), source.alloc(class(1024)).unwrap());
    assert_eq!(low.bottom().addr() + 1024, high.bottom().addr());
    // SAFETY: the damage under test: what frames of the higher one do below its bottom.
    unsafe { high.bottom().sub(64).write_bytes(0x55, 64) };
    free(&source, low);
}

#[test]
fn high_water_needs_no_paint() {
    let source = source();
    let stack = source.alloc(class(2048)).unwrap();
    assert_eq!(stack.high_water(), Some(0));
    // SAFETY: within the stack, which is the test's own.
    unsafe { stack.top().sub(600).write_bytes(1, 8) };
    assert_eq!(stack.high_water(), Some(600));
    free(&source, stack);
}

#[test]
fn regions_are_unmapped_when_all_is_back_and_leaked_when_not() {
    in_child(&[], "regions_are_unmapped_when_all_is_back_and_leaked_when_not", || {
        let sized = source();
        let stacks: Vec<_> = (0..5000).map(|_| sized.alloc(class(1024)).unwrap()).collect();
        let (low, high) = (stacks[0].bottom(), stacks[4999].bottom());
        stacks.into_iter().for_each(|stack| free(&sized, stack));
        drop(sized);
        assert!(!is_mapped(low) && !is_mapped(high));

        let kept = source();
        let stack = kept.alloc(class(1024)).unwrap();
        drop(kept);
        assert!(is_mapped(stack.bottom()) && stack.check());
    });
}

#[test]
fn address_space_refused_is_an_error_and_passes() {
    // 1 GiB, of which an emulator takes a part. Set from outside, for it lets no program inside set it.
    let limited = ["sh", "-c", "ulimit -v 1048576 && exec \"$0\" \"$@\""];
    in_child(&limited, "address_space_refused_is_an_error_and_passes", || {
        let source = source();
        // What is left is filled the sooner.
        const TAKEN: usize = 384 << 20;
        let (flags, none) = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, libc::PROT_NONE);
        // SAFETY: a new mapping, which nothing uses.
        let taken = unsafe { libc::mmap(std::ptr::null_mut(), TAKEN, none, flags, -1, 0) };
        assert_ne!(taken, libc::MAP_FAILED);
        let mut stacks = Vec::with_capacity(1 << 20);
        let error = loop {
            match source.alloc(class(1024)) {
                Ok(stack) => stacks.push(stack),
                Err(error) => break error,
            }
        };
        assert_eq!(error, StackError::OutOfMemory);
        // The halves and quarters of what was refused are asked for.
        assert!(stacks.len() > 150_000, "{}", stacks.len());
        free(&source, stacks.pop().unwrap());
        assert!(source.alloc(class(1024)).is_ok());
    });
}

#[test]
fn the_lowest_stack_of_a_region_has_a_guard_beneath_it() {
    let source = source();
    let stack = source.alloc(class(1024)).unwrap();
    let beneath = stack.bottom().wrapping_sub(1);
    // SAFETY: the kernel checks the address; what it reads it takes for a path.
    let answer = unsafe { libc::access(beneath.cast(), libc::F_OK) };
    assert!(answer != 0);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(libc::EFAULT));
    free(&source, stack);
}

#[test]
fn a_build_with_debug_assertions_is_refused() {
    if cfg!(debug_assertions) {
        // SAFETY: no code runs on its stacks.
        let refused = unsafe { PackedSource::new() }.err();
        assert_eq!(refused, Some(StackError::Unoptimised));
        assert!(refused.unwrap().to_string().contains("--release"));
    }
}

/// In a build for release: `cargo test --release -p g0-stack --features std --test packed`.
#[test]
fn a_handler_without_an_alternate_stack_is_refused() {
    if cfg!(debug_assertions) {
        return;
    }
    in_child(&[], "a_handler_without_an_alternate_stack_is_refused", || {
        extern "C" fn handler(_: libc::c_int) {}
        // SAFETY: no code runs on its stacks.
        let made = || unsafe { PackedSource::new() }.map(drop);
        assert_eq!(made(), Ok(()));
        // SAFETY: a handler that does nothing.
        unsafe {
            libc::signal(libc::SIGUSR2, handler as extern "C" fn(libc::c_int) as usize);
        }
        assert_eq!(made(), Err(StackError::SignalOnStack(libc::SIGUSR2)));
        assert!(made().unwrap_err().to_string().contains("SA_ONSTACK"));
        // SAFETY: as before, zeros being a valid action.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as extern "C" fn(libc::c_int) as usize;
            action.sa_flags = libc::SA_ONSTACK;
            libc::sigaction(libc::SIGUSR2, &raw const action, std::ptr::null_mut());
        }
        assert_eq!(made(), Ok(()));
    });
}
