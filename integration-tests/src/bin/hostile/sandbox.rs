//! A sandbox that is put on while a runtime runs and refuses `membarrier`, on which it relies. Putting one on is
//! a system call, and `unsafe` for that.

use std::io::Error;

use g0_cgo::call;
use g0_sched::{channel, go, sleep, yield_now};

use crate::setup::{Setup, ms};

/// Refuses `membarrier`, for all threads.
fn put_on() {
    let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let number = u32::try_from(libc::SYS_membarrier).expect("a small number");
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    let mut steps = [
        // The number of the system call is the first word.
        step((libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16, 0, 0, 0),
        step((libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16, 0, 1, number),
        step((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, refuse),
        step((libc::BPF_RET | libc::BPF_K) as u16, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: the program is there, and as long as it says.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(
                libc::SYS_seccomp,
                libc::SECCOMP_SET_MODE_FILTER,
                libc::SECCOMP_FILTER_FLAG_TSYNC,
                &raw const program,
            ) == 0
    };
    assert!(done, "no sandbox: {}", Error::last_os_error());
}

/// The runtime goes on, or says why it cannot; it does not hang.
pub fn membarrier_refused(setup: Setup) -> String {
    setup.run(|| {
        let (tx, rx) = channel(0);
        put_on();
        // Loops and calls, from which Ps are taken.
        let busy: Vec<_> = (0..3)
            .map(|_| {
                go(|| {
                    let start = std::time::Instant::now();
                    while start.elapsed() < ms(150) {
                        std::hint::spin_loop();
                    }
                    call(|| std::thread::sleep(ms(50)));
                })
            })
            .collect();
        let sends = go(move || {
            for n in 0..50 {
                sleep(ms(2));
                tx.send(n).expect("main receives");
                yield_now();
            }
        });
        assert_eq!(rx.iter().sum::<u64>(), 50 * 49 / 2);
        sends.join().expect("it ends");
        busy.into_iter().for_each(|one| one.join().expect("it ends"));
    });
    "the runtime went on".to_owned()
}
