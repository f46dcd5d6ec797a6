/* Everything that a C program can do wrong, and that each of it is an error. */
#include <g0.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static int failures;

#define IS(want, expression)                                                             \
    do {                                                                                 \
        int got = (expression);                                                          \
        if (got != (want)) {                                                             \
            printf("%d: %s is %d (%s), not %d\n", __LINE__, #expression, got, g0_text(got), want); \
            failures++;                                                                  \
        }                                                                                \
    } while (0)

static void nothing(void *unused) { (void)unused; }

static void in_a_callback(void *unused) {
    g0_handle task;
    (void)unused;
    IS(G0_CONTEXT, g0_callback(nothing, NULL));
    IS(G0_OK, g0_go(nothing, NULL, &task));
    IS(G0_OK, g0_join(task));
    IS(G0_OK, g0_call(nothing, NULL));
}

static void in_a_call(void *arg) {
    g0_handle task, channel = *(g0_handle *)arg;
    void *value;
    IS(G0_CONTEXT, g0_run(G0_PINNED, 1, nothing, NULL));
    IS(G0_CONTEXT, g0_go(nothing, NULL, &task));
    IS(G0_CONTEXT, g0_yield());
    IS(G0_CONTEXT, g0_sleep(1));
    IS(G0_CONTEXT, g0_call(nothing, NULL));
    IS(G0_CONTEXT, g0_send(channel, NULL));
    IS(G0_CONTEXT, g0_receive(channel, &value));
    IS(G0_CONTEXT, g0_close(channel));
    IS(G0_CONTEXT, g0_release(channel));
    IS(G0_NULL, g0_callback(NULL, NULL));
    IS(G0_OK, g0_callback(in_a_callback, NULL));
}

static void *another_thread(void *arg) {
    IS(G0_REFUSED, g0_run(G0_PINNED, 1, nothing, NULL));
    IS(G0_CONTEXT, g0_yield());
    IS(G0_CONTEXT, g0_call(nothing, NULL));
    IS(G0_NULL, g0_callback(NULL, NULL));
    /* As a goroutine's code, more than once, with other things in between. */
    IS(G0_OK, g0_callback(in_a_callback, NULL));
    IS(G0_CONTEXT, g0_yield());
    IS(G0_CONTEXT, g0_call(nothing, NULL));
    IS(G0_OK, g0_callback(in_a_callback, NULL));
    IS(G0_OK, g0_send(*(g0_handle *)arg, arg));
    return NULL;
}

static void waits_for_the_thread(void *arg) {
    pthread_t thread;
    IS(0, pthread_create(&thread, NULL, another_thread, arg));
    IS(0, pthread_join(thread, NULL));
}

static int late;

static void comes_last(void *unused) {
    (void)unused;
    g0_sleep(20000000);
    late = 1;
}

static void start(void *unused) {
    g0_handle task, channel, other;
    void *value = NULL;
    (void)unused;
    IS(G0_CONTEXT, g0_run(G0_PINNED, 1, nothing, NULL));
    IS(G0_CONTEXT, g0_callback(nothing, NULL));
    IS(G0_NULL, g0_go(NULL, NULL, &task));
    IS(G0_NULL, g0_call(NULL, NULL));
    IS(G0_NULL, g0_call_blocking(NULL, NULL));
    IS(G0_NULL, g0_channel(1, NULL));
    IS(G0_RESOURCES, g0_channel(SIZE_MAX / 2, &channel));

    /* After its end, twice, of another kind, made up. */
    IS(G0_OK, g0_go(nothing, NULL, &task));
    IS(G0_KIND, g0_send(task, NULL));
    IS(G0_KIND, g0_receive(task, &value));
    IS(G0_KIND, g0_close(task));
    IS(G0_KIND, g0_release(task));
    IS(G0_OK, g0_join(task));
    IS(G0_GONE, g0_join(task));
    IS(G0_GONE, g0_send(task, NULL));
    IS(G0_GONE, g0_join(0));
    IS(G0_GONE, g0_join(UINTPTR_MAX));

    IS(G0_OK, g0_channel(1, &channel));
    IS(G0_KIND, g0_join(channel));
    IS(G0_NULL, g0_receive(channel, NULL));
    IS(G0_OK, g0_call(in_a_call, &channel));
    IS(G0_OK, g0_call_blocking(waits_for_the_thread, &channel));
    IS(G0_OK, g0_receive(channel, &value));
    IS(1, value == &channel);
    IS(G0_OK, g0_send(channel, value));
    IS(G0_OK, g0_close(channel));
    IS(G0_CLOSED, g0_close(channel));
    IS(G0_CLOSED, g0_send(channel, NULL));
    IS(G0_OK, g0_receive(channel, &value));
    IS(G0_CLOSED, g0_receive(channel, &value));
    IS(G0_OK, g0_release(channel));
    IS(G0_GONE, g0_release(channel));
    IS(G0_GONE, g0_receive(channel, &value));
    /* Its place in the table is used again, by another kind; the old number leads nowhere. */
    IS(G0_OK, g0_go(nothing, NULL, &other));
    IS(G0_GONE, g0_join(channel));
    IS(G0_OK, g0_join(other));

    /* Nobody joins it, and the runtime waits nevertheless. */
    IS(G0_OK, g0_go(comes_last, NULL, NULL));
}

int main(void) {
    g0_handle task, channel;
    IS(G0_NULL, g0_run(G0_PINNED, 1, NULL, NULL));
    IS(G0_REFUSED, g0_run(G0_PINNED, 0, nothing, NULL));
    IS(G0_REFUSED, g0_run(G0_PINNED, 1000000, nothing, NULL));
    IS(G0_CONTEXT, g0_go(nothing, NULL, &task));
    IS(G0_CONTEXT, g0_join(1));
    IS(G0_CONTEXT, g0_yield());
    IS(G0_CONTEXT, g0_sleep(1));
    IS(G0_CONTEXT, g0_call(nothing, NULL));
    IS(G0_CONTEXT, g0_callback(nothing, NULL));
    IS(G0_OK, g0_channel(1, &channel));
    IS(G0_OK, g0_send(channel, NULL));
    IS(G0_OK, g0_release(channel));
    IS(G0_REFUSED, g0_run(3, 1, nothing, NULL));
    IS(G0_REFUSED, g0_run(-1, 1, nothing, NULL));
    for (int kind = G0_EXCLUSIVE; kind <= G0_MIGRATING; kind++) {
        late = 0;
        IS(G0_OK, g0_run(kind, 2, start, NULL));
        IS(1, late);
    }
    /* And once more. */
    IS(G0_OK, g0_run(G0_PINNED, 1, nothing, NULL));
    IS(G0_CONTEXT, g0_yield());
    IS(G0_CONTEXT, g0_callback(nothing, NULL));
    if (failures == 0) printf("all of it is refused\n");
    return failures != 0;
}
