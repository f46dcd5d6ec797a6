//! Many parked goroutines.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use g0_sched::{JoinHandle, Sender, channel, go, yield_now};

use super::on_one_p;

/// Resident bytes of this process.
fn rss() -> u64 {
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

type Handles = Vec<Option<JoinHandle<()>>>;

/// Handles, touched before they are used.
fn room(n: usize) -> Handles {
    let mut handles = Vec::with_capacity(n);
    handles.resize_with(n, || None);
    handles
}

/// Starts goroutines that do `first` and wait at the gate, and returns it when all do.
fn park(handles: &mut Handles, first: fn()) -> Sender<()> {
    let (gate, closed) = channel::<()>(0);
    let parked = Arc::new(AtomicUsize::new(0));
    for handle in handles.iter_mut() {
        let (closed, parked) = (closed.clone(), parked.clone());
        *handle = Some(go(move || {
            first();
            parked.fetch_add(1, Ordering::Relaxed);
            let _ = closed.recv();
        }));
    }
    while parked.load(Ordering::Relaxed) != handles.len() {
        yield_now();
    }
    gate
}

/// Returns when all have ended.
fn release(gate: &Sender<()>, handles: &mut Handles) {
    gate.close().expect("an open channel");
    for handle in handles {
        let handle = handle.take().expect("a handle");
        handle.join().expect("a goroutine that waited");
    }
}

pub(crate) fn parked() -> f64 {
    const COUNT: usize = 100_000;
    on_one_p(|| {
        let mut handles = room(COUNT);
        let before = rss();
        let gate = park(&mut handles, || ());
        let bytes = rss().saturating_sub(before);
        release(&gate, &mut handles);
        bytes as f64 / COUNT as f64
    })
}

pub(crate) fn wake_exit() -> f64 {
    const COUNT: usize = 100_000;
    on_one_p(|| {
        let mut handles = room(COUNT);
        let mut batches = [0.0; 6];
        for batch in &mut batches {
            let gate = park(&mut handles, || ());
            let start = Instant::now();
            release(&gate, &mut handles);
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
        let mut handles = room(COUNT);
        let mut figures = [0.0; 2];
        for figure in &mut figures {
            let start = Instant::now();
            let gate = park(&mut handles, || ());
            *figure = start.elapsed().as_nanos() as f64 / COUNT as f64;
            release(&gate, &mut handles);
        }
        figures
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
        let mut handles = room(WANTED);
        let gate = park(&mut handles, look_at_guard);
        release(&gate, &mut handles);
        GUARDED.load(Ordering::Relaxed) as f64
    })
}
