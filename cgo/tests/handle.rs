//! Handles: what C may do to the words.
#![cfg(feature = "std")]

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use g0_cgo::{BadHandle, Handle};

#[test]
fn a_value_travels_through_a_void_pointer() {
    extern "C" fn c(user: *mut c_void) -> *mut c_void {
        user
    }
    let handle = Handle::new(vec![1, 2, 3]);
    assert!(!handle.as_ptr().is_null());
    let back = Handle::<Vec<i32>>::from_ptr(c(handle.as_ptr()));
    assert_eq!((back, *back.get().unwrap() == [1, 2, 3]), (handle, true));
    assert_eq!(Arc::strong_count(&back.release().unwrap()), 1, "nobody else has it any more");
}

#[test]
fn use_after_release_and_double_release_are_errors() {
    let handle = Handle::new(5);
    assert_eq!(*handle.release().unwrap(), 5);
    assert_eq!(handle.get(), Err(BadHandle::Gone));
    assert_eq!(handle.release(), Err(BadHandle::Gone));
    // The slot is used again; the old word does not lead there.
    let others: Vec<_> = (0..100).map(Handle::new).collect();
    assert_eq!(handle.get(), Err(BadHandle::Gone));
    assert!(others.iter().all(|other| *other != handle));
    others.iter().for_each(|other| drop(other.release().unwrap()));
}

#[test]
fn a_handle_of_another_kind_is_an_error_and_loses_nothing() {
    let handle = Handle::new(String::from("text"));
    let wrong = Handle::<u64>::from_ptr(handle.as_ptr());
    assert_eq!(wrong.get(), Err(BadHandle::Kind));
    assert_eq!(wrong.release(), Err(BadHandle::Kind));
    assert_eq!(*handle.release().unwrap(), "text");
}

#[test]
fn words_that_were_made_up_are_errors() {
    let real = Handle::new(()).as_ptr().addr();
    for word in [0, 1 << 40, usize::MAX, 0xffff_ffff, real ^ 1 << 33, real + (1 << 20)] {
        let handle = Handle::<()>::from_ptr(ptr::without_provenance_mut(word));
        assert_eq!(handle.get(), Err(BadHandle::Gone), "{word:x}");
        assert_eq!(handle.release(), Err(BadHandle::Gone), "{word:x}");
    }
}

#[test]
fn of_all_words_near_real_ones_only_those_lead_to_values() {
    // Types of this test's own: the table is the program's, and other tests have values in it.
    struct Text(usize);
    struct Number(usize);
    struct Neither;
    let texts: Vec<_> = (0..20).map(|i| Handle::new(Text(i))).collect();
    let numbers: Vec<_> = (0..20).map(|i| Handle::new(Number(i))).collect();
    let gone: Vec<_> = (0..20).map(|i| Handle::new(Number(i))).collect();
    gone.iter().for_each(|handle| assert!(handle.release().is_ok()));
    let words = |word: *mut c_void| {
        let word = word.addr();
        let near = [word, word.wrapping_sub(1), word + 1, word.swap_bytes(), !word, word << 1];
        near.into_iter().chain((0..usize::BITS).map(move |bit| word ^ 1 << bit))
    };
    let real = texts.iter().map(|h| h.as_ptr()).chain(numbers.iter().map(|h| h.as_ptr()));
    let real: Vec<_> = real.chain(gone.iter().map(|h| h.as_ptr())).collect();
    for word in real.into_iter().flat_map(words).map(ptr::without_provenance_mut) {
        let text = Handle::<Text>::from_ptr(word);
        let at = texts.iter().position(|real| *real == text);
        assert_eq!(text.get().ok().map(|text| text.0), at);
        let number = Handle::<Number>::from_ptr(word);
        let at = numbers.iter().position(|real| *real == number);
        assert_eq!(number.get().ok().map(|number| number.0), at);
        assert!(Handle::<Neither>::from_ptr(word).release().is_err());
    }
    assert!(texts.iter().all(|handle| handle.release().is_ok()));
    assert!(numbers.iter().all(|handle| handle.release().is_ok()));
}

#[test]
fn the_value_is_dropped_once_when_the_last_of_its_users_is_done() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            // The table is not locked.
            Handle::new(0).release().unwrap();
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let handle = Handle::new(Counted(drops.clone()));
    let user = handle.get().unwrap();
    drop(handle.release());
    assert_eq!(drops.load(Ordering::SeqCst), 0, "its user has it still");
    drop(user);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
}

#[test]
fn of_many_threads_that_release_a_handle_one_succeeds() {
    for _ in 0..50 {
        let handle = Handle::new(AtomicUsize::new(7));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                std::thread::spawn(move || {
                    let _ = handle.get().map(|n| n.fetch_add(1, Ordering::SeqCst));
                    handle.release().is_ok()
                })
            })
            .collect();
        assert_eq!(threads.into_iter().filter_map(|t| t.join().unwrap().then_some(())).count(), 1);
    }
}
