#include "app/sealing.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHECK_MS = 1000, SETTLE_MS = 3000, STEP_OBJECTS = 32, SEALED_BYTES_MAX = 1 << 20 };

struct sealing {
	struct sealer *sealer;
	struct store_runner *runner;
	const struct log *log;
	bool working; /* a rotation is under way, and was said to be */
	bool failed;  /* said already; not again until it has worked */
	struct mono_time since;
	/* Of the pass that runs. */
	enum reseal_part part;
	int64_t after;
	uint64_t changed;
	/* Of the rotation. */
	uint64_t total;
	uint64_t lost; /* that no key opens, in the last pass */
};

static struct slice
reseal(void *context, struct arena *arena, struct slice purpose, struct slice sealed)
{
	struct sealing *sealing = context;
	if (sealer_is_newest(sealing->sealer, purpose, sealed))
		return SLICE_NONE;
	struct buf out;
	struct slice fresh = SLICE_NONE;
	buf_init(&out, SEALED_BYTES_MAX);
	if (sealer_reseal(sealing->sealer, purpose, sealed, &out, NULL) == OK && !out.overflow)
		fresh = arena_copy(arena, buf_slice(&out));
	else
		sealing->lost++;
	buf_free(&out);
	return fresh;
}

static void
say(const struct sealing *sealing, const char *what)
{
	char total[24], lost[24];
	snprintf(total, sizeof total, "%" PRIu64, sealing->total);
	snprintf(lost, sizeof lost, "%" PRIu64, sealing->lost);
	log_write(sealing->log, sealing->lost > 0 ? LOG_WARN : LOG_INFO, what, "sealed_anew", total, "unreadable", lost,
	    NULL);
}

static int64_t
failed(struct sealing *sealing, const struct error *error)
{
	if (!sealing->failed)
		log_write(sealing->log, LOG_ERROR, "the sealing key cannot be rotated now", "error", error->text, NULL);
	sealing->failed = true;
	return CHECK_MS;
}

static void
begin_pass(struct sealing *sealing)
{
	sealing->part = RESEAL_ENDPOINTS;
	sealing->after = 0;
	sealing->changed = 0;
	sealing->lost = 0;
}

static enum error_code
step(struct sealing *sealing, struct background *background, struct error *error)
{
	struct store_request *request = store_request_new(STORE_RESEAL, clock_wall());
	request->admin->resealing = (struct store_resealing){
	    .reseal = reseal,
	    .context = sealing,
	    .limit = STEP_OBJECTS,
	    .part = sealing->part,
	    .after = sealing->after,
	};
	enum error_code code = background_ask(background, request, error);
	if (code == OK) {
		sealing->part = request->admin->resealing.part;
		sealing->after = request->admin->resealing.after;
		sealing->changed += request->admin->resealing.changed;
		sealing->total += request->admin->resealing.changed;
	}
	store_request_free(request);
	return code;
}

/* Before the old key goes: a rotation that is cut off here is gone through again, and logged again. */
static enum error_code
audit(const struct sealing *sealing, struct background *background, struct error *error)
{
	char before[SEALER_KEY_ID_BYTES], after[SEALER_KEY_ID_BYTES];
	sealer_key_id(sealing->sealer, 1, before);
	sealer_key_id(sealing->sealer, 0, after);
	struct store_request *request = store_request_new(STORE_AUDIT_NOTE, clock_wall());
	request->actor = STORE_ACTOR_SERVER;
	request->audit_action = "key.rotated";
	request->audit_object = SLICE("sealing-key");
	request->audit_before = arena_printf(&request->arena, "{\"keyId\":\"%s\"}", before);
	request->audit_after =
	    arena_printf(&request->arena, "{\"keyId\":\"%s\",\"sealedAnew\":%" PRIu64 ",\"unreadable\":%" PRIu64 "}",
		after, sealing->total, sealing->lost);
	enum error_code code = background_ask(background, request, error);
	store_request_free(request);
	return code;
}

/* A pass is over: either it was the last, or there is another one. */
static int64_t
end_pass(struct sealing *sealing, struct background *background)
{
	struct error error = ERROR_NONE;
	uint64_t anchored = store_runner_anchor_sealed_by(sealing->runner);
	bool all = sealing->changed == 0 &&
		   (anchored == UINT64_MAX || anchored == sealer_generation(sealing->sealer)) &&
		   clock_mono().us - sealing->since.us >= (int64_t)SETTLE_MS * 1000;
	if (!all) {
		begin_pass(sealing);
		return CHECK_MS;
	}
	if (audit(sealing, background, &error) != OK || sealer_rotation_end(sealing->sealer, &error) != OK)
		return failed(sealing, &error);
	say(sealing, "the sealing key was rotated");
	sealing->working = false;
	return CHECK_MS;
}

static int64_t
run(void *context, struct background *background)
{
	struct sealing *sealing = context;
	struct error error = ERROR_NONE;
	if (sealer_reload(sealing->sealer, &error) != OK)
		return failed(sealing, &error);
	if (!sealer_rotating(sealing->sealer)) {
		sealing->working = sealing->failed = false;
		return CHECK_MS;
	}
	if (!sealing->working) {
		sealing->working = true;
		sealing->since = clock_mono();
		sealing->total = 0;
		begin_pass(sealing);
		say(sealing, "the sealing key is being rotated");
	}
	if (step(sealing, background, &error) != OK)
		return failed(sealing, &error);
	sealing->failed = false;
	return sealing->part == RESEAL_DONE ? end_pass(sealing, background) : 0;
}

struct sealing *
sealing_new(struct background *background, struct sealer *sealer, struct store_runner *runner, const struct log *log)
{
	struct sealing *sealing = mem_zero(1, sizeof *sealing);
	sealing->sealer = sealer;
	sealing->runner = runner;
	sealing->log = log;
	(void)background_add(background, &(struct background_job){.name = "sealing", .run = run, .context = sealing});
	return sealing;
}

void
sealing_free(struct sealing *sealing)
{
	free(sealing);
}
