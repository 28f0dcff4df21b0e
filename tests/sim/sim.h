/* The simulator: a whole sender in one thread, on a clock, a disk and a network that a seed decides.
 *
 * Real: the sender, the engine, the SQLite store. Simulated: time (`world.now`), the disk (vfs.h), the network and
 * the receivers behind it (receivers.c), the clients that post and administer (clients.c), the thread between
 * sender and store (machine.c). One step of the world (world.c) is one of these moving once; between any two steps,
 * and at any operation on the disk, the process may die or the machine lose power.
 *
 * What must hold is checked against a model that lives outside of the machine (model.c): what clients were told and
 * what receivers were given. Everything is a function of the seed. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "deliver/sender.h"
#include "vfs.h"

enum { ORGANISATIONS = 2, TRANSACTIONS = 4, ENDPOINTS_MAX = 8, EVENTS_MAX = 96, FLIGHTS_MAX = 512 };

/* Bugs that are planted on purpose, to show that they are caught (bugs.c says what each is). */
enum bug {
	BUG_NONE,
	BUG_REPLY_BEFORE_COMMIT,
	BUG_SYNCHRONOUS_NORMAL,
	BUG_DELIVERED_BEFORE_OUTCOME,
	BUG_KEY_FORGOTTEN,
	BUG_RECORD_DROPPED,
	BUG_NOTE_DROPPED,
	BUG_NOTE_LATE,
	BUG_HOLD_UNTOLD,
	BUG_BYTE_CHANGED,
	BUG_NUMBER_WRONG,
	BUG_ORDER_FORGOTTEN,
	BUG_GONE_KEPT,
	BUG_SYNC_FORGIVEN,
	BUG_COUNT,
};

/* What can go wrong around the machine. Each seed draws which of them exist in its world (swarm testing): where all
 * happen all the time, one hides what another would have shown. */
enum fault {
	FAULT_POWER_CUT,
	FAULT_KILL,
	FAULT_RECOVERY, /* a second crash while the first one is recovered from */
	FAULT_FULL,
	FAULT_WRITE,
	FAULT_SYNC,
	FAULT_RESTART,
	FAULT_CLOCK,
	FAULT_RECEIVERS,
	FAULT_NAMES, /* host names are not resolved */
	FAULT_ANSWERS,
	FAULT_ADMINISTRATION,
	FAULT_COUNT,
};

/* What must have happened in some run, or the runs show less than they seem to (marks.c). */
enum mark {
	MARK_BATCH_UNDONE,
	MARK_BATCH_KEPT,
	MARK_RECOVERY_CRASHED,
	MARK_REPEATED_BY_CRASH,
	MARK_REPEATED_POST,
	MARK_SUSPENDED,
	MARK_GONE,
	MARK_ACCEPTED_WHILE_HELD,
	MARK_EXHAUSTED,
	MARK_RESENT_IN_FLIGHT,
	MARK_DELETED_IN_FLIGHT,
	MARK_RETRY_AFTER,
	MARK_TAKEN_UNANSWERED,
	MARK_HUNG,
	MARK_NAME_LOST,
	MARK_REFILLED,
	MARK_REFILL_FAILED,
	MARK_BLOCKED,
	MARK_DISK_FULL,
	MARK_SYNC_FAILED,
	MARK_CHECKPOINT_FAILED,
	MARK_CLOCK_BACK,
	MARK_CLOCK_AHEAD,
	MARK_COUNT,
};

/* What is added up over runs; shared by the processes that run them. */
struct tally {
	uint64_t marks[MARK_COUNT];
	uint64_t crashes, transmissions;
	int64_t simulated_us;
};

struct plan {
	enum bug bug;
	bool verbose;
	struct tally *tally;
	/* A short scenario with few faults, and one crash at this operation on the disk after its beginning (0: none), with
	 * another one at this operation of the recovery (0: none). For going through all of them. */
	bool scripted;
	enum vfs_crash crash;
	uint64_t crash_at, crash_again_at;
	uint64_t *operations; /* where not NULL: how many there were until the calm */
};

/* --- the model: what must be true ------------------------------------------------------------------- */

struct model_endpoint {
	bool exists;
	enum endpoint_state state;
	bool only_type;	   /* takes events of type "a" alone */
	bool only_channel; /* takes events of channel "west" alone */
};

/* Copied whole before a batch, so that a batch can be undone. */
struct model {
	struct model_endpoint endpoints[ENDPOINTS_MAX];
	bool in_store[EVENTS_MAX];
	uint32_t targets[EVENTS_MAX];		      /* endpoints that the event went to, as bits */
	uint8_t successes[EVENTS_MAX][ENDPOINTS_MAX]; /* records of success that were committed */
	bool exhausted[EVENTS_MAX][ENDPOINTS_MAX];    /* records of the end of the schedule */
	int64_t attempts;			      /* records in all */
};

/* --- the outside world ------------------------------------------------------------------------------ */

enum posting { POST_LATER, POST_ASKED, POST_ACKNOWLEDGED };

struct world_event {
	int organisation;
	bool other_type, west;
	bool named; /* has an event id of its own */
	size_t filler;
	enum posting posting;
	struct wall_time at;  /* POST_LATER: when */
	struct message_id id; /* once it is known */
	/* By endpoint: what its receiver took and answered with 2xx, answers that this process heard, resends asked
	 * for, the sequence it came with. */
	uint8_t taken[ENDPOINTS_MAX], answered[ENDPOINTS_MAX], heard[ENDPOINTS_MAX], resends[ENDPOINTS_MAX];
	int64_t sequence[ENDPOINTS_MAX];
};

enum receiver_mode {
	RECEIVER_WORKS,
	RECEIVER_FLAKY,
	RECEIVER_FAILS,
	RECEIVER_IS_GONE,
	RECEIVER_HANGS,
	RECEIVER_HAS_NO_NAME,
	RECEIVER_MODE_COUNT
};

struct receiver {
	struct endpoint_id id; /* once it is known */
	enum receiver_mode mode;
	bool sent_to; /* the sender was told that this endpoint is active, and not since that it is not */
};

struct network_flight {
	struct transmission *transmission;
	struct wall_time arrives, ends; /* arrives: WALL_NEVER, it does not */
	int event, endpoint;
	bool answers_well;
};

/* What a client asked the store for; the owner of its request. */
enum errand_kind { ERRAND_POST, ERRAND_STATE, ERRAND_FILTER, ERRAND_CREATE, ERRAND_DELETE, ERRAND_RESEND };

struct errand {
	enum errand_kind kind;
	int event, endpoint;
	enum endpoint_state state;
	bool only_type, only_channel;
};

/* --- everything ------------------------------------------------------------------------------------- */

enum mail_kind { MAIL_NOTE, MAIL_SENDER, MAIL_CLIENT };

struct world {
	uint64_t seed;
	struct plan plan;
	struct random random;
	struct wall_time now;
	bool failed;
	bool calm;	 /* no more faults: the phase that shows liveness, since all must be delivered in it */
	unsigned faults; /* bits: those that this world has */
	uint64_t steps, crashes, batches, full, transmissions, duplicates;
	int64_t simulated_us;

	struct vfs *vfs;
	struct store *store;
	struct sender *sender;
	struct wall_time turn_at;
	struct sealer *sealer;
	struct key *key;
	struct slice sealed_key;
	struct arena arena;
	struct mail_list submitted; /* on their way to the store */
	struct mail_list to_sender, to_clients;

	struct model model, doubt; /* doubt: as the model is if the batch that crashed was committed */
	bool in_doubt;
	struct world_event events[EVENTS_MAX];
	int event_count;
	struct receiver receivers[ENDPOINTS_MAX];
	int endpoint_count; /* asked to be made so far */
	struct network_flight flights[FLIGHTS_MAX];
	size_t flight_count;
};

/* world.c. True: all held. */
bool simulate(uint64_t seed, const struct plan *plan);
void world_fail(struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
void world_say(const struct world *world, const char *format, ...) PRINTF_LIKE(2, 3);
bool world_chance(struct world *world, uint64_t numerator, uint64_t denominator);
int world_below(struct world *world, int bound);

/* faults.c: what goes wrong now */
void faults_draw(struct world *world);
bool faults_have(const struct world *world, enum fault fault);
void faults_happen(struct world *world);

/* marks.c */
void mark(struct world *world, enum mark which);
const char *mark_name(enum mark which);

/* bugs.c */
const char *bug_name(enum bug bug);
bool bug_parse(const char *name, enum bug *out);
/* A bug that happens now and then, happens now. */
bool bug_strikes(struct world *world, enum bug bug);
/* Spoils what it is about; does nothing for other bugs. */
void bug_in_batch(struct world *world, struct store_request *request); /* before the store sees it */
bool bug_swallows(struct world *world, struct store_request *request); /* answers OK without the store */
void bug_in_note(struct world *world, struct store_note *note);	       /* before the sender sees it */
void bug_in_reply(struct world *world, struct store_request *request); /* the same of a reply */
void bug_in_transmission(struct world *world, struct transmission *transmission);

/* machine.c: the process: store, sender, what is between them */
void machine_start(struct world *world);
void machine_stop(struct world *world); /* in order */
void machine_crash(struct world *world, enum vfs_crash crash);
void machine_submit(struct world *world, struct store_request *request, enum mail_kind reply_to);
void machine_batch(struct world *world); /* executes some of what was submitted */
void machine_idle(struct world *world);	 /* the store's work for idle moments */
void machine_deliver(struct world *world, struct mail_list *from);
/* Reads beside everything else, without a trace; must succeed. Free the request. */
void machine_read(struct world *world, struct store_request *request);

/* model.c */
void model_play(struct world *world, struct model *model, const struct store_request *request);
int model_event_of(const struct world *world, struct message_id id);	 /* -1: none */
int model_endpoint_of(const struct world *world, struct endpoint_id id); /* -1: none */
/* After a crash: the store is as the model says, or as the batch in doubt would have made it. */
void model_settle(struct world *world);

/* clients.c */
void clients_setup(struct world *world);
bool clients_post(struct world *world); /* false: nothing to post now */
void clients_administer(struct world *world);
void clients_answer(struct world *world, struct store_request *request); /* takes it */
void clients_lose_connections(struct world *world);
void clients_enable_all(struct world *world);
void clients_resend(struct world *world, int event, int endpoint);
/* In which order this endpoint wants its events; fixed by the seed. */
enum delivery_order clients_order(const struct world *world, int endpoint);
struct slice clients_payload(const struct world *world, int event, struct arena *arena);
struct slice clients_uid(struct arena *arena, const char *prefix, int number);

/* receivers.c: the network and who listens */
void receivers_transmit(void *context, struct transmission *transmission);
bool receivers_move(struct world *world); /* an arrival or an end that is due; false: none */
struct wall_time receivers_next(const struct world *world);
void receivers_lose_connections(struct world *world);

/* check.c: after all is quiet */
int64_t check_pending(struct world *world);
int check_resend_exhausted(struct world *world); /* how many */
void check_everything(struct world *world);

#endif
