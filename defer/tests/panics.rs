//! Rust's payloads: what a base reads of them.

use g0_defer::{Goexit, Panics, Payload, Rust, Throw, Unwind, is_goexit, scope};

#[test]
fn a_lone_panic_travels_as_it_is() {
    let caught = Rust::catch(|| {
        scope(|s| {
            s.defer(|| {});
            std::panic::resume_unwind(Box::new("as it is"))
        })
    });
    let payload: Payload = caught.expect_err("it panics");
    assert_eq!(payload.downcast_ref(), Some(&"as it is"));
}

#[test]
fn goexit_is_told_from_a_panic_and_runs_no_hook() {
    std::thread::spawn(|| {
        let hooked = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (flag, before) = (hooked.clone(), std::panic::take_hook());
        let this = std::thread::current().id();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().id() == this {
                flag.store(true, std::sync::atomic::Ordering::Relaxed);
            } else {
                before(info);
            }
        }));
        let payload = Rust::catch(|| Rust::goexit()).expect_err("it unwinds");
        assert!(is_goexit(&payload));
        assert!(!hooked.load(std::sync::atomic::Ordering::Relaxed));

        let payload = Rust::catch(|| panic!("a panic")).expect_err("it unwinds");
        assert!(!is_goexit(&payload));
        assert!(hooked.load(std::sync::atomic::Ordering::Relaxed));
    })
    .join()
    .expect("the thread's own checks");
}

#[test]
fn the_chain_is_printed_oldest_first_without_goexit() {
    let caught = Rust::catch(|| {
        scope(|s| {
            s.defer(|| Rust::throw(Box::new(5_u8)));
            s.defer(|| Rust::goexit());
            s.defer(|| Rust::throw(Box::new(String::from("second"))));
            Rust::throw(Box::new("first"))
        })
    });
    let panics = Panics::of(caught.expect_err("all unwind"));
    assert_eq!(panics.iter().len(), 4);
    assert!(panics.has_goexit());
    assert_eq!(
        panics.to_string(),
        "panic: first\n\tpanic: second\n\tpanic: (a value that is not text)"
    );
    assert_eq!(panics.into_newest().downcast_ref(), Some(&5_u8));
}

#[test]
fn a_list_taken_apart_travels_again() {
    let lone = Payload::from(Panics::of(Box::new(Goexit)));
    assert!(lone.is::<Goexit>());
    let both = Rust::replace(lone, Box::new("older"));
    let again = Payload::from(Panics::of(both));
    assert!(is_goexit(&again));
    assert_eq!(Panics::of(again).iter().len(), 2);
}

#[test]
fn a_hundred_thousand_panics_meet_without_recursion() {
    const PANICS: usize = 100_000;
    // A stack of the least size, so that a drop which recursed would not pass.
    let thread = std::thread::Builder::new().stack_size(64 << 10).spawn(|| {
        let caught = Rust::catch(|| {
            scope(|s| (0..PANICS).for_each(|n| s.defer(move || Rust::throw(Box::new(n)))))
        });
        let panics = Panics::of(caught.expect_err("each panics"));
        let numbers: Vec<_> = panics.iter().map(|one| one.downcast_ref::<usize>()).collect();
        assert_eq!(numbers.len(), PANICS);
        assert!(numbers.into_iter().eq((0..PANICS).rev().collect::<Vec<_>>().iter().map(Some)));
    });
    thread.expect("a thread").join().expect("the thread's own checks");
}
