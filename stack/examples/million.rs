//! A million guarded stacks, made one by one, beside the floor: the same number of bare pages
//! touched and guarded in the same process, in turns. The figures are of processor time, so that
//! they stand beside other load; nothing here waits.
//!
//! `cargo run --release -p g0-stack --example million --features std [-- STACKS]`
#![cfg_attr(not(target_os = "linux"), allow(unused))]

use std::fs;

use g0_stack::{Cache, Class, Depot, SlabSource, Stack, StackSource};

const SIZE: usize = 64 << 10;
const PAGE: usize = 4096;
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let stacks = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse())?;
    let class = Class::for_size(SIZE)?;
    println!("{stacks} stacks of {} KiB", SIZE >> 10);
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (guard, touch) = floor(stacks)?;
        println!("round {round}: floor: guard {guard:.0} ns + first touch {touch:.0} ns a stack");
        let created = create(stacks, class)?;
        let ratio = created / (guard + touch);
        println!("round {round}: create {created:.0} ns a stack, {ratio:.2} of the floor");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("create over floor: median {:.2} (target 1.10)", ratios[ROUNDS / 2]);
    Ok(())
}

/// Nanoseconds of processor time that this thread has used.
fn now() -> u64 {
    // SAFETY: zeros are a valid `timespec`, and the call only fills it.
    unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// Nanoseconds a stack.
fn each(start: u64, stacks: usize) -> f64 {
    (now() - start) as f64 / stacks as f64
}

/// Returns the number on the line of `/proc/self/status` that starts with `key`.
fn status(key: &str) -> usize {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").map_or(0, |text| text.lines().count())
}

/// Makes all of them through a depot, as a scheduler would; checks, reports, takes them down.
fn create(stacks: usize, class: Class) -> Result<f64, Box<dyn std::error::Error>> {
    let (rss, tables, maps) = (status("VmRSS"), status("VmPTE"), mappings());
    let depot = Depot::new(class, SlabSource::new());
    let mut cache = Cache::new(class);
    let mut held: Vec<Stack> = Vec::with_capacity(stacks);
    let start = now();
    for _ in 0..stacks {
        held.push(depot.alloc(&mut cache)?);
    }
    let created = each(start, stacks);
    assert!(held.iter().all(|stack| stack.check() && stack.guarded()));
    // The list of handles is the example's, not the stacks'.
    let bytes = (status("VmRSS") - rss) as f64 * 1024.0 / stacks as f64 - size_of::<Stack>() as f64;
    let tables = (status("VmPTE") - tables) as f64 * 1024.0 / stacks as f64;
    println!(
        "         {bytes:.0} bytes resident a stack, {tables:.0} bytes of page tables, {} more \
         mappings",
        mappings() - maps,
    );
    let start = now();
    for stack in held.drain(..) {
        // SAFETY: nothing ran on it.
        unsafe { depot.free(&mut cache, stack) };
    }
    let freed = each(start, stacks);
    let start = now();
    for _ in 0..stacks {
        held.push(depot.alloc(&mut cache)?);
    }
    println!("         free {freed:.1} ns, take again {:.1} ns", each(start, stacks));
    for stack in held {
        // SAFETY: nothing ran on it.
        unsafe { depot.source().free(stack) };
    }
    // SAFETY: its stacks are the depot's.
    unsafe { depot.drain(&mut cache) };
    Ok(created)
}

/// What the kernel asks for the same: guards in large batches, then one touch each.
fn floor(stacks: usize) -> Result<(f64, f64), Box<dyn std::error::Error>> {
    let bytes = stacks * SIZE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    let prot = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a mapping of the example's own, used within its bounds, and unmapped at the end.
    unsafe {
        let memory = libc::mmap(std::ptr::null_mut(), bytes, prot, flags, -1, 0).cast::<u8>();
        assert!(memory.cast() != libc::MAP_FAILED, "no address space");
        libc::madvise(memory.cast(), bytes, libc::MADV_NOHUGEPAGE);
        let me = libc::syscall(libc::SYS_pidfd_open, libc::getpid(), 0);
        let start = now();
        for from in (0..stacks).step_by(1024) {
            let ranges: Vec<_> = (from..stacks.min(from + 1024))
                .map(|i| libc::iovec { iov_base: memory.add(i * SIZE).cast(), iov_len: PAGE })
                .collect();
            let (first, count) = (ranges.as_ptr(), ranges.len());
            let done = libc::syscall(libc::SYS_process_madvise, me, first, count, 102, 0);
            if done != (count * PAGE) as libc::c_long {
                return Err("this kernel has no light guards: there is no floor to compare".into());
            }
        }
        let guard = each(start, stacks);
        libc::close(me as libc::c_int);
        let start = now();
        for i in 0..stacks {
            memory.add((i + 1) * SIZE - 64).write_volatile(1);
        }
        let touch = each(start, stacks);
        libc::munmap(memory.cast(), bytes);
        Ok((guard, touch))
    }
}
