//! What a header says of what lies beneath it: as long as one user has the stack, and no longer.

use g0_stack::{Cache, Class, Depot, HeapSource, Stack, StackSource, StaticSource, Tag};

const SIZE: usize = 8192;

static ONE: Tag = Tag::new();
static OTHER: Tag = Tag::new();

fn class() -> Class {
    Class::for_size(SIZE).unwrap()
}

/// Tags a stack with [`ONE`].
fn tagged(stack: Stack) -> Stack {
    // SAFETY: the stack is the test's, and the tag stands for nothing.
    unsafe { stack.set_tag(&ONE) };
    assert!(stack.is_tagged(&ONE) && !stack.is_tagged(&OTHER));
    stack
}

/// The next user of a stack finds no tag of the former one's.
fn passes(source: &impl StackSource) {
    let stack = source.alloc(class()).unwrap();
    assert!(!stack.is_tagged(&ONE) && !stack.is_tagged(&OTHER));
    let stack = tagged(stack);
    let at = stack.top();
    // SAFETY: nothing runs on it.
    unsafe { source.free(stack) };
    let again = source.alloc(class()).unwrap();
    // A heap may have another.
    assert!(again.top() == at || !again.guarded());
    assert!(!again.is_tagged(&ONE));
    // SAFETY: as above.
    unsafe { source.free(again) };
}

#[test]
fn a_source_takes_the_tag_off() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    passes(&&SOURCE);
    // SAFETY: as above.
    passes(&unsafe { HeapSource::new() });
    #[cfg(target_os = "linux")]
    passes(&g0_stack::SlabSource::new());
}

#[test]
fn caches_and_depots_leave_it_on_until_the_source_has_the_stack() {
    // SAFETY: no code runs on its stacks.
    static SOURCE: StaticSource<1, SIZE> = unsafe { StaticSource::new() };
    let depot = Depot::new(class(), &SOURCE);
    let mut cache = Cache::new(class());
    for _ in 0..2 {
        let stack = tagged(depot.alloc(&mut cache).unwrap());
        // SAFETY: nothing runs on it, and it is the depot's.
        unsafe {
            depot.free(&mut cache, stack);
            depot.drain(&mut cache);
        }
        let stack = depot.alloc(&mut cache).unwrap();
        assert!(stack.is_tagged(&ONE), "the payload stays, and so does its name");
        // SAFETY: as above.
        unsafe {
            depot.free(&mut cache, stack);
            depot.drain(&mut cache);
        }
        assert_eq!(depot.trim(|header| assert!(header.is_tagged(&ONE))), 1);
        let stack = depot.alloc(&mut cache).unwrap();
        assert!(!stack.is_tagged(&ONE));
        // SAFETY: as above.
        unsafe { depot.free(&mut cache, stack) };
    }
}
