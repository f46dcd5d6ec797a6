//! Futures in goroutines, and the wakers that they leave behind.

mod common;

use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use common::count::{Count, Counted};
use common::{bounded, on_each_kind, on_every_runtime, panic_text, quiet_panic, yield_until};
use g0_sched::{block_on, channel, current, go, park, sleep, timeout, yield_now};

/// Set once, and a future that waits for it.
#[derive(Clone, Default)]
struct Event(Arc<Mutex<(bool, Option<Waker>)>>);

impl Event {
    fn set(&self) {
        let mut state = self.0.lock().unwrap();
        state.0 = true;
        let waker = state.1.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// A waiter has left its waker here.
    fn is_awaited(&self) -> bool {
        self.0.lock().unwrap().1.is_some()
    }
}

impl Future for Event {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock().unwrap();
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Pending for ever; it leaves its waker in the slot and owns a value.
struct Never(Arc<Mutex<Option<Waker>>>, #[allow(dead_code)] Counted);

impl Future for Never {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        *self.0.lock().unwrap() = Some(context.waker().clone());
        Poll::Pending
    }
}

/// The waker of a goroutine that has ended.
fn stale_waker() -> Waker {
    go(|| block_on(poll_fn(|context| Poll::Ready(context.waker().clone())))).join().unwrap()
}

/// Where the caller's stack lies. Its locals may lie elsewhere: under the address sanitizer.
fn place() -> usize {
    g0_arch::stack_pointer().addr() / g0_sched::STACK_SIZE
}

#[test]
fn what_is_ready_is_polled_once() {
    on_every_runtime(2, || {
        assert_eq!(block_on(ready(7)), 7);
        assert_eq!(block_on(async { block_on(async { 1 }) + ready(2).await }), 3);
        let mut polls = 0;
        block_on(poll_fn(|_| {
            polls += 1;
            Poll::Ready(())
        }));
        assert_eq!(polls, 1);
    });
}

#[test]
fn a_goroutine_a_thread_and_the_poll_itself_wake_it() {
    on_every_runtime(2, || {
        for _ in 0..50 {
            let event = Event::default();
            let theirs = event.clone();
            let waiter = go(move || block_on(theirs));
            yield_until("it waits", || event.is_awaited());
            event.set();
            waiter.join().unwrap();

            let event = Event::default();
            let theirs = event.clone();
            let thread = thread::spawn(move || theirs.set());
            block_on(event);
            thread.join().unwrap();

            let mut polls = 0;
            block_on(poll_fn(|context| {
                polls += 1;
                context.waker().wake_by_ref();
                if polls < 100 { Poll::Pending } else { Poll::Ready(()) }
            }));
            assert_eq!(polls, 100);
        }
    });
}

/// As futures do that want to give way.
#[test]
fn a_poll_that_wakes_itself_lets_others_run_and_shutdown_end_it() {
    on_every_runtime(1, || {
        let over = Arc::new(AtomicBool::new(false));
        let theirs = over.clone();
        let other = go(move || theirs.store(true, Ordering::SeqCst));
        let mut polls = 0;
        block_on(poll_fn(|context| {
            polls += 1;
            context.waker().wake_by_ref();
            if over.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        }));
        assert!(polls < 1_000, "{polls} polls while another goroutine waited");
        other.join().unwrap();

        drop(go(|| {
            block_on(poll_fn(|context| {
                context.waker().wake_by_ref();
                Poll::<()>::Pending
            }))
        }));
        yield_now();
    });
}

#[test]
fn it_waits_until_it_is_woken() {
    on_every_runtime(2, || {
        let (event, polls) = (Event::default(), Arc::new(AtomicUsize::new(0)));
        let (mut theirs, counted) = (event.clone(), polls.clone());
        let waiter = go(move || {
            block_on(poll_fn(|context| {
                counted.fetch_add(1, Ordering::SeqCst);
                Pin::new(&mut theirs).poll(context)
            }));
        });
        yield_until("it waits", || event.is_awaited());
        (0..200).for_each(|_| yield_now());
        assert_eq!(polls.load(Ordering::SeqCst), 1, "polled without a wake");
        event.set();
        waiter.join().unwrap();
        assert_eq!(polls.load(Ordering::SeqCst), 2);
    });
}

/// Each thread goes on only when the goroutine has seen its last step: one lost wake, and all wait.
#[test]
fn no_wake_of_several_threads_is_lost() {
    const THREADS: usize = 3;
    const STEPS: usize = 3_000;
    on_every_runtime(2, || {
        let said: Arc<[AtomicUsize; THREADS]> = Arc::default();
        let seen: Arc<[AtomicUsize; THREADS]> = Arc::default();
        let slot = Arc::new(Mutex::new(None::<Waker>));
        let threads: Vec<_> = (0..THREADS)
            .map(|i| {
                let (said, seen, slot) = (said.clone(), seen.clone(), slot.clone());
                thread::spawn(move || {
                    while slot.lock().unwrap().is_none() {
                        thread::yield_now();
                    }
                    let waker = slot.lock().unwrap().clone().unwrap();
                    for step in 1..=STEPS {
                        said[i].store(step, Ordering::Release);
                        waker.wake_by_ref();
                        while seen[i].load(Ordering::Acquire) < step {
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let sum = block_on(poll_fn(|context| {
            slot.lock().unwrap().get_or_insert_with(|| context.waker().clone());
            let mut sum = 0;
            for i in 0..THREADS {
                // Relaxed: the wake is what makes it visible.
                let step = said[i].load(Ordering::Relaxed);
                seen[i].store(step, Ordering::Release);
                sum += step;
            }
            if sum == THREADS * STEPS { Poll::Ready(sum) } else { Poll::Pending }
        }));
        assert_eq!(sum, THREADS * STEPS);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn goroutines_of_two_runtimes_wake_each_other() {
    on_each_kind(|kind, procs| {
        let events: Arc<Vec<(Event, Event)>> = Arc::new((0..200).map(|_| <_>::default()).collect());
        let theirs = events.clone();
        let other = thread::spawn(move || {
            kind.with_procs(procs).run(move || {
                for (there, back) in theirs.iter() {
                    block_on(there.clone());
                    back.set();
                }
            })
        });
        let run = kind.with_procs(procs).run(|| {
            for (there, back) in events.iter() {
                there.set();
                block_on(back.clone());
            }
        });
        run.unwrap();
        other.join().unwrap().unwrap();
    });
}

#[test]
fn a_waker_outlives_its_goroutine_and_wakes_no_other() {
    on_every_runtime(2, || {
        let stale: Vec<Waker> = (0..20).map(|_| stale_waker()).collect();
        let polls = Arc::new(AtomicUsize::new(0));
        let events: Vec<Event> = (0..20).map(|_| Event::default()).collect();
        let waiting: Vec<_> = events
            .iter()
            .map(|event| {
                let (mut event, polls) = (event.clone(), polls.clone());
                go(move || {
                    block_on(poll_fn(|context| {
                        polls.fetch_add(1, Ordering::SeqCst);
                        Pin::new(&mut event).poll(context)
                    }));
                })
            })
            .collect();
        yield_until("all wait", || events.iter().all(Event::is_awaited));
        for waker in stale {
            waker.wake_by_ref();
            drop(waker.clone());
            yield_now();
            waker.wake();
        }
        (0..50).for_each(|_| yield_now());
        assert_eq!(polls.load(Ordering::SeqCst), 20, "a stale waker woke a stranger");
        events.iter().for_each(Event::set);
        waiting.into_iter().for_each(|waiter| waiter.join().unwrap());
    });
}

#[test]
fn a_waker_outlives_its_runtime() {
    on_each_kind(|kind, procs| {
        let (slot, count) = (Arc::new(Mutex::new(None)), Count::new());
        let never = Never(slot.clone(), count.one());
        let (stale, main) = kind
            .with_procs(procs)
            .run(|| {
                drop(go(move || block_on(never)));
                yield_until("it waits", || slot.lock().unwrap().is_some());
                (stale_waker(), block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone()))))
            })
            .unwrap();
        // The goroutine was ended by shutdown while it waited.
        count.assert_all_dropped(1);
        let cut = slot.lock().unwrap().take().unwrap();
        for waker in [cut, stale, main] {
            waker.wake_by_ref();
            drop(waker.clone());
            waker.wake();
        }
    });
}

#[test]
fn wakers_hold_the_stack_until_the_last_is_dropped() {
    on_every_runtime(1, || {
        let (place_of, waker) = go(|| (place(), stale_from_here())).join().unwrap();
        let clones: Vec<Waker> = (0..10).map(|_| waker.clone()).collect();
        assert!(clones.iter().all(|clone| clone.will_wake(&waker)));
        drop(waker);
        let used = |n: usize| (0..n).any(|_| go(place).join().unwrap() == place_of);
        for clone in clones {
            assert!(!used(50), "a stack that a waker holds is used again");
            drop(clone);
        }
        assert!(used(50), "the stack of the last waker is lost");
    });
    fn stale_from_here() -> Waker {
        block_on(poll_fn(|context| Poll::Ready(context.waker().clone())))
    }
}

/// The last waker goes while its goroutine ends: whoever is later gives the stack back, once.
#[test]
fn wakers_go_while_their_goroutines_end() {
    const ROUNDS: usize = 5_000;
    on_each_kind(|kind, procs| {
        let slot = Arc::new(AtomicPtr::<()>::new(std::ptr::null_mut()));
        let over = Arc::new(AtomicBool::new(false));
        let (taken, seen) = (slot.clone(), over.clone());
        let dropper = thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                let waker = taken.swap(std::ptr::null_mut(), Ordering::SeqCst);
                if !waker.is_null() {
                    // SAFETY: the data of a goroutine's waker, given below with its count.
                    drop(unsafe { Waker::new(waker, waker_vtable()) });
                }
            }
        });
        let slot = &slot;
        let ended = kind.with_procs(procs).run_counted(move || {
            let began = Instant::now();
            for round in 0..ROUNDS {
                let theirs = slot.clone();
                let handle = go(move || {
                    // A handle of its own: with a mark left over, this one would free the stack.
                    drop(current());
                    block_on(poll_fn(|context| {
                        let waker = std::mem::ManuallyDrop::new(context.waker().clone());
                        theirs.store(waker.data().cast_mut(), Ordering::SeqCst);
                        Poll::Ready(())
                    }));
                });
                if round % 2 == 0 {
                    handle.join().unwrap();
                } else {
                    // Detached: the goroutine's own end gives the stack back.
                    drop(handle);
                    yield_now();
                }
                yield_until("the waker is dropped", || slot.load(Ordering::SeqCst).is_null());
                if began.elapsed() > Duration::from_secs(1) {
                    break;
                }
            }
        });
        over.store(true, Ordering::SeqCst);
        dropper.join().unwrap();
        assert_eq!(ended.unwrap().left_behind, 0);
    });
    /// All wakers of goroutines share it.
    fn waker_vtable() -> &'static std::task::RawWakerVTable {
        static TABLE: OnceLock<&'static std::task::RawWakerVTable> = OnceLock::new();
        TABLE.get_or_init(|| {
            let runtime = g0_sched::Runtime::builder().procs(1).build().expect("a runtime");
            runtime.run(|| block_on(poll_fn(|cx| Poll::Ready(cx.waker().vtable())))).expect("main")
        })
    }
}

#[test]
fn a_nested_block_on_leaves_the_outer_ones_wake() {
    on_every_runtime(2, || {
        let (outer, inner) = (Event::default(), Event::default());
        let (mut theirs, nested) = (outer.clone(), inner.clone());
        let waiter = go(move || {
            let mut first = true;
            block_on(poll_fn(|context| {
                let polled = Pin::new(&mut theirs).poll(context);
                if std::mem::take(&mut first) {
                    assert!(polled.is_pending());
                    block_on(nested.clone());
                }
                polled
            }));
        });
        yield_until("the inner one waits", || inner.is_awaited());
        // The wake of the outer one comes while the inner one waits, and is taken by that.
        outer.set();
        (0..50).for_each(|_| yield_now());
        assert!(inner.is_awaited() && !waiter.is_finished(), "the wake was the outer one's");
        inner.set();
        waiter.join().unwrap();
    });
}

#[test]
fn a_nested_block_on_that_panics_leaves_the_outer_ones_wake() {
    on_every_runtime(2, || {
        let (outer, inner) = (Event::default(), Event::default());
        let (mut theirs, mut nested) = (outer.clone(), inner.clone());
        let waiter = go(move || {
            let mut first = true;
            block_on(poll_fn(|context| {
                let polled = Pin::new(&mut theirs).poll(context);
                if std::mem::take(&mut first) {
                    let said = panic_text(|| {
                        block_on(poll_fn(|context| {
                            let polled = Pin::new(&mut nested).poll(context);
                            polled.map(|()| quiet_panic("the inner one"))
                        }))
                    });
                    assert_eq!(said, "the inner one");
                }
                polled
            }));
        });
        yield_until("the inner one waits", || inner.is_awaited());
        outer.set();
        inner.set();
        waiter.join().unwrap();
    });
}

#[test]
fn a_thread_that_runs_no_goroutine_blocks() {
    on_every_runtime(2, || {
        let (there, back) = (Event::default(), Event::default());
        let (theirs, answer) = (there.clone(), back.clone());
        let thread = thread::spawn(move || {
            assert_eq!(block_on(ready(1)), 1);
            block_on(theirs);
            answer.set();
            block_on(async {
                let late = Event::default();
                let theirs = late.clone();
                thread::spawn(move || theirs.set());
                late.await;
            });
            // The thread's own token is left alone.
            thread::current().unpark();
            block_on(Event(Arc::new(Mutex::new((true, None)))));
            thread::park();
            2
        });
        yield_until("the thread waits", || there.is_awaited());
        there.set();
        block_on(back);
        assert_eq!(thread.join().unwrap(), 2);
    });
    bounded("a waker of a thread that has ended", || {
        let waker = thread::spawn(|| block_on(poll_fn(|cx| Poll::Ready(cx.waker().clone()))));
        waker.join().unwrap().wake();
    });
}

#[test]
fn a_panic_in_a_poll_goes_on_and_the_future_is_dropped_before() {
    on_every_runtime(2, || {
        let count = Count::new();
        for pending_before in [false, true] {
            let (value, seen) = (count.one(), count.clone());
            let said = panic_text(|| {
                block_on(async move {
                    let _value = value;
                    if pending_before {
                        let late = Event::default();
                        let theirs = late.clone();
                        drop(go(move || theirs.set()));
                        late.await;
                    }
                    quiet_panic("in a poll")
                })
            });
            assert_eq!(said, "in a poll");
            assert_eq!(seen.made(), seen.dropped());
        }
        // And so is one that has come to its end.
        let value = count.one();
        block_on(async move { _ = &value });
        count.assert_all_dropped(3);
    });
}

#[test]
fn shutdown_ends_what_waits_and_drops_its_future() {
    on_each_kind(|kind, procs| {
        let (count, slots) = (Count::new(), Arc::new(Mutex::new(Vec::new())));
        let over = Arc::new(AtomicBool::new(false));
        let (wakers, seen) = (slots.clone(), over.clone());
        // Wakes meet the cancellations.
        let thread = thread::spawn(move || {
            while !seen.load(Ordering::SeqCst) {
                let all: Vec<Arc<Mutex<Option<Waker>>>> = wakers.lock().unwrap().clone();
                all.iter().flat_map(|slot| slot.lock().unwrap().clone()).for_each(Waker::wake);
            }
        });
        let ended = kind.with_procs(procs).run_counted(|| {
            for _ in 0..30 {
                let slot = Arc::new(Mutex::new(None));
                slots.lock().unwrap().push(slot.clone());
                let never = Never(slot, count.one());
                drop(go(move || block_on(never)));
            }
            let value = count.one();
            drop(go(move || {
                block_on(async {
                    let _value = value;
                    pending::<()>().await;
                })
            }));
            yield_until("all wait", || {
                slots.lock().unwrap().iter().all(|slot| slot.lock().unwrap().is_some())
            });
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        over.store(true, Ordering::SeqCst);
        thread.join().unwrap();
        count.assert_all_dropped(31);
    });
}

#[test]
fn park_and_block_on_leave_each_other_their_tokens() {
    on_every_runtime(2, || {
        let me = current().expect("a goroutine");
        me.unpark();
        let event = Event::default();
        let (theirs, handle) = (event.clone(), me.clone());
        let waker = go(move || {
            handle.unpark();
            theirs.set();
        });
        block_on(event);
        waker.join().unwrap();
        // The tokens of `unpark` are here still: else this waits for ever.
        park();

        let (tx, rx) = channel::<Waker>(1);
        let polled = Arc::new(AtomicUsize::new(0));
        let counted = polled.clone();
        let parks = go(move || {
            block_on(poll_fn(|context| {
                let n = counted.fetch_add(1, Ordering::SeqCst);
                if n == 0 {
                    tx.send(context.waker().clone()).unwrap();
                    // A park within the poll is not ended by the waker.
                    park();
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            }));
        });
        let waker = rx.recv().unwrap();
        waker.wake();
        (0..100).for_each(|_| yield_now());
        assert_eq!(polled.load(Ordering::SeqCst), 1, "a waker ended a park");
        drop(parks);
    });
}

#[test]
fn a_timeout_gives_the_value_or_says_that_the_time_is_up() {
    const NEVER: Duration = Duration::MAX;
    const SHORT: Duration = Duration::from_millis(5);
    fn all() {
        let count = Count::new();
        // What is ready is so whatever the length.
        for length in [Duration::ZERO, SHORT, NEVER] {
            assert_eq!(timeout(length, ready(1)), Ok(1));
        }
        let mut polls = 0;
        let counted = poll_fn(|_| {
            polls += 1;
            Poll::<()>::Pending
        });
        assert!(timeout(Duration::ZERO, counted).is_err());
        assert_eq!(polls, 1, "a length of zero is one poll");

        let (value, began) = (count.one(), Instant::now());
        let waits = async move {
            let _value = value;
            pending::<()>().await;
        };
        let said = timeout(SHORT, waits).unwrap_err().to_string();
        assert!(began.elapsed() >= SHORT && said.contains("the time was up"), "{said}");
        count.assert_all_dropped(1);

        // In time, and in time for ever.
        for length in [Duration::from_secs(20), NEVER] {
            let event = Event::default();
            let theirs = event.clone();
            let setter = thread::spawn(move || {
                thread::sleep(Duration::from_millis(1));
                theirs.set();
            });
            assert_eq!(timeout(length, event), Ok(()));
            setter.join().unwrap();
        }

        // A poll that wakes itself has no more time than others.
        let busy = poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert!(timeout(SHORT, busy).is_err());
    }
    on_every_runtime(2, || {
        all();
        thread::spawn(all).join().unwrap();
        let waiting: Vec<_> =
            (0..100).map(|_| go(|| timeout(SHORT, pending::<()>()).is_err())).collect();
        assert!(waiting.into_iter().all(|handle| handle.join().unwrap()));
    });
}

/// Wakes and deadlines meet: each wait ends once, by the one or the other.
#[test]
fn wakes_and_deadlines_meet() {
    on_every_runtime(2, || {
        let waiters: Vec<_> = (0..20u64)
            .map(|i| {
                go(move || {
                    let (mut in_time, mut late) = (0, 0);
                    for round in 0..50 {
                        let event = Event::default();
                        let theirs = event.clone();
                        let setter = go(move || {
                            sleep(Duration::from_micros(200));
                            theirs.set();
                        });
                        let length = Duration::from_micros(150 + (i * 7 + round) % 100);
                        match timeout(length, event.clone()) {
                            Ok(()) => in_time += 1,
                            Err(_) => late += 1,
                        }
                        setter.join().unwrap();
                        assert_eq!(timeout(Duration::ZERO, event), Ok(()));
                    }
                    in_time + late
                })
            })
            .collect();
        let sum: u64 = waiters.into_iter().map(|waiter| waiter.join().unwrap()).sum();
        assert_eq!(sum, 20 * 50);
    });
}

#[test]
fn shutdown_ends_what_waits_with_a_deadline() {
    on_each_kind(|kind, procs| {
        let count = Count::new();
        let ended = kind.with_procs(procs).run_counted(|| {
            for i in 0..50 {
                let value = count.one();
                // Some are up at about the time when main ends.
                let length = Duration::from_micros(if i % 2 == 0 { 60_000_000 } else { 900 + i });
                drop(go(move || {
                    _ = timeout(length, async move {
                        let _value = value;
                        pending::<()>().await;
                    });
                    pending_for_ever();
                }));
            }
            sleep(Duration::from_millis(1));
        });
        assert_eq!(ended.unwrap().left_behind, 0);
        count.assert_all_dropped(50);
    });
    fn pending_for_ever() {
        block_on(pending::<()>());
    }
}
