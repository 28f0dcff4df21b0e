/* A hostile body before rules, redaction and scrubbing: routing says the same twice and never reads beyond; what is
 * redacted is JSON, has not what was taken out, and is the same when it is redacted again. */
#include "fuzz.h"

#include "act/act.h"
#include "act/scrub.h"
#include "config/table.h"

#include <stdlib.h>

static const char configuration[] =
    "destinations:\n"
    "  - {name: a, type: file, path: /tmp/a, filter: {not: {member: data.hidden, exists: true}}}\n"
    "  - name: b\n"
    "    type: file\n"
    "    path: /tmp/b\n"
    "    compliance: true\n"
    "    redact: {remove: [secret, data.secret, '*.*.deep', list.0], mask: [data.name, list.*.name]}\n"
    "rules:\n"
    "  - {when: {member: data.amount, at_least: 100}, to: [a]}\n"
    "  - {when: {any: [{member: '*.*.x', equals: y}, {member: list.1, one_of: [1, '2']}, {organisation: o}]}, to: "
    "[b]}\n"
    "  - {when: {all: [{member: a.b.c.d, exists: false}, {member: /a~1b, below: 0.5, above: -3}]}, to: [a, b]}\n";

static struct act *
make(struct config *config)
{
	struct error error = ERROR_NONE;
	*config = (struct config){.arena = ARENA_EMPTY};
	struct act *act = NULL;
	ENSURE(config_read_yaml(config, "fuzz", slice_of(configuration), &error) == OK);
	ENSURE(act_read(config, &act, &error) == OK && act != NULL);
	return act;
}

static void
check_gone(struct json document)
{
	if (document.type != JSON_OBJECT)
		return;
	ENSURE(!json_present(json_member(document, "secret")));
	struct json data = json_member(document, "data");
	if (!json_present(data) || data.type != JSON_OBJECT)
		return;
	ENSURE(!json_present(json_member(data, "secret")));
	struct json name = json_member(data, "name");
	ENSURE(!json_present(name) || json_text_is(name, SLICE("[redacted]")));
}

/* A second time changes nothing, but for what stands at a place that moved: `list.0` is another element then. */
static void
check_redaction(const struct act_redactions *redactions, struct slice body)
{
	struct buf once, again;
	struct json document;
	bool is_json = json_parse(body, LIMIT_JSON_DEPTH, &document, NULL) == OK;
	buf_init(&once, body.len * 16 + 4096);
	buf_init(&again, body.len * 16 + 4096);
	ENSURE((act_redact(redactions, body, &once) == OK) == is_json);
	if (is_json && !once.overflow) {
		ENSURE(json_parse(buf_slice(&once), LIMIT_JSON_DEPTH, &document, NULL) == OK);
		check_gone(document);
		ENSURE(act_redact(redactions, buf_slice(&once), &again) == OK);
		ENSURE(json_parse(buf_slice(&again), LIMIT_JSON_DEPTH, &document, NULL) == OK);
	}
	buf_free(&once);
	buf_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config config;
	struct act *act = make(&config);
	struct slice body = {(const char *)data, size};
	struct act_event event = {SLICE("s"), SLICE("transaction.x"), body};
	uint64_t to = act_route(act, &event);
	ENSURE(to < 4 && act_route(act, &event) == to);
	check_redaction(act->destinations[1].redactions, body);
	char out[64];
	struct slice secrets[] = {SLICE("sesame")};
	act_scrub(body, (struct slice_list){secrets, 1}, out, sizeof out);
	size_t length = strlen(out);
	ENSURE(length < sizeof out);
	for (size_t i = 0; i < length; i++)
		ENSURE(out[i] >= 0x20 && out[i] < 0x7f);
	ENSURE(strstr(out, "sesame") == NULL || length + 1 == sizeof out);
	int order;
	if (act_decimal_compare(body, SLICE("0.5"), &order)) {
		int back;
		ENSURE(act_decimal_compare(SLICE("0.5"), body, &back) && back == -order);
	}
	act_free(act);
	config_free(&config);
	return 0;
}
