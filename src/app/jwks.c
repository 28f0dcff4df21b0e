#include "app/jwks.h"

#include "base/limits.h"
#include "transport/fetch.h"

#include <stdio.h>
#include <stdlib.h>

enum { FETCH_TIMEOUT_MS = 10000 };

struct set {
	struct mono_time tried;	 /* the last fetch; 0: none */
	struct mono_time due;	 /* the next one */
	atomic_bool wanted;	 /* sooner, if it may be */
	bool failing, succeeded; /* what was said of it last */
};

struct jwks {
	struct jwks_options options;
	struct background *background;
	size_t job;
	struct fetcher *fetcher;
	struct set sets[RECEIVE_SOURCES_MAX];
};

void
jwks_mail_free(struct jwks_mail *mail)
{
	key_list_free(&mail->keys);
	free(mail);
}

/* The answer's max-age (RFC 9111 section 5.2.2.1), in milliseconds; -1 without one. */
static int64_t
max_age_ms(struct slice cache_control)
{
	while (slice_present(cache_control)) {
		struct slice directive = slice_trim(slice_cut(&cache_control, ','));
		int64_t seconds;
		if (slice_starts(directive, SLICE("max-age=")) && slice_to_int64(slice_skip(directive, 8), &seconds) &&
		    seconds < 86400 * 366)
			return seconds * 1000;
	}
	return -1;
}

static int64_t
until_next_ms(const struct config *config, const struct fetch_answer *answer)
{
	int64_t wait = max_age_ms(answer->cache_control);
	wait = wait < 0 || wait > config->jwks_refresh_ms ? config->jwks_refresh_ms : wait;
	return wait < config->jwks_retry_ms ? config->jwks_retry_ms : wait;
}

static enum error_code
fetch_keys(struct jwks *jwks, const struct receive_source *source, struct arena *arena, struct fetch_answer *answer,
    struct key_list *keys, struct error *error)
{
	enum error_code code = OK;
	if (jwks->fetcher == NULL)
		code = fetcher_new(&(struct fetch_settings){.interrupt = background_interrupt(jwks->background)},
		    &jwks->fetcher, error);
	struct http_header accept = {SLICE("accept"), SLICE("application/jwk-set+json, application/json")};
	if (code == OK)
		code = fetch(jwks->fetcher,
		    &(struct fetch_request){
			.method = "GET",
			.url = source->jwks_url,
			.headers = {&accept, 1},
			.timeout_ms = FETCH_TIMEOUT_MS,
			.answer_bytes_max = LIMIT_JWKS_BYTES,
		    },
		    arena, answer, error);
	if (code == OK && answer->status != 200)
		code =
		    error_set(error, ERR_UNAVAILABLE, "the answer was %d; expected 200 and a JWK set", answer->status);
	return code == OK ? jwks_parse(source->scheme, answer->body, source->jwks_owner, keys, error) : code;
}

/* --- saying so ---------------------------------------------------------------------------------------- */

static void
tell_store(struct jwks *jwks, struct store_request *request)
{
	struct error error = ERROR_NONE;
	if (background_ask(jwks->background, request, &error) != OK)
		log_write(jwks->options.log, LOG_ERROR, "an alert is not recorded", "error", error.text, NULL);
	store_request_free(request);
}

static void
say_failed(struct jwks *jwks, struct set *set, const struct receive_source *source, const struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	if (!set->failing)
		log_write(jwks->options.log, LOG_ERROR, "the keys of a source cannot be fetched", "source",
		    arena_string(&arena, source->name), "error", error->text, NULL);
	set->failing = true;
	tell_store(jwks, alert_raise(ALERT_KEYS, set->succeeded ? ALERT_WARNING : ALERT_CRITICAL, clock_wall(),
			     source->name, "its keys cannot be fetched: %s", error->text));
	arena_free(&arena);
}

static void
say_fetched(struct jwks *jwks, struct set *set, const struct receive_source *source, size_t count)
{
	struct arena arena = ARENA_EMPTY;
	char number[24];
	snprintf(number, sizeof number, "%zu", count);
	bool news = set->failing || !set->succeeded;
	if (news) {
		log_write(jwks->options.log, LOG_INFO, "keys fetched", "source", arena_string(&arena, source->name),
		    "keys", number, NULL);
		tell_store(jwks, alert_resolve(ALERT_KEYS, clock_wall(), source->name));
	}
	set->failing = false;
	set->succeeded = true;
	arena_free(&arena);
}

/* --- the job ------------------------------------------------------------------------------------------ */

static void
refresh(struct jwks *jwks, size_t at)
{
	const struct receive_source *source = &jwks->options.sources->items[at];
	struct set *set = &jwks->sets[at];
	struct arena arena = ARENA_EMPTY;
	struct fetch_answer answer = {.status = 0};
	struct error error = ERROR_NONE;
	struct key_list keys;
	atomic_store(&set->wanted, false);
	set->tried = clock_mono();
	enum error_code code = fetch_keys(jwks, source, &arena, &answer, &keys, &error);
	if (code == OK) {
		size_t count = keys.count;
		struct jwks_mail *mail = mem_zero(1, sizeof *mail);
		*mail = (struct jwks_mail){.mail = {.kind = jwks->options.kind}, .source = at, .keys = keys};
		mailbox_post(jwks->options.mailbox, &mail->mail);
		say_fetched(jwks, set, source, count);
	} else if (!background_stopping(jwks->background)) {
		say_failed(jwks, set, source, &error);
	}
	int64_t wait_ms =
	    code == OK ? until_next_ms(jwks->options.config, &answer) : jwks->options.config->jwks_retry_ms;
	set->due.us = clock_mono().us + wait_ms * 1000;
	arena_free(&arena);
}

/* When the set is to be fetched, as things are now. */
static int64_t
due_us(const struct jwks *jwks, const struct set *set)
{
	int64_t soonest = set->tried.us + jwks->options.config->jwks_retry_ms * 1000;
	bool wanted = atomic_load(&set->wanted);
	return wanted && soonest < set->due.us ? soonest : set->due.us;
}

static int64_t
run(void *context, struct background *background)
{
	struct jwks *jwks = context;
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < jwks->options.sources->count && !background_stopping(background); i++) {
		if (!slice_present(jwks->options.sources->items[i].jwks_url))
			continue;
		if (due_us(jwks, &jwks->sets[i]) <= clock_mono().us)
			refresh(jwks, i);
		int64_t due = due_us(jwks, &jwks->sets[i]);
		next = due < next ? due : next;
	}
	int64_t left_us = next - clock_mono().us;
	return left_us <= 0 ? 0 : left_us / 1000 + 1;
}

/* --- life --------------------------------------------------------------------------------------------- */

struct jwks *
jwks_new(const struct jwks_options *options, struct background *background)
{
	bool any = false;
	for (size_t i = 0; i < options->sources->count; i++)
		any = any || slice_present(options->sources->items[i].jwks_url);
	if (!any)
		return NULL;
	struct jwks *jwks = mem_zero(1, sizeof *jwks);
	jwks->options = *options;
	jwks->background = background;
	jwks->job = background_add(background, &(struct background_job){.name = "keys", .run = run, .context = jwks});
	return jwks;
}

void
jwks_free(struct jwks *jwks)
{
	if (jwks == NULL)
		return;
	fetcher_free(jwks->fetcher);
	free(jwks);
}

void
jwks_want(struct jwks *jwks, size_t source)
{
	if (jwks != NULL && !atomic_exchange(&jwks->sets[source].wanted, true))
		background_wake(jwks->background, jwks->job);
}
