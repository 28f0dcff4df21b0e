/* Breaks as people write and read them: the same at the terminal and over HTTP. */
#include "base/limits.h"
#include "store/break.h"

const char *const break_side_names[3] = {"journal", "custodian", "ledger"};

enum error_code
break_wish_parse(struct slice to, struct slice reason, const char *dash, enum break_state *out, struct error *error)
{
	if (!slice_present(to) || !break_state_parse(to, out) || *out == BREAK_STATE_MATCHED)
		return error_set(error, ERR_INVALID,
		    "%sto %.*s: expected open, investigating, adjusted, written_off or false_positive", dash,
		    SLICE_ARG(to));
	if (!slice_present(reason) || reason.len == 0 || reason.len > BREAK_REASON_BYTES_MAX)
		return error_set(
		    error, ERR_INVALID, "%sreason: expected a text of 1 to %d bytes", dash, BREAK_REASON_BYTES_MAX);
	return OK;
}

enum error_code
break_states_parse(struct slice text, const char *option, unsigned *out, struct error *error)
{
	struct slice rest = text;
	*out = 0;
	for (bool more = true; more;) {
		struct slice name = slice_cut(&rest, ',');
		more = slice_present(rest);
		enum break_state state = BREAK_STATE_COUNT;
		bool known = break_state_parse(name, &state), all = slice_is(name, "all"),
		     closed = slice_is(name, "closed");
		for (enum break_state s = 0; s < BREAK_STATE_COUNT; s++)
			if (all || (closed && !break_state_open(s)) || (known && s == state))
				*out |= 1u << s;
		if (!known && !all && !closed)
			return error_set(error, ERR_INVALID,
			    "%s %.*s: expected all, closed, or open, investigating, matched, adjusted, written_off, "
			    "false_positive, separated by commas",
			    option, SLICE_ARG(text));
	}
	return OK;
}

int64_t
break_age_seconds(const struct store_break *row, struct wall_time now)
{
	return now.us > row->first_seen.us ? (now.us - row->first_seen.us) / 1000000 : 0;
}

static void
put_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(writer, name, time.us == 0 ? NULL : time_format(time, time.us % 1000000 == 0 ? 0 : 6, text));
}

void
break_put(struct json_writer *writer, const struct store_break *row, struct wall_time now)
{
	json_put_string(writer, "id", row->id);
	json_put_cstring(writer, "state", break_state_name(row->state));
	json_put_string(writer, "class", row->class);
	json_put_string(writer, "severity", row->severity);
	json_put_string(writer, "match_key", row->match_key);
	json_put_string(writer, "detail", row->detail);
	put_time(writer, "since", row->since);
	put_time(writer, "first_seen", row->first_seen);
	put_time(writer, "last_seen", row->last_seen);
	put_time(writer, "changed", row->changed);
	bool proposed = row->proposed != BREAK_STATE_COUNT;
	json_put_cstring(writer, "proposed", proposed ? break_state_name(row->proposed) : NULL);
	json_put_string(writer, "proposed_by", proposed ? row->proposer : SLICE_NONE);
	for (size_t i = 0; i < COUNT_OF(break_side_names); i++) {
		struct json value;
		bool good =
		    slice_present(row->sides[i]) && json_parse(row->sides[i], LIMIT_JSON_DEPTH, &value, NULL) == OK;
		json_key(writer, break_side_names[i]);
		if (good)
			json_raw(writer, row->sides[i]);
		else
			json_null(writer);
	}
	json_put_integer(writer, "age_seconds", break_age_seconds(row, now));
}

void
break_put_history(struct json_writer *writer, const struct store_break_move *moves, size_t count)
{
	json_key(writer, "history");
	json_open(writer, '[');
	for (size_t i = 0; i < count; i++) {
		json_open(writer, '{');
		put_time(writer, "at", moves[i].at);
		json_put_cstring(writer, "act", break_act_name(moves[i].act));
		json_put_cstring(writer, "from", break_state_name(moves[i].from));
		json_put_cstring(writer, "to", break_state_name(moves[i].to));
		json_put_string(writer, "actor", moves[i].actor);
		json_put_string(writer, "reason", moves[i].reason);
		json_close(writer);
	}
	json_close(writer);
}

void
break_put_run(struct json_writer *writer, const struct store_break_run *run)
{
	json_put_integer(writer, "run", run->run);
	put_time(writer, "as_of", run->as_of);
	put_time(writer, "at", run->at);
	json_put_integer(writer, "matched", run->matched);
	json_put_integer(writer, "found", run->found);
	json_put_integer(writer, "opened", run->opened);
	json_put_integer(writer, "reopened", run->reopened);
	json_put_integer(writer, "closed", run->closed);
}
