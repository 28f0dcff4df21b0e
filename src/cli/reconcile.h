/* What the command `reconcile` and its repair share. Private to cli. */
#ifndef CLI_RECONCILE_H
#define CLI_RECONCILE_H

#include "cli/arguments.h"
#include "cli/input.h"

#include "reconcile/reconcile.h"
#include "records/source.h"

/* One of the two sides: a file of the command line, or a source of the configuration. */
struct given_side {
	bool is_file;
	struct reconcile_source file;
	struct records_source *source;
};

struct reconcile_run {
	const struct cli_arguments *arguments;
	struct config config;
	bool has_config;
	struct break_rules rules;
	struct given_side sides[SIDE_COUNT];
	struct records_source *sender; /* --sender; else NULL */
	struct mono_time shown;	       /* the last line of progress */
	struct reconcile reconcile;
};

/* Reads journal and sides into the reconciliation, which is empty. */
MUST_CHECK enum error_code reconcile_run_read(struct reconcile_run *run, struct error *error);
/* Mends what a machine may of what was found; with --dry-run prints the plan. */
MUST_CHECK enum error_code reconcile_run_repair(struct reconcile_run *run, struct error *error);

#endif
