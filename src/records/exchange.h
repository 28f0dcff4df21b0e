/* One request of a list after another, each until an answer counts: what is transient is asked again, after Retry-After or
 * a growing pause; what is not is an error. Never more requests a second than the mapping allows. Private to records. */
#ifndef RECORDS_EXCHANGE_H
#define RECORDS_EXCHANGE_H

#include "records/mapping.h"
#include "records/source.h"
#include "transport/fetch.h"

enum { RECORDS_ANSWER_BYTES_MAX = 64 << 20, RECORDS_DEPTH_MAX = 128 };

struct exchange {
	const struct records_source *source;
	struct fetcher *fetcher;
	struct http_header headers[MAPPING_HEADERS_MAX + 2];
	size_t header_count;
	int64_t timeout_ms, retries;
	double rate;
	struct mono_time last; /* when the last request was begun */
	bool asked;
	struct arena arena; /* of the headers */
};

MUST_CHECK enum error_code exchange_init(
    struct exchange *exchange, const struct records_source *source, const struct mapping *mapping, struct error *error);
void exchange_fini(struct exchange *exchange);

struct exchange_request {
	const char *method;
	struct slice url, body; /* body absent: none */
};

/* `root` and `link` (the header, or absent) live in `arena`. */
MUST_CHECK enum error_code exchange_ask(struct exchange *exchange, const struct exchange_request *request,
    struct arena *arena, struct json *root, struct slice *link, struct error *error);

/* Walks the pages of a list. `take` gets the items of each, which live until it returns. */
typedef enum error_code exchange_take(void *context, struct json items, struct error *error);
MUST_CHECK enum error_code exchange_pages(struct exchange *exchange, const struct mapping_list *list,
    exchange_take *take, void *context, struct error *error);
/* Asks for one transaction. JSON_ABSENT: the answer has none, or was 404. */
MUST_CHECK enum error_code exchange_look_up(struct exchange *exchange, const struct mapping_list *lookup,
    struct slice id, struct arena *arena, struct json *out, struct error *error);

/* Percent-encoded for a path segment or a query's value. */
struct slice exchange_encode(struct slice text, struct arena *arena);

#endif
