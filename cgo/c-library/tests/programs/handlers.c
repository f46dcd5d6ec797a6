/* A C program that handles signals and holds one goroutine busy: both live beside the runtime. */
#define _GNU_SOURCE
#include <g0.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t usr1, segv, prof;

static void on_usr1(int signal) { (void)signal; usr1++; }
static void on_segv(int signal) { (void)signal; segv++; }
static void on_prof(int signal) { (void)signal; prof++; }

static void handle(int signal, void (*handler)(int)) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_ONSTACK | SA_RESTART;
    if (sigaction(signal, &action, NULL) != 0) exit(2);
}

static void raises(void *unused) {
    (void)unused;
    pthread_kill(pthread_self(), SIGUSR1);
    pthread_kill(pthread_self(), SIGPROF);
    /* Not a fault of anybody's stack: it is the program's own. */
    pthread_kill(pthread_self(), SIGSEGV);
}

static volatile int told;

static void tells(void *unused) { (void)unused; told = 1; }

/* Never waits, never calls the runtime: with one processor the other runs nevertheless. */
static void spins(void *unused) {
    (void)unused;
    while (!told) {
    }
}

static void start(void *unused) {
    g0_handle one, other;
    (void)unused;
    raises(NULL);
    g0_call(raises, NULL);
    if (g0_go(raises, NULL, &one) != G0_OK || g0_join(one) != G0_OK) exit(3);
    if (g0_go(spins, NULL, &one) != G0_OK || g0_go(tells, NULL, &other) != G0_OK) exit(4);
    if (g0_join(one) != G0_OK || g0_join(other) != G0_OK) exit(5);
}

int main(void) {
    struct sigaction now;
    handle(SIGUSR1, on_usr1);
    handle(SIGSEGV, on_segv);
    handle(SIGPROF, on_prof);
    raises(NULL);
    if (g0_run(G0_PINNED, 1, start, NULL) != G0_OK) return 1;
    raises(NULL);
    sigaction(SIGUSR1, NULL, &now);
    printf("handled: %d %d %d; %s\n", (int)usr1, (int)prof, (int)segv,
           now.sa_handler == on_usr1 ? "its own handler" : "another handler");
    return 0;
}
