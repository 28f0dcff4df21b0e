/* A PostgreSQL table: what has come is written in one transaction, and each event once.
 *
 * Without a statement of its own, an event is a row of `table`, whose primary key (source, event_id) leaves out what is
 * there already. With one, `table` remembers what was done, in the same transaction as the statement. So an event that is
 * delivered again (the receiver was killed before it knew, the connection broke in the commit) changes nothing.
 *
 * libpq is never waited in: every wait is a poll of its socket with a deadline, which act_worker_stop interrupts. (Names
 * are resolved inside of libpq, in this thread.)
 *
 * Invariants
 * 1. A job passes only after COMMIT was answered.
 * 2. Of what the server answers, only its code and the names of its schema are kept: a message may quote the event.
 * 3. The password is in a file or in the environment, and in no text of ours. */
#include "act/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	PARAMETERS = 7,
	PASSWORD_BYTES_MAX = 1024,
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_TEXT = 25,
	TYPE_JSON = 114,
	TYPE_TIMESTAMPTZ = 1184
};

/* What statements may use, as $1 … $7: source, event_id, type, received_at, redacted, body, body_bytes. */
static const Oid types[PARAMETERS] = {
    TYPE_TEXT, TYPE_TEXT, TYPE_TEXT, TYPE_TIMESTAMPTZ, TYPE_BOOL, TYPE_JSON, TYPE_BYTEA};

static const char statement_name[] = "vaultbell_event", claim_name[] = "vaultbell_claim";

struct database {
	PGconn *connection; /* NULL: not connected */
	bool prepared;
	char problem[256]; /* why the last thing failed */
	bool final;	   /* it is about the event, and trying again would not help */
};

/* --- waiting ---------------------------------------------------------------------------------------- */

static bool
fail(struct database *database, const char *what)
{
	snprintf(database->problem, sizeof database->problem, "%s", what);
	database->final = false;
	return false;
}

static void
disconnect(struct database *database)
{
	PQfinish(database->connection);
	database->connection = NULL;
	database->prepared = false;
}

/* Until the socket is ready for `events`. */
static bool
wait_for(struct act_worker *worker, struct database *database, short events, struct mono_time deadline)
{
	for (;;) {
		int64_t left_ms = (deadline.us - clock_mono().us + 999) / 1000;
		if (left_ms <= 0)
			return fail(database, "the database did not answer within the time limit");
		struct pollfd fds[2] = {{.fd = PQsocket(database->connection), .events = events},
		    {.fd = worker->stop_fd, .events = POLLIN}};
		int ready = poll(fds, 2, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
		if (ready < 0 && errno != EINTR)
			return fail(database, "the database cannot be waited for");
		if (ready > 0 && fds[1].revents != 0)
			return fail(database, "the receiver stops");
		if (ready > 0)
			return true;
	}
}

/* --- answers ---------------------------------------------------------------------------------------- */

/* The first line of what libpq says of a connection; it names hosts and users, never a password. */
static bool
fail_connection(struct database *database, const char *what)
{
	const char *said = database->connection == NULL ? "" : PQerrorMessage(database->connection);
	snprintf(database->problem, sizeof database->problem, "%s: %.*s", what, (int)strcspn(said, "\n"), said);
	database->final = false;
	return false;
}

static bool
fail_result(struct database *database, const char *what, const PGresult *result)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *table = PQresultErrorField(result, PG_DIAG_TABLE_NAME);
	const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
	if (state == NULL)
		return fail_connection(database, what);
	snprintf(database->problem, sizeof database->problem, "%s: SQLSTATE %s%s%.60s%s%.60s", what, state,
	    table == NULL ? "" : ", table ", table == NULL ? "" : table, constraint == NULL ? "" : ", constraint ",
	    constraint == NULL ? "" : constraint);
	/* Class 22: the data is wrong; class 23: it breaks a rule of the table. */
	database->final = strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0;
	return false;
}

/* Sends what was queued and reads until the command is over; NULL: it cannot be had. */
static PGresult *
last_result(struct act_worker *worker, struct database *database, struct mono_time deadline)
{
	PGconn *connection = database->connection;
	PGresult *last = NULL;
	for (;;) {
		int flushing = PQflush(connection);
		bool good = flushing >= 0;
		if (good && PQisBusy(connection) == 0 && flushing == 0) {
			PGresult *result = PQgetResult(connection);
			if (result == NULL)
				return last;
			PQclear(last);
			last = result;
			continue;
		}
		if (good)
			good = wait_for(worker, database, flushing > 0 ? POLLIN | POLLOUT : POLLIN, deadline);
		else
			(void)fail_connection(database, "the connection broke");
		if (good && PQconsumeInput(connection) == 0)
			good = fail_connection(database, "the connection broke");
		if (!good) {
			PQclear(last);
			disconnect(database);
			return NULL;
		}
	}
}

/* Whether it went well; `rows` (may be NULL): 0 where it changed none, else 1. */
static bool
finish(struct act_worker *worker, struct database *database, int sent, const char *what, struct mono_time deadline,
    int *rows)
{
	if (sent == 0) {
		(void)fail_connection(database, "the connection broke");
		disconnect(database);
		return false;
	}
	PGresult *result = last_result(worker, database, deadline);
	if (result == NULL)
		return false;
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	if (good && rows != NULL)
		*rows = strcmp(PQcmdTuples(result), "0") == 0 ? 0 : 1;
	if (!good)
		(void)fail_result(database, what, result);
	/* A transaction that failed is rolled back by its COMMIT, which goes well. */
	if (good && strcmp(PQcmdStatus(result), "ROLLBACK") == 0 && strcmp(what, "COMMIT") == 0)
		good = fail(database, "the transaction was rolled back");
	PQclear(result);
	if (PQstatus(database->connection) == CONNECTION_BAD)
		disconnect(database);
	return good;
}

static bool
simple(struct act_worker *worker, struct database *database, const char *sql, struct mono_time deadline)
{
	return database->connection != NULL &&
	       finish(worker, database, PQsendQuery(database->connection, sql), sql, deadline, NULL);
}

/* --- connecting ------------------------------------------------------------------------------------- */

/* The file's first line; false: it cannot be read. */
static bool
read_password(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	ssize_t got = read(fd, out, size - 1);
	close(fd);
	if (got < 0)
		return false;
	out[got] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

static void
ignore_notice(void *context, const PGresult *result)
{
	(void)context;
	(void)result;
}

static bool
connect_on(struct act_worker *worker, struct database *database, struct mono_time deadline)
{
	(void)PQsetNoticeReceiver(database->connection, ignore_notice, NULL);
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;
	while (status != PGRES_POLLING_OK) {
		bool reading = status == PGRES_POLLING_READING;
		if (status == PGRES_POLLING_FAILED)
			return fail_connection(database, "no connection to the database");
		if (!wait_for(worker, database, reading ? POLLIN : POLLOUT, deadline))
			return false;
		status = PQconnectPoll(database->connection);
	}
	return PQsetnonblocking(database->connection, 1) == 0 || fail_connection(database, "no connection");
}

static bool
connect_database(struct act_worker *worker, struct database *database, struct mono_time deadline)
{
	const struct act_postgres *wanted = &worker->destination->postgres;
	char password[PASSWORD_BYTES_MAX] = "";
	if (wanted->password_file != NULL && !read_password(wanted->password_file, password, sizeof password))
		return fail(database, "password_file cannot be read");
	const char *const names[] = {"fallback_application_name", "dbname", "client_encoding",
	    wanted->password_file == NULL ? NULL : "password", NULL};
	const char *const values[] = {"vaultbell", wanted->connection, "UTF8", password, NULL};
	database->connection = PQconnectStartParams(names, values, 1);
	explicit_bzero(password, sizeof password);
	bool good = database->connection != NULL;
	if (!good)
		return fail(database, "no connection: out of memory");
	good = PQstatus(database->connection) != CONNECTION_BAD ? connect_on(worker, database, deadline)
								: fail_connection(database, "no connection");
	if (!good)
		disconnect(database);
	return good;
}

/* --- statements ------------------------------------------------------------------------------------- */

static bool
prepare_one(struct act_worker *worker, struct database *database, const char *name, const char *sql, const char *what,
    struct mono_time deadline)
{
	return database->connection != NULL &&
	       finish(worker, database, PQsendPrepare(database->connection, name, sql, PARAMETERS, types), what,
		   deadline, NULL);
}

static bool
create_table(struct act_worker *worker, struct database *database, const char *columns, struct mono_time deadline)
{
	struct arena arena = ARENA_EMPTY;
	struct slice sql =
	    arena_printf(&arena, "CREATE TABLE IF NOT EXISTS %s (%s)", worker->destination->postgres.table, columns);
	bool good = database->connection != NULL && finish(worker, database, PQsendQuery(database->connection, sql.ptr),
							"create_table", deadline, NULL);
	arena_free(&arena);
	return good;
}

static const char event_columns[] =
    "source text NOT NULL, event_id text NOT NULL, type text, received_at timestamptz NOT NULL,"
    " redacted boolean NOT NULL, body json, body_bytes bytea, PRIMARY KEY (source, event_id)";
static const char claim_columns[] = "destination text NOT NULL, source text NOT NULL, event_id text NOT NULL,"
				    " done_at timestamptz NOT NULL DEFAULT now(),"
				    " PRIMARY KEY (destination, source, event_id)";

/* Once for each connection. The destination's name is of letters, digits and `-_.`, so it may stand in a text. */
static bool
prepare(struct act_worker *worker, struct database *database, struct mono_time deadline)
{
	const struct act_postgres *wanted = &worker->destination->postgres;
	bool own = wanted->statement != NULL;
	if (database->prepared)
		return true;
	if (wanted->create_table && !create_table(worker, database, own ? claim_columns : event_columns, deadline))
		return false;
	struct arena arena = ARENA_EMPTY;
	struct slice claim = arena_printf(&arena,
	    "INSERT INTO %s (destination, source, event_id) VALUES ('%s', $1, $2)"
	    " ON CONFLICT (destination, source, event_id) DO NOTHING",
	    wanted->table, worker->destination->name.ptr);
	struct slice insert = arena_printf(&arena,
	    "INSERT INTO %s (source, event_id, type, received_at, redacted, body, body_bytes)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (source, event_id) DO NOTHING",
	    wanted->table);
	bool good = prepare_one(worker, database, statement_name, own ? wanted->statement : insert.ptr,
	    own ? "statement" : "table", deadline);
	good = good && (!own || prepare_one(worker, database, claim_name, claim.ptr, "table", deadline));
	arena_free(&arena);
	if (!good && database->connection != NULL)
		disconnect(database); /* what was prepared by half is gone with it */
	database->prepared = good;
	/* What cannot be prepared is the operator's to mend, whatever its class. */
	database->final = false;
	return good;
}

/* --- writing ---------------------------------------------------------------------------------------- */

static bool
has_nul(struct slice text)
{
	return text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
}

struct parameters {
	const char *values[PARAMETERS];
	int lengths[PARAMETERS], formats[PARAMETERS];
	struct arena arena;
};

static void
parameters_of(const struct act_job *job, struct parameters *out)
{
	char time[TIME_TEXT_BYTES];
	*out = (struct parameters){.arena = ARENA_EMPTY};
	out->values[0] = arena_string(&out->arena, job->source);
	out->values[1] = arena_string(&out->arena, job->event_id);
	out->values[2] = slice_present(job->type) ? arena_string(&out->arena, job->type) : NULL;
	out->values[3] = arena_string(&out->arena, slice_of(time_format(job->received, 6, time)));
	out->values[4] = job->redacted ? "t" : "f";
	if (job->is_json) {
		out->values[5] = arena_string(&out->arena, job->body);
		return;
	}
	out->values[6] = job->body.len == 0 ? "" : job->body.ptr;
	out->lengths[6] = (int)job->body.len;
	out->formats[6] = 1;
}

static bool
run(struct act_worker *worker, struct database *database, const char *name, const struct parameters *with,
    const char *what, struct mono_time deadline, int *rows)
{
	return database->connection != NULL && finish(worker, database,
						   PQsendQueryPrepared(database->connection, name, PARAMETERS,
						       with->values, with->lengths, with->formats, 0),
						   what, deadline, rows);
}

/* Within the transaction. */
static bool
write_event(struct act_worker *worker, struct database *database, const struct act_job *job, struct mono_time deadline)
{
	if (has_nul(job->event_id) || has_nul(job->type)) {
		(void)fail(database, "the event's id or type holds a NUL, which no text of the database can");
		database->final = true;
		return false;
	}
	struct parameters with;
	parameters_of(job, &with);
	bool own = worker->destination->postgres.statement != NULL, good = true;
	int rows = 1;
	if (own)
		good = run(worker, database, claim_name, &with, "table", deadline, &rows);
	if (good && rows > 0)
		good = run(worker, database, statement_name, &with, own ? "statement" : "table", deadline, NULL);
	arena_free(&with.arena);
	return good;
}

static void
end_all(const struct database *database, struct act_job *const *jobs, size_t count, bool good)
{
	for (size_t i = 0; i < count; i++) {
		if (good)
			act_job_end(jobs[i], ACT_PASS, "committed");
		else
			act_job_end(jobs[i], database->final ? ACT_FAIL : ACT_RETRY, "%s", database->problem);
	}
}

/* All of them in one transaction. */
static bool
transact(struct act_worker *worker, struct database *database, struct act_job *const *jobs, size_t count,
    struct mono_time deadline)
{
	database->final = false;
	bool good = database->connection != NULL || connect_database(worker, database, deadline);
	good = good && prepare(worker, database, deadline) && simple(worker, database, "BEGIN", deadline);
	if (!good)
		return false;
	for (size_t i = 0; good && i < count; i++)
		good = write_event(worker, database, jobs[i], deadline);
	if (good)
		return simple(worker, database, "COMMIT", deadline);
	/* Why it failed is to be kept over the rollback. */
	struct database why = *database;
	if (database->connection != NULL)
		(void)simple(worker, database, "ROLLBACK", deadline);
	memcpy(database->problem, why.problem, sizeof why.problem);
	database->final = why.final;
	return false;
}

static struct mono_time
deadline_of(const struct act_worker *worker)
{
	int64_t own = worker->destination->timeout_ms;
	return (struct mono_time){clock_mono().us + (own != 0 ? own : worker->timeout_ms) * 1000};
}

/* Where one event of a batch is refused, each is tried alone, so that it fails alone. Where the connection is the matter,
 * none is. */
static void
work(struct act_worker *worker, struct act_job *const *jobs, size_t count)
{
	struct database *database = worker->state;
	/* What has broken while nothing was to be done is found now, and made anew at once. */
	if (database->connection != NULL &&
	    (PQconsumeInput(database->connection) == 0 || PQstatus(database->connection) == CONNECTION_BAD))
		disconnect(database);
	bool good = transact(worker, database, jobs, count, deadline_of(worker));
	if (good || count == 1 || database->connection == NULL) {
		end_all(database, jobs, count, good);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		bool alone =
		    database->connection != NULL && transact(worker, database, &jobs[i], 1, deadline_of(worker));
		end_all(database, &jobs[i], 1, alone);
	}
}

static void
reopen(struct act_worker *worker)
{
	(void)worker;
}

static void
close_worker(struct act_worker *worker)
{
	struct database *database = worker->state;
	disconnect(database);
	free(database);
}

void
act_postgres_open(struct act_worker *worker)
{
	worker->state = mem_zero(1, sizeof(struct database));
	worker->work = work;
	worker->reopen = reopen;
	worker->close = close_worker;
}
