#include "app/commands.h"

#include <malloc.h>

enum { TRIM_BYTES = 64 << 20, TOP_PAD_BYTES = 1 << 20 };

int
main(int argc, char **argv)
{
	/* Requests come and go in bursts: memory that a burst freed is kept for the next one. */
	mallopt(M_TRIM_THRESHOLD, TRIM_BYTES);
	mallopt(M_TOP_PAD, TOP_PAD_BYTES);
	static const struct cli_command *const services[] = {&app_serve, &app_receive, &app_demo};
	const struct cli_table tables[] = {{services, COUNT_OF(services)}, cli_commands};
	return cli_main(tables, COUNT_OF(tables), argc, argv);
}
