/* A wall clock that is ahead by CLOCK_AHEAD_MS, below the real program by LD_PRELOAD: so that a test of what happens when a
 * minute is over need not wait for its end. Built for tests/blackbox alone, and part of nothing that is installed. */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>

static int (*real_gettime)(clockid_t, struct timespec *);
static long ahead_ms;

static void __attribute__((constructor)) begin(void)
{
	const char *text = getenv("CLOCK_AHEAD_MS");
	ahead_ms = text == NULL ? 0 : strtol(text, NULL, 10);
	*(void **)&real_gettime = dlsym(RTLD_NEXT, "clock_gettime");
	if (real_gettime == NULL)
		abort();
}

int
clock_gettime(clockid_t clock, struct timespec *out)
{
	/* Others' constructors may ask before this one has run. */
	if (real_gettime == NULL)
		begin();
	int result = real_gettime(clock, out);
	if (result != 0 || clock != CLOCK_REALTIME)
		return result;
	long nanoseconds = out->tv_nsec + ahead_ms % 1000 * 1000000;
	out->tv_sec += ahead_ms / 1000 + nanoseconds / 1000000000;
	out->tv_nsec = nanoseconds % 1000000000;
	return 0;
}
