/* Stacks that overflow where main is C's: none of the threads has a stack for signals but by the runtime.
 *
 *     overflow KIND WHAT    goroutine, call, callback, own: what overflows; alternate: says who has a stack for signals */
#define _GNU_SOURCE
#include <g0.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* Twice as often as any stack here is deep; not so often that it could be done without a stack. */
static int deep(volatile char *above, int n) {
    volatile char frame[512];
    frame[0] = (char)n;
    frame[500] = *above;
    return n == 0 ? *above : deep(frame, n - 1) + frame[0];
}

static void overflows(void *unused) {
    volatile char one = 1;
    (void)unused;
    printf("no overflow: %d\n", deep(&one, 100000));
}

static int has_stack(void) {
    stack_t now;
    sigaltstack(NULL, &now);
    return !(now.ss_flags & SS_DISABLE);
}

static void calls(void *unused) {
    (void)unused;
    g0_call(overflows, NULL);
}

static void *calls_back(void *unused) {
    (void)unused;
    g0_callback(overflows, NULL);
    return NULL;
}

static void waits_for_a_thread(void *unused) {
    pthread_t thread;
    (void)unused;
    if (pthread_create(&thread, NULL, calls_back, NULL) != 0) exit(3);
    pthread_join(thread, NULL);
}

static void has_a_callback(void *unused) {
    (void)unused;
    g0_call_blocking(waits_for_a_thread, NULL);
}

/* A stack of the goroutine's own making, for its thread. */
static char own[64 << 10];

static void with_its_own(void *unused) {
    stack_t mine = {.ss_sp = own, .ss_size = sizeof own};
    sigaltstack(&mine, NULL);
    overflows(unused);
}

static void says(void *seen) { *(int *)seen = has_stack(); }

static void starts_says(void *seen) {
    g0_handle task;
    says((int *)seen);
    if (g0_go(says, (int *)seen + 1, &task) != G0_OK || g0_join(task) != G0_OK) exit(4);
}

int main(int count, char **words) {
    static const char *const kinds[] = {"exclusive", "pinned", "migrating"};
    static const int numbers[] = {G0_EXCLUSIVE, G0_PINNED, G0_MIGRATING};
    struct rlimit no_core = {0, 0};
    int kind = -1, seen[2] = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    alarm(60);
    if (count != 3) return 2;
    for (int i = 0; i < 3; i++)
        if (strcmp(words[1], kinds[i]) == 0) kind = numbers[i];
    for (int i = 0; i < 2; i++) {
        int procs = i + 1;
        if (strcmp(words[2], "alternate") == 0) {
            if (g0_run(kind, procs, starts_says, seen) != G0_OK) return 1;
            printf("main %d, other %d, afterwards %d\n", seen[0], seen[1], has_stack());
        } else {
            void (*what)(void *) = strcmp(words[2], "goroutine") == 0  ? overflows
                                   : strcmp(words[2], "call") == 0     ? calls
                                   : strcmp(words[2], "callback") == 0 ? has_a_callback
                                                                       : with_its_own;
            return g0_run(kind, procs, what, NULL);
        }
    }
    return 0;
}
