#include "reconcile/reconcile.h"

void
reconcile_init(struct reconcile *reconcile, const struct break_rules *rules)
{
	*reconcile = (struct reconcile){0};
	texts_init(&reconcile->texts);
	states_init(&reconcile->states);
	reconcile->context = (struct record_context){.texts = &reconcile->texts, .states = &reconcile->states};
	journal_init(&reconcile->journal);
	records_init(&reconcile->custodian);
	records_init(&reconcile->ledger);
	match_init(&reconcile->match);
	breaks_init(&reconcile->breaks);
	reconcile->sides[SIDE_JOURNAL] = &reconcile->journal.records;
	reconcile->sides[SIDE_CUSTODIAN] = &reconcile->custodian;
	reconcile->sides[SIDE_LEDGER] = &reconcile->ledger;
	reconcile->input = (struct break_input){
	    .rules = *rules,
	    .texts = &reconcile->texts,
	    .states = &reconcile->states,
	    .journal = &reconcile->journal,
	    .sides = reconcile->sides,
	    .match = &reconcile->match,
	};
}

void
reconcile_fini(struct reconcile *reconcile)
{
	breaks_fini(&reconcile->breaks);
	match_fini(&reconcile->match);
	records_fini(&reconcile->ledger);
	records_fini(&reconcile->custodian);
	journal_fini(&reconcile->journal);
	arena_free(&reconcile->context.arena);
	texts_fini(&reconcile->texts);
}

enum error_code
reconcile_source_parse(const char *text, struct reconcile_source *out, struct error *error)
{
	static const struct {
		const char *prefix;
		enum record_format format;
	} forms[] = {{"csv:", RECORD_CSV}, {"jsonl:", RECORD_JSONL}};
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		size_t length = strlen(forms[i].prefix);
		if (strncmp(text, forms[i].prefix, length) != 0)
			continue;
		if (text[length] == '\0')
			break;
		*out = (struct reconcile_source){forms[i].format, text + length};
		return OK;
	}
	return error_set(error, ERR_INVALID,
	    "%s: expected csv:FILE, jsonl:FILE, or with --config the name of a source of its `records`", text);
}

enum error_code
reconcile_read_journal(struct reconcile *reconcile, struct store *store, struct error *error)
{
	return journal_read(&reconcile->context, store, &reconcile->journal, error);
}

enum error_code
reconcile_read_records(
    struct reconcile *reconcile, enum side side, const struct reconcile_source *source, struct error *error)
{
	ENSURE(side == SIDE_CUSTODIAN || side == SIDE_LEDGER);
	return records_read(&reconcile->context, source->format, source->path, reconcile->sides[side], error);
}

void
reconcile_run(struct reconcile *reconcile)
{
	reconcile->input.native = texts_find(&reconcile->texts, SLICE("native"));
	texts_settle(&reconcile->texts);
	match_run(&reconcile->match, reconcile->sides);
	match_suggest(&reconcile->match, reconcile->sides, reconcile->input.rules.tolerance_us);
	breaks_find(&reconcile->breaks, &reconcile->input);
}

struct wall_time
reconcile_due(int64_t every_ms, int64_t at_ms, struct wall_time last, struct wall_time now)
{
	int64_t every_us = every_ms * 1000, day_us = INT64_C(86400) * 1000000;
	ENSURE(every_us > 0);
	if (at_ms < 0)
		return last.us == 0 ? now : (struct wall_time){last.us + every_us};
	int64_t from_us = last.us == 0 ? now.us : last.us;
	int64_t due_us = from_us - from_us % day_us + at_ms * 1000;
	/* The first of the times behind the last run. */
	due_us += (from_us - due_us) / every_us * every_us;
	while (due_us > from_us)
		due_us -= every_us;
	while (due_us <= from_us)
		due_us += every_us;
	return (struct wall_time){due_us};
}
