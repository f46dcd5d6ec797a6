/* g0: goroutines for C programs.
 *
 * Link with libg0.a (`cargo build --release -p g0-c`), -lpthread, -ldl and -lm.
 *
 *     static void hello(void *name) { printf("hello, %s\n", (char *)name); }
 *
 *     static void start(void *unused) {
 *         g0_handle task;
 *         if (g0_go(hello, "world", &task) == G0_OK) g0_join(task);
 *     }
 *
 *     int main(void) { return g0_run(G0_PINNED, 2, start, 0); }
 *
 * A goroutine is a function that runs on a stack of its own, of 256 KiB with a guard page beneath;
 * as many run at a time as the runtime has processors. What waits here lets others run: `g0_yield`,
 * `g0_sleep`, `g0_join`, and the channels. What waits in C (a read, a lock) holds up its thread: do it
 * inside `g0_call_blocking`.
 *
 * Three kinds of runtime, which differ in what a goroutine is to a thread, and in what you promise:
 *
 *     G0_EXCLUSIVE   It has one to itself, from its start to its end. Nothing is promised. There are as
 *                    many goroutines underway as there are threads, and each wait takes microseconds.
 *     G0_PINNED      It stays on the one that it starts on, and shares it. errno and thread-local variables
 *                    are the thread's: others may change them whenever this goroutine waits. So nothing
 *                    waits while such a variable points to something in a function that has not returned,
 *                    nor while a lock is held that belongs to the thread.
 *     G0_MIGRATING   It goes on on any, from wait to wait. That too; besides, no function uses the same
 *                    thread-local variable, errno included, both before and after something that waits
 *                    (compilers keep its address), and nothing that belongs to a thread is kept across one.
 *
 * Three places to be in:
 *
 *     a goroutine          its own stack            everything here but g0_run and g0_callback
 *     inside g0_call       the thread's own stack   nothing but g0_callback
 *     another thread       its own                  g0_run if no runtime runs, channels, g0_callback
 *
 * Every function says in its result whether it did what it is for: G0_OK, or one of the others, and
 * then nothing has happened. Nothing unwinds into C, and longjmp must not leave a goroutine, a
 * call or a callback.
 */
#ifndef G0_H
#define G0_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    G0_OK = 0,
    /* A null function, or no place for the result. */
    G0_NULL = 1,
    /* A runtime runs in this process already, `procs` is 0 or too large, or there is no such kind. */
    G0_REFUSED = 2,
    /* No memory or no thread. */
    G0_RESOURCES = 3,
    /* Not from here: see the three places. */
    G0_CONTEXT = 4,
    /* A handle that has been released, joined, or never was one. */
    G0_GONE = 5,
    /* A handle of something else. */
    G0_KIND = 6,
    /* The channel is closed (and empty, for who receives). */
    G0_CLOSED = 7,
    /* Something panicked in the library: a defect of g0. */
    G0_PANIC = 8
};

/* What a number of those means; never null. */
const char *g0_text(int status);

/* A goroutine or a channel: a number, which may be kept, copied and compared. One that is no good any
 * more is an error wherever it is given; 0 never is a good one. */
typedef uintptr_t g0_handle;

typedef void (*g0_function)(void *arg);

/* Which threads goroutines run on: see above. */
enum { G0_EXCLUSIVE = 0, G0_PINNED = 1, G0_MIGRATING = 2 };

/* Runs `start(arg)` as the first goroutine of a runtime of this kind with `procs` processors, and returns
 * when it and all goroutines that were started have returned. One at a time in a process. */
int g0_run(int kind, size_t procs, g0_function start, void *arg);

/* Starts a goroutine. `task` gets its handle, which must be joined; null if nobody will. */
int g0_go(g0_function f, void *arg, g0_handle *task);

/* Waits until the goroutine has returned. The handle is gone then. */
int g0_join(g0_handle task);

/* Others first. */
int g0_yield(void);

/* Waits for so many nanoseconds, while others run. */
int g0_sleep(uint64_t nanoseconds);

/* From a goroutine: runs `f(arg)` on the thread's own stack, which has megabytes. If it lasts, the
 * processor goes to other threads' goroutines; with `_blocking`, at once. */
int g0_call(g0_function f, void *arg);
int g0_call_blocking(g0_function f, void *arg);

/* From inside a call, and from threads that the runtime does not know: runs `f(arg)` as a goroutine's
 * code, which may do what a goroutine may. In a call it is the goroutine that called. */
int g0_callback(g0_function f, void *arg);

/* A channel of pointers, with room for `capacity` of them; 0: who sends waits for who receives. */
int g0_channel(size_t capacity, g0_handle *channel);
int g0_send(g0_handle channel, void *value);
int g0_receive(g0_handle channel, void **value);
/* No more values. Those in it are received still. */
int g0_close(g0_handle channel);
/* The handle is gone; what waits on the channel already goes on waiting. */
int g0_release(g0_handle channel);

#ifdef __cplusplus
}
#endif

#endif
