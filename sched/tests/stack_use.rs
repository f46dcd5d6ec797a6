//! How much stack goroutines have used, by where they were started.

mod common;

use std::hint::black_box;
use std::panic::Location;

use common::{on_each_kind, quiet_panic, yield_until};
use g0_sched::generic::Go;
use g0_sched::{
    Builder, Hosted, JoinHandle, Runtime, SiteStats, Watch, channel, go, go_named, goexit, grow,
    lock_os_thread, yield_now,
};

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

/// Returns what is told of goroutines started in this line, or else fails.
#[track_caller]
fn told(watch: &Watch, line: u32) -> SiteStats {
    let here = |stats: &SiteStats| stats.site.line() == line && stats.site.file() == file!();
    watch.stack_use().into_iter().find(here).expect("a site of this line")
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
        let (mut flat, mut deep) = (0, 0);
        runtime
            .run(|| {
                for _ in 0..5 {
                    // The second is on the first one's stack, or the other way round.
                    (deep, flat) = (line!() + 1, line!() + 2);
                    go_named("deep", || uses::<DEEP, _>(|| ())).join().unwrap();
                    go(|| uses::<FLAT, _>(|| ())).join().unwrap();
                }
            })
            .unwrap();
        // The runtime has gone.
        let (flat, deep) = (told(&watch, flat), told(&watch, deep));
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
        let site = runtime
            .run(|| {
                let start = |deep: bool| {
                    go(move || if deep { uses::<DEEP, _>(yield_now) } else { yield_now() })
                };
                let goroutines: Vec<_> = (0..20).map(|n| start(n == 7)).collect();
                goroutines.into_iter().for_each(|handle| handle.join().unwrap());
                line!() - 4
            })
            .unwrap();
        let told = told(&watch, site);
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
        let site = runtime
            .run(|| {
                for _ in 0..many {
                    // Dropped before the end, after it, or at that very moment.
                    drop(go(|| Deep));
                    yield_now();
                }
                line!() - 3
            })
            .unwrap();
        let told = told(&watch, site);
        assert_eq!(told.ended, many as u64, "{told}");
        assert!(told.stack > DEEP, "{told}");
    });
}

#[test]
fn a_size_for_one_spawn_is_told_with_its_depth() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs));
        let watch = runtime.watch();
        let site = runtime
            .run(|| {
                let large = Go::new().stack_size(1 << 20);
                large
                    .spawn::<Hosted, _, _>(|| uses::<{ 600 << 10 }, _>(|| ()))
                    .unwrap()
                    .join()
                    .unwrap();
                line!() - 1
            })
            .unwrap();
        let told = told(&watch, site);
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
                let goroutine = go(move || level(LEVELS - 1, &mut || rx.recv().map(drop).unwrap()));
                let site = line!() - 1;
                yield_until("it waits", || {
                    watch.stack_use().iter().any(|stats| stats.segments == LEVELS << 16)
                });
                let before = told(&watch, site);
                assert_eq!((before.ended, before.stack), (0, 0), "{before}");
                tx.send(1).unwrap();
                goroutine.join().unwrap();
                let after = told(&watch, site);
                assert_eq!((after.ended, after.segments), (1, LEVELS << 16), "{after}");
                assert!(after.stack > 0 && after.stack < after.size, "{after}");
                assert!(after.to_string().ends_with(", and 786432 of segments"), "{after}");
            })
            .unwrap();
    });
}

#[test]
fn a_stack_that_was_a_segment_begins_anew() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(measuring(procs).stack_size(64 << 10));
        let watch = runtime.watch();
        let site = runtime
            .run(|| {
                // A segment of a class of which goroutines may have stacks, deep, and given back.
                go(|| grow::call(100 << 10, || uses::<{ 90 << 10 }, _>(|| ()))).join().unwrap();
                let flat = Go::new().stack_size(128 << 10);
                flat.spawn::<Hosted, _, _>(|| uses::<FLAT, _>(|| ())).unwrap().join().unwrap();
                line!() - 1
            })
            .unwrap();
        let told = told(&watch, site);
        assert!(told.size > 100 << 10 && told.stack < 12 << 10, "{told}");
    });
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
