//! What the kernel refuses, and what it takes away while a runtime runs.

mod common;

use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use common::child::{in_children, succeeds};
use common::{panic_text, suspends_often, yield_until};
use g0_sched::port::Machines;
use g0_sched::{
    Error, Fences, Hosted, Runtime, channel, go, lock_os_thread, offload, procs, sleep,
    unlock_os_thread, yield_now,
};

/// From now on these system calls fail with `errno`, in all threads of this process.
fn refuse(calls: &[libc::c_long], errno: libc::c_int) {
    const fn op(code: u32, jt: u8, jf: u8, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt, jf, k }
    }
    // The number of the call is the first word of what the filter sees.
    let mut filter = vec![op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0)];
    for &call in calls {
        filter.push(op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32));
        filter.push(op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | errno as u32));
    }
    filter.push(op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program is whole and lives for the length of the calls.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        let (mode, all) = (libc::SECCOMP_SET_MODE_FILTER, libc::SECCOMP_FILTER_FLAG_TSYNC);
        assert_eq!(libc::syscall(libc::SYS_seccomp, mode, all, &raw const program), 0);
    }
}

fn refuse_membarrier() {
    refuse(&[libc::SYS_membarrier], libc::EPERM);
    // SAFETY: it only asks.
    assert_eq!(unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) }, -1, "it is refused");
}

/// Goroutines that hand values over, sleep, lock their threads and loop.
fn some_of_everything() {
    let (tx, rx) = channel::<u64>(0);
    let locked = go(move || {
        lock_os_thread();
        let sum = rx.iter().sum::<u64>();
        unlock_os_thread();
        sum
    });
    let senders: Vec<_> = (0..10)
        .map(|i| {
            let tx = tx.clone();
            go(move || {
                sleep(Duration::from_micros(100 * i));
                (0..10).for_each(|_| tx.send(i).unwrap());
            })
        })
        .collect();
    drop(tx);
    // Its P is taken from it meanwhile, if others want it.
    let computing = go(|| {
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(25) {
            black_box(());
        }
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!(locked.join().unwrap(), 450);
    computing.join().unwrap();
}

#[test]
fn where_membarrier_is_refused_the_fences_are_symmetric_and_all_works() {
    in_children(
        "where_membarrier_is_refused_the_fences_are_symmetric_and_all_works",
        |kind, procs| {
            refuse_membarrier();
            let asked = Runtime::builder().fences(Fences::Asymmetric).build();
            assert_eq!(asked.err(), Some(Error::MembarrierUnavailable), "who insists is told");
            kind.with_procs(procs).run(some_of_everything).unwrap();
        },
        succeeds,
    );
}

/// Where the runtime has relied on `membarrier`, and a sandbox takes it away: whichever thread needs the heavy fence
/// first, sysmon or an M, no thread waits for ever.
#[test]
fn where_membarrier_is_refused_later_the_program_ends_with_a_message_or_goes_on() {
    // SAFETY: it only asks which commands there are.
    let known = unsafe { libc::syscall(libc::SYS_membarrier, 0, 0, 0) } > 0;
    for _ in 0..3 {
        in_children(
            "where_membarrier_is_refused_later_the_program_ends_with_a_message_or_goes_on",
            |kind, procs| {
                let ended = kind.with_procs(procs).run(|| {
                    refuse_membarrier();
                    some_of_everything();
                });
                ended.unwrap();
            },
            |kind, procs, out, said| {
                if kind.fences == Fences::Symmetric || !known || suspends_often() {
                    return succeeds(kind, procs, out, said);
                }
                assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{kind:?}: {said}");
                assert!(said.contains("fatal error: the kernel refuses membarrier"), "{said}");
                assert!(said.contains("G0_FENCES=symmetric"), "the remedy: {said}");
                assert!(!said.contains("panicked"), "no panic inside the scheduler: {said}");
            },
        );
    }
}

/// The same, while nothing but the ends of operations needs the fence: an M that is about to rest, the end of the run.
#[test]
fn where_membarrier_is_refused_in_a_quiet_run_it_ends() {
    in_children(
        "where_membarrier_is_refused_in_a_quiet_run_it_ends",
        |kind, procs| {
            let ended = kind.with_procs(procs).run(|| {
                refuse_membarrier();
                sleep(Duration::from_millis(5));
            });
            ended.unwrap();
        },
        |kind, procs, out, said| {
            let told = said.contains("fatal error: the kernel refuses membarrier");
            if !(told && kind.fences == Fences::Auto && out.status.signal() == Some(libc::SIGABRT))
            {
                succeeds(kind, procs, out, said);
            }
        },
    );
}

/// A sandbox that refuses threads: what has begun goes on, and what is started then has the threads there are.
#[test]
fn where_threads_are_refused_later_work_goes_on() {
    in_children(
        "where_threads_are_refused_later_work_goes_on",
        |kind, procs| {
            let sum = kind.with_procs(procs).run(|| {
                let (begun, ready) = channel::<()>(0);
                let (tx, rx) = channel::<u64>(0);
                let all: Vec<_> = (0..10)
                    .map(|i| {
                        let (begun, tx) = (begun.clone(), tx.clone());
                        go(move || {
                            begun.send(()).unwrap();
                            sleep(Duration::from_micros(100 * i));
                            (0..10).for_each(|_| tx.send(i).unwrap());
                        })
                    })
                    .collect();
                drop(tx);
                (0..10).for_each(|_| ready.recv().unwrap());
                refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
                std::thread::Builder::new().spawn(|| ()).expect_err("it is refused");
                let sum = rx.iter().sum::<u64>();
                all.into_iter().for_each(|handle| handle.join().unwrap());
                (0..10).map(|i| go(move || i).join().unwrap()).sum::<u64>() + sum
            });
            assert_eq!(sum.unwrap(), 495);
        },
        succeeds,
    );
}

/// CPUs that thread `tid` may run on; 0: the calling one.
fn affinity(tid: libc::pid_t) -> libc::cpu_set_t {
    // SAFETY: the set is ours, of the size that is said.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        let size = size_of::<libc::cpu_set_t>();
        assert_eq!(libc::sched_getaffinity(tid, size, &raw mut set), 0);
        set
    }
}

fn count(set: &libc::cpu_set_t) -> usize {
    // SAFETY: it only counts.
    usize::try_from(unsafe { libc::CPU_COUNT(set) }).unwrap()
}

/// The first CPU of a set, alone.
fn first(of: &libc::cpu_set_t) -> libc::cpu_set_t {
    // SAFETY: both sets are ours, and the numbers within them.
    unsafe {
        let mut one: libc::cpu_set_t = std::mem::zeroed();
        let cpu = (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, of));
        libc::CPU_SET(cpu.expect("a CPU at least"), &mut one);
        one
    }
}

/// All threads of this process, as `taskset -a` does.
fn set_affinity_of_all(set: &libc::cpu_set_t) {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let tid = task.unwrap().file_name().to_str().unwrap().parse().unwrap();
        // SAFETY: the set is there. A thread that has ended meanwhile needs none.
        unsafe { libc::sched_setaffinity(tid, size_of::<libc::cpu_set_t>(), set) };
    }
}

#[test]
fn the_cpus_are_counted_anew_when_the_affinity_shrinks_and_grows() {
    in_children(
        "the_cpus_are_counted_anew_when_the_affinity_shrinks_and_grows",
        |kind, n| {
            let all = affinity(0);
            kind.with_procs(n)
                .run(|| {
                    assert_eq!(Hosted::cpus(), count(&all));
                    set_affinity_of_all(&first(&all));
                    yield_until("one CPU is counted", || Hosted::cpus() == 1);
                    some_of_everything();
                    assert_eq!(Hosted::cpus(), 1);
                    set_affinity_of_all(&all);
                    yield_until("all are counted", || Hosted::cpus() == count(&all));
                    some_of_everything();
                })
                .unwrap();
        },
        succeeds,
    );
}

#[test]
fn there_are_as_many_procs_as_the_affinity_has_cpus() {
    in_children(
        "there_are_as_many_procs_as_the_affinity_has_cpus",
        |kind, n| {
            // With `n` 1 on the first CPU alone, with 2 on all there are.
            let mine = affinity(0);
            let set = if n == 1 { first(&mine) } else { mine };
            set_affinity_of_all(&set);
            let seen = kind.build(Runtime::builder()).run(|| {
                yield_now();
                procs()
            });
            let seen = seen.unwrap();
            assert!(seen <= count(&set), "{seen} procs on {} CPUs", count(&set));
            assert!(n != 1 || seen == 1, "{seen} procs on one CPU");
            // A quota may allow fewer, but never none.
            assert!(seen >= 1);
        },
        succeeds,
    );
}

#[test]
fn a_thread_refused_to_offloaded_work_is_a_panic_and_with_another_a_wait() {
    in_children(
        "a_thread_refused_to_offloaded_work_is_a_panic_and_with_another_a_wait",
        |kind, procs| {
            let (refused, served) = kind
                .with_procs(procs)
                .run(|| {
                    // Threads enough for goroutines before, and none for the pool.
                    let (tx, rx) = channel::<i32>(0);
                    let waiter = go(move || rx.recv().unwrap());
                    sleep(Duration::from_millis(20));
                    refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
                    let refused = panic_text(|| offload(|| 1));
                    tx.send(1).unwrap();
                    (refused, waiter.join().unwrap())
                })
                .unwrap();
            assert!(refused.contains("the system refuses a thread"), "{refused}");
            assert_eq!(served, 1);
        },
        succeeds,
    );
}

#[test]
fn offloaded_work_waits_for_the_threads_there_are_when_more_are_refused() {
    in_children(
        "offloaded_work_waits_for_the_threads_there_are_when_more_are_refused",
        |kind, procs| {
            let sum = kind.with_procs(procs).run(|| {
                // Goroutines that wait, so that each of the exclusive runtime has its thread already.
                let (tx, rx) = channel::<i32>(0);
                let all: Vec<_> = (0..5)
                    .map(|_| {
                        let rx = rx.clone();
                        go(move || {
                            let n = rx.recv().unwrap();
                            offload(move || {
                                std::thread::sleep(Duration::from_millis(1));
                                n
                            })
                        })
                    })
                    .collect();
                assert_eq!(offload(|| 1), 1);
                sleep(Duration::from_millis(20));
                refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
                (0..5).for_each(|n| tx.send(n).unwrap());
                all.into_iter().map(|one| one.join().unwrap()).sum::<i32>()
            });
            assert_eq!(sum.unwrap(), 10);
        },
        succeeds,
    );
}
