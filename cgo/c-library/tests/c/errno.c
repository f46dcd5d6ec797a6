/* errno, set by C and by the system. */
#include <errno.h>
#include <unistd.h>

int c_fails_with(int number) {
    errno = number;
    return -1;
}

int c_errno(void) { return errno; }

/* A system call that fails, with a callback between the failure and the look at it. */
int c_fails_and_calls_back(void (*f)(void)) {
    if (close(-1) == 0) return 0;
    f();
    return errno == EBADF;
}
