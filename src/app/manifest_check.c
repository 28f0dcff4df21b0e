#include "app/manifest_check.h"

#include "app/manifest_types.h"
#include "base/encode.h"
#include "records/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WAITING_MAX = 256, AGAIN_MS_MAX = 600000, GIVE_UP_US_DAYS = 1, SHOWN_MAX = 5 };

/* A manifest that is to be looked at. */
struct waiting {
	char source[LIMIT_UID_BYTES + 1], day[TIME_TEXT_BYTES];
	enum digest_level level;
	int64_t from, to, count;
	unsigned char hash[SHA256_BYTES];
	struct wall_time came;
	struct mono_time due;
	int64_t again_ms;
	int64_t told; /* how many were there when it was said last; -1: not yet */
	struct manifest_lines *lines;
};

struct taken {
	struct mail mail;
	struct slice source, body;
	struct arena arena;
};

struct manifest_check {
	const struct config *config;
	const struct receive_sources *sources;
	const struct log *log;
	struct background *background;
	size_t job;
	struct mailbox box;
	struct waiting waiting[WAITING_MAX];
	size_t count;
};

void
manifest_check_take(struct manifest_check *check, struct slice source, struct slice body)
{
	struct taken *taken = mem_zero(1, sizeof *taken);
	taken->source = arena_copy(&taken->arena, source);
	taken->body = arena_copy(&taken->arena, body);
	mailbox_post(&check->box, &taken->mail);
	background_wake(check->background, check->job);
}

/* --- reading ------------------------------------------------------------------------------------------ */

static struct json
member_of(struct json object, const char *name)
{
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

static bool
read_time(struct json object, const char *name, struct arena *arena, int64_t *out)
{
	struct json member = member_of(object, name);
	struct wall_time time;
	if (!json_present(member) || member.type != JSON_STRING || !time_parse(json_text(arena, member), &time))
		return false;
	*out = time.us / 1000000;
	return true;
}

static bool
level_of(int64_t from, int64_t to, enum digest_level *out)
{
	for (int level = DIGEST_DAY; level <= DIGEST_MINUTE; level++)
		if (to - from == digest_seconds((enum digest_level)level) && from % (to - from) == 0) {
			*out = (enum digest_level)level;
			return true;
		}
	return false;
}

static bool
read_manifest(struct taken *taken, struct waiting *out)
{
	struct json body, data;
	struct arena *arena = &taken->arena;
	if (json_parse(taken->body, LIMIT_JSON_DEPTH, &body, NULL) != OK)
		return false;
	/* In the style `envelope`, and of the first generation, the event itself stands one deeper. */
	data = member_of(body, "data");
	data = json_present(data) ? data : member_of(member_of(body, "payload"), "data");
	if (!json_present(member_of(data, "day")))
		data = member_of(data, "data");
	struct json count = member_of(data, "count"), hash = member_of(data, "sha256");
	if (!read_time(data, "from", arena, &out->from) || !read_time(data, "to", arena, &out->to) ||
	    !level_of(out->from, out->to, &out->level) || !json_present(count) || !json_int64(count, &out->count) ||
	    !json_present(hash) || hash.type != JSON_STRING)
		return false;
	struct slice bytes = hex_decode(arena, json_text(arena, hash));
	if (bytes.len != SHA256_BYTES)
		return false;
	out->lines = manifest_lines_new();
	if (!manifest_lines_read(out->lines, member_of(data, "types"), out->from)) {
		manifest_lines_free(out->lines);
		return false;
	}
	memcpy(out->hash, bytes.ptr, SHA256_BYTES);
	snprintf(out->source, sizeof out->source, "%.*s", SLICE_ARG(taken->source));
	time_format((struct wall_time){out->from * 1000000}, 0, out->day);
	return true;
}

static void
take_all(struct manifest_check *check)
{
	struct mail_list mail = mailbox_take(&check->box);
	for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
		struct taken *taken = CONTAINER_OF(one, struct taken, mail);
		struct waiting fresh = {.came = clock_wall(), .told = -1, .again_ms = 2 * check->config->gap_grace_ms};
		fresh.due.us = clock_mono().us + fresh.again_ms * 1000;
		if (check->count < WAITING_MAX && read_manifest(taken, &fresh))
			check->waiting[check->count++] = fresh; /* owns its lines now */
		else
			log_write(check->log, LOG_WARN, "a manifest cannot be read", "source",
			    arena_string(&taken->arena, taken->source), NULL);
		arena_free(&taken->arena);
		free(taken);
	}
}

/* --- comparing ---------------------------------------------------------------------------------------- */

struct journal_side {
	struct manifest_check *check;
	struct slice source;
};

static enum error_code
ask_journal(void *context, enum digest_level level, int64_t from, int64_t to, struct arena *arena,
    struct compare_answer *out, struct error *error)
{
	struct journal_side *side = context;
	struct background *background = side->check->background;
	for (;;) {
		struct store_request *request = store_request_new(STORE_DIGEST, clock_wall());
		request->admin->digest =
		    (struct store_digest){.source = side->source, .level = level, .from = from, .to = to};
		enum error_code code = background_ask(background, request, error);
		bool building = code == OK && request->admin->digest.building;
		if (code == OK && building && background_stopping(background))
			code = error_set(error, ERR_UNAVAILABLE, "the receiver is stopping");
		if (code == OK && !building)
			compare_take(&request->admin->digest, arena, out);
		store_request_free(request);
		if (code != OK || !building)
			return code;
	}
}

static void
tell_store(struct manifest_check *check, struct store_request *request)
{
	struct error error = ERROR_NONE;
	if (background_ask(check->background, request, &error) != OK)
		log_write(check->log, LOG_ERROR, "an alert is not recorded", "error", error.text, NULL);
	store_request_free(request);
}

static struct slice
alert_key(struct arena *arena, const struct waiting *waiting)
{
	return arena_printf(arena, "%s/%s", waiting->source, waiting->day);
}

/* Which events differ, where the sender can be asked; else the empty text. */
static struct slice
name_events(struct manifest_check *check, const struct waiting *waiting, struct arena *arena)
{
	const struct receive_source *source = receive_sources_find(check->sources, slice_of(waiting->source));
	struct feed *feed = NULL;
	struct error error = ERROR_NONE;
	struct comparison found = {.arena = ARENA_EMPTY};
	struct slice text = SLICE("");
	if (source == NULL || !slice_present(source->pull_url) ||
	    feed_new(&(struct feed_settings){source->pull_url, source->pull_token_file,
			 background_interrupt(check->background)},
		&feed, &error) != OK)
		return text;
	struct journal_side journal = {check, slice_of(waiting->source)};
	struct compare_side here = {&journal, ask_journal}, there = compare_side_of_feed(feed);
	if (compare_sides(&here, &there, waiting->from, waiting->to, &found, &error) == OK)
		for (size_t i = 0; i < found.count && i < SHOWN_MAX; i++)
			text = arena_printf(arena, "%.*s%s%s %.*s", SLICE_ARG(text), i == 0 ? "; events: " : ", ",
			    compare_kind_name(found.found[i].kind), SLICE_ARG(found.found[i].id));
	comparison_free(&found);
	feed_free(feed);
	return text;
}

/* Of which types events differ. Bodies of a sender that posts other types than its bodies say, or that say none, tell nothing of
 * that: then the whole counts alone. */
static struct slice
name_types(struct manifest_check *check, const struct waiting *waiting, struct arena *arena)
{
	struct manifest_lines *here = manifest_lines_new();
	struct error error = ERROR_NONE;
	struct slice text = SLICE("");
	if (manifest_lines_count(
		here, check->background, slice_of(waiting->source), waiting->from, waiting->to, &error) != OK)
		log_write(check->log, LOG_WARN, "the types of a manifest cannot be compared", "source", waiting->source,
		    "error", error.text, NULL);
	else if (!here->untyped)
		text = manifest_lines_differ(waiting->lines, here, arena);
	manifest_lines_free(here);
	return text;
}

static void
say(struct manifest_check *check, struct waiting *waiting, int64_t here, bool fits)
{
	struct arena arena = ARENA_EMPTY;
	char sent[24], received[24];
	snprintf(sent, sizeof sent, "%" PRId64, waiting->count);
	snprintf(received, sizeof received, "%" PRId64, here);
	struct slice key = alert_key(&arena, waiting), types = name_types(check, waiting, &arena);
	struct slice events = fits ? SLICE("") : name_events(check, waiting, &arena);
	bool adds_up =
	    waiting->lines->count == MANIFEST_TYPES_MAX || manifest_lines_total(waiting->lines) == waiting->count;
	bool good = fits && adds_up;
	log_write(check->log, good ? LOG_INFO : LOG_WARN, good ? "a manifest fits" : "a manifest does not fit",
	    "source", waiting->source, "from", waiting->day, "sent", sent, "received", received, "types",
	    arena_string(&arena, types), "differs", arena_string(&arena, events), NULL);
	const char *what = !adds_up ? "the counts of its types do not add up" : "their digests differ";
	tell_store(check, good ? alert_resolve(ALERT_MANIFEST, clock_wall(), key)
			       : alert_raise(ALERT_MANIFEST, ALERT_WARNING, clock_wall(), key,
				     "the sender tells of %s events, the journal has %s, and %s%s%.*s%.*s", sent,
				     received, what, types.len > 0 ? ": " : "", SLICE_ARG(types), SLICE_ARG(events)));
	arena_free(&arena);
}

/* True when it is done with. */
static bool
look_at(struct manifest_check *check, struct waiting *waiting)
{
	struct arena arena = ARENA_EMPTY;
	struct compare_answer answer;
	struct error error = ERROR_NONE;
	struct journal_side journal = {check, slice_of(waiting->source)};
	enum error_code code =
	    ask_journal(&journal, waiting->level, waiting->from, waiting->to, &arena, &answer, &error);
	struct digest_node node;
	digest_begin(&node, waiting->from);
	if (code == OK && answer.count > 0)
		node = answer.nodes[0];
	bool early = code != OK || answer.through < waiting->to;
	arena_free(&arena);
	waiting->again_ms = waiting->again_ms * 2 > AGAIN_MS_MAX ? AGAIN_MS_MAX : waiting->again_ms * 2;
	waiting->due.us = clock_mono().us + waiting->again_ms * 1000;
	if (early)
		return false;
	bool fits = node.count == waiting->count && memcmp(node.hash, waiting->hash, SHA256_BYTES) == 0;
	if (fits || waiting->told != node.count)
		say(check, waiting, node.count, fits);
	waiting->told = node.count;
	return fits || clock_wall().us - waiting->came.us > INT64_C(86400000000) * GIVE_UP_US_DAYS;
}

static int64_t
run(void *context, struct background *background)
{
	struct manifest_check *check = context;
	take_all(check);
	int64_t soonest = INT64_MAX;
	for (size_t i = 0; i < check->count && !background_stopping(background);) {
		struct waiting *waiting = &check->waiting[i];
		if (waiting->due.us <= clock_mono().us && look_at(check, waiting)) {
			manifest_lines_free(waiting->lines);
			check->count--;
			*waiting = check->waiting[check->count];
			continue;
		}
		soonest = waiting->due.us < soonest ? waiting->due.us : soonest;
		i++;
	}
	if (soonest == INT64_MAX)
		return BACKGROUND_WHEN_WOKEN;
	int64_t left_us = soonest - clock_mono().us;
	return left_us <= 0 ? 1 : left_us / 1000 + 1;
}

struct manifest_check *
manifest_check_new(const struct config *config, const struct receive_sources *sources, const struct log *log,
    struct background *background)
{
	struct manifest_check *check = mem_zero(1, sizeof *check);
	check->config = config;
	check->sources = sources;
	check->log = log;
	check->background = background;
	mailbox_init(&check->box);
	struct background_job job = {
	    .name = "manifest-check", .run = run, .context = check, .first_ms = BACKGROUND_WHEN_WOKEN};
	check->job = background_add(background, &job);
	return check;
}

void
manifest_check_free(struct manifest_check *check)
{
	if (check == NULL)
		return;
	struct mail_list mail = mailbox_take(&check->box);
	for (struct mail *one = mail_list_pop(&mail); one != NULL; one = mail_list_pop(&mail)) {
		struct taken *taken = CONTAINER_OF(one, struct taken, mail);
		arena_free(&taken->arena);
		free(taken);
	}
	for (size_t i = 0; i < check->count; i++)
		manifest_lines_free(check->waiting[i].lines);
	mailbox_fini(&check->box);
	free(check);
}
