/* Threads of C's own that call back and rest in between. */
#include <stdint.h>
#include <time.h>

extern int64_t bench_entered(int64_t sent);

/* The monotonic clock, nanoseconds. */
int64_t c_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

#define ENTERED bench_entered
#include "../peers/go/rests.h"
