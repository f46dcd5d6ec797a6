//! Mutexes that block the thread: what a lock costs where there are no goroutines.

use crate::timing::sample;

/// Both rows of a mutex; behind its path, what makes a guard of what `lock` returns.
macro_rules! rows {
    ($module:ident, $mutex:path $(, $guard:ident)?) => {
        pub mod $module {
            use super::sample;
            use $mutex as Mutex;

            fn add(counter: &Mutex<u64>, n: u64) {
                for _ in 0..n {
                    *counter.lock()$(.$guard())? += 1;
                }
            }

            pub fn alone() -> f64 {
                sample!(10_000_000, |n| {
                    let counter = Mutex::new(0);
                    add(&counter, n);
                    assert_eq!(*counter.lock()$(.$guard())?, n);
                })
            }

            pub fn contended() -> f64 {
                const MEMBERS: u64 = 8;
                super::on_two_cpus();
                sample!(2_000_000, |n| {
                    let counter = Mutex::new(0);
                    std::thread::scope(|scope| {
                        (0..MEMBERS).for_each(|_| {
                            scope.spawn(|| add(&counter, n / MEMBERS));
                        });
                    });
                    assert_eq!(*counter.lock()$(.$guard())?, n);
                })
            }
        }
    };
}

rows!(standard, std::sync::Mutex, unwrap);
rows!(parking_lot, parking_lot::Mutex);

/// The first two CPUs that this process may use are all that it uses from here on.
fn on_two_cpus() {
    let size = size_of::<libc::cpu_set_t>();
    // SAFETY: a set of CPUs is plain bits; both calls get a set of its true size.
    unsafe {
        let mut allowed: libc::cpu_set_t = std::mem::zeroed();
        assert_eq!(libc::sched_getaffinity(0, size, &mut allowed), 0);
        let mut two: libc::cpu_set_t = std::mem::zeroed();
        let cpus = 0..libc::CPU_SETSIZE as usize;
        cpus.filter(|cpu| libc::CPU_ISSET(*cpu, &allowed)).take(2).for_each(|cpu| {
            libc::CPU_SET(cpu, &mut two);
        });
        assert_eq!(libc::sched_setaffinity(0, size, &two), 0);
    }
}
