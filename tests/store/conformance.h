#ifndef STORE_TESTS_CONFORMANCE_H
#define STORE_TESTS_CONFORMANCE_H

#include "harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct organisation_id make_organisation(struct subject *subject, const char *uid);
struct store_request *ask_endpoint(struct subject *subject, const char *organisation, const char *uid);
struct endpoint_id make_endpoint(struct subject *subject, const char *organisation, const char *uid);
void set_endpoint_state(
    struct subject *subject, const char *organisation, const char *endpoint, enum endpoint_state state);
/* Executes, compares status and detail, frees. */
void expect(struct subject *subject, struct store_request *request, enum error_code code, enum store_detail detail);

/* conformance_events.c */
void accepting(void **state);
void accepting_makes_the_organisation(void **state);
void accepting_again(void **state);
void fan_out_follows_filters(void **state);
void journalling(void **state);
void journalling_forwards(void **state);
void recording(void **state);
void recording_suspends(void **state);
void refilling(void **state);
void resending(void **state);
void deleting_an_endpoint_cancels(void **state);
void requests_of_a_batch_see_each_other(void **state);
/* conformance_lists.c */
void message_lists(void **state);
void attempt_lists(void **state);
void delivery_lists(void **state);
/* conformance_feed.c */
void the_feed_is_what_an_endpoint_gets(void **state);
void the_feed_has_what_was_missing_before(void **state);
void the_feed_is_written_behind(void **state);
void versions_are_kept_as_they_were_posted(void **state);

struct store_request *ask_accept(struct subject *subject, const char *organisation, const char *type, int number);
struct store_request *ask_record(
    struct subject *subject, struct message_id message, struct endpoint_id endpoint, enum delivery_state state);
/* Accepts a message of this type with event id `number`; its id. */
struct message_id accept_message(struct subject *subject, const char *organisation, const char *type, int number);
/* Records an attempt that leaves the delivery in this state. */
void record_attempt(struct subject *subject, struct message_id message, struct endpoint_id endpoint,
    enum delivery_state state, int status_code);

#endif
