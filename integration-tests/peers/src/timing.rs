//! A warm-up and five timed batches; the median of the batches.

/// Nanoseconds an operation of `body`, which does `$n` of them. A macro, because a body may await.
macro_rules! sample {
    ($count:expr, |$n:ident| $body:block) => {{
        let count: u64 = $count;
        {
            let $n = count / 4;
            $body
        }
        let mut batches = [0.0; 5];
        for batch in &mut batches {
            let start = std::time::Instant::now();
            {
                let $n = count;
                $body
            }
            *batch = start.elapsed().as_nanos() as f64 / count as f64;
        }
        batches.sort_by(f64::total_cmp);
        batches[2]
    }};
}
pub(crate) use sample;

/// As [`sample`]; the second figure is the processor time of an operation.
macro_rules! sample_with_cpu_time {
    ($count:expr, |$n:ident| $body:block) => {{
        let mut cpu = Vec::new();
        let wall = $crate::timing::sample!($count, |n| {
            let before = $crate::timing::cpu_time();
            {
                let $n = n;
                $body
            }
            cpu.push(($crate::timing::cpu_time() - before).as_nanos() as f64 / n as f64);
        });
        // The first is the warm-up's.
        cpu[1..].sort_by(f64::total_cmp);
        [wall, cpu[3]]
    }};
}
pub(crate) use sample_with_cpu_time;

/// What all threads of this process have computed so far, in the kernel too.
pub fn cpu_time() -> std::time::Duration {
    // SAFETY: all zero is a value of this type, and the call fills it in.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &raw mut usage), 0);
        usage
    };
    let micros = |time: libc::timeval| (time.tv_sec * 1_000_000 + time.tv_usec).unsigned_abs();
    std::time::Duration::from_micros(micros(usage.ru_utime) + micros(usage.ru_stime))
}

/// This row is for one CPU, and who starts it sees to that.
pub fn one_cpu() {
    let cpus = std::thread::available_parallelism().expect("a number of CPUs");
    assert_eq!(cpus.get(), 1, "to be started on one CPU: taskset -c 0 g0-peers ROW");
}

/// Round trips after a millisecond of rest each: the median in microseconds, and the processor time
/// of one, the rest included.
macro_rules! after_rests {
    ($rest:block, |$i:ident| $trip:block) => {{
        const TRIPS: u64 = 300;
        let mut took = Vec::with_capacity(TRIPS as usize);
        let before = $crate::timing::cpu_time();
        for $i in 0..TRIPS {
            $rest
            let start = std::time::Instant::now();
            $trip
            took.push(start.elapsed().as_secs_f64() * 1e6);
        }
        let cpu = ($crate::timing::cpu_time() - before).as_secs_f64() * 1e6 / TRIPS as f64;
        took.sort_by(f64::total_cmp);
        [took[took.len() / 2], cpu]
    }};
}
pub(crate) use after_rests;

/// How much later than asked for sleeps of `$length` end: the median and the 99th percentile in microseconds.
macro_rules! late {
    ($length:expr, |$l:ident| $sleep:block) => {{
        const MOST: usize = 2000;
        const BUDGET: std::time::Duration = std::time::Duration::from_millis(400);
        let $l: std::time::Duration = $length;
        let begin = std::time::Instant::now();
        let mut late: Vec<f64> = Vec::with_capacity(MOST);
        while late.len() < MOST && begin.elapsed() < BUDGET {
            let start = std::time::Instant::now();
            $sleep
            let over = start.elapsed().checked_sub($l).expect("a sleep does not end early");
            late.push(over.as_secs_f64() * 1e6);
        }
        late.sort_by(f64::total_cmp);
        [late[late.len() / 2], late[late.len() * 99 / 100]]
    }};
}
pub(crate) use late;

/// The figures of a sleep that has not ended in the time in which others end a thousand, as a thread outside sees it.
pub fn never(woken: &std::sync::atomic::AtomicBool) -> [f64; 2] {
    std::thread::sleep(std::time::Duration::from_millis(1500));
    let woken = woken.load(std::sync::atomic::Ordering::SeqCst);
    assert!(!woken, "the sleep ends, and should be measured");
    [f64::INFINITY; 2]
}
