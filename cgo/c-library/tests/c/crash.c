/* Faults in C, a handler of C's own for the end of the process, and calls that signals interrupt. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

void c_faults(void) {
    volatile int *nothing = NULL;
    *nothing = 1;
}

void c_aborts(void) { abort(); }

static void says_so(int signal) {
    static const char text[] = "C has caught the end\n";
    (void)signal;
    if (write(2, text, sizeof text - 1) < 0) _exit(1);
    _exit(42);
}

int c_catches_aborts(void) {
    struct sigaction action = {.sa_handler = says_so, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGABRT, &action, NULL);
}

static void nothing(int signal) { (void)signal; }

/* Signals all the time, to whichever thread, by a handler that lets system calls fail. */
static atomic_bool interrupts;
static pthread_t sender;

static void *sends(void *unused) {
    struct timespec pause = {0, 300000};
    (void)unused;
    while (atomic_load(&interrupts)) {
        kill(getpid(), SIGUSR2);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

int c_interrupts_all(void) {
    struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGUSR2, &action, NULL) != 0) return -1;
    atomic_store(&interrupts, true);
    return pthread_create(&sender, NULL, sends, NULL);
}

int c_interrupts_no_more(void) {
    atomic_store(&interrupts, false);
    return pthread_join(sender, NULL);
}

/* To one's own group: the C library tells every thread of the process, by a signal, and waits. */
int c_sets_the_group(void) { return setgid(getgid()); }

/* Another program in the place of this one. */
int c_executes(const char *program) {
    char *args[] = {(char *)program, NULL};
    execv(program, args);
    return errno;
}
