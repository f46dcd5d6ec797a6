//! Stacks that grow by segments: a recursion that is too deep for its stack, panics at each edge, what is kept, given
//! back, refused.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]

#[path = "common/task.rs"]
mod task;

use std::hint::black_box;
use std::mem::{forget, size_of};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use g0_stack::grow::{self, Here, SEGMENT, Segment, call, try_call};
use g0_stack::{
    Cache, Class, Header, HeapSource, SlabSource, Stack, StackError, StackSource, StaticSource,
};
use task::{Counted, On, Origin, apart, limit, run, text};

const OWN: usize = 64 << 10;
const NEED: usize = 8 << 10;

fn class(size: usize) -> Class {
    Class::for_size(size).unwrap()
}

/// Counted heap stacks, one counter for each use of this macro.
macro_rules! origin {
    ($name:ident, $kind:ty, $source:expr) => {
        struct $name;

        impl $name {
            fn counted() -> &'static Counted<$kind> {
                static SOURCE: std::sync::OnceLock<Counted<$kind>> = std::sync::OnceLock::new();
                SOURCE.get_or_init(|| Counted::new($source))
            }
        }

        impl Origin for $name {
            type Source = &'static Counted<$kind>;

            fn source() -> Self::Source {
                Self::counted()
            }
        }
    };
}

macro_rules! heap_origin {
    ($name:ident) => {
        // SAFETY: the code of these tests stays within its stacks.
        origin!($name, HeapSource, unsafe { HeapSource::new() });
    };
}

/// Runs a task on a heap stack of its own, which is whole afterwards.
fn on_heap<O: Origin, R>(f: impl FnOnce() -> R) -> Result<R, Box<dyn std::any::Any + Send>> {
    // SAFETY: as above.
    let source = unsafe { HeapSource::new() };
    let (stack, result) = run::<O, R>(source.alloc(class(OWN)).unwrap(), f);
    assert!(stack.check() && stack.canary_intact());
    // SAFETY: the task is over.
    unsafe { source.free(stack) };
    result
}

/// A frame of a kibibyte, `depth` times; returns the sum of what was written there.
fn deep<H: Here>(depth: usize) -> usize {
    let frame = black_box([depth as u8; 1024]);
    if depth == 0 {
        0
    } else {
        frame[depth % 1024] as usize + call::<H, _>(NEED, || deep::<H>(depth - 1))
    }
}

fn sum(depth: usize) -> usize {
    (1..=depth).map(|depth| depth as u8 as usize).sum()
}

/// Uses all of the present stack that is there, until a call no longer runs in place; then runs `f` on the next.
fn beyond<H: Here, R>(f: &mut dyn FnMut() -> R) -> R {
    let before = H::present().unwrap();
    let frame = black_box([1_u8; 512]);
    let result =
        call::<H, R>(NEED, || if H::present() == Some(before) { beyond::<H, R>(f) } else { f() });
    black_box(frame);
    result
}

#[test]
fn a_deep_recursion_goes_on_segments_and_comes_back() {
    heap_origin!(Deep);
    limit(64 << 20, class(64 << 10));
    let result = on_heap::<Deep, _>(|| {
        for _ in 0..3 {
            assert_eq!(deep::<On<Deep>>(2000), sum(2000));
        }
    });
    result.unwrap();
    assert!(Deep::counted().made() > 20);
    assert_eq!(Deep::counted().out(), 0, "all is given back");
}

#[test]
fn what_fits_runs_in_place() {
    heap_origin!(Place);
    on_heap::<Place, _>(|| {
        type H = On<Place>;
        let here = H::present();
        let most = grow::remaining::<H>();
        assert!(most > OWN / 2 && most < OWN);
        call::<H, _>(most - 1024, || assert_eq!(H::present(), here));
        call::<H, _>(1, || assert_eq!(H::present(), here));
        call::<H, _>(most + 1, || assert_ne!(H::present(), here));
        assert_eq!(H::present(), here);
        assert_eq!(apart(), 1, "one segment was made");
    })
    .unwrap();
    assert_eq!(Place::counted().made(), 1);
}

#[test]
fn a_segment_is_kept_and_one_that_is_too_small_goes_back() {
    heap_origin!(Keep);
    limit(4 << 20, class(64 << 10));
    on_heap::<Keep, _>(|| {
        type H = On<Keep>;
        let first = call::<H, _>(OWN, H::present);
        for _ in 0..100 {
            assert_eq!(call::<H, _>(OWN, H::present), first);
        }
        assert_eq!(Keep::counted().made(), 1);
        assert_eq!(call::<H, _>(500 << 10, || black_box([7_u8; 400 << 10])[9]), 7);
        assert_eq!((Keep::counted().made(), Keep::counted().out()), (2, 1));
        assert_eq!(grow::trim::<H>(), 1);
        assert_eq!(grow::trim::<H>(), 0);
        assert_eq!(Keep::counted().out(), 0);
    })
    .unwrap();
}

#[test]
fn the_most_of_a_class_takes_a_segment_of_it() {
    heap_origin!(Most);
    on_heap::<Most, _>(|| {
        type H = On<Most>;
        for size in [64 << 10, 128 << 10, 1 << 19] {
            let most = grow::most::<H>(class(size));
            let here = |stack: Option<NonNull<Header>>| {
                // SAFETY: the segment is kept.
                unsafe { stack.unwrap().as_ref().class().size() }
            };
            assert_eq!(call::<H, _>(most.max(OWN), || here(H::present())), size.max(128 << 10));
            grow::trim::<H>();
        }
        assert_eq!(grow::most::<H>(Class::MIN), 0);
    })
    .unwrap();
}

#[test]
fn records_lead_back() {
    heap_origin!(Walk);
    limit(4 << 20, class(64 << 10));
    on_heap::<Walk, _>(|| {
        type H = On<Walk>;
        let own = H::present().unwrap();
        let local = 0_u8;
        call::<H, _>(OWN, || {
            let one = H::present().unwrap();
            beyond::<H, _>(&mut || {
                let two = H::present().unwrap();
                // SAFETY: the caller's own stacks.
                unsafe {
                    let pieces: Vec<_> = grow::pieces(two).collect();
                    let headers: Vec<_> = pieces.iter().map(|piece| piece.header).collect();
                    assert_eq!(headers, [two, one, own]);
                    let free: Vec<_> = pieces.iter().map(|piece| piece.free).collect();
                    assert_eq!(free, [true, true, false]);
                    assert!(pieces[0].sp.is_null());
                    assert!(pieces[1].holds(pieces[1].sp) && pieces[2].holds(pieces[2].sp));
                    assert!(pieces[2].sp.addr() < (&raw const local).addr());
                    assert_eq!(grow::first(two), own);
                    assert_eq!(grow::segment_of(two, &raw const local), Some(own));
                    let mine = 0_u8;
                    assert_eq!(grow::segment_of(two, &raw const mine), Some(two));
                    assert_eq!(grow::segment_of(one, &raw const mine), None);
                    assert!(two.as_ref().is_tagged(&SEGMENT) && !own.as_ref().is_tagged(&SEGMENT));
                    assert!(!grow::is_first(two.as_ref()) && !grow::is_first(own.as_ref()));
                    let record = Segment::of(two.as_ref()).unwrap().as_ref();
                    assert_eq!((record.old(), record.free()), (one, true));
                    assert_eq!(record.used(), (128 << 10) + (64 << 10));
                    assert!(record.args() >= size_of::<usize>());
                    assert!(Segment::of(own.as_ref()).is_none());
                }
            });
        });
    })
    .unwrap();
}

#[test]
fn panics_pass_through_segments() {
    heap_origin!(Panics);
    limit(4 << 20, class(64 << 10));
    struct Notes<'a>(&'a std::cell::Cell<usize>);
    impl Drop for Notes<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    fn panics(depth: usize, dropped: &std::cell::Cell<usize>) -> usize {
        let _notes = Notes(dropped);
        let frame = black_box([depth as u8; 1024]);
        assert!(depth != 0, "at the bottom");
        frame[5] as usize + call::<On<Panics>, _>(NEED, || panics(depth - 1, dropped))
    }
    let dropped = std::cell::Cell::new(0);
    let payload = on_heap::<Panics, _>(|| {
        let here = On::<Panics>::present();
        for _ in 0..3 {
            let caught = catch_unwind(AssertUnwindSafe(|| panics(300, &dropped)));
            assert_eq!(text(caught.unwrap_err()), "at the bottom");
            assert_eq!(On::<Panics>::present(), here);
        }
        panics(300, &dropped)
    })
    .unwrap_err();
    assert_eq!(text(payload), "at the bottom");
    assert_eq!(dropped.get(), 4 * 301);
    assert_eq!(Panics::counted().out(), 0);
}

#[test]
fn a_panic_in_the_first_and_in_the_last_frame_of_a_segment() {
    heap_origin!(Edge);
    limit(4 << 20, class(64 << 10));
    on_heap::<Edge, _>(|| {
        type H = On<Edge>;
        let here = H::present();
        let at_once = || call::<H, ()>(OWN, || panic!("first"));
        assert_eq!(text(catch_unwind(at_once).unwrap_err()), "first");
        // The payload's destructor panics, on the stack beneath.
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("bomb");
            }
        }
        let thrown =
            catch_unwind(|| call::<H, ()>(OWN, || std::panic::panic_any(Bomb))).unwrap_err();
        assert!(catch_unwind(AssertUnwindSafe(|| drop(thrown))).is_err());
        // Caught on the segment, and once more beyond it.
        call::<H, _>(OWN, || {
            let mut inner = || panic!("beyond");
            let caught = catch_unwind(AssertUnwindSafe(|| beyond::<H, ()>(&mut inner)));
            assert_eq!(text(caught.unwrap_err()), "beyond");
            assert_ne!(H::present(), here);
        });
        // A call while another panic unwinds.
        struct Grows;
        impl Drop for Grows {
            fn drop(&mut self) {
                assert_eq!(call::<H, _>(OWN, || 5), 5);
            }
        }
        let caught = catch_unwind(|| {
            let _grows = Grows;
            call::<H, ()>(OWN, || panic!("outer"))
        });
        assert_eq!(text(caught.unwrap_err()), "outer");
        assert_eq!(H::present(), here);
    })
    .unwrap();
    assert_eq!(Edge::counted().out(), 0);
}

#[test]
fn what_is_forgotten_on_a_segment_harms_none() {
    heap_origin!(Forget);
    limit(4 << 20, class(64 << 10));
    on_heap::<Forget, _>(|| {
        type H = On<Forget>;
        let boxed = call::<H, _>(OWN, || {
            let leaked = Box::new([3_u8; 100]);
            forget(leaked.clone());
            leaked
        });
        assert_eq!(boxed[99], 3);
        let payload = catch_unwind(|| call::<H, ()>(OWN, || panic!("forgotten"))).unwrap_err();
        forget(payload);
        // Kept segments that their taker forgets are lost, and nothing else.
        // SAFETY: the caller's own task.
        let _ = unsafe { grow::take_kept(H::present().unwrap()) };
        assert_eq!(Forget::counted().out(), 1);
        assert_eq!(call::<H, _>(OWN, || 4), 4);
        assert_eq!(Forget::counted().made(), 2);
    })
    .unwrap();
    assert_eq!(Forget::counted().out(), 1);
}

#[test]
fn results_and_closures_of_any_size_arrive() {
    heap_origin!(Sizes);
    limit(4 << 20, class(32 << 10));
    on_heap::<Sizes, _>(|| {
        type H = On<Sizes>;
        call::<H, ()>(OWN, || ());
        let large = [9_u64; 200];
        let back = call::<H, [u64; 200]>(OWN, move || large);
        assert_eq!(back, large);
        let text = String::from("moved there and back");
        assert_eq!(call::<H, String>(OWN, move || text), "moved there and back");
    })
    .unwrap();
}

#[test]
fn sizes_that_cannot_be_are_errors() {
    heap_origin!(Bad);
    limit(usize::MAX, Class::MIN);
    on_heap::<Bad, _>(|| {
        type H = On<Bad>;
        let ran = std::cell::Cell::new(false);
        let tried = |need| try_call::<H, _>(need, || ran.set(true)).unwrap_err();
        assert_eq!(tried(0), StackError::ZeroSize);
        for need in [Class::MAX.size(), Class::MAX.size() + 1, isize::MAX as usize, usize::MAX] {
            assert!(matches!(tried(need), StackError::TooLarge { .. }), "{need}");
        }
        // With a segment kept, too.
        call::<H, _>(OWN, || ());
        assert_eq!(tried(0), StackError::ZeroSize);
        assert!(matches!(tried(usize::MAX - 1), StackError::TooLarge { .. }));
        assert!(!ran.get());
        let panicked = catch_unwind(|| call::<H, ()>(0, || unreachable!()));
        assert_eq!(
            text(panicked.unwrap_err()),
            "g0-stack: grow::call: no segment for 0 bytes: a stack of 0 bytes: ask for at least one byte"
        );
    })
    .unwrap();
    assert_eq!(Bad::counted().out(), 0);
}

#[test]
fn a_recursion_without_end_ends_at_the_limit() {
    heap_origin!(Endless);
    const LIMIT: usize = 2 << 20;
    limit(LIMIT, class(64 << 10));
    fn endless(depth: usize) -> usize {
        let frame = black_box([depth as u8; 1024]);
        frame[3] as usize + call::<On<Endless>, _>(NEED, || endless(depth + 1))
    }
    on_heap::<Endless, _>(|| {
        type H = On<Endless>;
        for _ in 0..3 {
            let message = text(catch_unwind(|| endless(0)).unwrap_err());
            assert!(message.contains("stack overflow: "), "{message}");
            assert!(message.contains("limit of 2097152 bytes"), "{message}");
            assert_eq!(
                Endless::counted().out(),
                (LIMIT >> 16) as isize,
                "that of the message is back"
            );
        }
        assert_eq!(grow::trim::<H>(), LIMIT >> 16);
        assert_eq!(Endless::counted().out(), 0);
        // One that asks for too much at once.
        let error = try_call::<H, _>(LIMIT, || ()).unwrap_err();
        let asked = 2 * LIMIT;
        assert_eq!(error, StackError::SegmentLimit { asked, used: 0, limit: LIMIT });
        assert_eq!(deep::<H>(100), sum(100));
    })
    .unwrap();
}

#[test]
fn a_source_that_runs_dry_says_so() {
    const BLOCK: usize = 64 << 10;
    // SAFETY: the code of this test stays within its stacks.
    static FEW: StaticSource<3, BLOCK> = unsafe { StaticSource::new() };
    struct Few;
    impl Origin for Few {
        type Source = &'static StaticSource<3, BLOCK>;
        fn source() -> Self::Source {
            &FEW
        }
    }
    limit(usize::MAX, class(BLOCK));
    fn tries(depth: usize) -> Result<usize, StackError> {
        let frame = black_box([depth as u8; 1024]);
        let more = try_call::<On<Few>, _>(NEED, || tries(depth + 1))?;
        Ok(more? + frame[0] as usize)
    }
    on_heap::<Few, _>(|| {
        for _ in 0..2 {
            assert_eq!(tries(0), Err(StackError::Exhausted { stacks: 3 }));
            let panicked = catch_unwind(|| deep::<On<Few>>(10_000));
            let message = text(panicked.unwrap_err());
            assert!(message.contains("all 3 stacks of the static source are in use"), "{message}");
        }
        assert_eq!(grow::trim::<On<Few>>(), 3);
        assert!(matches!(
            try_call::<On<Few>, _>(BLOCK, || ()),
            Err(StackError::TooLarge { largest: BLOCK, .. })
        ));
        assert_eq!(deep::<On<Few>>(20), sum(20));
    })
    .unwrap();
}

#[test]
fn segments_of_a_slab_have_room_whatever_their_colour() {
    origin!(Slab, SlabSource, SlabSource::new());
    limit(4 << 20, class(64 << 10));
    on_heap::<Slab, _>(|| {
        type H = On<Slab>;
        // Each stack has another colour.
        let most = grow::most::<H>(class(128 << 10));
        let mut held = Vec::new();
        for _ in 0..40 {
            call::<H, _>(most, || assert!(grow::remaining::<H>() >= most - 2048));
            // SAFETY: the caller's own task.
            held.extend(unsafe { grow::take_kept(H::present().unwrap()) });
        }
        let sizes = |size| held.iter().filter(|stack| stack.class() == class(size)).count();
        assert!(sizes(128 << 10) > 0 && sizes(256 << 10) > 0);
        for stack in held {
            // SAFETY: nothing runs on it.
            unsafe { Slab::counted().free(stack) };
        }
        assert_eq!(deep::<H>(500), sum(500));
    })
    .unwrap();
    assert_eq!(Slab::counted().out(), 0);
}

#[test]
fn kept_segments_go_from_task_to_task_by_a_cache() {
    heap_origin!(Shared);
    limit(1 << 20, class(128 << 10));
    let mut cache = Cache::new(class(128 << 10));
    for _ in 0..50 {
        let mut put = |stack: Stack| {
            // SAFETY: nothing runs on what was kept.
            unsafe { cache.put(stack).unwrap() };
        };
        on_heap::<Shared, _>(|| {
            type H = On<Shared>;
            call::<H, _>(OWN, || ());
            // SAFETY: the caller's own task.
            unsafe { grow::take_kept(H::present().unwrap()) }.for_each(&mut put);
        })
        .unwrap();
        let stack = cache.get().unwrap();
        on_heap::<Shared, _>(|| {
            type H = On<Shared>;
            let present = H::present().unwrap();
            // SAFETY: the caller's own task; the stack came from the same source.
            unsafe {
                let stack = grow::give_kept(present, stack, 1000).unwrap_err();
                grow::give_kept(present, stack, H::limit()).unwrap();
                let more = Shared::counted().alloc(class(128 << 10)).unwrap();
                let more = grow::give_kept(present, more, H::limit()).unwrap_err();
                Shared::counted().free(more);
            }
            let made = Shared::counted().made();
            call::<H, _>(OWN, || ());
            assert_eq!(Shared::counted().made(), made);
        })
        .unwrap();
    }
    assert_eq!(Shared::counted().out(), 0);
}

#[test]
fn unwindstack_frees_down_to_the_stack_that_holds_an_address() {
    heap_origin!(Unwind);
    type H = On<Unwind>;
    limit(4 << 20, class(64 << 10));
    // A chain of three above a stack that nothing runs on: as a system sees it that dropped the frames.
    let alloc = || Unwind::counted().alloc(class(64 << 10)).unwrap();
    let own = alloc();
    let own_header = NonNull::from(&*own);
    let mut chain = vec![own_header];
    for _ in 0..3 {
        let top = *chain.last().unwrap();
        let stack = alloc();
        chain.push(NonNull::from(&*stack));
        // SAFETY: the test's own stacks.
        unsafe { grow::give_kept(top, stack, usize::MAX).unwrap() };
    }
    let within = |header: NonNull<Header>| {
        // SAFETY: the stack is there.
        unsafe { header.as_ref() }.bottom().wrapping_add(4096)
    };
    // SAFETY: the test's own chain, which nothing runs on.
    unsafe {
        assert_eq!(grow::unwindstack::<H>(chain[3], within(chain[3])), chain[3]);
        assert_eq!(grow::unwindstack::<H>(chain[3], within(chain[1])), chain[1]);
        assert_eq!(Unwind::counted().out(), 2);
        let elsewhere = 0_u8;
        let nowhere = AssertUnwindSafe(|| grow::unwindstack::<H>(chain[1], &raw const elsewhere));
        assert!(text(catch_unwind(nowhere).unwrap_err()).contains("in none of the 2 stacks"));
        assert_eq!(grow::unwindstack::<H>(chain[1], within(own_header)), own_header);
        assert_eq!(Unwind::counted().out(), 1);
        assert!(grow::is_first(own_header.as_ref()));
        Unwind::counted().free(own);
    }
    on_heap::<Unwind, _>(|| {
        call::<H, _>(OWN, || {
            let present = H::present().unwrap();
            // SAFETY: it is fatal, and changes nothing.
            let on_itself =
                AssertUnwindSafe(|| unsafe { grow::unwindstack::<H>(present, within(present)) });
            assert!(text(catch_unwind(on_itself).unwrap_err()).contains("of the task itself"));
        });
    })
    .unwrap();
}

#[test]
fn nothing_grows_without_a_task() {
    heap_origin!(None);
    type H = On<None>;
    assert_eq!(grow::remaining::<H>(), 0);
    assert_eq!(grow::trim::<H>(), 0);
    for need in [1, NEED, usize::MAX] {
        let message = text(catch_unwind(|| call::<H, _>(need, || ())).unwrap_err());
        assert_eq!(
            message,
            "fatal: g0-stack: grow::call: called on a thread without a task: call it on the stack of a task"
        );
        assert!(catch_unwind(|| try_call::<H, _>(need, || ())).is_err());
    }
}

#[test]
fn a_panic_is_not_thrown_on_where_the_unwinder_has_no_room() {
    heap_origin!(Small);
    limit(1 << 20, class(64 << 10));
    // SAFETY: what runs on it is small.
    let source = unsafe { HeapSource::new() };
    let (stack, result) = run::<Small, _>(source.alloc(class(16 << 10)).unwrap(), || {
        // Its panics need room, too: here it is there.
        call::<On<Small>, ()>(1, || panic!("too deep"))
    });
    assert!(text(result.unwrap_err()).contains("nothing guards this stack"));
    // SAFETY: the task is over.
    unsafe { source.free(stack) };
}

#[test]
fn a_stack_with_a_segment_above_is_not_freed() {
    heap_origin!(Chained);
    let alloc = || Chained::counted().alloc(class(4096)).unwrap();
    let (own, segment) = (alloc(), alloc());
    // SAFETY: the test's own stacks.
    unsafe {
        let header = NonNull::from(&*own);
        grow::give_kept(header, segment, usize::MAX).unwrap();
        assert!(grow::has_kept(header.as_ref()));
        let freed = catch_unwind(AssertUnwindSafe(|| Chained::counted().inner.free(own)));
        assert!(text(freed.unwrap_err()).contains("it has a segment above"));
        assert_eq!(grow::take_kept(header).count(), 1);
    }
}
