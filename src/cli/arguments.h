/* What a command is given. Private to cli. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/cli.h"

enum { CLI_OPTIONS_MAX = 24 };

struct cli_arguments {
	const struct cli_table *tables;
	size_t table_count;
	const struct cli_command *command;
	const char
	    *values[CLI_OPTIONS_MAX]; /* by row of the command's options; a switch's is its name; NULL: not given */
	const char *operand;
};

/* The table's entry for `--help` of one command, and of all. */
void cli_print_help(const struct cli_command *command);
void cli_print_overview(const struct cli_table *tables, size_t table_count);

extern const struct cli_command cli_token_create, cli_token_list, cli_token_revoke, cli_audit_list, cli_audit_verify,
    cli_journal_list, cli_journal_gaps, cli_compare, cli_journal_show, cli_journal_verify, cli_journal_accept,
    cli_reconcile, cli_verify, cli_send, cli_simulate, cli_apply, cli_export, cli_track_transaction, cli_track_workflow,
    cli_track_case, cli_track_endpoint, cli_alerts_list, cli_alerts_ack, cli_alerts_resolve, cli_breaks_list,
    cli_breaks_show, cli_breaks_move, cli_destinations, cli_destinations_dead, cli_destinations_replay, cli_version,
    cli_help;
extern const struct cli_command cli_key_rotate, cli_key_status;

#endif
