//! How much stack goroutines have used, by where they were started.

mod common;
#[allow(dead_code, reason = "its scheduler is not used here, but its threads are")]
mod own;

use std::hint::black_box;
use std::panic::Location;
use std::sync::{Barrier, Mutex};
use std::time::{Duration, Instant};

use common::{Threads, bounded, on_each_kind, quiet_panic, yield_until};
use g0_sched::generic::Go;
use g0_sched::port::Reports;
use g0_sched::{
    Builder, Config, Hosted, JoinHandle, Platform, Runtime, Scheduler, SiteStats, StackUse, Watch,
    channel, go, go_named, goexit, grow, lock_os_thread, sleep, yield_now,
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
                let (tx, rx) = channel::<u8>(0);
                let (began, has_begun) = channel::<()>(0);
                let (returns, one) = start(|| uses::<FLAT, _>(|| ()));
                let (panics, two) = start(|| uses::<FLAT, _>(|| quiet_panic("as it should")));
                let (exits, three) = start(|| uses::<FLAT, _>(|| goexit()));
                let (locks, four) = start(|| {
                    lock_os_thread();
                    uses::<FLAT, _>(yield_now);
                });
                let (_waits, five) = start(move || {
                    began.send(()).unwrap();
                    let _ = uses::<FLAT, _>(|| rx.recv());
                    unreachable!("the end of the run unwinds it");
                });
                sites = vec![one, two, three, four, five];
                returns.join().unwrap();
                panics.join().unwrap_err();
                exits.join().unwrap_err();
                locks.join().unwrap();
                has_begun.recv().unwrap();
                yield_now();
                std::mem::forget(tx);
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

#[test]
fn memory_of_stacks_is_not_given_back_before_it_has_counted() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs).give_back_after(Duration::from_millis(1)));
        let watch = runtime.watch();
        let waits = || {
            uses::<DEEP, _>(|| ());
            sleep(Duration::from_millis(60));
        };
        runtime.run(|| go_named("waits", waits).join().unwrap()).unwrap();
        let told = told(&watch, "waits");
        assert!(told.stack > DEEP, "{told}");
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
        if used.name == "drops" && used.ends {
            // A moment after the goroutine's last look at its handle.
            HANDLE.wait();
            HANDLE.wait();
        }
    }
}

/// Met by the platform that is told of a goroutine with the name "drops", and by main before and after it has dropped
/// the handle.
static HANDLE: Barrier = Barrier::new(2);

g0_sched::default_parts!(Tells: ForeignCode, Interrupts, Machines, Unwinding);

/// Runs `main` on a scheduler that measures, whose stacks and segments are of 64 KiB, and returns what the platform was
/// told.
fn runs<const N: usize>(
    procs: usize,
    stacks: &'static StaticSource<N, { 64 << 10 }>,
    main: impl FnOnce() + Send + 'static,
) -> Vec<StackUse> {
    bounded("a platform of one's own", move || {
        let class = |size| Class::for_size(size).unwrap();
        let stacks: &'static dyn StackSource = Box::leak(Box::new(stacks));
        let config = own::config(procs, Threads::Pinned.mobility(), true);
        let scheduler =
            Scheduler::<Tells>::new(Config { stacks, stack: class(64 << 10), ..config });
        let scheduler = scheduler.measure_stacks().segments(stacks, class(16 << 10), 1 << 20);
        let scheduler: &'static _ = Box::leak(Box::new(scheduler));
        let ended = scheduler.run(main).unwrap();
        assert!(ended.result.is_some_and(|result| result.is_ok()));
        assert_eq!(ended.left_behind, 0);
        let mine = |told: &mut StackUse| std::ptr::eq(told.core(), scheduler.core());
        TOLD.lock().unwrap().extract_if(.., mine).collect()
    })
}

/// Goes deep on a segment and gives it back, and then starts as many flat goroutines at a time as there are stacks
/// left: one has that segment for its stack.
fn uses_all_stacks() {
    let deep = || uses::<{ 40 << 10 }, _>(|| ());
    uses::<{ 16 << 10 }, _>(|| rt::grow::call(50 << 10, deep));
    assert_eq!(rt::grow::trim(), 1);
    let flat = || rt::go_named("flat", || uses::<FLAT, _>(rt::yield_now));
    let goroutines: Vec<_> = (1..STACKS).map(|_| flat()).collect();
    goroutines.into_iter().for_each(|handle| handle.join().unwrap());
}

/// One more than are fetched at a time.
const STACKS: usize = 9;

#[test]
fn a_platform_is_told_of_a_segment_at_once_and_of_a_stack_at_the_end() {
    static PAINTED: StaticSource<STACKS, { 64 << 10 }> = {
        // SAFETY: the goroutines that run there are a few calls deep.
        unsafe { StaticSource::new() }.painted()
    };
    let told = runs(1, &PAINTED, uses_all_stacks);
    let [segment, flat @ .., main] = &told[..] else { panic!("{told:?}") };
    assert_eq!((segment.name, segment.ends, segment.stack), ("main", false, None), "{segment}");
    assert_eq!(segment.segments, 64 << 10, "{segment}");
    assert!(segment.to_string().ends_with(": 65536 bytes of segments"), "{segment}");
    assert_eq!(flat.len(), STACKS - 1);
    for flat in flat {
        assert_eq!((flat.name, flat.ends, flat.segments), ("flat", true, 0), "{flat}");
        assert!(flat.stack.is_some_and(|bytes| (FLAT..20 << 10).contains(&bytes)), "{flat}");
        assert_eq!(flat.size, (64 << 10) - 64);
    }
    assert_eq!((main.name, main.ends), ("main", true), "{main}");
}

#[test]
fn of_a_stack_that_was_not_painted_nothing_is_known() {
    // SAFETY: as above.
    static PLAIN: StaticSource<STACKS, { 64 << 10 }> = unsafe { StaticSource::new() };
    let told = runs(1, &PLAIN, uses_all_stacks);
    assert_eq!(told.len(), STACKS + 1, "{told:?}");
    for told in &told[1..] {
        assert_eq!((told.ends, told.stack), (true, None), "{told}");
        assert!(told.to_string().ends_with("nothing is known"), "{told}");
    }
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

    static PAINTED: StaticSource<STACKS, { 64 << 10 }> = {
        // SAFETY: as above.
        unsafe { StaticSource::new() }.painted()
    };
    let told = runs(2, &PAINTED, || {
        let handle = rt::go_named("drops", || Deep);
        HANDLE.wait();
        drop(handle);
        HANDLE.wait();
        let is_told = |told: &StackUse| told.name == "drops" && !told.ends;
        let start = Instant::now();
        while !TOLD.lock().unwrap().iter().any(is_told) {
            assert!(start.elapsed() < Duration::from_secs(30), "it ends once only");
            rt::yield_now();
        }
        let next = || rt::go_named("next", || ()).join().unwrap();
        (0..5).for_each(|_| next());
    });
    let of = |name: &'static str| told.iter().filter(move |told| told.name == name);
    let drops: Vec<_> = of("drops").collect();
    let [before, after] = drops[..] else { panic!("{told:?}") };
    assert_eq!((before.ends, after.ends), (true, false), "{told:?}");
    assert!(before.stack < after.stack && after.stack > Some(DEEP), "{told:?}");
    assert_eq!(of("next").filter(|told| told.ends).count(), 5, "{told:?}");
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
