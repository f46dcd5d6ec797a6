/* Variadic functions, called and calling back. */
#include <stdarg.h>
#include <stdio.h>

/* The letters say what comes: i, l, d, s. */
long c_sum(const char *letters, ...) {
    double sum = 0;
    va_list args;
    va_start(args, letters);
    for (; *letters; letters++) switch (*letters) {
        case 'i': sum += va_arg(args, int); break;
        case 'l': sum += (double)va_arg(args, long); break;
        case 'd': sum += va_arg(args, double); break;
        default: sum += va_arg(args, const char *)[0];
    }
    va_end(args);
    return (long)(sum * 100);
}

/* The arguments are fetched one by one, around a callback that may park. */
long c_each(void (*see)(long), int count, ...) {
    long sum = 0;
    va_list args;
    va_start(args, count);
    for (int i = 0; i < count; i++) {
        long value = va_arg(args, long);
        see(value);
        sum += value;
    }
    va_end(args);
    return sum;
}
