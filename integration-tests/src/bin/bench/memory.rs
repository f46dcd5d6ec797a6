//! Many parked goroutines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use g0_sched::{Receiver, Sender, WaitGroup, channel, go, yield_now};

use super::runtimes::{on_one_p, on_one_p_packed};

/// Resident bytes of this process.
pub(crate) fn rss() -> u64 {
    let text = std::fs::read_to_string("/proc/self/smaps_rollup").expect("smaps_rollup");
    let line = text.lines().find(|line| line.starts_with("Rss:")).expect("a line Rss");
    let kib: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("a number");
    kib * 1024
}

/// Whether reading at this address is a fault.
fn faults(address: usize) -> bool {
    // SAFETY: the kernel checks the address; what it reads it takes for a path, and the answer
    // changes nothing.
    let answer = unsafe { libc::access(address as *const libc::c_char, libc::F_OK) };
    answer != 0 && std::io::Error::last_os_error().raw_os_error() == Some(libc::EFAULT)
}

/// Goroutines that wait at one gate.
struct Gathering {
    gate: Sender<()>,
    closed: Receiver<()>,
    arrived: AtomicUsize,
    all: WaitGroup,
}

impl Gathering {
    /// Starts goroutines that do `first` and wait until they are released, and returns when all do.
    fn park(count: usize, first: fn()) -> Arc<Self> {
        let (gate, closed) = channel(0);
        let (arrived, all) = (AtomicUsize::new(0), WaitGroup::new());
        let this = Arc::new(Self { gate, closed, arrived, all });
        this.all.add(count);
        for _ in 0..count {
            let this = this.clone();
            go(move || {
                first();
                this.arrived.fetch_add(1, Ordering::Relaxed);
                let _ = this.closed.recv();
                this.all.done();
            });
        }
        while this.arrived.load(Ordering::Relaxed) != count {
            yield_now();
        }
        this
    }

    /// Returns when all have ended.
    fn release(&self) {
        self.gate.close().expect("an open channel");
        self.all.wait();
    }
}

pub(crate) fn parked() -> f64 {
    const COUNT: usize = 100_000;
    on_one_p(|| {
        let before = rss();
        let gathering = Gathering::park(COUNT, || ());
        let bytes = rss().saturating_sub(before);
        gathering.release();
        bytes as f64 / COUNT as f64
    })
}

pub(crate) fn wake_exit() -> f64 {
    const COUNT: usize = 100_000;
    on_one_p(|| {
        let mut batches = [0.0; 6];
        for batch in &mut batches {
            let gathering = Gathering::park(COUNT, || ());
            let start = Instant::now();
            gathering.release();
            *batch = start.elapsed().as_nanos() as f64 / COUNT as f64;
        }
        // The first one is the warm-up.
        batches[1..].sort_by(f64::total_cmp);
        batches[3]
    })
}

pub(crate) fn create_1m() -> [f64; 2] {
    const COUNT: usize = 1_000_000;
    on_one_p(|| {
        let mut figures = [0.0; 2];
        for figure in &mut figures {
            let start = Instant::now();
            let gathering = Gathering::park(COUNT, || ());
            *figure = start.elapsed().as_nanos() as f64 / COUNT as f64;
            gathering.release();
        }
        figures
    })
}

/// Bytes of each of `COUNT` parked goroutines on packed stacks, then nanoseconds to create and park one, and to wake and
/// end one.
pub(crate) fn packed<const COUNT: usize>() -> [f64; 3] {
    on_one_p_packed(|| {
        let before = rss();
        let start = Instant::now();
        let gathering = Gathering::park(COUNT, || ());
        let created = start.elapsed();
        let bytes = rss().saturating_sub(before);
        let start = Instant::now();
        gathering.release();
        let ended = start.elapsed();
        let each = |sum: f64| sum / COUNT as f64;
        [each(bytes as f64), each(created.as_nanos() as f64), each(ended.as_nanos() as f64)]
    })
}

/// How many goroutines have found the page beneath their stack guarded.
static GUARDED: AtomicUsize = AtomicUsize::new(0);

/// The page beneath the running goroutine's stack faults. We are in its highest page, so the
/// guard is a whole stack below.
fn look_at_guard() {
    let here = 0u8;
    let page = (&raw const here).addr() & !0xfff;
    if faults(page - g0_sched::STACK_SIZE) && !faults(page - g0_sched::STACK_SIZE + 0x1000) {
        GUARDED.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn guarded() -> f64 {
    const WANTED: usize = 1_000_000;
    on_one_p(|| {
        Gathering::park(WANTED, look_at_guard).release();
        GUARDED.load(Ordering::Relaxed) as f64
    })
}
