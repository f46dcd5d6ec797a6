//! Switches between contexts.

mod common;

use std::arch::asm;
use std::hint::black_box;
use std::ptr;

use common::Stack;
use g0_arch::{Arch, Context, Native};

/// Two sides of a switch, and what the tests look at.
struct Pair {
    main: Context,
    other: Context,
    seen: usize,
}

impl Pair {
    fn new() -> Pair {
        Pair { main: Context::EMPTY, other: Context::EMPTY, seen: 0 }
    }
}

unsafe extern "C" fn add_one(mut value: usize, data: *mut u8) -> ! {
    let pair = data.cast::<Pair>();
    loop {
        // SAFETY: the test keeps the pair alive and `main` is suspended while this runs.
        value = unsafe { Native::switch(&raw mut (*pair).other, (*pair).main, value + 1) };
    }
}

#[test]
fn a_million_switches_pass_their_values_both_ways() {
    let mut stack = Stack::new(64 << 10);
    let mut pair = Pair::new();
    let p = &raw mut pair;
    // SAFETY: the stack outlives the context, which is abandoned with nothing to drop on it.
    unsafe {
        (*p).other = Native::init(stack.top(), add_one, p.cast());
        for i in 0..1_000_000 {
            assert_eq!(Native::switch(&raw mut (*p).main, (*p).other, i), i + 1);
        }
    }
}

/// Returns whether the stack pointer is a multiple of 16 in a function's body. The compiler assumes so
/// when it places an aligned value; x86_64 faults in `movaps` if it is wrong.
#[inline(never)]
fn aligned() -> usize {
    #[repr(align(16))]
    struct Sixteen([u8; 16]);
    let mut place = Sixteen([7; 16]);
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the store stays in `place`.
    unsafe {
        asm!("movaps [{}], xmm0", in(reg) place.0.as_mut_ptr(), options(nostack));
    }
    black_box(&mut place);
    usize::from(place.0.as_ptr().addr().is_multiple_of(16) && sp_is_aligned())
}

#[inline(always)]
fn sp_is_aligned() -> bool {
    // Within an assembly block that may push, the stack is aligned as for a call.
    let sp: usize;
    // SAFETY: it reads a register.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("mov {}, rsp", out(reg) sp);
        #[cfg(target_arch = "aarch64")]
        asm!("mov {}, sp", out(reg) sp);
    }
    sp.is_multiple_of(16)
}

unsafe extern "C" fn entry_aligned(_value: usize, data: *mut u8) -> ! {
    let pair = data.cast::<Pair>();
    // SAFETY: as in `add_one`; nothing switches here again.
    unsafe {
        (*pair).seen = aligned();
        Native::switch(&raw mut (*pair).other, (*pair).main, 0);
    }
    unreachable!("nobody switches back")
}

unsafe extern "C" fn call_aligned(_arg: *mut u8) -> usize {
    aligned()
}

#[test]
fn the_stack_is_aligned_at_every_entry_whatever_the_top() {
    for less in 0..32 {
        let mut stack = Stack::new(64 << 10);
        let top = stack.top().wrapping_sub(less);
        let mut pair = Pair::new();
        let p = &raw mut pair;
        let mut slot = ptr::null_mut();
        // SAFETY: one use of the stack after the other.
        unsafe {
            (*p).other = Native::init(top, entry_aligned, p.cast());
            Native::switch(&raw mut (*p).main, (*p).other, 0);
            assert_eq!((*p).seen, 1, "entry, top - {less}");
            assert_eq!(Native::call_on(top, call_aligned, ptr::null_mut(), &mut slot), 1);
            assert_eq!(g0_arch::call_here(call_aligned, ptr::null_mut(), &mut slot), 1);
        }
        assert_eq!(slot.addr() % 16, 0, "a slot is a base");
    }
}

/// Fills every vector register that a function may or may not preserve.
#[inline(never)]
fn trample() {
    // SAFETY: all that it changes is declared.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!(
            "pcmpeqd xmm0, xmm0", "pcmpeqd xmm1, xmm1", "pcmpeqd xmm6, xmm6",
            "pcmpeqd xmm7, xmm7", "pcmpeqd xmm8, xmm8", "pcmpeqd xmm15, xmm15",
            out("xmm0") _, out("xmm1") _, out("xmm6") _, out("xmm7") _, out("xmm8") _,
            out("xmm15") _,
        );
        #[cfg(target_arch = "aarch64")]
        asm!(
            "movi v8.16b, #255", "movi v9.16b, #255", "movi v10.16b, #255",
            "movi v11.16b, #255", "movi v12.16b, #255", "movi v13.16b, #255",
            "movi v14.16b, #255", "movi v15.16b, #255",
            out("v8") _, out("v9") _, out("v10") _, out("v11") _, out("v12") _, out("v13") _,
            out("v14") _, out("v15") _,
        );
    }
}

/// Leaves ones in all the registers that the other side could count on, and switches back at
/// once, so that nothing restores them.
unsafe extern "C" fn trampler(_value: usize, data: *mut u8) -> ! {
    let pair = data.cast::<Pair>();
    loop {
        trample();
        // SAFETY: as in `add_one`.
        unsafe {
            #[cfg(target_arch = "aarch64")]
            asm!(
                "movi v8.16b, #255",
                "movi v9.16b, #255",
                "movi v10.16b, #255",
                "movi v11.16b, #255",
                "movi v12.16b, #255",
                "movi v13.16b, #255",
                "movi v14.16b, #255",
                "movi v15.16b, #255",
            );
            Native::switch(&raw mut (*pair).other, (*pair).main, 0);
        }
    }
}

#[test]
fn values_in_registers_survive_a_switch() {
    let mut stack = Stack::new(64 << 10);
    let mut pair = Pair::new();
    let p = &raw mut pair;
    let f: [f64; 10] = black_box([1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5]);
    let n: [u64; 10] = black_box([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let (mut fs, mut ns) = (f.map(|x| x * 2.0), n.map(|x| x * 3));
    // SAFETY: the stack outlives the context, which is abandoned with nothing to drop on it.
    unsafe {
        (*p).other = Native::init(stack.top(), trampler, p.cast());
        for _ in 0..3 {
            Native::switch(&raw mut (*p).main, (*p).other, 0);
            fs = fs.map(|x| x + 1.0);
            ns = ns.map(|x| x + 1);
        }
    }
    assert_eq!(fs, f.map(|x| x * 2.0 + 3.0));
    assert_eq!(ns, n.map(|x| x * 3 + 3));
}

#[test]
fn a_context_may_be_resumed_by_another_thread() {
    struct Shared(*mut Pair);
    // SAFETY: the threads take turns, by joining.
    unsafe impl Send for Shared {}
    let mut stack = Stack::new(64 << 10);
    let mut pair = Pair::new();
    pair.other = {
        let p = (&raw mut pair).cast();
        // SAFETY: the stack outlives the context.
        unsafe { Native::init(stack.top(), add_one, p) }
    };
    for i in 0..8 {
        let shared = Shared(&raw mut pair);
        let got = std::thread::spawn(move || {
            let Shared(p) = { shared };
            // SAFETY: only this thread touches the pair until it is joined.
            unsafe { Native::switch(&raw mut (*p).main, (*p).other, i) }
        });
        assert_eq!(got.join().unwrap(), i + 1);
    }
}

struct Ring {
    contexts: [Context; 3],
    log: Vec<usize>,
}

unsafe extern "C" fn next_in_ring(me: usize, data: *mut u8) -> ! {
    let ring = data.cast::<Ring>();
    loop {
        // SAFETY: one of the three runs at a time; the test keeps the ring alive.
        unsafe {
            let log = &mut (*ring).log;
            log.push(me);
            let next = (me + 1) % 3;
            let to = (*ring).contexts[next];
            Native::switch(&raw mut (*ring).contexts[me], to, next);
        }
    }
}

#[test]
fn contexts_switch_directly_to_each_other() {
    let (mut one, mut two) = (Stack::new(64 << 10), Stack::new(64 << 10));
    let mut ring = Ring { contexts: [Context::EMPTY; 3], log: Vec::new() };
    let r = &raw mut ring;
    // SAFETY: the stacks outlive the contexts; the test itself is number 0.
    unsafe {
        (*r).contexts[1] = Native::init(one.top(), next_in_ring, r.cast());
        (*r).contexts[2] = Native::init(two.top(), next_in_ring, r.cast());
        for _ in 0..3 {
            let to = (*r).contexts[1];
            assert_eq!(Native::switch(&raw mut (*r).contexts[0], to, 1), 0);
        }
    }
    assert_eq!(ring.log, [1, 2, 1, 2, 1, 2]);
}
