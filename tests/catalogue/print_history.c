/* Prints a history: one body a line. Usage: print_history dotted|legacy SEED COUNT */
#include "catalogue/history.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	struct history_options options = {
	    .style = strcmp(argv[1], "legacy") == 0 ? HISTORY_LEGACY : HISTORY_DOTTED,
	    .count_max = strtoull(argv[3], NULL, 10),
	};
	struct history history;
	history_init(&history, strtoull(argv[2], NULL, 10), &options);
	struct arena arena = ARENA_EMPTY;
	struct history_event event;
	while (history_next(&history, &arena, &event)) {
		printf("%.*s\n", SLICE_ARG(event.payload));
		arena_free(&arena);
	}
	return 0;
}
