/* Calls what Rust exports, by name. */
extern long g0_c_test_panics(long value);
extern long g0_c_test_deep(long depth);

/* With frames of its own above. */
__attribute__((noinline)) long c_calls_what_panics(long value) {
    volatile long mine[20];
    mine[value % 20] = value;
    return g0_c_test_panics(mine[value % 20]) + 1;
}

long c_returns_after_depth(long depth) {
    long before = depth * 3;
    return g0_c_test_deep(depth) + before;
}
