/* What the tests of the transport share: a server, a loop, a transport and room for transmissions. */
#ifndef TESTS_TRANSPORT_FIXTURE_H
#define TESTS_TRANSPORT_FIXTURE_H

#include "http_server.h"
#include "transport/transport.h"

enum { SENDS_MAX = 64 };

struct fixture {
	enum transport_kind kind;
	struct http_server server;
	struct guard guard;
	struct loop *loop;
	struct transport *transport;
	struct transport_options options; /* what fixture_start adds to: time-outs, name servers; connections_max */
	struct transmission sends[SENDS_MAX];
	char urls[SENDS_MAX][128];
	size_t reported, expected;
	bool in_send;
	size_t again; /* how often a report sends its transmission once more */
};

/* A test for each kind of transport, and one for a single kind. */
#define TRANSPORT_TEST(test) TRANSPORT_TEST_OWN(test), TRANSPORT_TEST_CURL(test)
#define TRANSPORT_TEST_OWN(test)                                                                                       \
	{                                                                                                              \
#test " (own)", test, fixture_setup_own, fixture_teardown, NULL                                        \
	}
#define TRANSPORT_TEST_CURL(test)                                                                                      \
	{                                                                                                              \
#test " (curl)", test, fixture_setup_curl, fixture_teardown, NULL                                      \
	}

int fixture_setup_own(void **state); /* starts the server */
int fixture_setup_curl(void **state);
int fixture_teardown(void **state);
void fixture_start(struct fixture *fixture, const char *allowed, bool allow_http);
void fixture_stop(struct fixture *fixture);
/* The next transmission, to the server's port; it is one more that loop_run waits for. */
struct transmission *fixture_post(struct fixture *fixture, const char *scheme_and_host, const char *path);
void fixture_dispatch(struct fixture *fixture, struct transmission *transmission);
struct transmission *fixture_exchange(struct fixture *fixture, const char *path); /* both, to http://127.0.0.1 */
void fixture_assert_problem(
    const struct transmission *transmission, enum transmission_outcome outcome, const char *problem);
void fixture_assert_answer(const struct transmission *transmission, int status, const char *body);

#endif
