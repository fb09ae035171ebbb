/* Loaded before the C library, so that a program meets a bad machine: a file system that cannot lock, a clock that is
 * wrong or that somebody keeps setting, a slow disk, no other program, other elementary functions. What it does is
 * chosen by environment variables. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
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

/* NO_PROGRAMS=1: none can be started. */
#define PROGRAM(name, refusal, parameters, arguments)                         \
    int name parameters                                                       \
    {                                                                         \
        int (*next) parameters = (int (*) parameters)dlsym(RTLD_NEXT, #name); \
        if (number("NO_PROGRAMS")) {                                          \
            errno = EPERM;                                                    \
            return refusal;                                                   \
        }                                                                     \
        return next arguments;                                                \
    }
#define WORDS char *const words[]
#define VARIABLES char *const variables[]
PROGRAM(execv, -1, (const char *path, WORDS), (path, words))
PROGRAM(execvp, -1, (const char *file, WORDS), (file, words))
PROGRAM(execve, -1, (const char *path, WORDS, VARIABLES), (path, words, variables))
PROGRAM(execvpe, -1, (const char *file, WORDS, VARIABLES), (file, words, variables))
#define ACTIONS const posix_spawn_file_actions_t *actions
#define ATTRIBUTES const posix_spawnattr_t *attributes
#define SPAWN(name)                                                                             \
    PROGRAM(name, EPERM, (pid_t *pid, const char *file, ACTIONS, ATTRIBUTES, WORDS, VARIABLES), \
            (pid, file, actions, attributes, words, variables))
SPAWN(posix_spawn)
SPAWN(posix_spawnp)

/* LIBM_OFF=1: each elementary function gives the next number, and its first call is said. */
#define NEXT_NUMBER(of, number_type, bits_type)          \
    static number_type of(number_type x)                 \
    {                                                    \
        bits_type bits;                                  \
        memcpy(&bits, &x, sizeof bits);                  \
        bits += number("LIBM_OFF") != 0;                 \
        memcpy(&x, &bits, sizeof bits);                  \
        return x;                                        \
    }
NEXT_NUMBER(off, double, unsigned long long)
NEXT_NUMBER(off_f, float, unsigned)

static void *libm(const char *name)
{
    if (number("LIBM_OFF")) {
        const char *words[] = {"libm is off: ", name, "\n"};
        for (int i = 0; i < 3; i++)
            if (write(2, words[i], strlen(words[i])) < 0)
                break;
    }
    return dlsym(RTLD_NEXT, name);
}

#define OF_ONE(name, type, off)                          \
    type name(type x)                                    \
    {                                                    \
        static type (*next)(type);                       \
        if (!next)                                       \
            next = (type(*)(type))libm(#name);           \
        return off(next(x));                             \
    }
#define OF_TWO(name, type, off)                          \
    type name(type x, type y)                            \
    {                                                    \
        static type (*next)(type, type);                 \
        if (!next)                                       \
            next = (type(*)(type, type))libm(#name);     \
        return off(next(x, y));                          \
    }
#define BOTH(name, type, off)                            \
    void name(type x, type *sine, type *cosine)          \
    {                                                    \
        static void (*next)(type, type *, type *);       \
        if (!next)                                       \
            next = (void (*)(type, type *, type *))libm(#name); \
        next(x, sine, cosine);                           \
        *sine = off(*sine);                              \
        *cosine = off(*cosine);                          \
    }
#define FUNCTION_OF_ONE(name) OF_ONE(name, double, off) OF_ONE(name##f, float, off_f)
#define FUNCTION_OF_TWO(name) OF_TWO(name, double, off) OF_TWO(name##f, float, off_f)
FUNCTION_OF_ONE(sin)
FUNCTION_OF_ONE(cos)
FUNCTION_OF_ONE(tan)
FUNCTION_OF_ONE(asin)
FUNCTION_OF_ONE(acos)
FUNCTION_OF_ONE(atan)
FUNCTION_OF_ONE(exp)
FUNCTION_OF_ONE(log)
FUNCTION_OF_ONE(log2)
FUNCTION_OF_ONE(log10)
FUNCTION_OF_ONE(cbrt)
FUNCTION_OF_TWO(pow)
FUNCTION_OF_TWO(hypot)
FUNCTION_OF_TWO(atan2)
BOTH(sincos, double, off)
BOTH(sincosf, float, off_f)
