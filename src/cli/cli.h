/* The command line: one table of commands drives parsing, `--help`, `vaultbell help` and the list of all commands.
 *
 * A command's arguments are parsed and checked against its table before `run` is called: unknown options, missing
 * values, options given twice and missing required ones are misuse and never reach it. `--name value` and
 * `--name=value` are the same; `--` ends the options; every command takes `--help`.
 *
 * Errors are one line on standard error: the command, which input is wrong and how, and what would be right.
 * No value of an option that is marked `secret` is ever repeated. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/error.h"
#include "base/slice.h"

enum cli_exit {
	CLI_GOOD = 0,
	CLI_FINDING = 1, /* the question was answered, and the answer is bad: a failed check, an open break */
	CLI_ERROR = 2,	 /* misuse, or it could not be done */
};

struct cli_option {
	const char *name;     /* without the dashes: "data" */
	const char *argument; /* what its value is called in the help: "DIR"; NULL: a switch without a value */
	const char *about;
	const char *fallback; /* the value when it is not given, shown in the help; NULL: none */
	char letter;	      /* `-f`; 0: none */
	bool required;
	bool secret; /* its value is never shown in an error */
};

struct cli_arguments;

struct cli_command {
	const char *name;    /* one or two words: "verify", "token create" */
	const char *summary; /* one line, without a full stop */
	const char *details; /* paragraphs for `--help`, or NULL */
	const char *operand; /* name of its one operand ("ID"); NULL: it takes none */
	bool operand_optional;
	const struct cli_option *options;
	size_t option_count;
	/* Returns an enum cli_exit. */
	int (*run)(const struct cli_arguments *arguments);
};

struct cli_table {
	const struct cli_command *const *items;
	size_t count;
};

/* This layer's own: token create, journal list, verify, send, simulate, version, help. */
extern const struct cli_table cli_commands;

/* What main() returns. `tables` in the order in which the help shows them. */
int cli_main(const struct cli_table *tables, size_t table_count, int argc, char *const *argv);

/* --- for commands ----------------------------------------------------------------------------------- */

/* The option's value, its fallback, or NULL. The name must be in the command's table. Lives as long as argv. */
const char *cli_value(const struct cli_arguments *arguments, const char *name);
/* Whether a switch, or any option, was given. */
bool cli_given(const struct cli_arguments *arguments, const char *name);
/* The operand, or NULL. */
const char *cli_operand(const struct cli_arguments *arguments);
/* The option's value as a number within [min, max], or ERR_INVALID that names the option. Must have a value. */
MUST_CHECK enum error_code cli_number(const struct cli_arguments *arguments, const char *name, int64_t min, int64_t max,
    int64_t *out, struct error *error);
/* The option's value as a duration of base/clock.h, in milliseconds. Must have a value. */
MUST_CHECK enum error_code cli_duration(
    const struct cli_arguments *arguments, const char *name, int64_t *out_ms, struct error *error);

/* Prints "vaultbell COMMAND: " and the line on standard error; returns CLI_ERROR. */
int cli_misuse(const struct cli_arguments *arguments, const char *format, ...) PRINTF_LIKE(2, 3);
int cli_fail(const struct cli_arguments *arguments, const struct error *error);

#endif
