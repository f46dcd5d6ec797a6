/* Three frames of C between a call and a callback. */
__attribute__((noinline)) void c_calls_back(void (*f)(void *), void *arg) {
    f(arg);
    __asm__ volatile("");
}

__attribute__((noinline)) void c_in_the_middle(void (*f)(void *), void *arg) {
    c_calls_back(f, arg);
    __asm__ volatile("");
}

__attribute__((noinline)) void c_is_entered(void (*f)(void *), void *arg) {
    c_in_the_middle(f, arg);
    __asm__ volatile("");
}
