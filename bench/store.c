/* What a retry storm costs the store, against the good day: 100,000 pending deliveries whose outcomes are recorded,
 * first as delivered in the order in which they were accepted, then as failed in an order and with due times that a
 * network makes up. In one run, without server and network.
 *   bench-store [--json] [DIR]     DIR: where its database goes and is removed again; /var/tmp
 * Exit 0: a storm is at most four times slower; 1: it is not; 2: misuse or error. */
#include "wire.h"

#include "base/alloc.h"
#include "base/random.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { DELIVERIES = 100000, ENDPOINTS = 100, BATCH = 256, WAVES = 3 };
static const double AIM = 4;

struct delivery {
	struct message_id message;
	struct endpoint_id endpoint;
};

struct bench {
	struct store *store;
	struct wall_time now;
	struct random random;
	struct endpoint_id endpoints[ENDPOINTS];
	struct delivery *deliveries;
};

static const struct slice organisation = {"bench", 5};

static bool
ask_all(struct bench *bench, struct store_request **requests, size_t count)
{
	struct error error = ERROR_NONE;
	struct mail_list notes;
	mail_list_init(&notes);
	enum error_code code = store_batch(bench->store, requests, count, &notes, &error);
	for (struct mail *mail = mail_list_pop(&notes); mail != NULL; mail = mail_list_pop(&notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
	for (size_t i = 0; code == OK && i < count; i++) {
		code = requests[i]->status;
		error = requests[i]->error;
	}
	if (code != OK)
		fprintf(stderr, "bench-store: %s\n", error.text);
	return code == OK;
}

static bool
make_endpoints(struct bench *bench)
{
	struct store_request *owner = store_request_new(STORE_ORGANISATION_CREATE, bench->now);
	owner->admin->organisation =
	    (struct organisation){.name = organisation, .uid = organisation, .metadata = SLICE("{}")};
	bool good = ask_all(bench, &owner, 1);
	store_request_free(owner);
	for (size_t i = 0; good && i < ENDPOINTS; i++) {
		struct store_request *request = store_request_new(STORE_ENDPOINT_CREATE, bench->now);
		struct slice name = arena_printf(&request->arena, "e%zu", i);
		struct slice *channel = arena_alloc(&request->arena, sizeof *channel);
		*channel = name;
		request->ref = organisation;
		request->admin->endpoint = (struct endpoint){.url = SLICE("https://example.com/in"),
		    .uid = name,
		    .description = SLICE(""),
		    .metadata = SLICE("{}"),
		    .headers = SLICE("{}"),
		    .channels = {channel, 1},
		    .version = 1};
		good = ask_all(bench, &request, 1);
		bench->endpoints[i] = request->admin->endpoint.id;
		store_request_free(request);
	}
	return good;
}

static struct store_request *
accept(struct bench *bench, size_t at)
{
	struct store_request *request = store_request_new(STORE_ACCEPT, bench->now);
	struct message *message = request->message = message_new();
	struct slice *channel = arena_alloc(&message->arena, sizeof *channel);
	*channel = arena_printf(&message->arena, "e%zu", at % ENDPOINTS);
	char *payload = arena_alloc(&message->arena, BENCH_BODY_BYTES);
	payload_write(payload, BENCH_BODY_BYTES);
	payload_set_number(payload + BENCH_DIGITS_AT, (uint32_t)at);
	message->event_type = SLICE("bench.event");
	message->payload = (struct slice){payload, BENCH_BODY_BYTES};
	message->channels = (struct slice_list){channel, 1};
	message->retention_days = 90;
	request->ref = organisation;
	return request;
}

/* In all three: seconds, or less than 0 when it failed. */
static double
accept_all(struct bench *bench)
{
	int64_t started_ns = bench_now_ns();
	for (size_t done = 0; done < DELIVERIES;) {
		struct store_request *requests[BATCH];
		size_t count = 0;
		for (; count < BATCH && done + count < DELIVERIES; count++)
			requests[count] = accept(bench, done + count);
		bool good = ask_all(bench, requests, count);
		for (size_t i = 0; i < count; i++, done++) {
			bench->deliveries[done] =
			    (struct delivery){requests[i]->message->id, bench->endpoints[done % ENDPOINTS]};
			store_request_free(requests[i]);
		}
		if (!good)
			return -1;
		bench->now.us += 10000;
	}
	return (double)(bench_now_ns() - started_ns) / 1e9;
}

static struct store_request *
record(struct bench *bench, const struct delivery *delivery, int32_t number, bool delivered)
{
	struct store_request *request = store_request_new(STORE_RECORD, bench->now);
	request->record = (struct store_record){
	    .endpoint = delivery->endpoint,
	    .message = delivery->message,
	    .state = delivered ? DELIVERY_DELIVERED : DELIVERY_PENDING,
	    /* Five minutes, spread by a fifth, as the standard schedule does. */
	    .due = {bench->now.us + INT64_C(240000000) + (int64_t)random_below(&bench->random, 120000000)},
	    .attempt = {.number = number,
		.status_code = delivered ? 200 : 503,
		.duration_ms = 12,
		.succeeded = delivered,
		.response = delivered ? SLICE("ok") : SLICE("unavailable")},
	};
	return request;
}

static double
record_all(struct bench *bench, int32_t number, bool delivered)
{
	int64_t started_ns = bench_now_ns();
	for (size_t done = 0; done < DELIVERIES;) {
		struct store_request *requests[BATCH];
		size_t count = 0;
		for (; count < BATCH && done < DELIVERIES; count++, done++)
			requests[count] = record(bench, &bench->deliveries[done], number, delivered);
		bool good = ask_all(bench, requests, count);
		for (size_t i = 0; i < count; i++)
			store_request_free(requests[i]);
		if (!good)
			return -1;
		bench->now.us += 10000;
	}
	return (double)(bench_now_ns() - started_ns) / 1e9;
}

static void
shuffle(struct bench *bench)
{
	for (size_t i = DELIVERIES - 1; i > 0; i--) {
		size_t other = random_below(&bench->random, i + 1);
		struct delivery one = bench->deliveries[i];
		bench->deliveries[i] = bench->deliveries[other];
		bench->deliveries[other] = one;
	}
}

static bool
measure(struct bench *bench, bool json, double *ratio)
{
	double accepted = make_endpoints(bench) ? accept_all(bench) : -1;
	double delivered = accepted < 0 ? -1 : record_all(bench, 1, true);
	double failed[WAVES];
	bool good = delivered > 0 && accept_all(bench) >= 0;
	for (int32_t i = 0; good && i < WAVES; i++) {
		shuffle(bench);
		failed[i] = record_all(bench, i + 1, false);
		good = failed[i] > 0;
	}
	if (!good)
		return false;
	double worst = 0;
	for (int i = 0; i < WAVES; i++)
		worst = failed[i] > worst ? failed[i] : worst;
	*ratio = worst / delivered;
	if (json) {
		printf("{\"deliveries\":%d,\"accepted_us\":%.2f,\"delivered_us\":%.2f,\"failed_us\":[", DELIVERIES,
		    accepted * 1e6 / DELIVERIES, delivered * 1e6 / DELIVERIES);
		for (int i = 0; i < WAVES; i++)
			printf("%s%.2f", i > 0 ? "," : "", failed[i] * 1e6 / DELIVERIES);
		printf("],\"ratio\":%.3f}\n", *ratio);
		return true;
	}
	printf("%d deliveries to %d endpoints, %d records a commit\n", DELIVERIES, ENDPOINTS, BATCH);
	printf("accepted                     %8.0f /s\n", DELIVERIES / accepted);
	printf("delivered, in order          %8.0f /s\n", DELIVERIES / delivered);
	for (int i = 0; i < WAVES; i++)
		printf("failed, in any order, %d      %8.0f /s   %.2f times slower\n", i + 1, DELIVERIES / failed[i],
		    failed[i] / delivered);
	printf("a storm: %.2f times slower at the worst; at most %.0f: %s\n", *ratio, AIM,
	    *ratio <= AIM ? "reached" : "MISSED");
	return true;
}

static void
remove_database(const char *path)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	char name[4096];
	for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

int
main(int argc, char **argv)
{
	bool json = argc > 1 && slice_is(slice_of(argv[1]), "--json");
	int rest = json ? 2 : 1;
	if (argc > rest + 1 || (argc > rest && argv[rest][0] == '-')) {
		fprintf(stderr, "bench-store: write bench-store [--json] [DIR]\n");
		return 2;
	}
	char path[4000];
	snprintf(
	    path, sizeof path, "%s/vaultbell-bench-store-%d.db", argc > rest ? argv[rest] : "/var/tmp", (int)getpid());
	struct bench bench = {.now = {INT64_C(1767225600) * 1000000}};
	bench.deliveries = mem_zero(DELIVERIES, sizeof *bench.deliveries);
	random_seed(&bench.random, 1);
	struct error error = ERROR_NONE;
	double ratio = 0;
	enum error_code code = store_sqlite_open(&(struct store_sqlite_options){.path = path}, &bench.store, &error);
	if (code != OK)
		fprintf(stderr, "bench-store: %s\n", error.text);
	bool good = code == OK && measure(&bench, json, &ratio);
	store_close(bench.store);
	remove_database(path);
	free(bench.deliveries);
	return !good ? 2 : ratio <= AIM ? 0 : 1;
}
