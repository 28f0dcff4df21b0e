/* Replay at the receiver. `vaultbell destinations replay` writes a task into the database, beside this process; here it is
 * found, and done step by step, so that the engine hears of what is to be sent again. */
#include "app/service_private.h"

enum { LOOK_EVERY_MS = 1000 };

/* An endpoint that was suspended for failing too long takes again what is replayed to it. */
static enum error_code
resume(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	(void)context;
	(void)arena;
	(void)existed;
	(void)error;
	if (endpoint->state == ENDPOINT_SUSPENDED) {
		endpoint->state = ENDPOINT_ACTIVE;
		endpoint->failing_since = WALL_NONE;
	}
	return OK;
}

static enum error_code
ask_of_endpoint(struct background *background, const struct task *task, enum store_kind kind,
    enum endpoint_state *state, struct error *error)
{
	struct store_request *request = store_request_new(kind, clock_wall());
	char organisation[ID_TEXT_BYTES], endpoint[ID_TEXT_BYTES];
	request->ref =
	    arena_copy(&request->arena, slice_of(id_format(ID_ORGANISATION, task->organisation.value, organisation)));
	request->endpoint_ref =
	    arena_copy(&request->arena, slice_of(id_format(ID_ENDPOINT, task->endpoint.value, endpoint)));
	request->admin->edit_endpoint = resume;
	enum error_code code = background_ask(background, request, error);
	if (code == OK)
		*state = request->admin->endpoint.state;
	store_request_free(request);
	return code;
}

static int64_t
run(void *context, struct background *background)
{
	(void)context;
	struct error error = ERROR_NONE;
	struct store_request *request = store_request_new(STORE_TASK_STEP, clock_wall());
	enum error_code code = background_ask(background, request, &error);
	enum endpoint_state state = ENDPOINT_ACTIVE;
	if (code == OK && request->existed && task_of_endpoint(request->admin->task.kind))
		code = ask_of_endpoint(background, &request->admin->task, STORE_ENDPOINT_GET, &state, &error);
	if (code == OK && state == ENDPOINT_SUSPENDED)
		code = ask_of_endpoint(background, &request->admin->task, STORE_ENDPOINT_EDIT, &state, &error);
	bool more = code == OK && request->more;
	store_request_free(request);
	return more ? 0 : LOOK_EVERY_MS;
}

struct background_job
replay_job(void)
{
	return (struct background_job){.name = "replay", .run = run};
}
