/* `journal verify`: walks the chain over every row and body, and holds its end against the anchor. */
#include "cli/journal.h"

#include "store/anchor.h"
#include "store/chain.h"
#include "store/finding.h"

#include <inttypes.h>
#include <stdio.h>

struct finding_set {
	struct chain_check check;
	struct anchor_marks marks;
	struct findings known; /* what was found at earlier starts, and what people said of it */
};

/* The same cut once more, which nobody accepted. */
static bool
happened_again(const struct findings *known, const struct finding *finding)
{
	for (size_t i = 0; i < known->count; i++)
		if (known->items[i].state != FINDING_ACCEPTED && finding_same(&known->items[i], finding))
			return true;
	return false;
}

/* What was accepted is passed over; everything else that the anchor knew is held against the rows. */
static void
use_findings(struct finding_set *set)
{
	struct chain_check *check = &set->check;
	bool disputed_known = false;
	for (size_t i = 0; i < set->known.count; i++) {
		const struct finding *finding = &set->known.items[i];
		bool accepted = finding->state == FINDING_ACCEPTED;
		if (finding->kind == FINDING_DISPUTE && finding->end.seq == set->marks.disputed.seq &&
		    memcmp(finding->end.chain, set->marks.disputed.chain, SHA256_BYTES) == 0)
			disputed_known = true;
		if (finding->kind == FINDING_CUT && accepted && !happened_again(&set->known, finding))
			chain_check_cut(check, finding->have, &finding->end);
		else if (finding->kind == FINDING_DISPUTE && !accepted)
			chain_check_mark(
			    check, &finding->end, "what journal.head held, or had to, at an earlier start");
	}
	if (set->marks.has_dispute && !disputed_known)
		chain_check_mark(check, &set->marks.disputed, "what journal.head held, or had to, at an earlier start");
}

static enum error_code
examine(const char *directory, struct store *store, struct finding_set *finding, struct error *error)
{
	struct chain_check *check = &finding->check;
	chain_check_init(check);
	enum error_code code = input_anchor(&anchor_of_journal, directory, &finding->marks, error);
	if (code != OK)
		return code;
	const struct anchor_marks *marks = &finding->marks;
	if (marks->readable)
		chain_check_mark(check, &marks->end, "journal.head");
	code = input_findings(directory, &finding->known, error);
	if (code != OK)
		return code;
	if (marks->readable)
		use_findings(finding);
	code = chain_check_store(check, store, error);
	if (code != OK || check->failed || marks->readable)
		return code;
	/* The rows agree with each other, but anyone could have made them so. */
	if (check->end.seq > 0 || marks->present) {
		check->failed = true;
		check->bad_seq = check->end.seq > 0 ? check->end.seq : 1;
		snprintf(check->reason, sizeof check->reason, "journal.head %s: nothing says where the journal ended",
		    marks->present ? "was not written under this master.key" : "or master.key is missing");
	}
	return OK;
}

static void
put_end(struct json_writer *writer, const char *name, const struct store_journal_end *end, struct arena *arena)
{
	json_key(writer, name);
	json_open(writer, '{');
	json_put_integer(writer, "seq", end->seq);
	json_put_string(writer, "chain", journal_hex(arena, end->chain));
	json_close(writer);
}

static void
print_json(const struct finding_set *finding)
{
	const struct chain_check *check = &finding->check;
	struct arena arena = ARENA_EMPTY;
	struct buf line;
	buf_init(&line, 1 << 16);
	struct json_writer writer;
	json_writer_init(&writer, &line);
	json_open(&writer, '{');
	json_put_bool(&writer, "valid", !check->failed);
	if (check->failed) {
		json_put_integer(&writer, "seq", check->bad_seq);
		json_put_cstring(&writer, "reason", check->reason);
	}
	put_end(&writer, "verified", &check->end, &arena);
	if (finding->marks.readable)
		put_end(&writer, "anchor", &finding->marks.end, &arena);
	journal_put_findings(&writer, &finding->known);
	json_close(&writer);
	journal_print_line(&line);
	arena_free(&arena);
}

static void
print_text(const struct finding_set *finding)
{
	const struct chain_check *check = &finding->check;
	struct arena arena = ARENA_EMPTY;
	if (check->failed)
		printf("seq %" PRId64 ": %s\n", check->bad_seq, check->reason);
	else if (check->end.seq == 0)
		printf("the journal is empty\n");
	else
		printf("seq 1 to %" PRId64 ": every row and body%s is as it was written; anchored up to seq %" PRId64
		       "\nends with %.*s\n",
		    check->end.seq, check->passed_over > 0 ? " that is not accepted as missing" : "",
		    finding->marks.end.seq, SLICE_ARG(journal_hex(&arena, check->end.chain)));
	for (size_t i = 0; i < finding->known.count; i++)
		journal_print_finding(&finding->known.items[i], i + 1, &arena);
	if (finding->known.unreadable)
		printf("journal.findings was not written under this master.key: nothing in it counts\n");
	arena_free(&arena);
}

static int
run(const struct cli_arguments *arguments)
{
	struct error error = ERROR_NONE;
	struct store *store;
	struct finding_set finding = {.known = {.count = 0}};
	const char *directory = cli_value(arguments, "data");
	if (input_store(directory, true, &store, &error) != OK)
		return cli_fail(arguments, &error);
	enum error_code code = examine(directory, store, &finding, &error);
	store_close(store);
	if (code != OK) {
		findings_free(&finding.known);
		return cli_fail(arguments, &error);
	}
	if (cli_given(arguments, "json"))
		print_json(&finding);
	else
		print_text(&finding);
	findings_free(&finding.known);
	return finding.check.failed ? CLI_FINDING : CLI_GOOD;
}

static const struct cli_option options[] = {
    {.name = "data", .argument = "DIR", .about = "the receiver's data directory", .required = true},
    {.name = "json", .about = "prints a JSON object"},
};

const struct cli_command cli_journal_verify = {
    .name = "journal verify",
    .summary = "check that the journal is as it was written",
    .details =
	"Walks the chain over every member of every row, hashes every body, and holds the end against\n"
	"DIR/journal.head, which is sealed under master.key. Exit status 1 names the first seq that was\n"
	"altered, removed, inserted or reordered, or is missing at the end. What two persons have accepted\n"
	"(`vaultbell journal accept-anchor`) is listed, and no finding any more. Works beside a running receiver.",
    .options = options,
    .option_count = COUNT_OF(options),
    .run = run,
};
