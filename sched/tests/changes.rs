//! What changes under a program while it runs, the CPUs that it may use and its Ps; and very many that stand in line.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use common::child::{in_children, succeeds};
use common::{on_each_kind, yield_until};
use g0_sched::{
    Barrier, JoinHandle, Runtime, channel, go, lock_os_thread, set_procs, sleep, yield_now,
};

/// Goroutines that are at it until they are told to end, and how far each has come.
struct Crew {
    over: Arc<AtomicBool>,
    steps: Vec<Arc<AtomicUsize>>,
    all: Vec<JoinHandle<()>>,
}

impl Crew {
    /// So many pairs that hand a value to and fro, and so many that sleep again and again.
    fn new(pairs: usize, tickers: usize) -> Self {
        let mut crew = Self { over: Arc::default(), steps: vec![], all: vec![] };
        for _ in 0..pairs {
            let (there, seen) = channel::<usize>(0);
            let (back, returned) = channel::<usize>(0);
            let (over, steps) = crew.member();
            crew.all.push(go(move || {
                while !over.load(Ordering::SeqCst) {
                    there.send(1).unwrap();
                    steps.fetch_add(returned.recv().unwrap(), Ordering::SeqCst);
                }
            }));
            crew.all.push(go(move || seen.iter().for_each(|value| back.send(value).unwrap())));
        }
        for _ in 0..tickers {
            let (over, steps) = crew.member();
            crew.all.push(go(move || {
                while !over.load(Ordering::SeqCst) {
                    sleep(Duration::from_micros(500));
                    steps.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        crew
    }

    fn member(&mut self) -> (Arc<AtomicBool>, Arc<AtomicUsize>) {
        self.steps.push(Arc::default());
        (self.over.clone(), self.steps.last().expect("one").clone())
    }

    /// Waits until each has come further, by ten steps.
    fn goes_on(&self, what: &str) {
        let far = |step: &Arc<AtomicUsize>| step.load(Ordering::SeqCst);
        let before: Vec<_> = self.steps.iter().map(far).collect();
        yield_until(what, || {
            self.steps.iter().zip(&before).all(|(step, before)| far(step) >= before + 10)
        });
    }

    fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        self.all.into_iter().for_each(|one| one.join().unwrap());
    }
}

#[test]
fn the_number_of_procs_changes_while_pairs_hand_over_and_tickers_tick() {
    on_each_kind(|kind, procs| {
        let runtime = kind.build(Runtime::builder().procs(procs).max_procs(4));
        let ended = runtime.run(|| {
            let crew = Crew::new(3, 4);
            for i in 0..120 {
                set_procs(i * 7 % 4 + 1).unwrap();
                if i % 20 == 0 {
                    crew.goes_on("all go on amid the changes");
                }
                yield_now();
            }
            for last in [4, 1, 2] {
                set_procs(last).unwrap();
                crew.goes_on("all go on after a change");
            }
            crew.end();
        });
        ended.expect("main returns");
    });
}

/// The CPUs that the calling thread may use.
fn cpus() -> libc::cpu_set_t {
    // SAFETY: all zeros is a set; the call fills it in.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        assert_eq!(libc::sched_getaffinity(0, size, &raw mut set), 0);
        set
    }
}

/// The lowest of them alone.
fn first_of(all: &libc::cpu_set_t) -> libc::cpu_set_t {
    // SAFETY: as above; the numbers are within the set.
    unsafe {
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        let first = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, all));
        libc::CPU_SET(first.expect("a CPU"), &mut one);
        one
    }
}

/// Lets all threads of the process use `cpus` alone. Those that they start do too.
fn restrict_to(cpus: &libc::cpu_set_t) {
    for _ in 0..2 {
        for entry in std::fs::read_dir("/proc/self/task").expect("proc") {
            let name = entry.expect("a thread").file_name();
            let tid = name.to_str().and_then(|name| name.parse().ok()).expect("a number");
            // SAFETY: it only reads the set; a thread may have ended.
            unsafe { libc::sched_setaffinity(tid, size_of::<libc::cpu_set_t>(), cpus) };
        }
    }
}

#[test]
fn the_cpus_are_reduced_to_one_and_more_again_while_all_goes_on() {
    in_children(
        "the_cpus_are_reduced_to_one_and_more_again_while_all_goes_on",
        |kind, procs| {
            let all = cpus();
            let ended = kind.with_procs(procs).run_counted(move || {
                let crew = Crew::new(2, 3);
                crew.goes_on("all go on");
                restrict_to(&first_of(&all));
                crew.goes_on("all go on on one CPU");
                // Beside what computes.
                let over = crew.over.clone();
                let loops = go(move || {
                    while !over.load(Ordering::SeqCst) {
                        std::hint::spin_loop();
                        yield_now();
                    }
                });
                crew.goes_on("beside a loop too");
                // And what is started there.
                Crew::new(1, 1).end();
                restrict_to(&all);
                crew.goes_on("all go on with all of them");
                crew.end();
                loops.join().unwrap();
            });
            assert_eq!(ended.expect("main returns").left_behind, 0);
        },
        succeeds,
    );
}

#[test]
fn five_hundred_threads_stand_in_line_for_a_p_and_each_has_its_turns() {
    const IN_LINE: usize = 500;
    const TURNS: usize = 4;
    on_each_kind(|kind, procs| {
        let ended = kind.with_procs(procs).run(|| {
            let all_are_there = Arc::new(Barrier::new(IN_LINE));
            let all: Vec<_> = (0..IN_LINE)
                .map(|_| {
                    let all_are_there = all_are_there.clone();
                    go(move || {
                        lock_os_thread();
                        // The last one lets all of them go on: each on its own thread, which wants a P.
                        all_are_there.wait();
                        (0..TURNS).for_each(|_| yield_now());
                    })
                })
                .collect();
            all.into_iter().for_each(|one| one.join().unwrap());
        });
        ended.expect("main returns");
    });
}
