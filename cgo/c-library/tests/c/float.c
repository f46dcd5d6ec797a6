/* Floating point in both directions, in registers, on the stack, and in frames that wait. */
#include <math.h>

double c_ten_doubles(double a, float b, double c, double d, double e, double f, double g, double h,
                     double i, float j) {
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j;
}

/* Values that live in C's frame, and in its registers, while the callback runs; a long double too. */
double c_integrate(double (*f)(double, float), double from, double to, int steps) {
    long double sum = 0;
    double width = (to - from) / steps;
    for (int i = 0; i < steps; i++) {
        long double weight = i == 0 ? 0.5L : 1.0L;
        sum += weight * (long double)f(from + i * width, (float)i) * (long double)width;
    }
    return (double)sum;
}

double c_hypot(double a, double b) { return sqrt(a * a + b * b); }
