/* What the comparison calls. */
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>
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

static double now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1e9 + now.tv_nsec;
}

/* Threads of C's own. Each function gives nanoseconds. */

struct timed { long calls; double took; };

static void *timed_calls(void *arg) {
    struct timed *timed = arg;
    bench_callback_body(); /* the first contact, if there are more */
    double start = now();
    for (long i = 0; i < timed->calls; i++) bench_callback_body();
    timed->took = now() - start;
    return arg;
}

static void *first_call(void *arg) {
    struct timed *timed = arg;
    double start = now();
    bench_callback_body();
    timed->took = now() - start;
    return arg;
}

static void *no_call(void *arg) { return arg; }

static void run(void *(*start)(void *), struct timed *timed) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, start, timed) != 0) abort();
    pthread_join(thread, NULL);
}

/* One thread that calls so many times: each. */
double c_foreign_n(long n) {
    struct timed timed = {n, 0};
    run(timed_calls, &timed);
    return timed.took / n;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *all, long n) {
    qsort(all, n, sizeof *all, by_size);
    double middle = all[n / 2];
    free(all);
    return middle;
}

static double *room(long n) {
    double *all = malloc(n * sizeof *all);
    if (!all) abort();
    return all;
}

/* So many threads, one after the other: how long the first call of one takes, the median. */
double c_foreign_first(long n) {
    double *all = room(n);
    for (long i = 0; i < n; i++) {
        struct timed timed = {0, 0};
        run(first_call, &timed);
        all[i] = timed.took;
    }
    return median(all, n);
}

/* So many threads that call once, and so many that do not, by turns: what one takes longer than the other before it. */
void c_foreign_pairs(long n, double *differences) {
    for (long i = 0; i < n; i++) {
        struct timed timed = {0, 0};
        double start = now();
        run(no_call, &timed);
        double between = now();
        run(first_call, &timed);
        differences[i] = (now() - between) - (between - start);
    }
}
