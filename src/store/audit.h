/* The audit log: a row for each change that somebody asked for, in the transaction of the change, chained like the
 * journal (chain.h).
 *
 *   chain_0 = SHA-256("vaultbell audit 1")
 *   chain_n = SHA-256(chain_{n-1} || every member of row n, each with its length)
 *
 * An operation says what it is about to change (audit_organisation, …), which describes it into the request; the store
 * that executes it completes and appends the row when the operation has succeeded (audit_complete). Requests without
 * an actor are the sender's own bookkeeping and leave no row, unless they change a state (audit_by_server). Pure; the same for every store. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "store/chain.h"

/* `before` NULL: it is made; `after` NULL: it goes. */
void audit_organisation(
    struct store_request *request, const struct organisation *before, const struct organisation *after);
void audit_endpoint(struct store_request *request, const struct endpoint *before, const struct endpoint *after);
void audit_event_type(struct store_request *request, const struct event_type *before, const struct event_type *after);
void audit_token(struct store_request *request, const struct token *before, const struct token *after);
void audit_resend(struct store_request *request, struct organisation_id organisation, struct message_id message,
    struct endpoint_id endpoint);
void audit_expire(struct store_request *request, struct organisation_id organisation);
void audit_expunge(struct store_request *request, struct organisation_id organisation);
void audit_attempt_expunge(struct store_request *request, struct organisation_id organisation);
/* A row where the step was the task's last. */
void audit_task_end(struct store_request *request, const struct task *task);
void audit_task(struct store_request *request, const char *action, const struct task *task);
/* The move of breaks[0]. */
void audit_break(struct store_request *request, const struct store_break_move *move);
/* Anything else: the object is text, as is `after`, a JSON object or absent. */
void audit_other(struct store_request *request, struct organisation_id organisation, const char *action,
    struct slice object, struct slice after);

/* The request is the server's own, and what it changes now is to be in the log all the same. */
void audit_by_server(struct store_request *request, const char *action);

struct store_journal_end audit_start(void);
/* Fills the row of the request that follows `end`, and moves `end` over it; false: there is nothing to append. */
MUST_CHECK bool audit_complete(struct store_request *request, struct store_journal_end *end);
struct store_audit_row audit_row_copy(struct arena *arena, const struct store_audit_row *from);

/* Checks all rows of the store. Begins where audit_check_init says. */
void audit_check_init(struct chain_check *check);
MUST_CHECK enum error_code audit_check_store(struct chain_check *check, struct store *store, struct error *error);

#endif
