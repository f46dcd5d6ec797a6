/* Signals, and the stack on which they are delivered. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

/* Threads take signals at the same time. */
static atomic_int delivered, on_alternate, elsewhere;

static void handler(int signal) {
    stack_t now;
    char here;
    (void)signal;
    sigaltstack(NULL, &now);
    delivered++;
    if ((now.ss_flags & SS_ONSTACK) && &here >= (char *)now.ss_sp &&
        &here < (char *)now.ss_sp + now.ss_size)
        on_alternate++;
    else
        elsewhere++;
}

int c_install(int signal) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigemptyset(&action.sa_mask);
    delivered = on_alternate = elsewhere = 0;
    return sigaction(signal, &action, NULL);
}

/* To this very thread: it has been handled when this returns. */
int c_raise(int signal) { return pthread_kill(pthread_self(), signal); }

int c_delivered(void) { return delivered; }
int c_on_alternate(void) { return on_alternate; }
int c_elsewhere(void) { return elsewhere; }

/* C that installs an alternate stack of its own for the length of a callback. */
static char own[64 << 10];

int c_own_alternate_stack(int signal, void (*f)(void)) {
    stack_t mine = {.ss_sp = own, .ss_size = sizeof own}, before, after;
    int seen = delivered;
    if (sigaltstack(&mine, &before) != 0) return -1;
    f();
    c_raise(signal);
    sigaltstack(NULL, &after);
    sigaltstack(&before, NULL);
    /* It is still C's own afterwards, and the signals came. */
    return after.ss_sp == own && delivered > seen;
}

/* Blocks a signal around a callback; the mask is the thread's, and comes back as it was. */
int c_blocked_around(int signal, void (*f)(void)) {
    sigset_t block, old, after;
    int seen;
    sigemptyset(&block);
    sigaddset(&block, signal);
    pthread_sigmask(SIG_BLOCK, &block, &old);
    seen = delivered;
    c_raise(signal);
    f();
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    if (!sigismember(&after, signal) || delivered != seen) return -1;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return delivered == seen + 1;
}
