/* Replies and notes as text. */
#include "harness.h"

#include "base/encode.h"

#include <inttypes.h>

static void
say_number(struct buf *out, const char *name, int64_t value)
{
	buf_printf(out, " %s=%" PRId64, name, value);
}

static void
say_text(struct buf *out, const char *name, struct slice value)
{
	buf_printf(out, " %s=", name);
	if (!slice_present(value))
		buf_text(out, "-");
	else
		buf_printf(out, "'%.*s'", SLICE_ARG(value));
}

static void
say_list(struct buf *out, const char *name, struct slice_list list)
{
	buf_printf(out, " %s=[", name);
	for (size_t i = 0; i < list.count; i++)
		buf_printf(out, "%.*s ", SLICE_ARG(list.items[i]));
	buf_text(out, "]");
}

static void
say_organisation(struct buf *out, const struct organisation *organisation)
{
	buf_text(out, "\n  organisation");
	say_number(out, "id", organisation->id.value);
	say_text(out, "name", organisation->name);
	say_text(out, "uid", organisation->uid);
	say_number(out, "throttle", organisation->throttle_rate);
	say_text(out, "metadata", organisation->metadata);
	say_number(out, "limited", organisation->services_limited);
	say_list(out, "services", organisation->services);
	say_number(out, "environment", organisation->environment);
	say_number(out, "governed", organisation->governance.aspects);
	say_number(out, "cools", organisation->governance.cool_off_s);
	say_text(out, "security", organisation->governance.contact);
	say_number(out, "twin", organisation->twin.value);
	say_number(out, "retention", organisation->retention_days);
	for (size_t i = 0; i < organisation->key_count; i++)
		say_text(out, "key", organisation->keys[i].sealed);
	say_text(out, "redactions", organisation->redactions);
	say_number(out, "created", organisation->created.us);
	say_number(out, "updated", organisation->updated.us);
}

static void
say_endpoint(struct buf *out, const struct endpoint *endpoint)
{
	buf_text(out, "\n  endpoint");
	say_number(out, "id", endpoint->id.value);
	say_number(out, "organisation", endpoint->organisation.value);
	say_text(out, "state", slice_of(endpoint_state_name(endpoint->state)));
	say_number(out, "failing", endpoint->failing_since.us);
	say_number(out, "warned", endpoint->warned);
	say_number(out, "held", endpoint->held);
	say_text(out, "url", endpoint->url);
	say_text(out, "uid", endpoint->uid);
	say_text(out, "description", endpoint->description);
	say_list(out, "types", endpoint->event_types);
	say_list(out, "channels", endpoint->channels);
	say_text(out, "metadata", endpoint->metadata);
	say_text(out, "headers", endpoint->headers);
	say_text(out, "authentication", endpoint->authentication);
	say_text(out, "authentication_sealed", endpoint->authentication_sealed);
	say_text(out, "schedule", endpoint->schedule);
	say_number(out, "throttle", endpoint->throttle_rate);
	say_number(out, "version", endpoint->version);
	say_number(out, "style", endpoint->payload_style);
	say_number(out, "scheme", endpoint->scheme);
	say_number(out, "order", endpoint->order);
	for (size_t i = 0; i < DUTY_COUNT; i++) {
		say_text(out, "team", endpoint->owners[i].team);
		say_text(out, "contact", endpoint->owners[i].contact);
	}
	if (slice_present(endpoint->verification.challenge)) {
		say_text(out, "challenge", endpoint->verification.challenge);
		say_text(out, "verify", endpoint->verification.url);
		say_number(out, "asked", endpoint->verification.attempts);
		say_number(out, "ask", endpoint->verification.due.us);
		say_text(out, "problem", endpoint->verification.problem);
	}
	say_number(out, "scope", endpoint->key_scope);
	for (size_t i = 0; i < endpoint->key_count; i++) {
		const struct endpoint_key *key = &endpoint->keys[i];
		buf_printf(out, " key=%d:", (int)key->type);
		hex_append(out, key->sealed);
		buf_printf(out, ":%" PRId64 ":%" PRId64, key->created.us, key->expires.us);
	}
	say_number(out, "created", endpoint->created.us);
	say_number(out, "updated", endpoint->updated.us);
}

static void
say_type(struct buf *out, const struct event_type *type)
{
	buf_text(out, "\n  type");
	say_text(out, "name", type->name);
	say_text(out, "description", type->description);
	say_number(out, "archived", type->archived);
	say_number(out, "deprecated", type->deprecated);
	say_text(out, "schemas", type->schemas);
	say_text(out, "flag", type->feature_flag);
	say_number(out, "created", type->created.us);
	say_number(out, "updated", type->updated.us);
}

static void
say_message(struct buf *out, const struct message *message, bool payload)
{
	buf_text(out, "\n  message");
	say_number(out, "id", message->id.value);
	say_number(out, "organisation", message->organisation.value);
	say_number(out, "created", message->created.us);
	say_text(out, "type", message->event_type);
	say_text(out, "event", message->event_id);
	say_list(out, "channels", message->channels);
	say_number(out, "retention", message->retention_days);
	say_text(out, "webhook", message->webhook_id);
	if (payload)
		say_text(out, "payload", message->payload);
	if (payload)
		say_text(out, "versions", message->versions);
}

static void
say_attempt(struct buf *out, const struct attempt *attempt)
{
	buf_text(out, "\n  attempt");
	say_number(out, "id", attempt->id.value);
	say_number(out, "message", attempt->message.value);
	say_number(out, "endpoint", attempt->endpoint.value);
	say_number(out, "number", attempt->number);
	say_number(out, "status", attempt->status_code);
	say_number(out, "ms", attempt->duration_ms);
	say_number(out, "trigger", attempt->trigger);
	say_number(out, "succeeded", attempt->succeeded);
	say_text(out, "response", attempt->response);
	say_text(out, "url", attempt->url);
	say_text(out, "type", attempt->event_type);
}

static void
say_token(struct buf *out, const struct token *token)
{
	buf_text(out, "\n  token");
	say_number(out, "id", token->id.value);
	say_text(out, "name", slice_of(token->name));
	say_number(out, "role", token->role);
	say_number(out, "organisation", token->organisation.value);
	say_number(out, "created", token->created.us);
	say_number(out, "expires", token->expires.us);
	say_number(out, "used", token->used.us);
	hex_append(out, (struct slice){(const char *)token->hash, SHA256_BYTES});
}

static void
say_audit(struct buf *out, const struct store_audit_row *row)
{
	buf_text(out, "\n  audit");
	say_number(out, "seq", row->seq);
	say_number(out, "at", row->at.us);
	say_text(out, "actor", row->actor);
	say_text(out, "role", row->role);
	say_number(out, "organisation", row->organisation.value);
	say_text(out, "action", row->action);
	say_text(out, "object", row->object);
	say_text(out, "before", row->before);
	say_text(out, "after", row->after);
	hex_append(out, (struct slice){(const char *)row->chain, SHA256_BYTES});
}

static void
say_delivery(struct buf *out, const struct store_delivery *delivery, bool payload)
{
	buf_text(out, "\n  delivery");
	say_number(out, "state", delivery->state);
	say_number(out, "attempts", delivery->attempts);
	if (delivery->state == DELIVERY_PENDING)
		say_number(out, "due", delivery->due.us);
	say_number(out, "sequence", delivery->sequence);
	say_number(out, "trigger", delivery->trigger);
	if (slice_present(delivery->payload_sha256))
		hex_append(out, delivery->payload_sha256);
	if (delivery->message != NULL)
		say_message(out, delivery->message, payload);
	if (delivery->endpoint != NULL)
		say_endpoint(out, delivery->endpoint);
}

static void
say_journal(struct buf *out, const struct store_journal_row *row)
{
	buf_text(out, "\n  row");
	say_number(out, "seq", row->seq);
	say_text(out, "event", row->event_id);
	say_text(out, "type", row->type);
	say_text(out, "source", row->source);
	say_number(out, "verdict", row->verdict);
	say_number(out, "received", row->received.us);
	hex_append(out, (struct slice){(const char *)row->body_sha256, SHA256_BYTES});
	say_number(out, "message", row->message.value);
}

static void
say_refill(struct buf *out, const struct store_refill *refill)
{
	for (size_t i = 0; i < refill->count; i++)
		say_delivery(out, &refill->rows[i], true);
	say_number(out, "next", refill->next.due.us);
	if (refill->next.due.us != WALL_NEVER.us)
		say_number(out, "message", refill->next.message);
}

static void
say_change(struct buf *out, const struct change_request *change)
{
	buf_text(out, "\n  change");
	say_number(out, "id", change->id.value);
	say_number(out, "organisation", change->organisation.value);
	say_number(out, "due", change->due.us);
	buf_text(out, " ");
	change_encode(change, out);
	struct json_writer writer;
	json_writer_init(&writer, out);
	change_write(&writer, change);
}

static void
say_lists(struct buf *out, const struct store_request *request)
{
	say_number(out, "count", (int64_t)request->count);
	say_number(out, "more", request->more);
	say_number(out, "newest", request->newest);
	for (size_t i = 0; i < request->count; i++) {
		if (request->organisations != NULL)
			say_organisation(out, &request->organisations[i]);
		if (request->endpoints != NULL)
			say_endpoint(out, &request->endpoints[i]);
		if (request->event_types != NULL)
			say_type(out, &request->event_types[i]);
		if (request->messages != NULL)
			say_message(out, request->messages[i], true);
		if (request->attempts != NULL)
			say_attempt(out, &request->attempts[i]);
		if (request->deliveries != NULL)
			say_delivery(out, &request->deliveries[i], false);
		if (request->journal_rows != NULL)
			say_journal(out, &request->journal_rows[i]);
		if (request->admin == NULL)
			continue;
		if (request->admin->tokens != NULL)
			say_token(out, &request->admin->tokens[i]);
		if (request->admin->changes != NULL)
			say_change(out, &request->admin->changes[i]);
		if (request->admin->audit_rows != NULL)
			say_audit(out, &request->admin->audit_rows[i]);
	}
}

void
describe_reply(const struct store_request *request, struct buf *out)
{
	buf_printf(out, "%s %s", store_kind_name(request->kind), error_code_name(request->status));
	say_number(out, "detail", request->detail);
	if (request->status != OK)
		return;
	say_number(out, "existed", request->existed);
	say_number(out, "scanned", request->scanned);
	if (request->audit != NULL)
		say_audit(out, request->audit);
	if (store_request_change(request) != 0 && request->kind != STORE_CHANGE_LIST) {
		say_change(out, &request->admin->change);
		say_number(out, "next", request->due.us);
		return;
	}
	switch ((int)request->kind) {
	case STORE_ORGANISATION_CREATE:
	case STORE_ORGANISATION_EDIT:
	case STORE_ORGANISATION_GET: say_organisation(out, &request->admin->organisation); break;
	case STORE_ENDPOINT_CREATE:
	case STORE_ENDPOINT_EDIT:
	case STORE_ENDPOINT_VERIFIED:
	case STORE_ENDPOINT_GET: say_endpoint(out, &request->admin->endpoint); break;
	case STORE_EVENT_TYPE_CREATE:
	case STORE_EVENT_TYPE_EDIT:
	case STORE_EVENT_TYPE_GET: say_type(out, &request->admin->event_type); break;
	case STORE_TOKEN_CREATE:
	case STORE_TOKEN_GET: say_token(out, &request->admin->token); break;
	case STORE_ACCEPT:
	case STORE_MESSAGE_GET: say_message(out, request->message, true); break;
	case STORE_JOURNAL:
		say_number(out, "verdict", request->journal.verdict);
		say_number(out, "seq", request->journal.seq);
		break;
	case STORE_REFILL: say_refill(out, &request->refill); break;
	case STORE_ATTEMPT_GET: say_attempt(out, &request->admin->attempt); break;
	case STORE_ENDPOINT_TOTALS:
		say_endpoint(out, &request->admin->endpoint);
		say_number(out, "accepted", request->admin->totals.accepted);
		say_number(out, "pending", request->admin->totals.pending);
		say_number(out, "exhausted", request->admin->totals.exhausted);
		say_number(out, "oldest", request->admin->totals.oldest.us);
		if (request->admin->attempt.id.value != 0)
			say_attempt(out, &request->admin->attempt);
		break;
	case STORE_RESEAL:
		say_number(out, "part", request->admin->resealing.part);
		say_number(out, "after", request->admin->resealing.after);
		say_number(out, "looked", (int64_t)request->admin->resealing.looked);
		say_number(out, "changed", (int64_t)request->admin->resealing.changed);
		break;
	case STORE_COUNTS:
		say_number(out, "messages", request->admin->counts.messages);
		say_number(out, "pending", request->admin->counts.deliveries_pending);
		say_number(out, "delivered", request->admin->counts.deliveries_delivered);
		say_number(out, "exhausted", request->admin->counts.deliveries_exhausted);
		say_number(out, "attempts", request->admin->counts.attempts);
		say_number(out, "journal", request->admin->counts.journal);
		break;
	default: say_lists(out, request); break;
	}
}

void
describe_notes(struct mail_list *notes, struct buf *out)
{
	for (struct mail *mail = notes->first; mail != NULL; mail = mail->next) {
		const struct store_note *note = CONTAINER_OF(mail, struct store_note, mail);
		buf_text(out, "\nnote");
		if (note->kind == STORE_NOTE_ENDPOINT)
			say_endpoint(out, note->endpoint);
		else if (note->kind == STORE_NOTE_CANCELLED)
			say_number(out, "cancelled", note->cancelled.value);
		else
			say_message(out, note->message, true);
		for (size_t i = 0; i < note->target_count; i++) {
			buf_text(out, "\n  target");
			say_number(out, "endpoint", note->targets[i].endpoint.value);
			say_number(out, "sequence", note->targets[i].sequence);
			say_number(out, "due", note->targets[i].due.us);
			say_number(out, "attempts", note->targets[i].attempts);
			say_number(out, "trigger", note->targets[i].trigger);
		}
	}
}
