/* Back-pressure to producers: when a new event is refused, rather than kept in memory that is not there. Pure.
 *
 *   OPEN ──a reading passes its limit──▶ refusing for that reason ──it has come down well below──▶ OPEN
 *
 * Each reason has its own way back (hysteresis), so that a server at its limit does not open and close with every
 * event. Nothing that was accepted is touched: a refusal comes before anything of the event is stored, and a producer
 * that repeats its request with its idempotency key loses and doubles nothing. */
#ifndef SERVER_PRESSURE_H
#define SERVER_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

enum pressure_reason {
	PRESSURE_QUEUE,	 /* payload bytes between a POST and the sender's memory */
	PRESSURE_MEMORY, /* of the whole process */
	PRESSURE_DISK,	 /* what is free where the data is */
	PRESSURE_REASON_COUNT,
};

struct pressure_limits {
	int64_t queue_bytes;	  /* at most */
	int64_t memory_bytes;	  /* at most; 0: no limit */
	int64_t disk_floor_bytes; /* at least; 0: no limit */
};

struct pressure_reading {
	int64_t queue_bytes, memory_bytes;
	int64_t disk_free_bytes; /* -1: not known */
};

struct pressure {
	struct pressure_limits limits;
	bool closed[PRESSURE_REASON_COUNT];
	uint64_t refused[PRESSURE_REASON_COUNT];
};

/* Takes a reading in; the reason to refuse for now, or PRESSURE_REASON_COUNT when there is none. Counts the refusal. */
enum pressure_reason pressure_judge(struct pressure *pressure, const struct pressure_reading *reading);

struct pressure_answer {
	int status, retry_after_s;
	const char *code, *detail;
};
const struct pressure_answer *pressure_answer(enum pressure_reason reason);

#endif
