#include "cli/post.h"

#include "cli/cli.h"
#include "cli/input.h"

#include "json/json.h"
#include "model/model.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

enum { PAUSE_FIRST_MS = 100, PAUSE_MAX_MS = 5000, TRY_TIMEOUT_MS = 30000, BODY_EXTRA_BYTES = 4096 };

/*   FREE ──poster_post──▶ SENDING ──answer that counts──▶ FREE
 *                           │  ▲
 *                           ▼  │ when its pause is over
 *                         PAUSING                            (moves: begin, finish) */
enum slot_state { SLOT_FREE, SLOT_SENDING, SLOT_PAUSING };

struct slot {
	enum slot_state state;
	CURL *easy;
	struct curl_slist *headers;
	struct slice event_id;
	struct buf body, answer;
	unsigned tries;
	struct mono_time again; /* when PAUSING */
	char problem[CURL_ERROR_SIZE];
	struct arena arena;
};

struct poster {
	struct poster_options options;
	CURLM *multi;
	struct slice url, authorization; /* of the posts; the token's header line */
	struct arena arena;
	size_t busy;
	struct slot slots[POST_PARALLEL_MAX];
};

static size_t
take_answer(char *bytes, size_t size, size_t count, void *context)
{
	/* What is beyond the limit is dropped, not an error: the status has come already. */
	buf_append(context, (struct slice){bytes, size * count});
	return size * count;
}

static void
slot_prepare(struct poster *poster, struct slot *slot)
{
	slot->easy = curl_easy_init();
	ENSURE(slot->easy != NULL);
	buf_init(&slot->body, LIMIT_BODY_BYTES + BODY_EXTRA_BYTES);
	buf_init(&slot->answer, POST_ANSWER_BYTES_MAX);
	CURL *easy = slot->easy;
	curl_easy_setopt(easy, CURLOPT_URL, poster->url.ptr);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TRY_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, slot->problem);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &slot->answer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Vaultbell/" VAULTBELL_VERSION);
	/* With a CA path as well, libcurl would read the whole bundle anew for every connection. */
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
}

static enum error_code
check_options(const struct poster_options *options, struct error *error)
{
	struct slice url = slice_of(options->url), rest = url;
	if (slice_starts(url, SLICE("http://")))
		rest = slice_skip(url, 7);
	else if (slice_starts(url, SLICE("https://")))
		rest = slice_skip(url, 8);
	bool good =
	    rest.ptr != url.ptr && rest.len > 0 && strcspn(rest.ptr, "/?#") > 0 && strpbrk(rest.ptr, "?# ") == NULL;
	if (!good)
		return error_set(error, ERR_INVALID,
		    "--url %s: expected the http or https URL of a Vaultbell server, as in http://127.0.0.1:8080",
		    options->url);
	if (!uid_valid(slice_of(options->organisation), NULL))
		return error_set(error, ERR_INVALID,
		    "--organisation %s: expected an id or uid of 1 to %d letters, digits, '-', '_' or '.'",
		    options->organisation, LIMIT_UID_BYTES);
	return OK;
}

enum error_code
poster_new(const struct poster_options *options, struct poster **out, struct error *error)
{
	ENSURE(options->parallel > 0 && options->parallel <= POST_PARALLEL_MAX);
	enum error_code code = check_options(options, error);
	if (code != OK)
		return code;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, ERR_INTERNAL, "libcurl cannot be initialised");
	struct poster *poster = mem_zero(1, sizeof *poster);
	poster->options = *options;
	struct slice root = slice_of(options->url);
	while (root.len > 0 && root.ptr[root.len - 1] == '/')
		root.len--;
	poster->url = arena_printf(&poster->arena, "%.*s/api/v1/app/%s/msg", SLICE_ARG(root), options->organisation);
	poster->authorization = arena_printf(&poster->arena, "authorization: Bearer %s", options->token);
	poster->multi = curl_multi_init();
	ENSURE(poster->multi != NULL);
	for (size_t i = 0; i < options->parallel; i++)
		slot_prepare(poster, &poster->slots[i]);
	*out = poster;
	return OK;
}

static void
slot_clear(struct slot *slot)
{
	curl_slist_free_all(slot->headers);
	slot->headers = NULL;
	buf_clear(&slot->body);
	buf_clear(&slot->answer);
	arena_free(&slot->arena);
	slot->state = SLOT_FREE;
}

void
poster_free(struct poster *poster)
{
	if (poster == NULL)
		return;
	for (size_t i = 0; i < poster->options.parallel; i++) {
		struct slot *slot = &poster->slots[i];
		if (slot->state == SLOT_SENDING)
			curl_multi_remove_handle(poster->multi, slot->easy);
		slot_clear(slot);
		curl_easy_cleanup(slot->easy);
		buf_free(&slot->body);
		buf_free(&slot->answer);
	}
	curl_multi_cleanup(poster->multi);
	explicit_bzero((char *)(uintptr_t)poster->authorization.ptr, poster->authorization.len);
	arena_free(&poster->arena);
	free(poster);
	curl_global_cleanup();
}

bool
poster_has_room(const struct poster *poster)
{
	return poster->busy < poster->options.parallel;
}

size_t
poster_busy(const struct poster *poster)
{
	return poster->busy;
}

/* --- one post --------------------------------------------------------------------------------------- */

static void
add_header(struct slot *slot, struct slice line)
{
	slot->headers = curl_slist_append(slot->headers, line.ptr);
	ENSURE(slot->headers != NULL);
}

static void
begin(struct poster *poster, struct slot *slot)
{
	slot->state = SLOT_SENDING;
	slot->tries++;
	slot->problem[0] = '\0';
	buf_clear(&slot->answer);
	ENSURE(curl_multi_add_handle(poster->multi, slot->easy) == CURLM_OK);
}

void
poster_post(struct poster *poster, const struct post *post)
{
	ENSURE(poster_has_room(poster));
	struct slot *slot = poster->slots;
	while (slot->state != SLOT_FREE)
		slot++;
	slot->event_id = arena_copy(&slot->arena, post->event_id);
	struct json_writer writer;
	json_writer_init(&writer, &slot->body);
	json_open(&writer, '{');
	json_put_string(&writer, "eventType", post->type);
	if (slice_present(post->event_id))
		json_put_string(&writer, "eventId", post->event_id);
	json_key(&writer, "payload");
	json_raw(&writer, post->payload);
	json_close(&writer);
	ENSURE(!slot->body.overflow);
	struct slice key = slice_present(post->key) ? post->key : post->event_id;
	add_header(slot, poster->authorization);
	add_header(slot, SLICE("content-type: application/json"));
	add_header(slot, SLICE("expect:")); /* no waiting for 100 Continue */
	add_header(slot, arena_printf(&slot->arena, "idempotency-key: %.*s", SLICE_ARG(key)));
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS, slot->body.data);
	curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.len);
	slot->tries = 0;
	poster->busy++;
	begin(poster, slot);
}

static void
finish(struct poster *poster, struct slot *slot, CURLcode code)
{
	long status = 0;
	if (code == CURLE_OK)
		curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	bool again = status == 0 || status == 429 || status >= 500;
	if (again && slot->tries < poster->options.tries_max) {
		unsigned doublings = slot->tries < 7 ? slot->tries - 1 : 6;
		int64_t pause_ms = (int64_t)PAUSE_FIRST_MS << doublings;
		slot->again = clock_mono();
		slot->again.us += (pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS) * 1000;
		slot->state = SLOT_PAUSING;
		return;
	}
	if (code != CURLE_OK && slot->problem[0] == '\0')
		snprintf(slot->problem, sizeof slot->problem, "%s", curl_easy_strerror(code));
	struct post_result result = {
	    .event_id = slot->event_id,
	    .accepted = status >= 200 && status < 300,
	    .status = status,
	    .tries = slot->tries,
	    .body = buf_slice(&slot->answer),
	    .problem = code == CURLE_OK ? "" : slot->problem,
	};
	poster->options.done(poster->options.context, &result);
	slot_clear(slot);
	poster->busy--;
}

static void
resume_due(struct poster *poster, int *wait_ms)
{
	struct mono_time now = clock_mono();
	for (size_t i = 0; i < poster->options.parallel; i++) {
		struct slot *slot = &poster->slots[i];
		if (slot->state != SLOT_PAUSING)
			continue;
		int64_t left_ms = (slot->again.us - now.us + 999) / 1000;
		if (left_ms <= 0)
			begin(poster, slot);
		else if (left_ms < *wait_ms)
			*wait_ms = (int)left_ms;
	}
}

void
poster_turn(struct poster *poster, int wait_ms, int wake_fd)
{
	int running;
	resume_due(poster, &wait_ms);
	curl_multi_perform(poster->multi, &running);
	struct curl_waitfd wake = {.fd = wake_fd, .events = CURL_WAIT_POLLIN};
	curl_multi_poll(poster->multi, &wake, wake_fd < 0 ? 0 : 1, wait_ms, NULL);
	curl_multi_perform(poster->multi, &running);
	int left;
	for (CURLMsg *message = curl_multi_info_read(poster->multi, &left); message != NULL;
	     message = curl_multi_info_read(poster->multi, &left)) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;
		char *private = NULL;
		curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
		curl_multi_remove_handle(poster->multi, easy);
		finish(poster, (struct slot *)(void *)private, code);
	}
}

/* --- the token -------------------------------------------------------------------------------------- */

enum error_code
post_read_token(const struct cli_arguments *arguments, struct buf *out, struct error *error)
{
	const char *file = cli_value(arguments, "token-file"), *text = cli_value(arguments, "token");
	if (file != NULL && text != NULL)
		return error_set(error, ERR_INVALID, "--token, --token-file: expected one of them");
	const char *origin = file != NULL ? "--token-file" : text != NULL ? "--token" : "VAULTBELL_TOKEN";
	if (text == NULL && file == NULL)
		text = getenv("VAULTBELL_TOKEN");
	if (file != NULL && input_file(file, out, error) != OK)
		return error_wrap(error, "--token-file");
	if (file == NULL && text == NULL)
		return error_set(error, ERR_INVALID,
		    "--token-file FILE is missing: expected it, --token, or VAULTBELL_TOKEN in the environment");
	if (file == NULL)
		buf_text(out, text);
	/* A NUL ends it for libcurl; whatever stands in a header line must be visible. */
	while (out->len > 0 && strchr(" \t\r\n", out->data[out->len - 1]) != NULL)
		out->len--;
	bool good = out->len > 0 && !out->overflow;
	for (size_t i = 0; good && i < out->len; i++)
		good = out->data[i] > 0x20 && out->data[i] < 0x7f;
	if (!good)
		return error_set(
		    error, ERR_INVALID, "%s: expected a token as `vaultbell token create` prints it", origin);
	buf_byte(out, '\0');
	return OK;
}
