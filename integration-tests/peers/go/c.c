#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "c.h"
#include "_cgo_export.h"

__attribute__((noinline)) void c_empty(void) { __asm__ volatile(""); }
__attribute__((noinline)) void c_callback(void) { goEmpty(); }
void c_callback_n(long n) {
    for (long i = 0; i < n; i++) goEmpty();
}
void c_nest(long depth) { goNest(depth); }

void c_sleep(unsigned micros) { usleep(micros); }

int64_t c_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static pthread_t waker;

static void *wakes(void *unused) {
    do usleep(1000);
    while (goWake(c_now()));
    return unused;
}

void c_start_waker(void) {
    if (pthread_create(&waker, NULL, wakes, NULL) != 0) abort();
}

void c_join_waker(void) { pthread_join(waker, NULL); }
