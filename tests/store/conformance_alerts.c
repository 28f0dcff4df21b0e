/* What store.h and alert.h promise of alerts, kept by both stores alike. */
#include "harness.h"
#include "journal_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct alert
raised(struct subject *subject, enum alert_kind kind, const char *key, enum alert_severity severity, bool existed)
{
	struct wall_time now = {subject->now.us += 1000000};
	struct store_request *request = alert_raise(kind, severity, now, slice_of(key), "%s again\n", key);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->existed, existed);
	struct alert alert = request->admin->alert;
	assert_true(alert.summary.ptr[alert.summary.len - 1] == '?'); /* cleaned */
	alert.key = alert.summary = alert.by = SLICE_NONE;
	store_request_free(request);
	return alert;
}

static enum error_code
moved(struct subject *subject, int64_t id, enum alert_state state, enum alert_state becomes)
{
	struct store_request *request = ask(subject, STORE_ALERT_MOVE);
	request->admin->alert = (struct alert){.id = id, .state = state, .by = SLICE("cli")};
	enum error_code code = run(subject, request);
	if (code == OK)
		assert_int_equal(request->admin->alert.state, becomes);
	store_request_free(request);
	return code;
}

/* The ids that a list gives, as text. */
static const char *
ids(struct subject *subject, enum store_kind kind, int state, bool descending, const char *target, size_t limit)
{
	static char text[256];
	struct store_request *request = ask(subject, kind);
	request->admin->alert_state = state;
	request->page = (struct store_page){.limit = limit, .descending = descending};
	request->ref = slice_of(target);
	assert_int_equal(run(subject, request), OK);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < request->count; i++)
		used +=
		    (size_t)snprintf(text + used, sizeof text - used, "%lld ", (long long)request->admin->alerts[i].id);
	if (request->more)
		snprintf(text + used, sizeof text - used, "more");
	store_request_free(request);
	return text;
}

static const char *
due(struct subject *subject, const char *target)
{
	return ids(subject, STORE_ALERT_DUE, -1, false, target, 10);
}

static void
told(struct subject *subject, const char *target, int64_t id, int64_t revision)
{
	struct store_request *request = ask(subject, STORE_ALERT_TOLD);
	request->ref = slice_of(target);
	request->admin->alert = (struct alert){.id = id, .revision = revision};
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

static void
raising_counts_and_opens_anew(void **state)
{
	struct subject *subject = *state;
	struct alert first = raised(subject, ALERT_GAP, "custodian", ALERT_WARNING, false);
	struct alert again = raised(subject, ALERT_GAP, "custodian", ALERT_WARNING, true);
	assert_int_equal(again.id, first.id);
	assert_int_equal(again.count, 2);
	assert_true(again.first.us == first.first.us && again.last.us > first.last.us);
	assert_int_equal(again.revision, 1);
	struct alert worse = raised(subject, ALERT_GAP, "custodian", ALERT_CRITICAL, true);
	assert_int_equal(worse.revision, 2);
	struct alert other = raised(subject, ALERT_STUCK, "custodian", ALERT_WARNING, false);
	assert_true(other.id > first.id);
	assert_int_equal(moved(subject, first.id, ALERT_ACKNOWLEDGED, ALERT_ACKNOWLEDGED), OK);
	assert_int_equal(raised(subject, ALERT_GAP, "custodian", ALERT_CRITICAL, true).state, ALERT_ACKNOWLEDGED);
	assert_int_equal(moved(subject, first.id, ALERT_RESOLVED, ALERT_RESOLVED), OK);
	assert_int_equal(moved(subject, first.id, ALERT_ACKNOWLEDGED, ALERT_RESOLVED), OK); /* moves nothing */
	struct alert anew = raised(subject, ALERT_GAP, "custodian", ALERT_WARNING, false);
	assert_int_equal(anew.id, first.id);
	assert_int_equal(anew.count, 1);
	assert_int_equal(anew.state, ALERT_OPEN);
	assert_int_equal(anew.revision, 4);
	assert_int_equal(moved(subject, 99, ALERT_RESOLVED, ALERT_RESOLVED), ERR_NOT_FOUND);
	struct store_request *request = alert_resolve(ALERT_KEYS, subject->now, SLICE("nobody"));
	assert_int_equal(run(subject, request), OK);
	assert_false(request->existed);
	store_request_free(request);
}

static void
lists_go_by_state_and_page(void **state)
{
	struct subject *subject = *state;
	for (int i = 0; i < 5; i++) {
		char key[16];
		snprintf(key, sizeof key, "key-%d", i);
		raised(subject, ALERT_BREAK, key, ALERT_INFO, false);
	}
	assert_int_equal(moved(subject, 2, ALERT_ACKNOWLEDGED, ALERT_ACKNOWLEDGED), OK);
	assert_int_equal(moved(subject, 4, ALERT_RESOLVED, ALERT_RESOLVED), OK);
	assert_string_equal(ids(subject, STORE_ALERT_LIST, -1, false, NULL, 10), "1 2 3 4 5 ");
	assert_string_equal(ids(subject, STORE_ALERT_LIST, -1, true, NULL, 2), "5 4 more");
	assert_string_equal(ids(subject, STORE_ALERT_LIST, ALERT_OPEN, false, NULL, 10), "1 3 5 ");
	assert_string_equal(ids(subject, STORE_ALERT_LIST, ALERT_RESOLVED, true, NULL, 10), "4 ");
}

static void
each_target_is_told_once(void **state)
{
	struct subject *subject = *state;
	struct alert one = raised(subject, ALERT_KEYS, "one", ALERT_WARNING, false);
	struct alert two = raised(subject, ALERT_KEYS, "two", ALERT_WARNING, false);
	assert_string_equal(due(subject, "desk"), "1 2 ");
	told(subject, "desk", one.id, one.revision);
	assert_string_equal(due(subject, "desk"), "2 ");
	assert_string_equal(due(subject, "pager"), "1 2 ");
	raised(subject, ALERT_KEYS, "one", ALERT_WARNING, true); /* nothing new */
	assert_string_equal(due(subject, "desk"), "2 ");
	assert_int_equal(moved(subject, one.id, ALERT_RESOLVED, ALERT_RESOLVED), OK);
	assert_string_equal(due(subject, "desk"), "1 2 "); /* who knew of it hears that it is over */
	assert_string_equal(due(subject, "pager"), "2 ");
	told(subject, "desk", one.id, 2);
	told(subject, "desk", two.id, 1);
	told(subject, "desk", 77, 1); /* gone meanwhile: nothing */
	assert_string_equal(due(subject, "desk"), "");
}

static void
a_conflict_raises_one(void **state)
{
	struct subject *subject = *state;
	for (int body = 1; body <= 3; body++) {
		struct store_request *request = journal_request(subject->now, 1, body);
		assert_int_equal(journal_run(subject->store, request), OK);
		store_request_free(request);
	}
	struct store_request *request = ask(subject, STORE_ALERT_LIST);
	request->admin->alert_state = -1;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_int_equal(request->admin->alerts[0].kind, ALERT_CONFLICT);
	assert_int_equal(request->admin->alerts[0].count, 2);
	store_request_free(request);
}

static void
the_number_is_bounded(void **state)
{
	struct subject *subject = *state;
	for (int i = 0; i < LIMIT_ALERTS + 2; i++) {
		char key[16];
		snprintf(key, sizeof key, "%d", i);
		struct store_request *request = alert_raise(ALERT_STUCK, ALERT_INFO, subject->now, slice_of(key), "x");
		assert_int_equal(run(subject, request), OK);
		store_request_free(request);
		if (i == 10)
			assert_int_equal(moved(subject, 6, ALERT_RESOLVED, ALERT_RESOLVED), OK);
	}
	/* The resolved one went first, then the oldest. */
	assert_string_equal(ids(subject, STORE_ALERT_LIST, -1, false, NULL, 5), "2 3 4 5 7 more");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(raising_counts_and_opens_anew),
	    BOTH(lists_go_by_state_and_page),
	    BOTH(each_target_is_told_once),
	    BOTH(a_conflict_raises_one),
	    BOTH(the_number_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
