#include "app/alerts.h"

#include "base/limits.h"
#include "json/json.h"
#include "receive/receive.h"
#include "transport/fetch.h"
#include "transport/url.h"

#include <stdio.h>
#include <stdlib.h>

enum target_kind { TARGET_WEBHOOK, TARGET_SLACK, TARGET_ALERTMANAGER, TARGET_KIND_COUNT };
enum { BODY_BYTES_MAX = 16 << 10, SEND_TIMEOUT_MS = 10000, PAUSE_FIRST_MS = 1000 };

/* Alertmanager takes an alert for over when it is not told of it again; until we say so it is to stay. */
#define ALERTMANAGER_STAYS_US (INT64_C(365) * 86400 * 1000000)

static const char *const kind_names[TARGET_KIND_COUNT] = {
    [TARGET_WEBHOOK] = "webhook",
    [TARGET_SLACK] = "slack",
    [TARGET_ALERTMANAGER] = "alertmanager",
};

struct target {
	const struct config_alert *config;
	enum target_kind kind;
	struct key_list keys; /* WEBHOOK */
	int64_t pause_ms;     /* after failures; 0: none */
	struct mono_time due;
};

struct alerts {
	const struct log *log;
	struct background *background;
	struct fetcher *fetcher;
	struct target targets[CONFIG_ALERTS_MAX];
	size_t count;
};

/* --- what is sent ------------------------------------------------------------------------------------- */

static void
put_members(struct json_writer *writer, const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	json_put_integer(writer, "id", alert->id);
	json_put_cstring(writer, "kind", alert_kind_name(alert->kind));
	json_put_cstring(writer, "severity", alert_severity_name(alert->severity));
	json_put_cstring(writer, "state", alert_state_name(alert->state));
	json_put_string(writer, "key", alert->key);
	json_put_string(writer, "summary", alert->summary);
	json_put_cstring(writer, "first_at", time_format(alert->first, 6, time));
	json_put_cstring(writer, "last_at", time_format(alert->last, 6, time));
	json_put_integer(writer, "count", alert->count);
}

static void
write_webhook(struct json_writer *writer, const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	json_open(writer, '{');
	json_put_cstring(writer, "type", "vaultbell.alert");
	json_put_cstring(writer, "timestamp", time_format(alert->changed, 6, time));
	json_key(writer, "data");
	json_open(writer, '{');
	put_members(writer, alert);
	json_close(writer);
	json_close(writer);
}

/* Slack reads these three characters as its own marks. */
static struct slice
escape(struct arena *arena, struct slice text)
{
	struct buf out;
	buf_init(&out, 8 * ALERT_TEXT_BYTES);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '&' || c == '<' || c == '>')
			buf_text(&out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
		else
			buf_byte(&out, c);
	}
	struct slice copy = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return copy;
}

static void
write_slack(struct json_writer *writer, const struct alert *alert)
{
	struct arena arena = ARENA_EMPTY;
	struct slice key = escape(&arena, alert->key), summary = escape(&arena, alert->summary);
	json_open(writer, '{');
	json_put_string(writer, "text",
	    arena_printf(&arena, "%s: %s %.*s: %.*s",
		alert->state == ALERT_RESOLVED ? "resolved" : alert_severity_name(alert->severity),
		alert_kind_name(alert->kind), SLICE_ARG(key), SLICE_ARG(summary)));
	json_close(writer);
	arena_free(&arena);
}

static void
write_alertmanager(struct json_writer *writer, const struct alert *alert)
{
	char time[TIME_TEXT_BYTES];
	bool over = alert->state == ALERT_RESOLVED;
	struct wall_time end = {over ? alert->changed.us : alert->last.us + ALERTMANAGER_STAYS_US};
	struct arena arena = ARENA_EMPTY;
	json_open(writer, '[');
	json_open(writer, '{');
	json_key(writer, "labels");
	json_open(writer, '{');
	json_put_string(writer, "alertname", arena_printf(&arena, "vaultbell_%s", alert_kind_name(alert->kind)));
	json_put_cstring(writer, "severity", alert_severity_name(alert->severity));
	json_put_string(writer, "key", alert->key);
	json_close(writer);
	json_key(writer, "annotations");
	json_open(writer, '{');
	json_put_string(writer, "summary", alert->summary);
	json_close(writer);
	json_put_cstring(writer, "startsAt", time_format(alert->first, 3, time));
	json_put_cstring(writer, "endsAt", time_format(end, 3, time));
	json_close(writer);
	json_close(writer);
	arena_free(&arena);
}

static enum error_code
sign(const struct target *target, const struct alert *alert, struct slice body, struct arena *arena,
    struct http_headers *headers, struct error *error)
{
	struct wall_time now = clock_wall();
	const struct sign_input input = {
	    .method = SLICE("POST"),
	    .content_type = SLICE("application/json"),
	    .id = arena_printf(arena, "alert_%lld_%lld", (long long)alert->id, (long long)alert->revision),
	    .timestamp = now.us / 1000000,
	    .body = body,
	};
	return sign_request(SCHEME_STANDARD, target->keys.items, 1, &input, arena, headers, error);
}

static enum error_code
send_one(struct alerts *alerts, struct target *target, const struct alert *alert, struct error *error)
{
	static void (*const write[TARGET_KIND_COUNT])(struct json_writer *, const struct alert *) = {
	    [TARGET_WEBHOOK] = write_webhook,
	    [TARGET_SLACK] = write_slack,
	    [TARGET_ALERTMANAGER] = write_alertmanager,
	};
	struct arena arena = ARENA_EMPTY;
	struct buf body;
	buf_init(&body, BODY_BYTES_MAX);
	struct json_writer writer;
	json_writer_init(&writer, &body);
	write[target->kind](&writer, alert);
	struct http_header items[SIGN_HEADERS_MAX + 1] = {{SLICE("content-type"), SLICE("application/json")}};
	struct http_headers headers = {items, 1};
	enum error_code code =
	    target->kind == TARGET_WEBHOOK ? sign(target, alert, buf_slice(&body), &arena, &headers, error) : OK;
	const struct fetch_request request = {
	    .method = "POST",
	    .url = target->config->url,
	    .headers = headers,
	    .body = buf_slice(&body),
	    .timeout_ms = SEND_TIMEOUT_MS,
	};
	struct fetch_answer answer = {.status = 0};
	if (code == OK)
		code = fetch(alerts->fetcher, &request, &arena, &answer, error);
	if (code == OK && (answer.status < 200 || answer.status > 299))
		code = error_set(error, ERR_UNAVAILABLE, "the answer was %d; expected 2xx", answer.status);
	buf_free(&body);
	arena_free(&arena);
	return code;
}

/* --- the job ------------------------------------------------------------------------------------------ */

static void
hold_off(struct alerts *alerts, struct target *target, const struct error *error)
{
	if (target->pause_ms == 0)
		log_write(alerts->log, LOG_ERROR, "a target takes no alerts; they are tried again", "target",
		    target->config->name.ptr, "error", error->text, NULL);
	target->pause_ms = target->pause_ms == 0 ? PAUSE_FIRST_MS : target->pause_ms * 2;
	target->pause_ms = target->pause_ms > ALERTS_PAUSE_MAX_MS ? ALERTS_PAUSE_MAX_MS : target->pause_ms;
	target->due.us = clock_mono().us + target->pause_ms * 1000;
}

/* The store says which revision was told only after the target has taken it; a crash in between tells it twice. */
static enum error_code
note_told(struct alerts *alerts, const struct target *target, const struct alert *alert, struct error *error)
{
	struct store_request *request = store_request_new(STORE_ALERT_TOLD, clock_wall());
	request->ref = target->config->name;
	request->admin->alert = (struct alert){.id = alert->id, .revision = alert->revision};
	enum error_code code = background_ask(alerts->background, request, error);
	store_request_free(request);
	return code;
}

static void
serve_target(struct alerts *alerts, struct target *target)
{
	struct store_request *request = store_request_new(STORE_ALERT_DUE, clock_wall());
	request->ref = target->config->name;
	request->page.limit = ALERTS_AT_A_TIME;
	struct error error = ERROR_NONE;
	enum error_code code = background_ask(alerts->background, request, &error);
	for (size_t i = 0; code == OK && i < request->count && !background_stopping(alerts->background); i++) {
		code = send_one(alerts, target, &request->admin->alerts[i], &error);
		if (code == OK)
			code = note_told(alerts, target, &request->admin->alerts[i], &error);
		if (code == OK)
			target->pause_ms = 0;
	}
	if (code != OK && !background_stopping(alerts->background))
		hold_off(alerts, target, &error);
	store_request_free(request);
}

static int64_t
run(void *context, struct background *background)
{
	struct alerts *alerts = context;
	for (size_t i = 0; i < alerts->count && !background_stopping(background); i++)
		if (alerts->targets[i].due.us <= clock_mono().us)
			serve_target(alerts, &alerts->targets[i]);
	return ALERTS_EVERY_MS;
}

/* --- life --------------------------------------------------------------------------------------------- */

static enum error_code
refuse(const struct config_alert *from, const char *member, const char *expected, struct error *error)
{
	return error_set(
	    error, ERR_INVALID, "%.*s: alerts: %s: expected %s", SLICE_ARG(from->origin), member, expected);
}

static enum error_code
read_target(const struct config_alert *from, struct target *out, struct error *error)
{
	struct url url;
	*out = (struct target){.config = from, .kind = TARGET_KIND_COUNT};
	for (int kind = 0; kind < TARGET_KIND_COUNT; kind++)
		if (slice_is(from->kind, kind_names[kind]))
			out->kind = (enum target_kind)kind;
	if (!uid_valid(from->name, NULL))
		return refuse(from, "name", "a name of letters, digits, '-', '_' or '.'", error);
	if (out->kind == TARGET_KIND_COUNT)
		return refuse(from, "kind", "webhook, slack or alertmanager", error);
	if (!slice_present(from->url) || url_split(from->url, &url) != NULL)
		return refuse(from, "url", "an http or https URL", error);
	if (slice_present(from->secret_file) != (out->kind == TARGET_WEBHOOK))
		return refuse(from, "secret_file", "one for kind webhook, and for no other", error);
	if (out->kind != TARGET_WEBHOOK)
		return OK;
	enum error_code code = receive_read_keys(from->secret_file.ptr, SCHEME_STANDARD, &out->keys, error);
	if (code == OK && !key_can_sign(out->keys.items[0]))
		code = error_set(
		    error, ERR_INVALID, "%s: expected a key that signs, whsec_ or whsk_", from->secret_file.ptr);
	return code == OK ? OK : error_wrap(error, "%.*s: alerts: secret_file", SLICE_ARG(from->origin));
}

enum error_code
alerts_new(const struct config *config, const struct log *log, struct background *background, struct alerts **out,
    struct error *error)
{
	*out = NULL;
	if (config->alert_count == 0)
		return OK;
	struct alerts *alerts = mem_zero(1, sizeof *alerts);
	alerts->log = log;
	alerts->background = background;
	enum error_code code = fetcher_new(
	    &(struct fetch_settings){.interrupt = background_interrupt(background)}, &alerts->fetcher, error);
	for (; code == OK && alerts->count < config->alert_count; alerts->count++)
		code = read_target(&config->alerts[alerts->count], &alerts->targets[alerts->count], error);
	if (code != OK) {
		alerts_free(alerts);
		return code;
	}
	(void)background_add(background, &(struct background_job){.name = "alerts", .run = run, .context = alerts});
	*out = alerts;
	return OK;
}

void
alerts_free(struct alerts *alerts)
{
	if (alerts == NULL)
		return;
	for (size_t i = 0; i < alerts->count; i++)
		key_list_free(&alerts->targets[i].keys);
	fetcher_free(alerts->fetcher);
	free(alerts);
}
