/* C code that knows nothing of goroutines: it calls back through a pointer and goes on. */

typedef double visit(void *user, long i);

/* Adds up what f says of 0..n, with alternating signs. Sum and sign are floating-point values in
   registers that a callee saves, and so tell whether a callback kept them. */
double client_sum(long n, visit *f, void *user)
{
    double sum = 0, sign = 1;
    for (long i = 0; i < n; i++) {
        sum += sign * f(user, i);
        sign = -sign;
    }
    return sum;
}

/* Where it runs. */
unsigned long client_stack(void)
{
    return (unsigned long)__builtin_frame_address(0);
}
