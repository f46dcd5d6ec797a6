//! libc's `qsort`, with comparators that are goroutine code.

use std::ffi::{c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use g0_cgo::call;
use g0_sched::{Runtime, go, yield_now};

use crate::env::{Env, ensure, equal, grouped};

const NUMBERS: usize = 600;
const ROWS: usize = 40;
/// Numbers in a row; odd, so that one of them is the median.
const ROW: usize = 9;

type Row = [i32; ROW];

// `qsort` hands nothing through to its comparator, so what it counts is static.
static COMPARISONS: AtomicU64 = AtomicU64::new(0);
static YIELDS: AtomicU64 = AtomicU64::new(0);
static INNER: AtomicU64 = AtomicU64::new(0);

g0_cgo::export! {
    /// Orders numbers, and lets others run meanwhile.
    unsafe fn tour_compare_numbers(a: *const c_void, b: *const c_void) -> c_int = 0 {
        // SAFETY: `qsort` passes elements of an array of `i32`.
        let (a, b) = unsafe { (*a.cast::<i32>(), *b.cast::<i32>()) };
        COMPARISONS.fetch_add(1, Ordering::Relaxed);
        yield_now();
        YIELDS.fetch_add(1, Ordering::Relaxed);
        a.cmp(&b) as c_int
    }

    /// Orders rows by their medians, which it finds by sorting copies.
    unsafe fn tour_compare_rows(a: *const c_void, b: *const c_void) -> c_int = 0 {
        // SAFETY: `qsort` passes elements of an array of rows.
        let (mut a, mut b) = unsafe { (*a.cast::<Row>(), *b.cast::<Row>()) };
        // SAFETY: these are numbers.
        unsafe {
            sort(&mut a, tour_compare_numbers);
            sort(&mut b, tour_compare_numbers);
        }
        INNER.fetch_add(2, Ordering::Relaxed);
        a[ROW / 2].cmp(&b[ROW / 2]) as c_int
    }
}

type Comparator = unsafe extern "C" fn(*const c_void, *const c_void) -> c_int;

/// # Safety
///
/// The comparator is one for elements of this type.
unsafe fn sort<T>(values: &mut [T], comparator: Comparator) {
    // SAFETY: the caller's promise; the slice is ours while `qsort` orders it.
    call(|| unsafe {
        libc::qsort(values.as_mut_ptr().cast(), values.len(), size_of::<T>(), Some(comparator));
    });
}

fn numbers(seed: u32, n: usize) -> Vec<i32> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 8) as i32
    };
    (0..n).map(|_| next()).collect()
}

struct Sorted {
    numbers: Vec<i32>,
    rows: Vec<Row>,
    /// Comparisons, yields, microseconds of the first sort.
    first: (u64, u64, f64),
    second: (u64, u64, f64),
    /// Turns that another goroutine got while C was sorting.
    turns: u64,
}

pub fn run(env: &Env) -> Result<(), String> {
    // How many there will be is qsort's affair.
    let count = env.stage("comparisons", 0);
    let given = numbers(1, NUMBERS);
    let rows: Vec<Row> = numbers(2, ROWS * ROW).as_chunks().0.to_vec();
    let (mut unsorted, mut unsorted_rows) = (given.clone(), rows.clone());
    // One processor, so that a yield gives somebody else a turn. A goroutine in a callback keeps
    // its thread, so the processor goes to another thread and back.
    let sorted = env.run(Runtime::builder().procs(1), move || {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = done.clone();
        let other = go(move || {
            let mut turns = 0_u64;
            while !theirs.load(Ordering::Relaxed) {
                yield_now();
                turns += 1;
                if turns.is_multiple_of(256) {
                    count.set(COMPARISONS.load(Ordering::Relaxed));
                }
            }
            turns
        });
        // SAFETY: these are numbers.
        let first = measured(|| unsafe { sort(&mut unsorted, tour_compare_numbers) });
        // SAFETY: these are rows.
        let second = measured(|| unsafe { sort(&mut unsorted_rows, tour_compare_rows) });
        done.store(true, Ordering::Relaxed);
        let turns = other.join().expect("it does not panic");
        Sorted { numbers: unsorted, rows: unsorted_rows, first, second, turns }
    })?;
    let (comparisons, yields, us) = sorted.first;
    env.figure("numbers sorted", grouped(NUMBERS as u64));
    env.figure("comparisons, each a callback", grouped(comparisons));
    env.figure("yields inside them", grouped(yields));
    env.figure("each, with turns of another goroutine", format!("{:.1} µs", us / yields as f64));
    env.figure("rows sorted by their medians", grouped(ROWS as u64));
    env.figure("calls of qsort inside qsort's comparator", grouped(INNER.load(Ordering::Relaxed)));
    env.figure("comparisons in those", grouped(sorted.second.0));
    env.figure("turns of another goroutine meanwhile", grouped(sorted.turns));

    let mut wanted = given;
    wanted.sort_unstable();
    equal("the numbers, sorted", &env.result(sorted.numbers), &wanted)?;
    equal("yields inside the comparator", &yields, &comparisons)?;
    ensure(sorted.turns > 0, || "no other goroutine ran while C sorted".into())?;
    check_rows(rows, sorted.rows)
}

fn measured(f: impl FnOnce()) -> (u64, u64, f64) {
    let counts = || (COMPARISONS.load(Ordering::Relaxed), YIELDS.load(Ordering::Relaxed));
    let (before, start) = (counts(), Instant::now());
    f();
    let (after, us) = (counts(), start.elapsed().as_nanos() as f64 / 1000.0);
    (after.0 - before.0, after.1 - before.1, us)
}

/// The same rows, in the order of their medians. (Equal medians may stand in either order.)
fn check_rows(mut given: Vec<Row>, mut sorted: Vec<Row>) -> Result<(), String> {
    let median = |row: &Row| {
        let mut row = *row;
        row.sort_unstable();
        row[ROW / 2]
    };
    ensure(sorted.is_sorted_by_key(median), || "the rows are not in the order of medians".into())?;
    given.sort_unstable();
    sorted.sort_unstable();
    equal("the rows, whatever their order", &sorted, &given)
}
