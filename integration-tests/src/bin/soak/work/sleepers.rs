//! Sleeps and ticks: none is early, all come.

use g0_sched::{Instant, interval, sleep, sleep_until};
use std::time::Duration;

use crate::crew::Crew;

pub fn hire(crew: &mut Crew) {
    let books = crew.books("sleepers");
    for _ in 0..crew.random.between(1, 20) {
        let (books, naps) = (books.clone(), crew.random.between(1, 15) as u64);
        crew.hire("sleepers", move |desk, mut random| {
            let period = random.moment() + Duration::from_micros(1);
            let mut ticks = interval(period);
            for nap in 0..naps {
                books.sent(nap);
                let (start, length) = (Instant::now(), random.moment());
                match random.below(3) {
                    0 => {
                        desk.at(&"sleep");
                        sleep(length);
                        assert!(start.elapsed() >= length, "early");
                    }
                    1 => {
                        desk.at(&"sleep_until");
                        sleep_until(start + length);
                        assert!(Instant::now() >= start + length, "early");
                    }
                    _ => {
                        desk.at(&"tick");
                        assert!(ticks.tick() <= Instant::now(), "early");
                    }
                }
                books.got(nap);
            }
        });
    }
}
