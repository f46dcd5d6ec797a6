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
