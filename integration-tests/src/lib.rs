//! What the tour, the tests and the comparison share.

/// The examples in the READMEs, as tests.
#[cfg(doctest)]
mod readmes {
    #[doc = include_str!("../../README.md")]
    struct Root;
    #[doc = include_str!("../../arch/README.md")]
    struct Arch;
    #[doc = include_str!("../../stack/README.md")]
    struct Stack;
    #[doc = include_str!("../../defer/README.md")]
    struct Defer;
    #[doc = include_str!("../../sched/README.md")]
    struct Sched;
    #[doc = include_str!("../../cgo/README.md")]
    struct Cgo;
}
