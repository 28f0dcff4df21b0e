/* What the commands of breaks share. Private to cli. */
#ifndef CLI_BREAKS_H
#define CLI_BREAKS_H

#include "cli/arguments.h"
#include "cli/input.h"

/* The members of a break, into an object that is open. */
void breaks_put(struct json_writer *writer, const struct store_break *row);

#endif
