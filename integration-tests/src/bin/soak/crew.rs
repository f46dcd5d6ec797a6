//! Those who work in a round: goroutines, some of them locked to their thread, and plain threads.

use std::sync::Arc;

use g0_sched::{JoinHandle, WaitGroup, go, lock_os_thread};

use crate::books::{Books, Drops};
use crate::random::Random;
use crate::watch::{self, Desk};

/// Those who work in a round; made and dismissed by its main goroutine.
pub struct Crew {
    pub random: Random,
    /// Whatever waits for ever carries one.
    pub drops: Drops,
    books: Vec<Arc<Books>>,
    desks: Vec<Arc<Desk>>,
    goroutines: Vec<JoinHandle<()>>,
    threads: Vec<std::thread::JoinHandle<()>>,
    at_work: Arc<WaitGroup>,
}

/// What is left to look at after the run.
pub struct Left {
    books: Vec<Arc<Books>>,
    desks: Vec<Arc<Desk>>,
    drops: Drops,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Crew {
    pub fn new(random: Random) -> Self {
        Self {
            random,
            drops: Drops::default(),
            books: Vec::new(),
            desks: Vec::new(),
            goroutines: Vec::new(),
            threads: Vec::new(),
            at_work: Arc::new(WaitGroup::new()),
        }
    }

    /// Books that are to agree in the end.
    pub fn books(&mut self, name: &'static str) -> Arc<Books> {
        self.books.push(Books::new(name));
        self.books[self.books.len() - 1].clone()
    }

    fn desk(&mut self, work: &'static str, kind: &'static str) -> Arc<Desk> {
        let desk = Arc::new(Desk::new(work, kind));
        watch::add(desk.clone());
        self.desks.push(desk.clone());
        desk
    }

    /// Somebody works, of whatever kind.
    pub fn hire(&mut self, work: &'static str, f: impl FnOnce(&Desk, Random) + Send + 'static) {
        if !self.random.one_in(6) {
            return self.hire_goroutine(work, f);
        }
        let (desk, random, at_work) =
            (self.desk(work, "thread"), self.random.fork(), self.at_work.clone());
        at_work.add(1);
        self.threads.push(std::thread::spawn(move || {
            f(&desk, random);
            desk.done();
            at_work.done();
        }));
    }

    /// A goroutine works, locked to its thread or not.
    pub fn hire_goroutine(
        &mut self,
        work: &'static str,
        f: impl FnOnce(&Desk, Random) + Send + 'static,
    ) {
        let locked = self.random.one_in(10);
        let kind = if locked { "locked goroutine" } else { "goroutine" };
        let (desk, random) = (self.desk(work, kind), self.random.fork());
        self.goroutines.push(go(move || {
            if locked {
                lock_os_thread();
            }
            f(&desk, random);
            desk.done();
        }));
    }

    /// A goroutine that waits for what does not come, until shutdown ends it.
    pub fn keep_waiting(&mut self, f: impl FnOnce(&Desk) + Send + 'static) {
        let (desk, guard) = (self.desk("loiterers", "goroutine"), self.drops.one());
        drop(go(move || {
            let _guard = guard;
            f(&desk);
            desk.done();
        }));
    }

    /// Waits until all have done their work, but for those who wait for ever.
    pub fn dismiss(self) -> Left {
        let Self { books, desks, drops, goroutines, threads, at_work, .. } = self;
        for goroutine in goroutines {
            if goroutine.join().is_err() {
                unreachable!("a panic has ended the program");
            }
        }
        at_work.wait();
        Left { books, desks, drops, threads }
    }
}

impl Left {
    /// After the run: values, operations, or what does not agree.
    pub fn check(self, sabotage: bool) -> Result<(u64, u64), String> {
        self.threads.into_iter().for_each(|t| t.join().expect("a panic has ended the program"));
        if sabotage {
            match self.books.first() {
                Some(books) => books.got(1),
                // Only those who wait for ever took part: one that was made and never dropped.
                None => std::mem::forget(self.drops.one()),
            }
        }
        let mut values = self.drops.check()?;
        for books in self.books {
            values += books.check()?;
        }
        Ok((values, self.desks.iter().map(|desk| desk.steps()).sum()))
    }
}

/// Gives way, on a thread too.
pub fn give_way() {
    match g0_sched::current() {
        Some(_) => g0_sched::yield_now(),
        None => std::thread::yield_now(),
    }
}
