#include "transport_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WATCHDOG_S = 60 };

static void
on_done(void *context, struct transmission *transmission)
{
	struct fixture *fixture = context;
	assert_false(fixture->in_send);
	assert_null(transmission->state);
	fixture->reported++;
	if (fixture->again > 0) {
		fixture->again--;
		assert_int_equal(transmission->outcome, TRANSMISSION_ANSWERED);
		arena_free(&transmission->arena);
		transport_send(fixture->transport, transmission);
	}
}

static void
on_mail(void *context, struct mail_list mail)
{
	(void)context;
	(void)mail;
}

static int64_t
on_turn(void *context)
{
	struct fixture *fixture = context;
	int64_t sleep_us = transport_turn(fixture->transport);
	if (fixture->reported == fixture->expected)
		loop_stop(fixture->loop);
	return sleep_us;
}

void
fixture_start(struct fixture *fixture, const char *allowed, bool allow_http)
{
	static const struct loop_handlers handlers = {.mail = on_mail, .turn = on_turn};
	struct error error = ERROR_NONE;
	assert_int_equal(guard_parse(slice_of(allowed), &fixture->guard, &error), OK);
	fixture->loop = loop_new(&handlers, fixture);
	struct transport_options options = fixture->options;
	options.kind = fixture->kind;
	options.loop = fixture->loop;
	options.guard = &fixture->guard;
	options.allow_http = allow_http;
	if (options.connections_max == 0)
		options.connections_max = 256;
	options.done = on_done;
	options.context = fixture;
	assert_int_equal(transport_new(&options, &fixture->transport, &error), OK);
}

void
fixture_stop(struct fixture *fixture)
{
	transport_free(fixture->transport);
	loop_free(fixture->loop);
	for (size_t i = 0; i < SENDS_MAX; i++) {
		arena_free(&fixture->sends[i].arena);
		fixture->sends[i] = (struct transmission){0};
	}
	fixture->reported = fixture->expected = 0;
}

struct transmission *
fixture_post(struct fixture *fixture, const char *scheme_and_host, const char *path)
{
	size_t at = fixture->expected++;
	snprintf(fixture->urls[at], sizeof fixture->urls[at], "%s:%d%s", scheme_and_host, fixture->server.port, path);
	struct transmission *transmission = &fixture->sends[at];
	transmission->url = slice_of(fixture->urls[at]);
	transmission->body = SLICE("{\"a\":1}");
	transmission->timeout_ms = 20000;
	return transmission;
}

void
fixture_dispatch(struct fixture *fixture, struct transmission *transmission)
{
	fixture->in_send = true;
	transport_send(fixture->transport, transmission);
	fixture->in_send = false;
}

struct transmission *
fixture_exchange(struct fixture *fixture, const char *path)
{
	struct transmission *transmission = fixture_post(fixture, "http://127.0.0.1", path);
	fixture_dispatch(fixture, transmission);
	return transmission;
}

static int
setup(void **state, enum transport_kind kind)
{
	alarm(WATCHDOG_S);
	struct fixture *fixture = calloc(1, sizeof *fixture);
	fixture->kind = kind;
	http_server_start(&fixture->server);
	*state = fixture;
	return 0;
}

int
fixture_setup_own(void **state)
{
	return setup(state, TRANSPORT_OWN);
}

int
fixture_setup_curl(void **state)
{
	return setup(state, TRANSPORT_CURL);
}

int
fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->server.port != 0)
		http_server_stop(&fixture->server);
	free(fixture);
	return 0;
}

void
fixture_assert_problem(const struct transmission *transmission, enum transmission_outcome outcome, const char *problem)
{
	if (transmission->outcome != outcome || strstr(transmission->problem, problem) == NULL)
		fail_msg("%s: %s (%s), not %s (%s)", transmission->url.ptr,
		    transmission_outcome_name(transmission->outcome), transmission->problem,
		    transmission_outcome_name(outcome), problem);
	assert_null(strstr(transmission->problem, "127.0.0.1"));
}

void
fixture_assert_answer(const struct transmission *transmission, int status, const char *body)
{
	if (transmission->outcome != TRANSMISSION_ANSWERED)
		fail_msg("%s: %s", transmission->url.ptr, transmission->problem);
	assert_int_equal(transmission->status_code, status);
	assert_true(slice_is(transmission->response, body));
	assert_string_equal(transmission->problem, "");
	assert_true(transmission->duration_us > 0);
}
