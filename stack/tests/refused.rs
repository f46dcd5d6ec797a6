//! What the kernel refuses is an error, and nothing is lost by it; what a dropped source does with its
//! memory. Each in a process of its own, where nothing else is mapped or limited.
#![cfg(target_os = "linux")]

mod common;

use g0_stack::{Class, SlabSource, Stack, StackError, StackSource};

/// Runs the named test again in a process of its own, in which `child` runs instead.
fn in_child(name: &str, child: fn()) {
    in_child_by(&[], name, child);
}

/// Does the same, the process started by `front`.
fn in_child_by(front: &[&str], name: &str, child: fn()) {
    if common::is_child() {
        return child();
    }
    let output = common::again(front, name);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("child done"), "the child did not run: {text}");
}

/// Takes stacks until the source refuses.
fn exhaust(source: &SlabSource, class: Class, most: usize) -> (Vec<Stack>, StackError) {
    let mut stacks = Vec::new();
    loop {
        match source.alloc(class) {
            Ok(stack) => stacks.push(stack),
            Err(error) => return (stacks, error),
        }
        assert!(stacks.len() <= most, "nothing was refused");
    }
}

#[test]
fn address_space_refused_is_an_error() {
    // 1 GiB. Set from outside, the limit holds for an emulator too, which lets no one inside set it.
    let limited = ["sh", "-c", "ulimit -v 1048576 && exec \"$0\" \"$@\""];
    in_child_by(&limited, "address_space_refused_is_an_error", || {
        let class = Class::for_size(1 << 20).unwrap();
        let source = SlabSource::new();
        let (mut stacks, error) = exhaust(&source, class, 1024);
        assert_eq!(error, StackError::OutOfMemory);
        assert!(error.to_string().contains("ulimit -v"));
        assert!(stacks.len() > 500, "half of the room was never used: {}", stacks.len());
        // A class that never fits.
        assert_eq!(source.alloc(Class::MAX).unwrap_err(), StackError::OutOfMemory);
        // What is given back is there again.
        // SAFETY: nothing runs on it.
        unsafe { source.free(stacks.pop().unwrap()) };
        assert!(source.alloc(class).is_ok());
        println!("child done");
    });
}

#[test]
fn the_mapping_limit_is_an_error_that_names_the_remedy() {
    in_child("the_mapping_limit_is_an_error_that_names_the_remedy", || {
        let text = std::fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
        let limit: usize = text.trim().parse().unwrap();
        // A raised limit would only make the test long; take the stacks that it allows.
        let class = Class::MIN;
        let source = SlabSource::builder().protected_guards().build();
        let (mut stacks, error) = exhaust(&source, class, limit);
        assert_eq!(error, StackError::TooManyMappings);
        assert!(error.to_string().contains("vm.max_map_count"));
        assert!(stacks.iter().all(|stack| stack.guarded() && stack.check()));
        // Two mappings a stack.
        assert!(stacks.len() > limit / 2 - 1000, "{} of {limit}", stacks.len());
        // SAFETY: nothing runs on it.
        unsafe { source.free(stacks.pop().unwrap()) };
        assert!(source.alloc(class).is_ok());
        println!("child done");
    });
}

#[test]
fn a_source_unmaps_when_all_is_back_and_leaks_when_not() {
    in_child("a_source_unmaps_when_all_is_back_and_leaks_when_not", || {
        let mapped = |page: *mut u8| {
            let mut present = 0_u8;
            // SAFETY: only asks, about one page; fails where nothing is mapped.
            unsafe { libc::mincore(page.cast(), 1, (&raw mut present).cast()) == 0 }
        };
        let class = Class::for_size(65536).unwrap();

        let source = SlabSource::new();
        let stack = source.alloc(class).unwrap();
        let page = stack.bottom();
        assert!(mapped(page));
        // SAFETY: nothing runs on it.
        unsafe { source.free(stack) };
        drop(source);
        assert!(!mapped(page));

        let source = SlabSource::new();
        let stack = source.alloc(class).unwrap();
        drop(source);
        assert!(mapped(stack.bottom()) && stack.check());
        println!("child done");
    });
}
