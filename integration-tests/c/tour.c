/* The tour's C library: state that belongs to a thread, threads of its own, and callbacks. */
#include <pthread.h>

/* Goroutine code, of the step `panics`. */
extern int tour_answer(int i);

void tour_ask_all(int calls, int *sum, int *done) {
    int local = 0;
    for (int i = 0; i < calls; i++)
        local += tour_answer(i);
    /* Not reached if somebody jumped over this frame. */
    *sum = local;
    *done = 1;
}

/* A library such as a graphics one: what it works on is the thread's, and is found by no argument. */
static _Thread_local struct {
    long owner;
    long sum;
} state;

void tour_state_open(long owner) {
    state.owner = owner;
    state.sum = 0;
}

void tour_state_add(long n) { state.sum += n; }

/* 0: nobody has opened this thread's state. */
long tour_state_owner(void) { return state.owner; }

long tour_state_close(void) {
    state.owner = 0;
    return state.sum;
}

struct work {
    long n;
    long result;
};

static void *count_down(void *arg) {
    struct work *work = arg;
    tour_state_open(-1);
    for (long i = work->n; i > 0; i--)
        tour_state_add(i);
    work->result = tour_state_close();
    return 0;
}

/* The sum of 1 to n, found by a thread of its own in that thread's state; -1 if there is no thread. */
long tour_sum_by_thread(long n) {
    struct work work = {n, 0};
    pthread_t thread;
    if (pthread_create(&thread, 0, count_down, &work) != 0 || pthread_join(thread, 0) != 0)
        return -1;
    return work.result;
}
