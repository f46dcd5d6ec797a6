//! Wakes from interrupt handlers: signals stand for interrupts, and hit the Ms anywhere.

mod common;

use std::cell::{Cell, UnsafeCell};
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::os::unix::process::ExitStatusExt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::child::in_children;
use common::{KINDS, Migrating, Threads, bounded};
use g0_defer::NoUnwind;
use g0_sched::{Config, Ended, Fatal, M, More, Parker, Platform, Proc, Scheduler, StartError};
use g0_stack::{Class, HeapSource};

/// Threads with interrupts, that do not unwind.
#[derive(Debug)]
enum Board {}

mod rt {
    g0_sched::platform!(super::Board);
}

thread_local! {
    static CURRENT: Cell<*const M> = const { Cell::new(ptr::null()) };
    static IN_HANDLER: Cell<bool> = const { Cell::new(false) };
}

/// The threads that are interrupted.
static THREADS: Mutex<Vec<libc::pid_t>> = Mutex::new(Vec::new());

/// Interrupts of this thread, off or on.
fn mask(how: libc::c_int) {
    // SAFETY: the set is ours.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGUSR1);
        assert_eq!(libc::pthread_sigmask(how, &raw const set, ptr::null_mut()), 0);
    }
}

fn futex(word: &AtomicU32, op: libc::c_int, value: u32, timeout: Option<Duration>) {
    let timeout = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs() as libc::time_t,
        tv_nsec: t.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let op = op | libc::FUTEX_PRIVATE_FLAG;
    // SAFETY: word and timeout live for the length of the call.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), op, value, timeout) };
}

// SAFETY: the slot is behind functions that are never inlined; the tokens are futex words; all
// fences are full ones.
unsafe impl Platform for Board {
    type Unwind = NoUnwind;

    #[inline(never)]
    fn current() -> *const M {
        CURRENT.get()
    }

    #[inline(never)]
    unsafe fn set_current(m: *const M) {
        let me = common::tid();
        // Interrupts are off where no M is.
        if m.is_null() {
            THREADS.lock().unwrap().retain(|&thread| thread != me);
            mask(libc::SIG_BLOCK);
        }
        CURRENT.set(m);
        if !m.is_null() {
            mask(libc::SIG_UNBLOCK);
            THREADS.lock().unwrap().push(me);
        }
    }

    unsafe fn start(m: &'static M) -> Result<(), StartError> {
        // SAFETY: a thread of its own for this M, with 2 MiB of stack.
        let body = move || unsafe { g0_sched::start_m::<Board>(m) };
        thread::Builder::new().spawn(body).map(drop).map_err(|_| StartError::NoThread)
    }

    unsafe fn park(parker: &Parker, deadline: Option<u64>) -> bool {
        if parker.word.swap(0, Ordering::Acquire) == 0 {
            let left = deadline.map(|at| Duration::from_nanos(at.saturating_sub(Self::now())));
            futex(&parker.word, libc::FUTEX_WAIT, 0, left);
            return parker.word.swap(0, Ordering::Acquire) == 1;
        }
        true
    }

    unsafe fn unpark(parker: &Parker) {
        parker.word.store(1, Ordering::Release);
        futex(&parker.word, libc::FUTEX_WAKE, 1, None);
    }

    fn now() -> u64 {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the buffer is ours.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
        now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
    }

    fn heavy_fence() {
        std::sync::atomic::fence(Ordering::SeqCst);
    }

    fn fatal(report: &Fatal) -> ! {
        eprintln!("{report}");
        std::process::abort()
    }
}

impl g0_sched::port::Interrupts for Board {
    #[inline(never)]
    fn in_interrupt() -> bool {
        IN_HANDLER.get()
    }
}

g0_sched::default_parts!(Board: ForeignCode, Machines, Reports, Unwinding);

/// Where a goroutine leaves its waker for the handler.
struct Slot {
    state: AtomicU8,
    waker: UnsafeCell<MaybeUninit<Waker>>,
    fired: AtomicBool,
}

// SAFETY: the waker is its goroutine's while EMPTY, and the handler's while TAKEN.
unsafe impl Sync for Slot {}

const EMPTY: u8 = 0;
const FULL: u8 = 1;
const TAKEN: u8 = 2;

impl Slot {
    const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            waker: UnsafeCell::new(MaybeUninit::uninit()),
            fired: AtomicBool::new(false),
        }
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.fired.swap(false, Ordering::SeqCst) {
            return Poll::Ready(());
        }
        match self.state.load(Ordering::SeqCst) {
            EMPTY => {
                // SAFETY: only this goroutine puts something there.
                unsafe { (*self.waker.get()).write(context.waker().clone()) };
                self.state.store(FULL, Ordering::SeqCst);
            }
            FULL => {}
            // The handler is at it: for the last wait, which a token of another one ended.
            _ => context.waker().wake_by_ref(),
        }
        Poll::Pending
    }

    /// In the handler.
    fn fire(&self) {
        let taken =
            self.state.compare_exchange(FULL, TAKEN, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if taken {
            // SAFETY: it is full, and ours.
            let waker = unsafe { (*self.waker.get()).assume_init_read() };
            self.fired.store(true, Ordering::SeqCst);
            waker.wake();
            self.state.store(EMPTY, Ordering::SeqCst);
        }
    }
}

const SLOTS: usize = 24;
static SLOT: [Slot; SLOTS] = [const { Slot::new() }; SLOTS];
static HANDLED: AtomicUsize = AtomicUsize::new(0);

extern "C" fn handler(_: libc::c_int) {
    // A signal does not interrupt its own handler.
    IN_HANDLER.set(true);
    let first = HANDLED.fetch_add(1, Ordering::Relaxed);
    (0..SLOTS / 2).for_each(|i| SLOT[(first + i) % SLOTS].fire());
    IN_HANDLER.set(false);
}

/// Interrupts all Ms again and again until it is dropped.
struct Storm(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Storm {
    fn new() -> Self {
        // SAFETY: the handler keeps to what handlers may do.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_RESTART;
            assert_eq!(libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()), 0);
        }
        let over = Arc::new(AtomicBool::new(false));
        let seen = over.clone();
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                for &tid in &*THREADS.lock().unwrap() {
                    // SAFETY: a signal with a handler; threads leave the list before they end.
                    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), tid, libc::SIGUSR1) };
                }
                thread::sleep(Duration::from_micros(30));
            }
        });
        Self(over, Some(thread))
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
        self.1.take().map(thread::JoinHandle::join);
    }
}

fn run(procs: usize, threads: Threads, main: impl FnOnce() + Send) {
    let scheduler: &'static Scheduler<Board> = Box::leak(Box::new(Scheduler::new(Config {
        procs: Box::leak((0..procs).map(|_| Proc::new()).collect()),
        machines: &[],
        more: More::ALLOCATED,
        // SAFETY: the tests' goroutines are a few calls deep.
        stacks: Box::leak(Box::new(unsafe { HeapSource::new() })),
        stack: Class::for_size(64 << 10).expect("64 KiB is a size"),
        mobility: threads.mobility(),
        symmetric: true,
    })));
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    let watch = thread::spawn(move || {
        while !seen.load(Ordering::SeqCst) {
            // SAFETY: its own platform, on a thread that is no M.
            unsafe { scheduler.core().tick::<Board>() };
            thread::sleep(Duration::from_millis(1));
        }
    });
    let ended = scheduler.run(main);
    assert!(matches!(ended, Ok(Ended { result: Some(Ok(())), left_behind: 0, .. })), "{ended:?}");
    over.store(true, Ordering::SeqCst);
    watch.join().unwrap();
    // An interrupt on a core of this scheduler is not to find wakers of the next one.
    let began = Instant::now();
    while !THREADS.lock().unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "the threads do not end");
        thread::yield_now();
    }
}

/// The storm is one for all: it is about all threads of the program.
#[test]
fn interrupts_wake_goroutines_wherever_they_hit() {
    const ROUNDS: usize = 400;
    for (procs, threads) in [1, 2].into_iter().flat_map(|n| Threads::ALL.map(|kind| (n, kind))) {
        let what = format!("{procs} procs, {threads:?}");
        println!("{what}");
        bounded(&what, move || {
            let storm = Storm::new();
            run(procs, threads, || {
                let over = Arc::new(AtomicUsize::new(0));
                let waiters: Vec<_> = SLOT
                    .iter()
                    .enumerate()
                    .map(|(i, slot)| {
                        let over = over.clone();
                        rt::go(move || {
                            // Some keep their thread, in which the others' mail comes too.
                            if i % 8 == 0 {
                                rt::lock_os_thread();
                            }
                            for _ in 0..ROUNDS {
                                rt::block_on(poll_fn(|context| slot.poll(context)));
                            }
                            over.fetch_add(1, Ordering::SeqCst);
                            ROUNDS
                        })
                    })
                    .collect();
                // What they interrupt: starts and ends, switches, sleeps, channels.
                let churn: Vec<_> = (0..4)
                    .map(|i| {
                        let over = over.clone();
                        rt::go(move || {
                            let mut n = 0_u64;
                            while over.load(Ordering::SeqCst) < SLOTS {
                                let Ok(same) = rt::go(move || n).join();
                                assert_eq!(same, n);
                                n += 1;
                                rt::yield_now();
                                if i == 0 {
                                    rt::sleep(Duration::from_micros(100));
                                }
                            }
                        })
                    })
                    .collect();
                let sum: usize = waiters.into_iter().map(|handle| handle.join().unwrap()).sum();
                assert_eq!(sum, SLOTS * ROUNDS);
                churn.into_iter().for_each(|handle| handle.join().unwrap());

                // The last wakers of goroutines that have ended go in the handler: the stacks
                // come back, and are used again.
                for _ in 0..20 {
                    let gone: Vec<_> = SLOT
                        .iter()
                        .map(|slot| {
                            rt::go(move || {
                                rt::block_on(poll_fn(|context| match slot.poll(context) {
                                    Poll::Pending => Poll::Ready(()),
                                    ready => ready,
                                }));
                            })
                        })
                        .collect();
                    gone.into_iter().for_each(|handle| handle.join().unwrap());
                    let began = Instant::now();
                    while SLOT.iter().any(|slot| slot.state.load(Ordering::SeqCst) != EMPTY) {
                        assert!(began.elapsed() < Duration::from_secs(20), "no interrupt comes");
                        rt::yield_now();
                    }
                    SLOT.iter().for_each(|slot| slot.fired.store(false, Ordering::SeqCst));
                }
            });
            drop(storm);
        });
    }
}

/// What a handler does that runs in a goroutine's time: no signal is needed for that.
fn in_a_handler<R>(f: impl FnOnce() -> R) -> R {
    IN_HANDLER.set(true);
    let r = f();
    IN_HANDLER.set(false);
    r
}

#[test]
fn a_handler_that_does_more_than_wake_ends_the_program() {
    /// Each in a handler, which has interrupted a goroutine.
    const CASES: [(&str, fn()); 8] = [
        ("yields", || in_a_handler(rt::yield_now)),
        ("starts a goroutine", || in_a_handler(|| drop(rt::try_go(|| ())))),
        ("asks which goroutine runs", || in_a_handler(|| drop(rt::current()))),
        ("asks for numbers", || in_a_handler(|| assert!(rt::stats().is_some()))),
        ("locks the thread", || in_a_handler(rt::lock_os_thread)),
        ("sends", || {
            let (tx, _rx) = g0_sched::generic::channel::<u8, Board>(1);
            in_a_handler(|| assert!(tx.try_send(1).is_ok()));
        }),
        ("drops the last end of a channel", || {
            let (tx, _rx) = g0_sched::generic::channel::<u8, Board>(1);
            in_a_handler(|| drop(tx));
        }),
        ("joins a goroutine that has ended", || {
            let handle = rt::go(|| ());
            while !handle.is_finished() {
                rt::yield_now();
            }
            in_a_handler(|| assert!(handle.join().is_ok()));
        }),
    ];
    let case = |kind, procs| {
        let kind = KINDS.iter().position(|&other| other == kind).unwrap();
        CASES[(kind * 2 + procs - 1) % CASES.len()]
    };
    in_children(
        "a_handler_that_does_more_than_wake_ends_the_program",
        |kind, procs| {
            let (_, misuse) = case(kind, procs);
            run(procs, Migrating, || {
                // What it may do.
                let waits = rt::go(rt::park);
                let this = rt::current().unwrap();
                in_a_handler(|| this.unpark());
                rt::park();
                in_a_handler(|| drop(this));
                drop(waits);
                misuse();
            });
        },
        |kind, procs, out, said| {
            let (name, _) = case(kind, procs);
            assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{name}: {said}");
            assert!(said.contains("a runtime call in an interrupt handler"), "{name}: {said}");
        },
    );
}

#[test]
fn a_bridge_finds_no_goroutine_in_a_handler() {
    use g0_sched::bridge::{CallerContext, here};

    for (procs, threads) in [(1, Threads::Pinned), (2, Migrating), (2, Threads::Exclusive)] {
        bounded("a bridge in a handler", move || {
            run(procs, threads, || {
                assert!(matches!(here::<Board>(), CallerContext::Goroutine(_)));
                assert!(matches!(in_a_handler(here::<Board>), CallerContext::SystemStack));
                assert!(matches!(here::<Board>(), CallerContext::Goroutine(_)));
            });
        });
    }
}
