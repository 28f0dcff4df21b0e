/* One attempt at a destination that is not HTTP. Private to act. */
#ifndef ACT_JOB_H
#define ACT_JOB_H

#include "act/act.h"
#include "base/clock.h"
#include "base/mailbox.h"
#include "transport/transport.h"

enum act_verdict { ACT_PASS, ACT_FAIL, ACT_RETRY };

struct act_job {
	struct mail mail;
	const struct act_destination *destination;
	struct transmission *transmission;
	struct slice source, event_id, type; /* type absent: not known */
	struct slice body;
	bool redacted; /* the body is not the one that came */
	bool is_json;
	struct slice sequence, attempt;
	struct wall_time received;
	struct mono_time begun;
	struct act_job *next;
	/* what came of it */
	enum act_verdict verdict;
	char text[LIMIT_DESTINATION_OUTPUT_BYTES]; /* ends with a NUL; no payload, no secret */
};

/* Sets the verdict and what is said of it. */
void act_job_end(struct act_job *job, enum act_verdict verdict, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
