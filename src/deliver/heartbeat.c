#include "deliver/heartbeat.h"

enum { BODY_BYTES_MAX = 4096 };

static void
put_time(struct json_writer *w, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(w, name, time_format(time, 3, text));
}

static void
put_data(struct json_writer *w, const struct target *target)
{
	json_open(w, '{');
	json_put_integer(w, "newest_sequence", target->newest);
	json_put_integer(w, "interval_seconds", target->heartbeat_s);
	json_close(w);
}

/* The envelope of the catalogue. Numbers of the platform's own stream are not known here. */
static void
put_envelope(struct json_writer *w, const struct target *target, struct slice id, struct wall_time now)
{
	char organisation[ID_TEXT_BYTES];
	json_open(w, '{');
	json_put_string(w, "id", id);
	json_put_string(w, "type", HEARTBEAT_TYPE);
	json_put_cstring(w, "version", "1");
	json_put_cstring(w, "environment", environment_name(target->environment));
	json_put_cstring(w, "organisation", id_format(ID_ORGANISATION, target->organisation.value, organisation));
	json_put_cstring(w, "service", "system");
	json_key(w, "resource");
	json_open(w, '{');
	json_put_cstring(w, "type", "stream");
	json_put_cstring(w, "id", organisation);
	json_close(w);
	put_time(w, "occurred_at", now);
	put_time(w, "created_at", now);
	json_put_cstring(w, "previous_status", NULL);
	json_key(w, "actor");
	json_raw(w, SLICE("{\"type\":\"system\",\"id\":\"vaultbell\"}"));
	json_put_cstring(w, "correlation_id", NULL);
	json_put_cstring(w, "client_reference", NULL);
	json_key(w, "data");
	put_data(w, target);
	json_close(w);
}

static void
put_legacy(struct json_writer *w, const struct target *target, struct slice id, struct wall_time now)
{
	json_open(w, '{');
	json_put_string(w, "messageId", id);
	json_put_cstring(w, "version", "1.0.0");
	json_put_string(w, "type", HEARTBEAT_TYPE);
	json_put_integer(w, "timestamp", now.us / 1000);
	put_time(w, "isoTimestamp", now);
	json_key(w, "payload");
	put_data(w, target);
	json_close(w);
}

struct message *
heartbeat_message(const struct target *target, struct wall_time now)
{
	char endpoint[ID_TEXT_BYTES];
	id_format(ID_ENDPOINT, target->id.value, endpoint);
	struct message *message = message_new();
	message->organisation = target->organisation;
	message->created = now;
	message->event_type = HEARTBEAT_TYPE;
	message->webhook_id = arena_printf(&message->arena, "heartbeat_%s_%lld", endpoint, (long long)now.us);
	struct buf body;
	struct json_writer writer;
	buf_init(&body, BODY_BYTES_MAX);
	json_writer_init(&writer, &body);
	if (target->scheme == SCHEME_LEGACY || target->style == PAYLOAD_LEGACY)
		put_legacy(&writer, target, message->webhook_id, now);
	else
		put_envelope(&writer, target, message->webhook_id, now);
	ENSURE(!body.overflow);
	message->payload = arena_copy(&message->arena, buf_slice(&body));
	buf_free(&body);
	return message;
}

struct wall_time
heartbeat_first(const struct target *target, struct wall_time now)
{
	uint64_t interval_us = (uint64_t)target->heartbeat_s * 1000000;
	uint64_t mixed = (uint64_t)target->id.value * UINT64_C(0x9e3779b97f4a7c15);
	return (struct wall_time){now.us + (int64_t)((mixed >> 20) % interval_us)};
}
