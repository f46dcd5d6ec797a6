//! What a round is made of.

mod channels;
mod locks;
mod loiterers;
mod parking;
mod permits;
mod requests;
mod sleepers;

use crate::crew::Crew;
use crate::random::Random;

/// A kind of work.
#[derive(Clone, Copy)]
pub struct Work {
    pub name: &'static str,
    /// Starts a crew for it, its size and what it does by the crew's numbers.
    pub hire: fn(&mut Crew),
}

const WORKS: [Work; 10] = [
    Work { name: "channels", hire: channels::hire },
    Work { name: "requests", hire: requests::hire },
    Work { name: "mutex", hire: locks::mutex },
    Work { name: "rwlock", hire: locks::rwlock },
    Work { name: "condvar", hire: locks::condvar },
    Work { name: "semaphore", hire: permits::semaphore },
    Work { name: "barrier", hire: permits::barrier },
    Work { name: "parking", hire: parking::hire },
    Work { name: "sleepers", hire: sleepers::hire },
    Work { name: "loiterers", hire: loiterers::hire },
];

/// All works, or the one with this name.
pub fn named(name: Option<&str>) -> Result<Vec<Work>, String> {
    let Some(name) = name else { return Ok(WORKS.to_vec()) };
    let work = WORKS.iter().find(|work| work.name == name);
    work.map(|work| vec![*work]).ok_or(format!("no work is called {name}"))
}

/// From one to five of `works`, in any order; one may come twice.
pub fn choose(random: &mut Random, works: &[Work]) -> Vec<Work> {
    (0..random.between(1, 5)).map(|_| works[random.below(works.len())]).collect()
}
