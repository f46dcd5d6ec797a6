//! Lists, caches and depots of items, each of which is in one place.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use g0_arch::magazine::{Cache, Depot, Link, List};

#[derive(Default)]
struct Item {
    number: usize,
    next: Cell<Option<NonNull<Item>>>,
    magazine: Cell<(u32, Option<NonNull<Item>>)>,
}

fn pointer(item: Option<NonNull<Item>>) -> *mut Item {
    item.map_or(ptr::null_mut(), NonNull::as_ptr)
}

// SAFETY: a cell for each.
unsafe impl Link for Item {
    unsafe fn next(&self) -> *mut Item {
        pointer(self.next.get())
    }

    unsafe fn set_next(&self, next: *mut Item) {
        self.next.set(NonNull::new(next));
    }

    unsafe fn magazine(&self) -> (u32, *mut Item) {
        let (len, below) = self.magazine.get();
        (len, pointer(below))
    }

    unsafe fn set_magazine(&self, len: u32, below: *mut Item) {
        self.magazine.set((len, NonNull::new(below)));
    }
}

/// Runs `f` with so many items.
fn with_items(count: usize, f: impl FnOnce(Vec<NonNull<Item>>)) {
    let items: Vec<_> = (0..count).map(|number| Item { number, ..Item::default() }).collect();
    f(items.iter().map(NonNull::from).collect());
}

fn push(list: &mut List<Item>, items: &[NonNull<Item>]) {
    for &item in items {
        // SAFETY: the caller's, and alive until the test ends.
        unsafe { list.push(item) };
    }
}

fn numbers(list: &List<Item>) -> Vec<usize> {
    list.iter().map(|item| item.number).collect()
}

fn put<const HALF: u32>(cache: &mut Cache<Item, HALF>, item: NonNull<Item>) -> bool {
    // SAFETY: as above, and there is room.
    cache.make_room()
        && unsafe {
            cache.push(item);
            true
        }
}

#[test]
fn a_list_is_last_in_first_out() {
    with_items(5, |items| {
        let mut list = List::new();
        push(&mut list, &items);
        assert_eq!((list.len(), numbers(&list)), (5, vec![4, 3, 2, 1, 0]));
        assert_eq!(list.pop(), Some(items[4]));
        let mut rest = list.take();
        assert!(list.is_empty() && list.pop().is_none());
        push(&mut list, &items[4..]);
        rest.prepend(list);
        assert_eq!((rest.len(), numbers(&rest)), (5, vec![4, 3, 2, 1, 0]));
        rest.prepend(List::new());
        assert_eq!(rest.len(), 5);
    });
}

#[test]
fn a_cache_holds_two_magazines_and_gives_back_the_last_first() {
    with_items(8, |items| {
        let mut cache = Cache::<Item, 4>::new();
        assert!(items.iter().all(|&item| put(&mut cache, item)));
        assert!(cache.len() == 8 && !cache.make_room());
        for &item in items.iter().rev() {
            assert_eq!(cache.get(), Some(item));
        }
        assert!(cache.is_empty() && cache.get().is_none());
    });
}

/// At any boundary there are `HALF` gets or puts before the next magazine changes hands.
#[test]
fn what_leaves_a_cache_is_a_whole_magazine_the_older_one() {
    with_items(9, |items| {
        let mut cache = Cache::<Item, 4>::new();
        assert!(cache.take_half().is_empty());
        assert!(items[..8].iter().all(|&item| put(&mut cache, item)));
        assert_eq!(numbers(&cache.take_half()), [3, 2, 1, 0]);
        assert!(put(&mut cache, items[8]));
        assert_eq!(cache.len(), 5);
        assert_eq!(numbers(&cache.take_half()), [7, 6, 5, 4]);
        assert!(cache.take_half().is_empty(), "one is no half");
        let [hot, cold] = cache.take_all();
        assert_eq!((numbers(&hot), numbers(&cold)), (vec![8], vec![]));
        cache.fill(hot);
        assert_eq!(cache.get(), Some(items[8]));
    });
}

#[test]
fn a_depot_gives_magazines_back_as_they_came() {
    with_items(6, |items| {
        let mut depot = Depot::new();
        for magazine in [&items[..1], &items[1..4], &[], &items[4..]] {
            let mut list = List::new();
            push(&mut list, magazine);
            depot.push(list);
        }
        assert_eq!((depot.magazines(), depot.items()), (3, 6));
        let mut all = depot.take();
        assert_eq!((depot.magazines(), depot.items(), depot.pop().len()), (0, 0, 0));
        for expected in [&[5, 4][..], &[3, 2, 1], &[0]] {
            let magazine = all.pop();
            assert_eq!(
                (magazine.len() as usize, numbers(&magazine)),
                (expected.len(), expected.to_vec())
            );
        }
        assert!(all.pop().is_empty() && all.items() == 0);
    });
}
