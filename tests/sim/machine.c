/* The process: store and sender, and the queues between them, as the runner and the loops have them. */
#include "sim.h"

#include <stdlib.h>

enum { BATCH_MAX = 16, OPENINGS_MAX = 50, TAIL_ROWS_MAX = 12 };

static const struct log silent = {.level = LOG_ERROR, .fd = -1};

/* --- ports of the sender ----------------------------------------------------------------------------- */

static void
submit(void *context, struct store_request *request)
{
	machine_submit(context, request, MAIL_SENDER);
}

static uint64_t
random_of(void *context)
{
	struct world *world = context;
	return random_next(&world->random);
}

void
machine_submit(struct world *world, struct store_request *request, enum mail_kind reply_to)
{
	request->reply_kind = (int)reply_to;
	mail_list_add(&world->submitted, &request->mail);
}

/* --- starting ---------------------------------------------------------------------------------------- */

/* Small, so that every limit is met in a short run. */
static struct engine_options
engine_options_of(const struct world *world)
{
	struct random random;
	random_seed(&random, world->seed);
	return (struct engine_options){
	    .deliveries_max = 4 + random_below(&random, 20),
	    .window = 1 + random_below(&random, 8),
	    .refill_limit = 1 + random_below(&random, 6),
	    .in_flight_max = 1 + (int32_t)random_below(&random, 12),
	    .keep_ms = 100 + (int64_t)random_below(&random, 3000),
	    .suspend_after_ms = 2000 + (int64_t)random_below(&random, 20000),
	    .breaker_failures = (int32_t)random_below(&random, 6),
	    .breaker_open_ms = 200 + (int64_t)random_below(&random, 3000),
	    .retry_after_max_ms = 3000,
	};
}

static void
start_sender(struct world *world)
{
	struct sender_ports ports = {
	    .context = world,
	    .submit = submit,
	    .transmit = receivers_transmit,
	    .random = random_of,
	};
	struct sender_options options = {
	    .engine = engine_options_of(world),
	    .schedule = {.count = 4, .delay_ms = {100, 1000, 2000, 5000}, .jitter_permille = 100},
	    .timeout_ms = 3000,
	    .sealer = world->sealer,
	    .log = &silent,
	    .delivered_before_outcome = world->plan.bug == BUG_DELIVERED_BEFORE_OUTCOME,
	};
	world->sender = sender_new(&options, &ports);
	world->turn_at = WALL_NEVER;
	sender_start(world->sender, world->now);
}

static bool
any_type(void *context UNUSED, struct slice name UNUSED)
{
	return true;
}

/* A crash while recovering from one: where this world has it, or at the operation that the plan names. */
static void
crash_in_recovery(struct world *world, int opening)
{
	enum { FIRST_OPERATIONS = 30, OPENINGS = 4 };
	if (world->plan.crash_again_at > 0 && world->crashes == 1 && opening == 0)
		vfs_crash_in(world->vfs, world->plan.crash, world->plan.crash_again_at);
	else if (world->crashes > 0 && opening < OPENINGS && faults_have(world, FAULT_RECOVERY) &&
		 world_chance(world, 1, 2))
		vfs_crash_in(world->vfs, world_chance(world, 1, 2) ? VFS_KILL : VFS_POWER_CUT,
		    1 + random_below(&world->random, FIRST_OPERATIONS));
}

/* A crash may happen in recovery; then it starts again. */
void
machine_start(struct world *world)
{
	for (int i = 0; world->store == NULL && i < OPENINGS_MAX; i++) {
		struct store_sqlite_options options = {
		    .common = {.builtin_type = any_type, .log = &silent},
		    .path = "vaultbell.db",
		    .vfs = vfs_name(world->vfs),
		    .checkpoint_pages = 10 + (int)(world->seed % 200),
		    .synchronous = world->plan.bug == BUG_SYNCHRONOUS_NORMAL ? "NORMAL" : NULL,
		    .tail_rows = 1 + (world->seed + world->crashes) % TAIL_ROWS_MAX,
		};
		struct error error = ERROR_NONE;
		vfs_restart(world->vfs);
		crash_in_recovery(world, i);
		if (store_sqlite_open(&options, &world->store, &error) == OK)
			break;
		world->store = NULL;
		world_say(world, "cannot open: %s", error.text);
		if (vfs_down(world->vfs))
			mark(world, MARK_RECOVERY_CRASHED);
		if (!vfs_down(world->vfs) && i > OPENINGS_MAX / 2)
			vfs_end_faults(world->vfs);
	}
	if (world->store == NULL) {
		world_fail(world, "the database does not open again");
		abort();
	}
	start_sender(world);
	model_settle(world);
}

/* --- stopping ---------------------------------------------------------------------------------------- */

static void
drop_mail(struct mail_list *list, bool requests_only)
{
	for (struct mail *mail = mail_list_pop(list); mail != NULL; mail = mail_list_pop(list)) {
		if (!requests_only && mail->kind == MAIL_NOTE)
			store_note_free(CONTAINER_OF(mail, struct store_note, mail));
		else
			store_request_free(CONTAINER_OF(mail, struct store_request, mail));
	}
}

static void
drop_everything(struct world *world)
{
	receivers_lose_connections(world);
	clients_lose_connections(world);
	drop_mail(&world->submitted, true);
	drop_mail(&world->to_sender, false);
	drop_mail(&world->to_clients, false);
	sender_free(world->sender);
	world->sender = NULL;
	for (int i = 0; i < ENDPOINTS_MAX; i++)
		world->receivers[i].sent_to = false;
	store_close(world->store);
	world->store = NULL;
}

/* What was submitted is executed, replies and notes go unread, as at a shutdown. */
void
machine_stop(struct world *world)
{
	while (world->submitted.first != NULL && !world->failed) {
		uint64_t crashes = world->crashes;
		machine_batch(world);
		if (world->crashes != crashes)
			break;
	}
	drop_everything(world);
}

void
machine_crash(struct world *world, enum vfs_crash crash)
{
	world->crashes++;
	if (!vfs_down(world->vfs))
		vfs_crash(world->vfs, crash);
	drop_everything(world);
	/* A clock may step back over a restart. */
	int64_t passed = (int64_t)random_below(&world->random, 2000000);
	world->now.us += world_chance(world, 1, 5) ? -passed : passed;
	machine_start(world);
}

/* --- batches ----------------------------------------------------------------------------------------- */

struct batch {
	struct store_request *requests[BATCH_MAX];
	size_t count;
	struct mail_list notes;
};

static void
take_batch(struct world *world, struct batch *batch)
{
	size_t wanted = 1 + random_below(&world->random, BATCH_MAX);
	batch->count = 0;
	mail_list_init(&batch->notes);
	while (batch->count < wanted && world->submitted.first != NULL) {
		struct mail *mail = mail_list_pop(&world->submitted);
		batch->requests[batch->count++] = CONTAINER_OF(mail, struct store_request, mail);
	}
}

/* The planted bug: the client hears of its success before anything is durable. */
static void
acknowledge_early(struct world *world, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct errand *errand = batch->requests[i]->owner;
		if (batch->requests[i]->reply_kind == MAIL_CLIENT && errand->kind == ERRAND_POST)
			world->events[errand->event].posting = POST_ACKNOWLEDGED;
	}
}

static void
learn_ids(struct world *world, const struct batch *batch, const struct model *before)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct store_request *request = batch->requests[i];
		const struct errand *errand = request->owner;
		if (request->reply_kind != MAIL_CLIENT || request->status != OK)
			continue;
		if (errand->kind == ERRAND_CREATE)
			world->receivers[errand->endpoint].id = request->admin->endpoint.id;
		if (errand->kind != ERRAND_POST)
			continue;
		struct world_event *event = &world->events[errand->event];
		if (request->existed)
			mark(world, MARK_REPEATED_POST);
		if (request->existed && event->id.value == 0)
			world_fail(world, "event %d is said to exist, but its batch failed", errand->event);
		if (event->id.value != 0 && event->id.value != request->message->id.value)
			world_fail(world, "the key of event %d made two messages", errand->event);
		if (!request->existed && before->in_store[errand->event])
			world_fail(world, "event %d was there already and was made again", errand->event);
		event->id = request->message->id;
	}
}

/* In the runner's order. */
static void
post_replies(struct world *world, struct batch *batch)
{
	struct mail_list *notes = &batch->notes;
	for (size_t i = 0; i < batch->count; i++) {
		while (notes->first != NULL && CONTAINER_OF(notes->first, struct store_note, mail)->request == i) {
			struct mail *mail = mail_list_pop(notes);
			mail->kind = MAIL_NOTE;
			mail_list_add(&world->to_sender, mail);
		}
		struct store_request *request = batch->requests[i];
		request->mail.kind = request->reply_kind;
		mail_list_add(
		    request->reply_kind == MAIL_SENDER ? &world->to_sender : &world->to_clients, &request->mail);
	}
}

static void
say_batch(struct world *world, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count && world->plan.verbose; i++) {
		const struct store_request *request = batch->requests[i];
		const struct errand *errand = request->owner;
		const struct store_record *record = &request->record;
		const char *name = store_kind_name(request->kind), *status = error_code_name(request->status);
		if (request->kind == STORE_RECORD)
			world_say(world, "    %s event %d endpoint %d state %d: %s", name,
			    model_event_of(world, record->message), model_endpoint_of(world, record->endpoint),
			    (int)record->state, status);
		else if (request->kind == STORE_REFILL)
			world_say(world, "    %s endpoint %d: %s, %zu rows", name,
			    model_endpoint_of(world, request->refill.endpoint), status, request->refill.count);
		else if (request->reply_kind == MAIL_CLIENT)
			world_say(world, "    %s event %d endpoint %d state %d only %d %d: %s", name, errand->event,
			    errand->endpoint, (int)errand->state, errand->only_type, errand->only_channel, status);
		else
			world_say(world, "    %s: %s", name, status);
	}
}

static void
die_in_batch(struct world *world, struct batch *batch, const struct model *before, enum error_code code)
{
	world_say(world, "crashes in a batch of %zu: %s", batch->count,
	    vfs_down(world->vfs) ? "as was set" : "a sync failed");
	if (code == OK)
		world_say(world, "though it was committed");
	world->doubt = world->model;
	world->in_doubt = true;
	world->model = *before;
	drop_mail(&batch->notes, false);
	for (size_t i = 0; i < batch->count; i++) {
		const struct store_request *request = batch->requests[i];
		const struct errand *errand = request->owner;
		/* One that was made and deleted in this batch is in no list from which its id could be learned. */
		if (request->kind == STORE_ENDPOINT_CREATE && request->status == OK)
			world->receivers[errand->endpoint].id = request->admin->endpoint.id;
		store_request_free(batch->requests[i]);
	}
	machine_crash(world, VFS_KILL);
}

/* Without what the planted bug swallows. */
static enum error_code
store_all(struct world *world, struct batch *batch, struct error *error)
{
	struct store_request *requests[BATCH_MAX];
	size_t count = 0;
	for (size_t i = 0; i < batch->count; i++)
		if (!bug_swallows(world, batch->requests[i]))
			requests[count++] = batch->requests[i];
	enum error_code code = store_batch(world->store, requests, count, &batch->notes, error);
	/* The numbers of notes are those of the requests that the store saw. */
	for (size_t i = 0, seen = 0; i < batch->count && count < batch->count; i++) {
		bool was = seen < count && requests[seen] == batch->requests[i];
		for (struct mail *mail = batch->notes.first; was && mail != NULL; mail = mail->next) {
			struct store_note *note = CONTAINER_OF(mail, struct store_note, mail);
			note->request = note->request == seen ? i : note->request;
		}
		seen += was;
	}
	return code;
}

void
machine_batch(struct world *world)
{
	struct batch batch;
	take_batch(world, &batch);
	struct model before = world->model;
	for (size_t i = 0; i < batch.count; i++) {
		struct store_request *request = batch.requests[i];
		bug_in_batch(world, request);
		if (request->kind == STORE_RECORD && request->record.attempt.status_code == 410 &&
		    !request->record.suspend)
			world_fail(world, "an endpoint that is gone is not suspended");
		model_play(world, &world->model, request);
	}
	if (world->plan.bug == BUG_REPLY_BEFORE_COMMIT)
		acknowledge_early(world, &batch);
	struct error error = ERROR_NONE;
	enum error_code code = store_all(world, &batch, &error);
	world->batches++;
	if (world->plan.bug == BUG_SYNC_FORGIVEN)
		world->store->dead = false;
	if (world->store->dead && !vfs_down(world->vfs))
		mark(world, code == OK ? MARK_CHECKPOINT_FAILED : MARK_SYNC_FAILED);
	if (vfs_down(world->vfs) || world->store->dead) {
		die_in_batch(world, &batch, &before, code);
		return;
	}
	world_say(world, "batch of %zu, %zu notes: %s", batch.count, batch.notes.count, error_code_name(code));
	say_batch(world, &batch);
	if (code == OK) {
		learn_ids(world, &batch, &before);
	} else {
		world->full++;
		mark(world, MARK_DISK_FULL);
		world->model = before;
		if (batch.notes.count > 0)
			world_fail(world, "a batch that failed left notes");
	}
	post_replies(world, &batch);
}

void
machine_idle(struct world *world)
{
	world->store->vtable->idle(world->store, world->now);
	if (!vfs_down(world->vfs) && !world->store->dead)
		return;
	world_say(world, "crashes in an idle moment");
	machine_crash(world, VFS_KILL);
}

static void
told(struct world *world, const struct endpoint *endpoint)
{
	int which = model_endpoint_of(world, endpoint->id);
	if (which >= 0)
		world->receivers[which].sent_to = endpoint->state == ENDPOINT_ACTIVE;
}

static void
deliver_note(struct world *world, struct store_note *note)
{
	if (note->kind == STORE_NOTE_ENDPOINT)
		told(world, note->endpoint);
	bug_in_note(world, note);
	sender_note(world->sender, note, world->now);
}

static void
deliver_reply(struct world *world, struct store_request *request)
{
	for (size_t i = 0; request->kind == STORE_ENDPOINTS_ALL && i < request->count; i++)
		told(world, &request->endpoints[i]);
	bug_in_reply(world, request);
	if (request->kind == STORE_REFILL && request->status != OK)
		mark(world, MARK_REFILL_FAILED);
	else if (request->kind == STORE_REFILL && request->refill.count > 0)
		mark(world, MARK_REFILLED);
	sender_reply(world->sender, request, world->now);
}

void
machine_deliver(struct world *world, struct mail_list *from)
{
	struct mail *mail = mail_list_pop(from);
	if (mail->kind == MAIL_NOTE && from->first != NULL && bug_strikes(world, BUG_NOTE_LATE)) {
		struct mail *other = mail_list_pop(from);
		mail_list_add(from, mail);
		mail = other;
	}
	if (mail->kind == MAIL_NOTE)
		deliver_note(world, CONTAINER_OF(mail, struct store_note, mail));
	else if (mail->kind == MAIL_SENDER)
		deliver_reply(world, CONTAINER_OF(mail, struct store_request, mail));
	else
		clients_answer(world, CONTAINER_OF(mail, struct store_request, mail));
}

void
machine_read(struct world *world, struct store_request *request)
{
	struct mail_list notes;
	mail_list_init(&notes);
	struct error error = ERROR_NONE;
	enum error_code code = store_batch(world->store, &request, 1, &notes, &error);
	if (code != OK || request->status != OK)
		world_fail(world, "%s fails: %s", store_kind_name(request->kind), request->error.text);
}
