/* Writes rows for a reconciliation: `custodian.csv`, `ledger.csv` and `ledger.jsonl` of the same transactions, and a
 * receiver's journal with one event for each. One seed gives one set of files. One in a thousand entries of the ledger
 * has another amount, so that there is something to find. */
#include "base/random.h"
#include "sign/sign.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BATCH_ROWS = 1024, BODY_BYTES_MAX = 2048, WRONG_ONE_IN = 1000 };

static const struct wall_time start = {INT64_C(1735689600) * 1000000};

struct row {
	uint64_t number;
	char id[32], reference[40], amount[48], fee[24], address[48], hash[72], time[TIME_TEXT_BYTES];
	const char *direction, *asset;
	bool wrong;
};

static void
put_hex(char *out, struct random *random, size_t digits)
{
	memcpy(out, "0x", 2);
	for (size_t i = 0; i < digits; i++)
		out[2 + i] = "0123456789abcdef"[random_below(random, 16)];
	out[2 + digits] = '\0';
}

static void
make_row(struct row *row, struct random *random, uint64_t number)
{
	row->number = number;
	row->wrong = number % WRONG_ONE_IN == WRONG_ONE_IN - 1;
	snprintf(row->id, sizeof row->id, "tx_%010" PRIu64, number);
	snprintf(row->reference, sizeof row->reference, "payout-%010" PRIu64, number);
	snprintf(row->amount, sizeof row->amount, "%" PRIu64 "%09" PRIu64, 1 + random_below(random, 999999999),
	    random_below(random, 1000000000));
	snprintf(row->fee, sizeof row->fee, "%" PRIu64, UINT64_C(1000000000000000) + random_below(random, 1000000000));
	put_hex(row->address, random, 40);
	put_hex(row->hash, random, 64);
	row->direction = number % 2 == 0 ? "out" : "in";
	row->asset = number % 3 == 0 ? "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48" : "native";
	time_format((struct wall_time){start.us + (int64_t)number * 1000000}, 3, row->time);
}

static void
put_csv(FILE *file, const struct row *row, bool wrong)
{
	fprintf(file, "%s,%s,%s,eip155:1,%s,%s%s,%s,%s,%s,0,completed,%s\r\n", row->id, row->reference, row->direction,
	    row->asset, wrong ? "1" : "", row->amount, row->fee, row->address, row->hash, row->time);
}

static void
put_json(FILE *file, const struct row *row)
{
	fprintf(file,
	    "{\"id\":\"%s\",\"client_reference\":\"%s\",\"direction\":\"%s\",\"network\":\"eip155:1\",\"asset\":\"%s\","
	    "\"amount_base_units\":%s%s,\"fee_base_units\":\"%s\",\"address\":\"%s\",\"tx_hash\":\"%s\","
	    "\"output_index\":0,\"status\":\"completed\",\"occurred_at\":\"%s\"}\n",
	    row->id, row->reference, row->direction, row->asset, row->wrong ? "1" : "", row->amount, row->fee,
	    row->address, row->hash, row->time);
}

static struct store_request *
journal_request(const struct row *row)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, start);
	struct message *message = message_new();
	const char *type =
	    strcmp(row->direction, "in") == 0 ? "transaction.deposit.completed" : "transaction.request.completed";
	message->webhook_id = arena_printf(&message->arena, "evt_%010" PRIu64, row->number);
	message->event_type = arena_copy(&message->arena, slice_of(type));
	message->payload = arena_printf(&message->arena,
	    "{\"id\":\"evt_%010" PRIu64 "\",\"type\":\"%s\",\"version\":\"1\",\"environment\":\"production\","
	    "\"organisation\":\"org_bench\",\"service\":\"transactions\",\"resource\":{\"type\":\"transaction\",\"id\":"
	    "\"%s\"},\"resource_seq\":3,\"stream_seq\":%" PRIu64 ",\"occurred_at\":\"%s\",\"created_at\":\"%s\","
	    "\"previous_status\":\"confirmed\",\"actor\":{\"type\":\"system\",\"id\":\"custody\"},\"correlation_id\":"
	    "null,"
	    "\"client_reference\":\"%s\",\"data\":{\"transaction_id\":\"%s\",\"client_reference\":\"%s\",\"direction\":"
	    "\"%s\",\"network\":\"eip155:1\",\"asset\":\"%s\",\"amount_base_units\":\"%s\",\"fee_base_units\":\"%s\","
	    "\"address\":\"%s\",\"tx_hash\":\"%s\",\"output_index\":0,\"status\":\"completed\"}}",
	    row->number, type, row->id, row->number + 1, row->time, row->time, row->reference, row->id, row->reference,
	    row->direction, row->asset, row->amount, row->fee, row->address, row->hash);
	struct store_journal *journal = &request->journal;
	journal->source = SLICE("acme");
	journal->event_id = message->webhook_id;
	journal->type = message->event_type;
	journal->message = message;
	sha256(message->payload, journal->body_sha256);
	return request;
}

static bool
put_journal(struct store *store, struct store_request **requests, size_t count)
{
	struct error error = ERROR_NONE;
	struct mail_list notes;
	mail_list_init(&notes);
	enum error_code code = store_batch(store, requests, count, &notes, &error);
	if (code != OK)
		fprintf(stderr, "reconcile_rows: %s\n", error.text);
	for (size_t i = 0; i < count; i++)
		store_request_free(requests[i]);
	return code == OK;
}

static FILE *
open_in(const char *directory, const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", directory, name);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		perror(path);
	return file;
}

static int
write_all(const char *directory, uint64_t rows, struct store *store)
{
	static const char header[] = "id,client_reference,direction,network,asset,amount_base_units,fee_base_units,"
				     "address,tx_hash,output_index,status,occurred_at\r\n";
	FILE *custodian = open_in(directory, "custodian.csv"), *ledger = open_in(directory, "ledger.csv");
	FILE *lines = open_in(directory, "ledger.jsonl");
	if (custodian == NULL || ledger == NULL || lines == NULL)
		return 2;
	fputs(header, custodian);
	fputs(header, ledger);
	struct random random;
	random_seed(&random, 1);
	struct store_request *requests[BATCH_ROWS];
	size_t count = 0;
	bool good = true;
	for (uint64_t number = 0; good && number < rows; number++) {
		struct row row;
		make_row(&row, &random, number);
		put_csv(custodian, &row, false);
		put_csv(ledger, &row, row.wrong);
		put_json(lines, &row);
		requests[count++] = journal_request(&row);
		if (count == BATCH_ROWS || number + 1 == rows) {
			good = put_journal(store, requests, count);
			count = 0;
		}
	}
	good &= fclose(custodian) == 0;
	good &= fclose(ledger) == 0;
	good &= fclose(lines) == 0;
	return good ? 0 : 2;
}

int
main(int argc, char **argv)
{
	int64_t rows;
	if (argc != 3 || !slice_to_int64(slice_of(argv[2]), &rows)) {
		fprintf(stderr, "usage: reconcile_rows DIRECTORY ROWS\n");
		return 2;
	}
	char path[4096];
	snprintf(path, sizeof path, "%s/vaultbell.db", argv[1]);
	struct store_sqlite_options options = {.path = path, .synchronous = "OFF"};
	struct store *store;
	struct error error = ERROR_NONE;
	if (store_sqlite_open(&options, &store, &error) != OK) {
		fprintf(stderr, "reconcile_rows: %s\n", error.text);
		return 2;
	}
	int status = write_all(argv[1], (uint64_t)rows, store);
	store_close(store);
	return status;
}
