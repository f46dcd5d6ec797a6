/* C's own threads, which sleep while goroutines run; and their thread-locals. */
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

static void *sleeps(void *milliseconds) {
    struct timespec t = {0, (long)milliseconds * 1000000};
    while (nanosleep(&t, &t) != 0) {
    }
    return milliseconds;
}

/* Starts so many threads that sleep, and waits for them. How many have slept. */
int c_threads_sleep(int threads, long milliseconds) {
    pthread_t all[16];
    int i, started = 0, slept = 0;
    for (i = 0; i < threads && i < 16; i++)
        started += pthread_create(&all[i], NULL, sleeps, (void *)milliseconds) == 0;
    for (i = 0; i < started; i++) {
        void *result = NULL;
        slept += pthread_join(all[i], &result) == 0 && result == (void *)milliseconds;
    }
    return slept;
}

static __thread long thread_local_value;

void c_set_local(long value) { thread_local_value = value; }
long c_local(void) { return thread_local_value; }

/* Cancels a thread of its own that waits. */
static void *waits(void *unused) {
    struct timespec t = {1000, 0};
    (void)unused;
    nanosleep(&t, NULL);
    return NULL;
}

int c_cancels_a_thread(void) {
    pthread_t thread;
    void *result = NULL;
    if (pthread_create(&thread, NULL, waits, NULL) != 0) return -1;
    if (pthread_cancel(thread) != 0) return -2;
    if (pthread_join(thread, &result) != 0) return -3;
    return result == PTHREAD_CANCELED;
}
