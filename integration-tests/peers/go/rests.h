/* Threads of C's own that call back, by ENTERED, and rest in between: what g0's program and Go's measure alike. */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct resting { long calls; unsigned rest; int64_t end, *late; };

static void *rests(void *arg) {
    struct resting *own = arg;
    for (long i = 0; i < own->calls && c_now() < own->end; i++) {
        usleep(own->rest);
        own->late[i] = ENTERED(c_now());
    }
    return arg;
}

/* So many threads, each of which calls so often, but for five seconds at most; `late` has room for all calls. */
void c_rest_and_call(int threads, long calls, unsigned rest, int64_t *late) {
    pthread_t *all = malloc(threads * sizeof *all);
    struct resting *own = malloc(threads * sizeof *own);
    if (!all || !own) abort();
    for (int i = 0; i < threads; i++) {
        own[i] = (struct resting){calls, rest, c_now() + 5000000000, late + i * calls};
        if (pthread_create(&all[i], NULL, rests, &own[i]) != 0) abort();
    }
    for (int i = 0; i < threads; i++) pthread_join(all[i], NULL);
    free(all);
    free(own);
}
