/* Who gives a command that takes a person: the user of this machine, or the holder of a token. Private to cli. */
#ifndef CLI_PERSON_H
#define CLI_PERSON_H

#include "cli/arguments.h"
#include "model/permission.h"
#include "store/store.h"

struct person {
	struct slice name; /* "user:ada", or a token's id */
	struct store_actor audit;
};

/* By the option --token-file, whose token's role must have the permission (`what` it allows, for the error). */
MUST_CHECK enum error_code person_of(const struct cli_arguments *arguments, struct store *store,
    enum permission permission, const char *what, struct person *out, struct arena *arena, struct error *error);

#endif
