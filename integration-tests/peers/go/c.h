#include <stdint.h>

void c_empty(void);           /* returns at once */
void c_callback(void);        /* calls goEmpty once */
void c_callback_n(long n);    /* calls goEmpty so many times */
void c_nest(long depth);      /* calls goNest with it */
void c_sleep(unsigned micros);
int64_t c_now(void);          /* the monotonic clock, nanoseconds */
void c_start_waker(void);     /* a thread calls goWake with the time, every millisecond until that says 0 */
void c_join_waker(void);
double c_foreign_n(long n);      /* a thread calls goEmpty so many times: nanoseconds each */
double c_foreign_first(long n);  /* the first call of one of so many threads */
void c_foreign_pairs(long n, double *differences); /* of so many: a thread that calls once, over one that does not */
void c_rest_and_call(int threads, long calls, unsigned rest, int64_t *late); /* threads call goEntered, and rest */
