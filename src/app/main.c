#include "app/commands.h"

int
main(int argc, char **argv)
{
	static const struct cli_command *const services[] = {&app_serve, &app_receive, &app_demo};
	const struct cli_table tables[] = {{services, COUNT_OF(services)}, cli_commands};
	return cli_main(tables, COUNT_OF(tables), argc, argv);
}
