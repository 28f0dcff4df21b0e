/* Names that do not resolve, or not soon. The resolver is the test's own getaddrinfo, which libcurl's threads find
 * before the library's: no test asks the network. */
#include "transport_fixture.h"

#include "transport/flight.h"

#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* Those inside wait until the gate opens: by itself when `opens_at` are inside, or by hand. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	size_t inside, most, opens_at, calls;
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int
getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
    struct addrinfo **restrict result)
{
	(void)node;
	(void)service;
	(void)hints;
	*result = NULL;
	pthread_mutex_lock(&gate.lock);
	gate.calls++;
	gate.inside++;
	if (gate.inside > gate.most)
		gate.most = gate.inside;
	if (gate.inside == gate.opens_at)
		gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.inside--;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
	return EAI_NONAME;
}

static void
gate_reset(size_t opens_at)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = false;
	gate.most = gate.calls = 0;
	gate.opens_at = opens_at;
	pthread_mutex_unlock(&gate.lock);
}

static void
gate_open_and_wait(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	while (gate.inside > 0)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void
send_cold(struct fixture *fixture, int count, int64_t timeout_ms)
{
	for (int i = 0; i < count; i++) {
		char host[64];
		snprintf(host, sizeof host, "http://cold-%d.invalid", i);
		struct transmission *transmission = fixture_post(fixture, host, "/200");
		transmission->timeout_ms = timeout_ms;
		fixture_dispatch(fixture, transmission);
	}
}

/* More cold names at once than may be resolved at a time: the rest waits its turn and gets it. */
static void
test_resolving_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "", true);
	gate_reset(RESOLVING_MAX);
	send_cold(fixture, SENDS_MAX, 20000);
	loop_run(fixture->loop);
	for (int i = 0; i < SENDS_MAX; i++)
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_UNREACHABLE, "does not resolve");
	gate_open_and_wait();
	assert_int_equal(gate.most, RESOLVING_MAX);
	assert_true(gate.calls >= SENDS_MAX);
	fixture_stop(fixture);
}

/* Requests to names that nobody answers for end in time, those that wait for a resolver too, and other requests go
 * on meanwhile. */
static void
test_a_slow_resolver_holds_up_nobody(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	gate_reset(SIZE_MAX);
	send_cold(fixture, RESOLVING_MAX + 8, 100);
	struct transmission *other = fixture_exchange(fixture, "/200");
	loop_run(fixture->loop);
	fixture_assert_answer(other, 200, "ok");
	for (int i = 0; i < RESOLVING_MAX + 8; i++)
		fixture_assert_problem(&fixture->sends[i], TRANSMISSION_UNREACHABLE, "within 100 ms");
	fixture_stop(fixture);
	gate_open_and_wait();
}

static void
test_free_does_not_wait_for_names(void **state)
{
	struct fixture *fixture = *state;
	fixture_start(fixture, "127.0.0.1", true);
	gate_reset(SIZE_MAX);
	send_cold(fixture, RESOLVING_MAX + 8, 20000);
	fixture_exchange(fixture, "/200");
	fixture->expected = 1; /* report that comes while the names are still being asked for */
	loop_run(fixture->loop);
	fixture_stop(fixture);
	gate_open_and_wait();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TRANSPORT_TEST_CURL(test_resolving_is_bounded),
	    TRANSPORT_TEST_CURL(test_a_slow_resolver_holds_up_nobody),
	    TRANSPORT_TEST_CURL(test_free_does_not_wait_for_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
