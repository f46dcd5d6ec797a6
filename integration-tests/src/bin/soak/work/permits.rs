//! Semaphores, barriers, what happens once, and groups that are waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_sched::{Barrier, Once, OnceCell, Semaphore, WaitGroup, go, sleep};

use crate::crew::{Crew, give_way};

/// No more permits are out than there are; all come back.
pub fn semaphore(crew: &mut Crew) {
    let books = crew.books("semaphore");
    let permits = crew.random.between(1, 4);
    let semaphore = Arc::new(Semaphore::new(permits));
    let (out, workers) = (Arc::new(AtomicUsize::new(0)), crew.random.between(1, 8));
    let at_work = Arc::new(AtomicUsize::new(workers));
    for _ in 0..workers {
        let (books, semaphore, out) = (books.clone(), semaphore.clone(), out.clone());
        let (turns, at_work) = (crew.random.between(1, 100), at_work.clone());
        crew.hire("semaphore: a worker", move |desk, mut random| {
            for turn in 0..turns as u64 {
                let n = random.between(1, permits);
                let permit = match random.below(4) {
                    0 => {
                        desk.at(&"try_acquire_many");
                        semaphore.try_acquire_many(n)
                    }
                    1 => {
                        desk.at(&"acquire_many_timeout");
                        semaphore.acquire_many_timeout(n, random.moment())
                    }
                    _ => {
                        desk.at(&"acquire_many");
                        Some(semaphore.acquire_many(n))
                    }
                };
                let Some(permit) = permit else {
                    give_way();
                    continue;
                };
                books.sent(turn);
                let sum = out.fetch_add(n, Ordering::SeqCst) + n;
                assert!(sum <= permits, "{sum} permits of {permits} are out");
                match random.below(8) {
                    0 => sleep(random.moment()),
                    1 => give_way(),
                    _ => {}
                }
                out.fetch_sub(n, Ordering::SeqCst);
                books.got(turn);
                drop(permit);
            }
            if at_work.fetch_sub(1, Ordering::SeqCst) == 1 {
                desk.at(&"acquire all");
                drop(semaphore.acquire_many(permits));
                assert_eq!(semaphore.available_permits(), permits, "not all came back");
            }
        });
    }
}

/// All come to a barrier, again and again; between two barriers something happens once, and a group
/// comes to its end.
pub fn barrier(crew: &mut Crew) {
    let books = crew.books("barrier");
    let (party, turns) = (crew.random.between(1, 6), crew.random.between(1, 20));
    let barrier = Arc::new(Barrier::new(party));
    let cells: Arc<Vec<(Once, OnceCell<usize>)>> =
        Arc::new((0..turns).map(|_| (Once::new(), OnceCell::new())).collect());
    for member in 0..party {
        let (books, barrier, cells) = (books.clone(), barrier.clone(), cells.clone());
        crew.hire("barrier: a member", move |desk, mut random| {
            for (turn, (once, cell)) in cells.iter().enumerate() {
                desk.at(&"wait at the barrier");
                if barrier.wait().is_leader() {
                    books.sent(turn as u64);
                }
                desk.at(&"call_once");
                once.call_once(|| {
                    give_way();
                    books.got(turn as u64);
                });
                assert!(once.is_completed());
                desk.at(&"get_or_init");
                let value = *cell.get_or_init(|| {
                    sleep(random.moment());
                    member
                });
                assert!(value < party && cell.get() == Some(&value), "the same for all");
                if random.one_in(5) {
                    desk.at(&"wait for a group");
                    group(member);
                }
            }
        });
    }
}

/// A group of goroutines, waited for; a thread has none.
fn group(member: usize) {
    if g0_sched::current().is_none() {
        return;
    }
    let (group, done) = (Arc::new(WaitGroup::new()), Arc::new(AtomicUsize::new(0)));
    group.add(member + 1);
    for _ in 0..=member {
        let (group, done) = (group.clone(), done.clone());
        drop(go(move || {
            done.fetch_add(1, Ordering::SeqCst);
            group.done();
        }));
    }
    group.wait();
    assert_eq!(done.load(Ordering::SeqCst), member + 1, "gone on before the last");
}
