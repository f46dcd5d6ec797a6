/* What the comparison calls. */
#include <stddef.h>
#include <unistd.h>

extern void bench_callback_body(void);
extern void bench_nest_body(long depth);

__attribute__((noinline)) void c_empty(void) { __asm__ volatile(""); }
void c_callback(void) { bench_callback_body(); }
void c_callback_n(long n) {
    for (long i = 0; i < n; i++) bench_callback_body();
}
void c_nest(long depth) { bench_nest_body(depth); }
void c_sleep(unsigned micros) { usleep(micros); }
