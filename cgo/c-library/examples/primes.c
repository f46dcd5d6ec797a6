/* The sieve of goroutines: each takes the multiples of one prime out of what the one before it lets
 * through. And a C library (qsort) on the thread's own stack, whose comparator is a goroutine's code. */
#include <g0.h>
#include <stdio.h>
#include <stdlib.h>

enum { PRIMES = 50 };

static void must(int status) {
    if (status != G0_OK) {
        fprintf(stderr, "%s\n", g0_text(status));
        exit(1);
    }
}

struct filter {
    g0_handle from, to;
    uintptr_t prime;
};

static void numbers(void *arg) {
    g0_handle to = (g0_handle)arg;
    uintptr_t n = 2;
    while (g0_send(to, (void *)n) == G0_OK) n++;
}

static void filter(void *arg) {
    struct filter f = *(struct filter *)arg;
    void *n;
    free(arg);
    while (g0_receive(f.from, &n) == G0_OK)
        if ((uintptr_t)n % f.prime != 0 && g0_send(f.to, n) != G0_OK) break;
    g0_close(f.from);
}

static uintptr_t primes[PRIMES];
static long comparisons;

struct pair {
    const void *a, *b;
    int order;
};

/* A goroutine's code again: it may wait. */
static void compare_patiently(void *arg) {
    struct pair *p = arg;
    uintptr_t a = *(const uintptr_t *)p->a, b = *(const uintptr_t *)p->b;
    comparisons++;
    must(g0_yield());
    p->order = a < b ? 1 : a > b ? -1 : 0;
}

static int compare(const void *a, const void *b) {
    struct pair p = {a, b, 0};
    must(g0_callback(compare_patiently, &p));
    return p.order;
}

static void sort(void *unused) {
    (void)unused;
    qsort(primes, PRIMES, sizeof primes[0], compare);
}

static void start(void *unused) {
    g0_handle tasks[PRIMES + 1], channel;
    int i;
    (void)unused;
    must(g0_channel(0, &channel));
    must(g0_go(numbers, (void *)channel, &tasks[PRIMES]));
    for (i = 0; i < PRIMES; i++) {
        struct filter *f = malloc(sizeof *f);
        void *prime;
        must(g0_receive(channel, &prime));
        primes[i] = f->prime = (uintptr_t)prime;
        f->from = channel;
        must(g0_channel(0, &channel));
        f->to = channel;
        must(g0_go(filter, f, &tasks[i]));
    }
    must(g0_close(channel));
    for (i = 0; i <= PRIMES; i++) must(g0_join(tasks[i]));
    must(g0_call(sort, NULL));
}

int main(void) {
    must(g0_run(G0_PINNED, 2, start, NULL));
    printf("the %dth prime is %lu; sorted backwards with%s waiting: %lu .. %lu\n", PRIMES,
           (unsigned long)primes[0], comparisons > PRIMES ? "" : "out", (unsigned long)primes[0],
           (unsigned long)primes[PRIMES - 1]);
    return 0;
}
