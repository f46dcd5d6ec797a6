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
