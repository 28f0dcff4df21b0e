/* Parsing, the same for every command. Which commands there are is in commands.c and in the tables of app/. */
#include "cli/arguments.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- errors ----------------------------------------------------------------------------------------- */

int
cli_misuse(const struct cli_arguments *arguments, const char *format, ...)
{
	char line[512];
	va_list args;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	/* What was typed may hold line ends; an error stays one line. */
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	fflush(stdout);
	fprintf(stderr, "vaultbell%s%s: %s\n", arguments->command == NULL ? "" : " ",
	    arguments->command == NULL ? "" : arguments->command->name, line);
	return CLI_ERROR;
}

int
cli_fail(const struct cli_arguments *arguments, const struct error *error)
{
	return cli_misuse(arguments, "%s", error->text);
}

/* --- values ----------------------------------------------------------------------------------------- */

static size_t
row_of(const struct cli_arguments *arguments, const char *name)
{
	for (size_t row = 0; row < arguments->command->option_count; row++)
		if (strcmp(arguments->command->options[row].name, name) == 0)
			return row;
	fatal_at(__FILE__, __LINE__, "a command asked for an option that is not in its table");
}

const char *
cli_value(const struct cli_arguments *arguments, const char *name)
{
	size_t row = row_of(arguments, name);
	const char *value = arguments->values[row];
	return value == NULL ? arguments->command->options[row].fallback : value;
}

bool
cli_given(const struct cli_arguments *arguments, const char *name)
{
	return arguments->values[row_of(arguments, name)] != NULL;
}

const char *
cli_operand(const struct cli_arguments *arguments)
{
	return arguments->operand;
}

enum error_code
cli_number(const struct cli_arguments *arguments, const char *name, int64_t min, int64_t max, int64_t *out,
    struct error *error)
{
	const char *value = cli_value(arguments, name);
	ENSURE(value != NULL && !arguments->command->options[row_of(arguments, name)].secret);
	if (slice_to_int64(slice_of(value), out) && *out >= min && *out <= max)
		return OK;
	return error_set(
	    error, ERR_INVALID, "--%s %s: expected a whole number from %" PRId64 " to %" PRId64, name, value, min, max);
}

enum error_code
cli_duration(const struct cli_arguments *arguments, const char *name, int64_t *out_ms, struct error *error)
{
	const char *value = cli_value(arguments, name);
	ENSURE(value != NULL && !arguments->command->options[row_of(arguments, name)].secret);
	if (duration_parse(slice_of(value), out_ms))
		return OK;
	return error_set(error, ERR_INVALID,
	    "--%s %s: expected a duration: a whole number and ms, s, m, h or d, as in 90s", name, value);
}

/* --- options ---------------------------------------------------------------------------------------- */

static const struct cli_option *
option_named(const struct cli_command *command, struct slice name, bool is_letter)
{
	for (size_t i = 0; i < command->option_count; i++) {
		const struct cli_option *option = &command->options[i];
		if (is_letter ? (option->letter != 0 && name.len == 1 && name.ptr[0] == option->letter)
			      : slice_is(name, option->name))
			return option;
	}
	return NULL;
}

/* Takes the option at argv[*at], and its value, which may be the next one. */
static int
take_option(struct cli_arguments *arguments, int argc, char *const *argv, int *at)
{
	struct slice text = slice_of(argv[*at]);
	bool is_letter = !slice_starts(text, SLICE("--"));
	struct slice rest = slice_skip(text, is_letter ? 1 : 2);
	struct slice name = is_letter ? rest : slice_cut(&rest, '=');
	const struct cli_option *option = option_named(arguments->command, name, is_letter);
	if (option == NULL)
		return cli_misuse(arguments, "%.*s: there is no such option; `vaultbell %s --help` lists them",
		    (int)(name.ptr + name.len - text.ptr), text.ptr, arguments->command->name);
	size_t row = (size_t)(option - arguments->command->options);
	if (arguments->values[row] != NULL)
		return cli_misuse(arguments, "--%s: expected once, it was given twice", option->name);
	bool has_value = !is_letter && slice_present(rest);
	if (option->argument == NULL) {
		if (has_value)
			return cli_misuse(arguments, "--%s: expected without a value", option->name);
		arguments->values[row] = option->name;
		return CLI_GOOD;
	}
	if (!has_value && *at + 1 >= argc)
		return cli_misuse(
		    arguments, "--%s: expected a value, %s: %s", option->name, option->argument, option->about);
	arguments->values[row] = has_value ? rest.ptr : argv[++*at];
	return CLI_GOOD;
}

static int
take_operand(struct cli_arguments *arguments, const char *text)
{
	if (arguments->command->operand == NULL)
		return cli_misuse(arguments, "%s: expected options only; `vaultbell %s --help` lists them", text,
		    arguments->command->name);
	if (arguments->operand != NULL)
		return cli_misuse(arguments, "%s: expected one %s only", text, arguments->command->operand);
	arguments->operand = text;
	return CLI_GOOD;
}

static int
check_required(const struct cli_arguments *arguments)
{
	const struct cli_command *command = arguments->command;
	for (size_t row = 0; row < command->option_count; row++) {
		const struct cli_option *option = &command->options[row];
		if (option->required && arguments->values[row] == NULL)
			return cli_misuse(
			    arguments, "--%s %s is missing: %s", option->name, option->argument, option->about);
	}
	if (command->operand != NULL && !command->operand_optional && arguments->operand == NULL)
		return cli_misuse(
		    arguments, "%s is missing; `vaultbell %s --help` says what it is", command->operand, command->name);
	return CLI_GOOD;
}

static bool
asks_for_help(int argc, char *const *argv)
{
	for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

/* `argv` is what follows the command's name. */
static int
run(struct cli_arguments *arguments, int argc, char *const *argv)
{
	ENSURE(arguments->command->option_count <= CLI_OPTIONS_MAX);
	if (asks_for_help(argc, argv)) {
		cli_print_help(arguments->command);
		return CLI_GOOD;
	}
	bool options_ended = false;
	for (int at = 0; at < argc; at++) {
		bool is_option = !options_ended && argv[at][0] == '-' && argv[at][1] != '\0';
		int status = CLI_GOOD;
		if (is_option && strcmp(argv[at], "--") == 0)
			options_ended = true;
		else if (is_option)
			status = take_option(arguments, argc, argv, &at);
		else
			status = take_operand(arguments, argv[at]);
		if (status != CLI_GOOD)
			return status;
	}
	int status = check_required(arguments);
	return status == CLI_GOOD ? arguments->command->run(arguments) : status;
}

/* --- commands --------------------------------------------------------------------------------------- */

/* The command that argv (behind the program's name) begins with, the longer name first; `*words` says how many of argv are
 * its name. */
static const struct cli_command *
find_command(const struct cli_table *tables, size_t table_count, int argc, char *const *argv, int *words)
{
	const struct cli_command *found = NULL;
	for (size_t t = 0; t < table_count; t++) {
		for (size_t i = 0; i < tables[t].count; i++) {
			struct slice second = slice_of(tables[t].items[i]->name);
			struct slice first = slice_cut(&second, ' ');
			int length = slice_present(second) ? 2 : 1;
			if (argc < length || !slice_is(first, argv[0]) || (length == 2 && !slice_is(second, argv[1])))
				continue;
			if (found == NULL || length > *words) {
				found = tables[t].items[i];
				*words = length;
			}
		}
	}
	return found;
}

static int
unknown_command(const struct cli_arguments *arguments, int argc, char *const *argv)
{
	char seconds[256] = "";
	for (size_t t = 0; t < arguments->table_count; t++) {
		for (size_t i = 0; i < arguments->tables[t].count; i++) {
			struct slice second = slice_of(arguments->tables[t].items[i]->name);
			struct slice first = slice_cut(&second, ' ');
			size_t used = strlen(seconds);
			if (slice_present(second) && slice_is(first, argv[0]))
				snprintf(seconds + used, sizeof seconds - used, "%s%.*s", used == 0 ? "" : ", ",
				    SLICE_ARG(second));
		}
	}
	if (seconds[0] == '\0')
		return cli_misuse(arguments, "%s: there is no such command; `vaultbell help` lists them", argv[0]);
	if (argc < 2)
		return cli_misuse(arguments, "%s: expected one of %s behind it", argv[0], seconds);
	return cli_misuse(arguments, "%s %s: expected one of %s behind %s", argv[0], argv[1], seconds, argv[0]);
}

int
cli_main(const struct cli_table *tables, size_t table_count, int argc, char *const *argv)
{
	struct cli_arguments arguments = {.tables = tables, .table_count = table_count};
	if (argc < 2)
		return cli_misuse(&arguments, "expected a command; `vaultbell help` lists them");
	argc--;
	argv++;
	int status = CLI_GOOD, words = 1;
	if (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0) {
		cli_print_overview(tables, table_count);
	} else if (strcmp(argv[0], "--version") == 0) {
		status = cli_version.run(&arguments);
	} else {
		arguments.command = find_command(tables, table_count, argc, argv, &words);
		status = arguments.command == NULL ? unknown_command(&arguments, argc, argv)
						   : run(&arguments, argc - words, argv + words);
	}
	/* A full disk or a closed pipe must not look like success. */
	if (fflush(stdout) != 0 || ferror(stdout) != 0)
		return cli_misuse(
		    &arguments, "standard output: it cannot be written; expected a file or pipe with room");
	return status;
}
