/* What is printed about commands, from their tables. */
#include "cli/arguments.h"

#include <stdio.h>

enum { NAME_COLUMNS = 24 };

static const char *
value_of(const struct cli_option *option)
{
	return option->argument == NULL ? "" : option->argument;
}

/* "--data DIR", with as many spaces as bring it to the column of the descriptions. */
static void
print_option(const struct cli_option *option)
{
	char letter[8] = "";
	if (option->letter != 0)
		snprintf(letter, sizeof letter, "-%c, ", option->letter);
	int width = printf("  %s--%s%s%s", letter, option->name, option->argument == NULL ? "" : " ", value_of(option));
	printf("%*s%s", width < NAME_COLUMNS + 2 ? NAME_COLUMNS + 2 - width : 2, "", option->about);
	if (option->fallback != NULL && option->fallback[0] != '\0')
		printf(" (default: %s)", option->fallback);
	putchar('\n');
}

void
cli_print_help(const struct cli_command *command)
{
	printf("vaultbell %s: %s\n\nUsage: vaultbell %s", command->name, command->summary, command->name);
	for (size_t i = 0; i < command->option_count; i++)
		if (command->options[i].required)
			printf(" --%s %s", command->options[i].name, value_of(&command->options[i]));
	bool optional = false;
	for (size_t i = 0; i < command->option_count; i++)
		optional |= !command->options[i].required;
	printf("%s", optional ? " [OPTION]..." : "");
	if (command->operand != NULL)
		printf(command->operand_optional ? " [%s]" : " %s", command->operand);
	printf("\n\nOptions:\n");
	for (size_t i = 0; i < command->option_count; i++)
		print_option(&command->options[i]);
	static const struct cli_option help = {.name = "help", .about = "shows this"};
	print_option(&help);
	if (command->details != NULL)
		printf("\n%s\n", command->details);
}

void
cli_print_overview(const struct cli_table *tables, size_t table_count)
{
	printf("vaultbell: sends and receives the webhooks of a digital-asset custody platform\n\n"
	       "Usage: vaultbell COMMAND [OPTION]...\n\nCommands:\n");
	for (size_t t = 0; t < table_count; t++)
		for (size_t i = 0; i < tables[t].count; i++)
			printf("  %-*s%s\n", NAME_COLUMNS, tables[t].items[i]->name, tables[t].items[i]->summary);
	printf("\n`vaultbell COMMAND --help` shows what a command takes. Exit status: 0 good, 1 a finding (a failed "
	       "check,\n"
	       "an open break), 2 misuse or error.\n");
}

static int
run_version(const struct cli_arguments *arguments)
{
	(void)arguments;
	printf("vaultbell " VAULTBELL_VERSION "\n");
	return CLI_GOOD;
}

const struct cli_command cli_version = {
    .name = "version",
    .summary = "print the version",
    .run = run_version,
};

/* Takes one word or, as one operand, two: `help "token create"`; a lone first word shows all that begin with it. */
static int
run_help(const struct cli_arguments *arguments)
{
	const char *wanted = cli_operand(arguments);
	if (wanted == NULL) {
		cli_print_overview(arguments->tables, arguments->table_count);
		return CLI_GOOD;
	}
	size_t shown = 0;
	for (size_t t = 0; t < arguments->table_count; t++) {
		for (size_t i = 0; i < arguments->tables[t].count; i++) {
			const struct cli_command *command = arguments->tables[t].items[i];
			struct slice rest = slice_of(command->name);
			struct slice first = slice_cut(&rest, ' ');
			if (strcmp(command->name, wanted) != 0 && !slice_is(first, wanted))
				continue;
			if (shown++ > 0)
				putchar('\n');
			cli_print_help(command);
		}
	}
	return shown > 0 ? CLI_GOOD
			 : cli_misuse(arguments, "%s: there is no such command; `vaultbell help` lists them", wanted);
}

const struct cli_command cli_help = {
    .name = "help",
    .summary = "show the commands, or what one of them takes",
    .operand = "COMMAND",
    .operand_optional = true,
    .run = run_help,
};
