/* Whether the stack is aligned where C is entered. */
#include <stdint.h>

/* The compiler takes the stack for aligned and stores without looking: this faults if it is not. */
__attribute__((noinline)) uintptr_t c_misaligned_by(void) {
    struct {
        _Alignas(16) char bytes[64];
    } place;
    __asm__ volatile("" : : "r"(&place) : "memory");
#if defined(__x86_64__)
    __asm__ volatile("pxor %%xmm0, %%xmm0\n\tmovaps %%xmm0, %0" : "=m"(place) : : "xmm0");
#endif
    return (uintptr_t)&place % 16 + (uintptr_t)__builtin_frame_address(0) % 16;
}

/* Calls back from frames of several sizes; `a` to `h` are more than the registers hold. */
long c_calls_back_with(long (*f)(long, long, long, long, long, long, long, long), long words) {
    volatile char room[8 * words + 1];
    room[8 * words] = 7;
    return f(1, 2, 3, 4, 5, 6, 7, 8) + room[8 * words];
}
