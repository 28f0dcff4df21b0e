/* The table of this layer's commands, in the order in which the help shows them. */
#include "cli/arguments.h"

static const struct cli_command *const commands[] = {
    &cli_token_create,
    &cli_token_list,
    &cli_token_revoke,
    &cli_send,
    &cli_simulate,
    &cli_verify,
    &cli_journal_list,
    &cli_journal_gaps,
    &cli_compare,
    &cli_journal_show,
    &cli_journal_verify,
    &cli_destinations,
    &cli_destinations_dead,
    &cli_destinations_replay,
    &cli_audit_list,
    &cli_audit_verify,
    &cli_track_transaction,
    &cli_track_workflow,
    &cli_track_case,
    &cli_track_endpoint,
    &cli_alerts_list,
    &cli_alerts_ack,
    &cli_alerts_resolve,
    &cli_reconcile,
    &cli_breaks_list,
    &cli_breaks_show,
    &cli_breaks_move,
    &cli_apply,
    &cli_export,
    &cli_version,
    &cli_help,
};

const struct cli_table cli_commands = {commands, COUNT_OF(commands)};
