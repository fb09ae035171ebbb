/* Loaded before the C library, so that a program meets a bad machine: a file system that cannot lock, a clock that is
 * wrong or that somebody keeps setting, a slow disk. What it does is chosen by environment variables. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

/* BAD_LOCKS=1: as on a network file system without a lock service. */
int flock(int fd, int operation)
{
    int (*next)(int, int) = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    if (number("BAD_LOCKS")) {
        errno = ENOLCK;
        return -1;
    }
    return next(fd, operation);
}

/* CLOCK_OFFSET=SECONDS: the time of day is wrong. CLOCK_JUMPS=1: by years, and otherwise at every look. */
int clock_gettime(clockid_t id, struct timespec *now)
{
    static unsigned looks;
    int (*next)(clockid_t, struct timespec *) =
        (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(id, now);
    if (result == 0 && id == CLOCK_REALTIME) {
        now->tv_sec += number("CLOCK_OFFSET");
        looks++;
        if (number("CLOCK_JUMPS"))
            now->tv_sec += (looks % 2 ? 1 : -1) * 300000000L * (long)(looks % 5);
    }
    return result;
}

/* SLOW_MICROSECONDS=N: every rename and every write takes so much longer. */
int rename(const char *source, const char *target)
{
    int (*next)(const char *, const char *) =
        (int (*)(const char *, const char *))dlsym(RTLD_NEXT, "rename");
    usleep((useconds_t)number("SLOW_MICROSECONDS"));
    return next(source, target);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    ssize_t (*next)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    usleep((useconds_t)number("SLOW_MICROSECONDS"));
    return next(fd, bytes, count);
}
