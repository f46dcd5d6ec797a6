/* C code that knows nothing of goroutines: it calls back through a pointer and goes on. */

typedef double visit(void *user, long i);

/* Sums what `f` says of 0..n. `sum` and `weight` live in callee-saved registers across the call. */
double client_sum(long n, visit *f, void *user)
{
    double sum = 0, weight = 1;
    for (long i = 0; i < n; i++) {
        sum += weight * f(user, i);
        weight = -weight;
    }
    return sum;
}
