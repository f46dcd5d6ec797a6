//! How much stack goroutines have used, by where they were started.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::hint::black_box;
use std::panic::Location;
use std::sync::Mutex;

use common::{Threads, bounded, on_each_kind, quiet_panic, yield_until};
use g0_sched::generic::Go;
use g0_sched::port::Reports;
use g0_sched::{
    Builder, Config, Hosted, JoinHandle, Platform, Runtime, Scheduler, SiteStats, StackUse, Watch,
    channel, go, go_named, goexit, grow, lock_os_thread, yield_now,
};
use g0_stack::{Class, StackSource, StaticSource};
use own::as_own;

const FLAT: usize = 3 << 10;
const DEEP: usize = 40 << 10;

/// With so many Ps, and what they run is measured.
fn measuring(procs: usize) -> Builder {
    Runtime::builder().procs(procs).measure_stacks(true)
}

/// Uses so many bytes of stack, and then does `end`.
#[inline(never)]
fn uses<const BYTES: usize, T>(end: impl FnOnce() -> T) -> T {
    let mut frame = [1_u8; BYTES];
    black_box(&mut frame);
    let value = end();
    black_box(&mut frame);
    value
}

fn site_at(watch: &Watch, site: &Location<'_>) -> Option<SiteStats> {
    watch.stack_use().into_iter().find(|stats| stats.site == site)
}

/// Returns what is told of goroutines with this name, or else fails.
#[track_caller]
fn told(watch: &Watch, name: &str) -> SiteStats {
    watch.stack_use().into_iter().find(|stats| stats.name == name).expect("a name")
}

/// Of two goroutines with the same frames but for these bytes, one more and one less, `deep` has used as many more.
#[track_caller]
fn apart(flat: SiteStats, deep: SiteStats, bytes: usize) {
    let more = deep.stack.abs_diff(flat.stack);
    assert!(deep.stack > flat.stack && more.abs_diff(bytes) <= 1024, "{flat} -- {deep}");
}

#[test]
fn each_site_has_its_own_depth_and_the_deepest_comes_first() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        assert_eq!(watch.stack_use(), []);
        runtime
            .run(|| {
                for _ in 0..5 {
                    // The second is on the first one's stack, or the other way round.
                    go_named("deep", || uses::<DEEP, _>(|| ())).join().unwrap();
                    go_named("", || uses::<FLAT, _>(|| ())).join().unwrap();
                }
            })
            .unwrap();
        // The runtime has gone.
        let (flat, deep) = (told(&watch, ""), told(&watch, "deep"));
        apart(flat, deep, DEEP - FLAT);
        assert!(deep.stack > DEEP && deep.stack < DEEP + (8 << 10), "{deep}");
        assert_eq!((flat.ended, deep.ended), (5, 5));
        assert_eq!((flat.segments, deep.segments), (0, 0));
        assert!((250 << 10..256 << 10).contains(&deep.size), "{deep}");
        assert_eq!((flat.name, deep.name), ("", "deep"));
        let said = deep.to_string();
        assert!(said.contains("stack_use.rs") && said.contains(" deep: 5 ended, "), "{said}");
        let all = watch.stack_use();
        assert!(all.is_sorted_by_key(|stats| std::cmp::Reverse(stats.stack)), "{all:?}");
        // Main.
        assert_eq!((all.len(), all.iter().filter(|stats| stats.name == "main").count()), (3, 1));
    });
}

#[test]
fn goroutines_of_one_site_count_as_the_deepest() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        runtime
            .run(|| {
                let start = |deep: bool| {
                    let either =
                        move || if deep { uses::<DEEP, _>(yield_now) } else { yield_now() };
                    go_named("either", either)
                };
                let goroutines: Vec<_> = (0..20).map(|n| start(n == 7)).collect();
                goroutines.into_iter().for_each(|handle| handle.join().unwrap());
            })
            .unwrap();
        let told = told(&watch, "either");
        assert!(told.ended == 20 && told.stack > DEEP, "{told}");
    });
}

#[test]
fn however_it_ends_a_goroutine_is_counted_once() {
    #[track_caller]
    fn start(f: impl FnOnce() + Send + 'static) -> (JoinHandle<()>, &'static Location<'static>) {
        (go(f), Location::caller())
    }
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        let mut sites = Vec::new();
        runtime
            .run(|| {
                let (_tx, rx) = channel::<u8>(0);
                let (returns, one) = start(|| uses::<FLAT, _>(|| ()));
                let (panics, two) = start(|| uses::<FLAT, _>(|| quiet_panic("as it should")));
                let (exits, three) = start(|| uses::<FLAT, _>(|| goexit()));
                let (locks, four) = start(|| {
                    lock_os_thread();
                    uses::<FLAT, _>(yield_now);
                });
                let (_waits, five) = start(move || {
                    let _ = uses::<FLAT, _>(|| rx.recv());
                });
                sites = vec![one, two, three, four, five];
                returns.join().unwrap();
                panics.join().unwrap_err();
                exits.join().unwrap_err();
                locks.join().unwrap();
                yield_now();
            })
            .unwrap();
        for site in sites {
            let told = site_at(&watch, site).unwrap_or_else(|| panic!("nothing of {site}"));
            assert_eq!(told.ended, 1, "{told}");
            assert!(told.stack > FLAT, "{told}");
        }
    });
}

#[test]
fn one_that_must_drop_its_result_after_all_is_counted_once() {
    /// Takes stack when it is dropped.
    struct Deep;

    impl Drop for Deep {
        fn drop(&mut self) {
            uses::<DEEP, _>(|| ());
        }
    }

    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        let many = kind.at_most(500);
        runtime
            .run(|| {
                for _ in 0..many {
                    // Dropped before the end, after it, or at that very moment.
                    drop(go_named("drops", || Deep));
                    yield_now();
                }
            })
            .unwrap();
        let told = told(&watch, "drops");
        assert_eq!(told.ended, many as u64, "{told}");
        assert!(told.stack > DEEP, "{told}");
    });
}

#[test]
fn a_size_for_one_spawn_is_told_with_its_depth() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        runtime
            .run(|| {
                let large = Go::new().stack_size(1 << 20).name("large");
                let large = large.spawn::<Hosted, _, _>(|| uses::<{ 600 << 10 }, _>(|| ()));
                large.unwrap().join().unwrap();
            })
            .unwrap();
        let told = told(&watch, "large");
        assert!((600 << 10..640 << 10).contains(&told.stack), "{told}");
        assert!((1000 << 10..1 << 20).contains(&told.size), "{told}");
    });
}

#[test]
fn segments_count_for_themselves_also_before_the_end() {
    const LEVELS: usize = 12;
    /// Calls itself, and is alone on each segment.
    #[inline(never)]
    fn level(left: usize, end: &mut dyn FnMut()) {
        grow::call(40 << 10, || {
            uses::<{ 24 << 10 }, _>(|| if left == 0 { end() } else { level(left - 1, end) });
        });
    }

    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs).stack_size(32 << 10));
        let watch = runtime.watch();
        runtime
            .run(|| {
                let (tx, rx) = channel::<u8>(0);
                let waits = move || level(LEVELS - 1, &mut || rx.recv().map(drop).unwrap());
                let goroutine = go_named("waits", waits);
                yield_until("it waits", || {
                    watch.stack_use().iter().any(|stats| stats.segments == LEVELS << 16)
                });
                let before = told(&watch, "waits");
                assert_eq!((before.ended, before.stack), (0, 0), "{before}");
                tx.send(1).unwrap();
                goroutine.join().unwrap();
                let after = told(&watch, "waits");
                assert_eq!((after.ended, after.segments), (1, LEVELS << 16), "{after}");
                assert!(after.stack > 0 && after.stack < after.size, "{after}");
                assert!(after.to_string().ends_with(", and 786432 of segments"), "{after}");
            })
            .unwrap();
    });
}

/// A platform of one's own that keeps what it is told.
#[derive(Debug)]
enum Tells {}

static TOLD: Mutex<Vec<StackUse>> = Mutex::new(Vec::new());

mod rt {
    g0_sched::platform!(super::Tells);
}

// SAFETY: all of it is another platform's.
unsafe impl Platform for Tells {
    type Unwind = g0_defer::Rust;

    as_own!(whole);
}

impl Reports for Tells {
    unsafe fn stack_used(used: &StackUse) {
        TOLD.lock().unwrap().push(*used);
    }
}

g0_sched::default_parts!(Tells: ForeignCode, Interrupts, Machines, Unwinding);

/// Runs main, which goes deep on a segment and gives it back, and then two flat goroutines at a time, of which one has
/// that segment for its stack: there are three of 64 KiB. Returns what the platform was told.
fn on_stacks_of(stacks: &'static StaticSource<3, { 64 << 10 }>) -> Vec<StackUse> {
    let stacks: &'static dyn StackSource = Box::leak(Box::new(stacks));
    bounded("a platform of one's own", move || {
        let class = |size| Class::for_size(size).unwrap();
        let config = own::config(1, Threads::Pinned.mobility(), true);
        let scheduler =
            Scheduler::<Tells>::new(Config { stacks, stack: class(64 << 10), ..config });
        let scheduler = scheduler.measure_stacks().segments(stacks, class(16 << 10), 1 << 20);
        let scheduler: &'static _ = Box::leak(Box::new(scheduler));
        let main = || {
            let deep = || uses::<{ 40 << 10 }, _>(|| ());
            uses::<{ 16 << 10 }, _>(|| rt::grow::call(50 << 10, deep));
            assert_eq!(rt::grow::trim(), 1);
            let flat = || rt::go_named("flat", || uses::<FLAT, _>(rt::yield_now));
            [flat(), flat()].into_iter().for_each(|handle| handle.join().unwrap());
        };
        assert!(scheduler.run(main).unwrap().result.is_some_and(|result| result.is_ok()));
        let mine = |told: &mut StackUse| std::ptr::eq(told.core(), scheduler.core());
        TOLD.lock().unwrap().extract_if(.., mine).collect()
    })
}

/// The runs' stacks.
static PAINTED: StaticSource<3, { 64 << 10 }> = {
    // SAFETY: the goroutines that run there are a few calls deep.
    unsafe { StaticSource::new() }.painted()
};
static PLAIN: StaticSource<3, { 64 << 10 }> = {
    // SAFETY: as above.
    unsafe { StaticSource::new() }
};

#[test]
fn a_platform_is_told_of_a_segment_at_once_and_of_a_stack_at_the_end() {
    let told = on_stacks_of(&PAINTED);
    let [segment, flat, again, main] = &told[..] else { panic!("{told:?}") };
    assert_eq!((segment.name, segment.ends, segment.stack), ("main", false, None), "{segment}");
    assert_eq!(segment.segments, 64 << 10, "{segment}");
    assert!(segment.to_string().ends_with(": 65536 bytes of segments"), "{segment}");
    for flat in [flat, again] {
        assert_eq!((flat.name, flat.ends, flat.segments), ("flat", true, 0), "{flat}");
        assert!(flat.stack.is_some_and(|bytes| (FLAT..20 << 10).contains(&bytes)), "{flat}");
        assert_eq!(flat.size, (64 << 10) - 64);
    }
    assert_eq!((main.name, main.ends), ("main", true), "{main}");
}

#[test]
fn of_a_stack_that_was_not_painted_nothing_is_known() {
    let told = on_stacks_of(&PLAIN);
    assert_eq!(told.len(), 4, "{told:?}");
    for told in &told[1..] {
        assert_eq!((told.ends, told.stack), (true, None), "{told}");
        assert!(told.to_string().ends_with("nothing is known"), "{told}");
    }
}

#[test]
fn nothing_is_told_if_that_is_not_asked_for() {
    on_each_kind(|kind, procs| {
        for builder in [Runtime::builder(), measuring(1).measure_stacks(false)] {
            let runtime = kind.build(builder.procs(procs));
            let watch = runtime.watch();
            runtime.run(|| go(|| uses::<DEEP, _>(yield_now)).join().unwrap()).unwrap();
            assert_eq!(watch.stack_use(), []);
        }
    });
}
