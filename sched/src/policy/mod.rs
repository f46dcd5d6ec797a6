//! The policy: it decides, and never switches stacks.
//!
//! Its functions say what is to be done ([`next::Next`]: run this G, wait for a P, stop), and the
//! executor (`exec`) does it with `g0-arch`. So a model can drive the shipped decisions with threads of its
//! own and nothing but atomics in between. Each decision is made in one place.
//!
//! # In which state a function may be called
//!
//! The types of [`inside`](crate::objects::inside) say it. A function that takes a `&Within` is called by
//! an M that is inside and owns a P; one that takes a `&mut Stay`, by an M on g0 or on its way in, and the
//! M's P may have changed when it returns; one that takes a `FreeP`, by any thread that has taken the P from
//! its owner. A function that takes none of them may be called by any thread. Where a function may start a
//! thread, and so must not run on a goroutine's stack, its doc says so.
//!
//! # A P changes hands
//!
//! A P in hand is put to use by `Core::put_p`, under the scheduler's lock. What comes back is a
//! [`hand::WakeM`], whose M is unparked when the lock has been released: the P is given before the wake
//! (L3), and no system call happens under the lock.
//!
//! # Which file decides what
//!
//! Each file uses only those above it.
//!
//! | file | decides | invariants |
//! |---|---|---|
//! | [`next`] | nothing: what an M may be told to do | |
//! | [`prefetch`] | which cold Gs are fetched into the cache before they run | |
//! | [`lockedm`] | which M a goroutine keeps, and how long | L1, L2, L8 |
//! | [`local_list`] | nothing: the list of the Gs that are bound to the calling M | L1 |
//! | [`homes`] | nothing: to how many goroutines an M may be home | |
//! | [`sysmon`] | when sysmon must be woken | L11 |
//! | [`timer_leader`] | which M at rest sleeps until the next deadline | L11 |
//! | [`wanted`] | which Ps are wanted; what becomes of the queue of one that is not | L13, L19 |
//! | [`demand`] | what wants a P, by named questions | |
//! | [`give_way`] | whether a running goroutine, or its M, must make room | L24 |
//! | [`sight`] | what an M sees that looks at all queues | L11 |
//! | [`napper`] | which M naps | L11 |
//! | [`hand`] | nothing: how a P passes from one owner to the next | L3, L5, L18 |
//! | [`free_p`] | which M gets a free P | L11 |
//! | [`rest`] | which Ms sleep, and for what they are woken | L3, L11, L12 |
//! | [`open`], [`halt`] | how a scheduler begins and ends | |
//! | [`kept`] | which threads may end | L23 |
//! | [`procs`] | what a change of the number of Ps does | L5, L11, L19 |
//! | [`machines`], [`starting`] | which M is used next; which thread starts it | L10 |
//! | [`wake`] | whether a publisher must wake an M, and which one | L11 |
//! | [`searching`] | which M passes the looking on | L11 |
//! | [`global_queue`] | how the global queue is shared out | L13 |
//! | [`enqueue`] | where a G that starts or yields goes | L15 |
//! | [`deliver`], [`closing`], [`ready`] | where a G goes that is made ready; which wake wins while the scheduler ends | L1, L15 |
//! | [`hand_off`] | which M gets a P that its owner gives away | L11 |
//! | [`dismiss`] | which idle Ms' threads end | L11, L12, L23 |
//! | [`want_p`] | where an M gets a P that has none | L5, L11, L18 |
//! | [`rests`] | what becomes of a P, and of what is queued there, when C goes on after a callback | L11 |
//! | [`retake`] | which Ps are taken from Ms that are away | L5, L18 |
//! | [`deadlock`] | whether anything can ever run again | L12 |
//! | [`stall`] | when goroutines have waited for so long that it is told | |
//! | [`timers`] | whose deadlines have come, and which thread looks | L11 |
//! | [`queue_order`], [`after_exit`] | which G is the next of those an M has at hand | L15 |
//! | [`turns`] | when a goroutine has run for long enough, and when each queue has its turn by time | L24 |
//! | [`handoff_spin`] | whether an M spins before it sleeps | |
//! | [`borrow`] | what is taken out of the `runnext` of an M that computes | L5, L11, L18 |
//! | [`search`], [`idle`], [`nap`] | where an M looks before it rests, how it goes to sleep, and how it naps on | L11 |
//! | [`reclaim`] | which free stacks move to the depot when the source has no more | |
//! | [`placement`] | which M a goroutine starts on, on the pinned runtime | L11 |
//! | [`reserved`] | what an M does that is reserved for a goroutine | L2 |
//! | [`find_runnable`] | what an M does next | L2, L9, L11 |
//! | [`batch`] | in which order the steps of giving pages back are taken | L27 |
//! | [`shrink`] | which stacks give memory back, and when | L27 |
//! | [`trace`] | when a line about the scheduler is due | |

pub(crate) mod after_exit;
pub(crate) mod batch;
mod borrow;
mod closing;
pub(crate) mod deadlock;
mod deliver;
mod demand;
pub(crate) mod dismiss;
mod enqueue;
mod find_runnable;
mod free_p;
mod give_way;
mod global_queue;
mod halt;
pub(crate) mod hand;
mod hand_off;
mod handoff_spin;
pub(crate) mod homes;
mod idle;
mod kept;
mod local_list;
pub(crate) mod lockedm;
mod machines;
mod nap;
mod napper;
pub(crate) mod next;
mod open;
mod placement;
pub(crate) mod prefetch;
mod procs;
pub(crate) mod queue_order;
mod ready;
mod reclaim;
mod reserved;
mod rest;
mod rests;
mod retake;
mod search;
mod searching;
mod shrink;
mod sight;
mod stall;
mod starting;
pub(crate) mod sysmon;
mod timer_leader;
mod timers;
mod trace;
mod turns;
mod wake;
mod want_p;
mod wanted;
