/* Which number an event has in its sender's sequence. */
#include "receive/numbers.h"

/* A header of this name, once. */
static struct slice
only_header(const struct verify_input *input, const char *name)
{
	struct slice value = SLICE_NONE;
	for (size_t i = 0; i < input->headers.count; i++) {
		if (!slice_equal_nocase(input->headers.items[i].name, slice_of(name)))
			continue;
		if (slice_present(value))
			return SLICE_NONE;
		value = input->headers.items[i].value;
	}
	return value;
}

static int64_t
number_of(struct json object, const char *name, int64_t otherwise)
{
	int64_t number;
	if (!json_present(object) || object.type != JSON_OBJECT)
		return otherwise;
	struct json member = json_member(object, name);
	return json_present(member) && json_int64(member, &number) && number >= 0 ? number : otherwise;
}

/* Numbers of the body are those of the organisation's stream, of which one source may send several. */
static struct slice
stream_of_body(struct arena *arena, struct slice source, struct json body)
{
	struct json organisation = json_member(body, "organisation");
	if (!json_present(organisation) || organisation.type != JSON_STRING || organisation.raw.len > LIMIT_UID_BYTES)
		return arena_printf(arena, "%.*s/", SLICE_ARG(source));
	struct slice text = json_text(arena, organisation);
	return arena_printf(arena, "%.*s/%.*s", SLICE_ARG(source), SLICE_ARG(text));
}

/* The envelope has it in `data`, the first generation in `payload`. */
static void
read_heartbeat(struct arena *arena, struct json body, struct store_journal *journal)
{
	struct json data = json_member(body, "data");
	data = json_present(data) ? data : json_member(body, "payload");
	journal->newest = number_of(data, "newest_sequence", -1);
	journal->interval_s = number_of(data, "interval_seconds", 0);
	journal->number_trusted = true;
	journal->stream = journal->source;
	if (journal->newest >= 0)
		return;
	journal->newest = number_of(data, "newest_stream_seq", -1);
	journal->stream = journal->newest >= 0 ? stream_of_body(arena, journal->source, body) : SLICE_NONE;
}

void
receive_numbers(const struct receive_source *source, const struct verify_input *input,
    const struct verify_result *result, struct store_request *request)
{
	struct store_journal *journal = &request->journal;
	bool heartbeat = slice_present(journal->type) && slice_equal(journal->type, HEARTBEAT_TYPE);
	struct slice header = only_header(input, "vaultbell-sequence");
	int64_t number;
	if (!heartbeat && slice_present(header) && slice_to_int64(header, &number) && number > 0) {
		journal->stream = journal->source;
		journal->number = number;
		journal->number_trusted = result->sequence_signed;
		return;
	}
	struct json body;
	bool numbered = heartbeat || !slice_present(source->pull_url);
	if (!numbered || json_parse(journal->message->payload, LIMIT_JSON_DEPTH, &body, NULL) != OK ||
	    body.type != JSON_OBJECT)
		return;
	if (heartbeat) {
		read_heartbeat(&request->arena, body, journal);
		return;
	}
	journal->number = number_of(body, "stream_seq", 0);
	journal->number_trusted = true;
	if (journal->number > 0)
		journal->stream = stream_of_body(&request->arena, journal->source, body);
}
