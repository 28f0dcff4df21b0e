/* What store.h promises of lists: direction, bounds, filters, whether more follow. */
#include "conformance.h"

static void
make_history(
    struct subject *subject, struct message_id messages[static 6], struct endpoint_id *one, struct endpoint_id *two)
{
	make_organisation(subject, "bank");
	make_organisation(subject, "other");
	*one = make_endpoint(subject, "bank", "one");
	*two = make_endpoint(subject, "bank", "two");
	for (int i = 0; i < 6; i++) {
		messages[i] = accept_message(subject, "bank", i % 2 == 0 ? "even" : "odd", i);
		accept_message(subject, "other", "even", i);
	}
}

static struct store_request *
ask_list(struct subject *subject, enum store_kind kind)
{
	struct store_request *request = ask(subject, kind);
	request->ref = SLICE("bank");
	return request;
}

void
message_lists(void **state)
{
	struct subject *subject = *state;
	struct message_id messages[6];
	struct endpoint_id one, two;
	make_history(subject, messages, &one, &two);
	struct store_request *list = ask_list(subject, STORE_MESSAGE_LIST);
	list->page = (struct store_page){.limit = 3, .descending = true};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 3 && list->more);
	assert_int_equal(list->messages[0]->id.value, messages[5].value);
	store_request_free(list);
	list = ask_list(subject, STORE_MESSAGE_LIST);
	list->page = (struct store_page){.limit = 3, .descending = true, .after = messages[3].value};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 3 && !list->more);
	assert_int_equal(list->messages[2]->id.value, messages[0].value);
	store_request_free(list);
	list = ask_list(subject, STORE_MESSAGE_LIST);
	list->page = (struct store_page){.limit = 9, .floor = messages[1].value, .ceiling = messages[4].value};
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 3);
	assert_int_equal(list->messages[0]->id.value, messages[1].value);
	store_request_free(list);
	list = ask_list(subject, STORE_MESSAGE_LIST);
	struct slice odd[] = {SLICE("odd")};
	list->filter.event_types = (struct slice_list){odd, 1};
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 3);
	assert_true(slice_is(list->messages[0]->payload, "{\"number\": 1}"));
	store_request_free(list);
	list = ask(subject, STORE_MESSAGE_GET);
	list->ref = SLICE("other");
	list->message_ref = id_text(&list->arena, ID_MESSAGE, messages[0].value);
	expect(subject, list, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
}

static size_t
count_attempts(struct subject *subject, const char *message, const char *endpoint, int status, int class)
{
	struct store_request *list = ask_list(subject, STORE_ATTEMPT_LIST);
	list->message_ref = slice_of(message);
	if (message == NULL)
		list->endpoint_ref = slice_of(endpoint);
	else
		list->filter.endpoint_ref = slice_of(endpoint);
	list->filter.status = status;
	list->filter.status_code_class = class;
	assert_int_equal(run(subject, list), OK);
	size_t count = list->count;
	store_request_free(list);
	return count;
}

void
attempt_lists(void **state)
{
	struct subject *subject = *state;
	struct message_id messages[6];
	struct endpoint_id one, two;
	make_history(subject, messages, &one, &two);
	record_attempt(subject, messages[0], one, DELIVERY_PENDING, 500);
	record_attempt(subject, messages[0], one, DELIVERY_PENDING, 0);
	record_attempt(subject, messages[0], one, DELIVERY_DELIVERED, 204);
	record_attempt(subject, messages[0], two, DELIVERY_EXHAUSTED, 404);
	record_attempt(subject, messages[1], one, DELIVERY_DELIVERED, 200);
	assert_int_equal(count_attempts(subject, "event-0", NULL, -1, -1), 4);
	assert_int_equal(count_attempts(subject, "event-0", "one", -1, -1), 3);
	assert_int_equal(count_attempts(subject, "event-0", "none", -1, -1), 0);
	assert_int_equal(count_attempts(subject, "event-0", NULL, 0, -1), 1);
	assert_int_equal(count_attempts(subject, "event-0", NULL, 2, -1), 3);
	assert_int_equal(count_attempts(subject, "event-0", NULL, -1, 500), 1);
	assert_int_equal(count_attempts(subject, "event-0", NULL, -1, 0), 1);
	assert_int_equal(count_attempts(subject, NULL, "one", -1, -1), 4);
	assert_int_equal(count_attempts(subject, NULL, "one", -1, 200), 2);
	struct store_request *list = ask_list(subject, STORE_ATTEMPT_LIST);
	list->endpoint_ref = SLICE("one");
	list->page = (struct store_page){.limit = 1, .descending = true};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 1 && list->more);
	assert_int_equal(list->attempts[0].message.value, messages[1].value);
	assert_true(slice_is(list->attempts[0].url, "https://example.com/in"));
	assert_true(slice_is(list->attempts[0].response, "fine"));
	struct store_request *get = ask_list(subject, STORE_ATTEMPT_GET);
	get->message_ref = SLICE("event-1");
	get->attempt_id = list->attempts[0].id.value;
	assert_int_equal(run(subject, get), OK);
	assert_int_equal(get->admin->attempt.status_code, 200);
	store_request_free(get);
	get = ask_list(subject, STORE_ATTEMPT_GET);
	get->message_ref = SLICE("event-0");
	get->attempt_id = list->attempts[0].id.value;
	expect(subject, get, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	store_request_free(list);
}

static size_t
count_deliveries(struct subject *subject, int status)
{
	struct store_request *list = ask_list(subject, STORE_ENDPOINT_MESSAGES);
	list->endpoint_ref = SLICE("one");
	list->filter.status = status;
	assert_int_equal(run(subject, list), OK);
	size_t count = list->count;
	store_request_free(list);
	return count;
}

void
delivery_lists(void **state)
{
	struct subject *subject = *state;
	struct message_id messages[6];
	struct endpoint_id one, two;
	make_history(subject, messages, &one, &two);
	record_attempt(subject, messages[0], one, DELIVERY_DELIVERED, 200);
	record_attempt(subject, messages[1], one, DELIVERY_EXHAUSTED, 500);
	assert_int_equal(count_deliveries(subject, -1), 6);
	assert_int_equal(count_deliveries(subject, 0), 1);
	assert_int_equal(count_deliveries(subject, 2), 1);
	assert_int_equal(count_deliveries(subject, 3), 4);
	struct store_request *list = ask_list(subject, STORE_MESSAGE_ENDPOINTS);
	list->message_ref = SLICE("event-0");
	list->page.limit = 1;
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 1 && list->more);
	assert_int_equal(list->deliveries[0].endpoint->id.value, one.value);
	assert_int_equal(list->deliveries[0].state, DELIVERY_DELIVERED);
	assert_int_equal(list->deliveries[0].sequence, 1);
	store_request_free(list);
	list = ask_list(subject, STORE_MESSAGE_ENDPOINTS);
	list->message_ref = SLICE("event-0");
	list->page.after = one.value;
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 1 && !list->more);
	assert_int_equal(list->deliveries[0].endpoint->id.value, two.value);
	store_request_free(list);
}
