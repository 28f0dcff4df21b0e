/* An organisation's signing key: its public part, and rotation. Endpoints whose keyScope says so sign with it.
 *
 * The private part never leaves: nobody can give it either, so that only this server can sign with it. */
#include "server/endpoint_keys.h"
#include "server/out.h"
#include "server/resources.h"

/* One key: what a verifier needs of it. */
static void
write_members(struct call *call, const struct endpoint_key *sealed, const struct key *key)
{
	struct json_writer *writer = &call->writer;
	json_put_cstring(writer, "keyType", key_type_name(sealed->type));
	json_put_string(writer, "kid", key_id(key));
	json_put_string(writer, "publicKey", key_shared_text(&call->exchange->arena, key));
	out_time(writer, "createdAt", sealed->created);
}

/* Those that sign, newest first. */
static bool
write_keys(struct call *call, const struct organisation *organisation, struct error *error)
{
	for (size_t i = 0; i < organisation->key_count; i++) {
		const struct endpoint_key *sealed = &organisation->keys[i];
		struct key *key = NULL;
		if (sealed->expires.us != 0 && sealed->expires.us <= call->now.us)
			continue;
		if (organisation_key_open(call->api->options.sealer, sealed, &key, error) != OK)
			return false;
		if (i > 0)
			json_open(&call->writer, '{');
		write_members(call, sealed, key);
		key_unref(key);
		if (i > 0) {
			out_time(&call->writer, "expiresAt", sealed->expires);
			json_close(&call->writer);
		} else {
			json_key(&call->writer, "previous");
			json_open(&call->writer, '[');
		}
	}
	return true;
}

static void
finish_get(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	if (request->admin->organisation.key_count == 0) {
		call_problem(call, 404, "not_found",
		    "The organisation has no signing key: make one with POST …/signing-key/rotate.");
		return;
	}
	struct error error = ERROR_NONE;
	struct json_writer *writer = call_write(call);
	json_open(writer, '{');
	if (!write_keys(call, &request->admin->organisation, &error)) {
		log_write(call->api->options.log, LOG_ERROR, "signing key cannot be opened", "error", error.text, NULL);
		call_problem(call, 500, "server_error", "The organisation's key cannot be opened.");
		return;
	}
	json_close(writer);
	json_close(writer);
	call_end(call, 200);
}

void
signing_key_get(struct call *call)
{
	call_submit(call, call_request(call, STORE_ORGANISATION_GET), finish_get);
}

/* --- rotation ---------------------------------------------------------------------------------------- */

struct rotation {
	struct endpoint_key fresh;
	struct wall_time now, until;
};

static enum error_code
edit_rotate(void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	(void)arena, (void)existed;
	const struct rotation *rotation = context;
	return organisation_keys_rotate(organisation, &rotation->fresh, rotation->now, rotation->until, error);
}

/* Knows the organisation, and with it which type of key is to be made. */
static void
finish_rotate_read(struct call *call, struct store_request *read)
{
	struct rotate_in given;
	if (!call_succeeded(call, read) || !call_rotate_body(call, true, &given))
		return;
	const struct organisation *organisation = &read->admin->organisation;
	enum key_type type = organisation->key_count > 0 ? organisation->keys[0].type : KEY_ED25519;
	if (given.key_type_given)
		type = given.key_type;
	struct store_request *request = call_request(call, STORE_ORGANISATION_EDIT);
	struct rotation *rotation = arena_alloc(&request->arena, sizeof *rotation);
	rotation->now = call->now;
	rotation->until.us = call->now.us + given.grace_s * 1000000;
	organisation_key_next(&request->arena, type, call->api->options.sealer, call->now, &rotation->fresh);
	request->admin->secret_mark = arena_printf(&request->arena, "%lld", (long long)given.grace_s);
	request->admin->edit_organisation = edit_rotate;
	request->admin->edit_context = rotation;
	request->audit_action = "organisation.key.rotate";
	call->invalid = "keyType";
	call_idempotent(call, request);
	call_submit(call, request, call_end_empty);
}

void
signing_key_rotate(struct call *call)
{
	struct rotate_in given;
	if (call_rotate_body(call, true, &given))
		call_submit(call, call_request(call, STORE_ORGANISATION_GET), finish_rotate_read);
}
