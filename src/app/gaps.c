#include "app/gaps.h"

#include "base/encode.h"
#include "records/feed.h"
#include "server/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	PAGE_EVENTS = 100,
	PAGES_A_TURN = 10, /* for one stream; the rest waits for the next turn */
	BACKOFF_MS_MAX = 300000,
	SILENT_INTERVALS = 3, /* so many heartbeats that did not come */
};

/* What was done and said about a stream. */
struct watch {
	char key[STREAM_KEY_BYTES];
	int64_t told;	   /* how many are missing, as the alert says; -1: not known, 0: none */
	int64_t pulled_at; /* how many were missing when the feed was asked last */
	int64_t failures;  /* turns in a row that filled nothing */
	bool proved;	   /* the feed says that they are there */
	bool silent;
	struct mono_time next; /* the feed is not asked before */
	char problem[200];     /* of the feed; empty: none */
};

struct gaps {
	struct gaps_options options;
	struct background *background;
	struct feed *feeds[RECEIVE_SOURCES_MAX];
	struct watch *watches;
	size_t watch_count;
};

/* --- saying so ---------------------------------------------------------------------------------------- */

static void
tell_store(struct gaps *gaps, struct store_request *request)
{
	struct error error = ERROR_NONE;
	if (background_ask(gaps->background, request, &error) != OK)
		log_write(gaps->options.log, LOG_ERROR, "what is missing is not recorded", "error", error.text, NULL);
	store_request_free(request);
}

static void
edit_stream(struct gaps *gaps, const struct stream *stream, int64_t first, int64_t last, int64_t newest)
{
	struct store_request *request = store_request_new(STORE_STREAM_EDIT, clock_wall());
	request->admin->stream_edit = (struct store_stream_edit){
	    .key = arena_copy(&request->arena, slice_of(stream->key)),
	    .first = first,
	    .last = last,
	    .newest = newest,
	};
	tell_store(gaps, request);
}

static void
say_missing(struct gaps *gaps, struct watch *watch, const struct stream *stream, int64_t missing, bool hints)
{
	const struct stream_gap *gap = &stream->gaps[0];
	char count[24], numbers[64];
	snprintf(count, sizeof count, "%" PRId64, missing);
	snprintf(numbers, sizeof numbers, "%" PRId64 "-%" PRId64, gap->first, gap->last);
	log_write(gaps->options.log, LOG_WARN, "events are missing", "stream", stream->key, "count", count, "first",
	    numbers, "feed", watch->problem, NULL);
	tell_store(gaps, alert_raise(ALERT_GAP, ALERT_WARNING, clock_wall(), slice_of(stream->key),
			     "%" PRId64 " events are missing, the first ones %s%s%s%s", missing, numbers,
			     hints ? " (no signature covers the numbers)" : "", watch->problem[0] == '\0' ? "" : "; ",
			     watch->problem));
	watch->told = missing;
}

static void
say_complete(struct gaps *gaps, struct watch *watch, const struct stream *stream)
{
	if (watch->told > 0)
		log_write(gaps->options.log, LOG_INFO, "no event is missing any more", "stream", stream->key, NULL);
	if (watch->told != 0)
		tell_store(gaps, alert_resolve(ALERT_GAP, clock_wall(), slice_of(stream->key)));
	watch->told = watch->pulled_at = watch->failures = 0;
	watch->proved = false;
	watch->problem[0] = '\0';
}

/* A sender that said that it would say something, and does not. */
static void
watch_silence(struct gaps *gaps, struct watch *watch, const struct stream *stream, struct wall_time now)
{
	int64_t allowed_us =
	    stream->interval_s * SILENT_INTERVALS * 1000000 + gaps->options.config->gap_grace_ms * 1000;
	bool silent = stream->heard.us != 0 && stream->interval_s > 0 && now.us - stream->heard.us > allowed_us;
	if (silent && !watch->silent) {
		log_write(gaps->options.log, LOG_WARN, "heartbeats do not come any more", "stream", stream->key, NULL);
		tell_store(gaps, alert_raise(ALERT_SILENCE, ALERT_WARNING, now, slice_of(stream->key),
				     "no heartbeat for more than %d intervals of %" PRId64 " s", SILENT_INTERVALS,
				     stream->interval_s));
	} else if (!silent && watch->silent) {
		tell_store(gaps, alert_resolve(ALERT_SILENCE, now, slice_of(stream->key)));
	}
	watch->silent = silent;
}

/* --- the feed ----------------------------------------------------------------------------------------- */

struct page {
	struct json data;
	int64_t next, newest;
	bool done;
	struct slice authority, path;
};

static int64_t
integer_of(struct json object, const char *name, int64_t otherwise)
{
	struct json member = json_member(object, name);
	int64_t number;
	return json_present(member) && json_int64(member, &number) ? number : otherwise;
}

static struct slice
text_of(struct json object, const char *name, struct arena *arena)
{
	struct json member = json_member(object, name);
	return json_present(member) && member.type == JSON_STRING ? json_text(arena, member) : SLICE_NONE;
}

static bool
read_page(struct json object, struct arena *arena, struct page *out)
{
	struct json done = json_member(object, "done");
	*out = (struct page){
	    .data = json_member(object, "data"),
	    .next = integer_of(object, "next", -1),
	    .newest = integer_of(object, "newest", -1),
	    .done = json_present(done) && done.type == JSON_TRUE,
	    .authority = text_of(object, "authority", arena),
	    .path = text_of(object, "path", arena),
	};
	return json_present(out->data) && out->data.type == JSON_ARRAY && out->next >= 0 && out->newest >= 0;
}

static enum error_code
ask_feed(struct gaps *gaps, size_t source, int64_t after, struct arena *arena, struct page *out, struct error *error)
{
	const struct receive_source *of = &gaps->options.sources->items[source];
	char what[96];
	snprintf(what, sizeof what, "events?after=%" PRId64 "&limit=%d", after, PAGE_EVENTS);
	enum error_code code = OK;
	if (gaps->feeds[source] == NULL)
		code = feed_new(
		    &(struct feed_settings){
			.url = of->pull_url,
			.token_file = of->pull_token_file,
			.interrupt = background_interrupt(gaps->background),
		    },
		    &gaps->feeds[source], error);
	struct json object;
	if (code == OK)
		code = feed_get(gaps->feeds[source], what, arena, &object, error);
	if (code == OK && !read_page(object, arena, out))
		code = error_set(error, ERR_UNAVAILABLE, "the sender's answer is no page of a feed");
	return code;
}

/* To the in-loop, which has the keys. False: there is nothing to verify it by. */
static bool
hand_over(struct gaps *gaps, size_t source, const struct page *page, struct json event, int64_t sequence)
{
	struct json headers = json_member(event, "headers"), key, value;
	if (!json_present(headers) || headers.type != JSON_OBJECT)
		return false;
	struct gateway_pulled *pulled = gateway_pulled_new();
	struct arena *arena = &pulled->arena;
	pulled->mail.kind = gaps->options.kind;
	pulled->source = source;
	pulled->sequence = sequence;
	pulled->authority = arena_copy(arena, page->authority);
	pulled->path = arena_copy(arena, page->path);
	pulled->headers.items = arena_alloc(arena, (json_count(headers) + 1) * sizeof pulled->headers.items[0]);
	struct json_iterator items = json_iterate(headers);
	while (json_next(&items, &key, &value))
		if (value.type == JSON_STRING)
			pulled->headers.items[pulled->headers.count++] =
			    (struct http_header){json_text(arena, key), json_text(arena, value)};
	pulled->body = base64_decode(arena, text_of(event, "body", arena), false);
	if (!slice_present(pulled->body)) {
		gateway_pulled_free(pulled);
		return false;
	}
	mailbox_post(gaps->options.mailbox, &pulled->mail);
	return true;
}

static void
take_event(struct gaps *gaps, struct watch *watch, const struct stream *stream, size_t source, const struct page *page,
    struct json event)
{
	struct arena arena = ARENA_EMPTY;
	int64_t sequence = integer_of(event, "sequence", 0);
	struct slice absent = text_of(event, "absent", &arena);
	char number[24];
	snprintf(number, sizeof number, "%" PRId64, sequence);
	if (slice_present(absent) && slice_is(absent, "expunged")) {
		log_write(gaps->options.log, LOG_WARN, "a missing event is no longer kept by its sender", "stream",
		    stream->key, "sequence", number, NULL);
		edit_stream(gaps, stream, sequence, sequence, -1);
	} else if (slice_present(absent)) {
		snprintf(watch->problem, sizeof watch->problem,
		    "the token of pull_token_file has a role that may not read number %s", number);
	} else if (!hand_over(gaps, source, page, event, sequence)) {
		snprintf(watch->problem, sizeof watch->problem, "the feed has no signature for number %s", number);
	}
	arena_free(&arena);
}

static enum error_code
pull_gap(struct gaps *gaps, struct watch *watch, const struct stream *stream, const struct stream_gap *gap,
    size_t source, size_t *pages, struct error *error)
{
	int64_t after = gap->first - 1;
	while (*pages > 0 && after < gap->last && !background_stopping(gaps->background)) {
		struct arena arena = ARENA_EMPTY;
		struct page page;
		enum error_code code = ask_feed(gaps, source, after, &arena, &page, error);
		if (code != OK) {
			arena_free(&arena);
			return code;
		}
		--*pages;
		watch->proved = watch->proved || page.newest >= gap->first;
		if (page.newest < gap->last)
			edit_stream(gaps, stream, 0, 0, page.newest);
		struct json_iterator events = json_iterate(page.data);
		struct json key, event;
		while (json_next(&events, &key, &event)) {
			int64_t sequence = event.type == JSON_OBJECT ? integer_of(event, "sequence", 0) : 0;
			if (sequence >= gap->first && sequence <= gap->last)
				take_event(gaps, watch, stream, source, &page, event);
		}
		bool stands = page.done || page.next <= after;
		after = page.next;
		arena_free(&arena);
		if (stands)
			break;
	}
	return OK;
}

/* Asks less and less often for what does not come. */
static void
pull(struct gaps *gaps, struct watch *watch, const struct stream *stream, size_t source, int64_t late,
    struct wall_time before)
{
	size_t pages = PAGES_A_TURN;
	struct error error = ERROR_NONE;
	enum error_code code = OK;
	watch->failures = late < watch->pulled_at || watch->pulled_at == 0 ? 0 : watch->failures + 1;
	watch->pulled_at = late;
	watch->problem[0] = '\0';
	for (size_t i = 0; i < stream->gap_count && code == OK; i++)
		if (stream->gaps[i].since.us <= before.us)
			code = pull_gap(gaps, watch, stream, &stream->gaps[i], source, &pages, &error);
	if (code != OK)
		snprintf(watch->problem, sizeof watch->problem, "the feed cannot be asked: %.150s", error.text);
	int64_t wait_ms = gaps->options.config->gap_check_ms << (watch->failures > 8 ? 8 : watch->failures);
	watch->next.us = clock_mono().us + (wait_ms > BACKOFF_MS_MAX ? BACKOFF_MS_MAX : wait_ms) * 1000;
}

/* --- the job ------------------------------------------------------------------------------------------ */

static struct watch *
watch_of(struct gaps *gaps, const struct stream *stream)
{
	for (size_t i = 0; i < gaps->watch_count; i++)
		if (strcmp(gaps->watches[i].key, stream->key) == 0)
			return &gaps->watches[i];
	struct watch *watch = &gaps->watches[gaps->watch_count++];
	*watch = (struct watch){.told = -1};
	memcpy(watch->key, stream->key, sizeof watch->key);
	return watch;
}

/* The source of this stream that has a feed, or RECEIVE_SOURCES_MAX. */
static size_t
feed_of(const struct gaps *gaps, const struct stream *stream)
{
	const struct receive_sources *sources = gaps->options.sources;
	for (size_t i = 0; i < sources->count; i++)
		if (slice_is(sources->items[i].name, stream->key) && slice_present(sources->items[i].pull_url))
			return i;
	return RECEIVE_SOURCES_MAX;
}

static void
look_at(struct gaps *gaps, const struct stream *stream, struct wall_time now)
{
	struct watch *watch = watch_of(gaps, stream);
	struct wall_time before = {now.us - gaps->options.config->gap_grace_ms * 1000};
	int64_t late = 0, proved = 0;
	for (size_t i = 0; i < stream->gap_count; i++) {
		const struct stream_gap *gap = &stream->gaps[i];
		int64_t count = gap->since.us <= before.us ? gap->last - gap->first + 1 : 0;
		late += count;
		proved += gap->trusted ? count : 0;
	}
	watch_silence(gaps, watch, stream, now);
	if (late == 0) {
		if (stream->gap_count == 0)
			say_complete(gaps, watch, stream);
		return;
	}
	size_t source = feed_of(gaps, stream);
	bool can_ask = source < RECEIVE_SOURCES_MAX;
	bool known = proved > 0 || !can_ask || watch->proved;
	if (known && watch->told != late)
		say_missing(gaps, watch, stream, late, proved == 0 && !watch->proved);
	if (can_ask && clock_mono().us >= watch->next.us)
		pull(gaps, watch, stream, source, late, before);
}

static int64_t
run(void *context, struct background *background)
{
	struct gaps *gaps = context;
	struct error error = ERROR_NONE;
	struct store_request *list = store_request_new(STORE_STREAM_LIST, clock_wall());
	if (background_ask(background, list, &error) != OK)
		log_write(
		    gaps->options.log, LOG_ERROR, "the streams of numbers cannot be read", "error", error.text, NULL);
	for (size_t i = 0; i < list->count && !background_stopping(background); i++)
		look_at(gaps, list->admin->streams[i], list->now);
	store_request_free(list);
	return gaps->options.config->gap_check_ms;
}

struct gaps *
gaps_new(const struct gaps_options *options, struct background *background)
{
	struct gaps *gaps = mem_zero(1, sizeof *gaps);
	gaps->options = *options;
	gaps->background = background;
	gaps->watches = mem_zero(STREAM_COUNT_MAX, sizeof gaps->watches[0]);
	struct background_job job = {
	    .name = "gaps", .run = run, .context = gaps, .first_ms = options->config->gap_check_ms};
	(void)background_add(background, &job);
	return gaps;
}

void
gaps_free(struct gaps *gaps)
{
	if (gaps == NULL)
		return;
	for (size_t i = 0; i < RECEIVE_SOURCES_MAX; i++)
		feed_free(gaps->feeds[i]);
	free(gaps->watches);
	free(gaps);
}
