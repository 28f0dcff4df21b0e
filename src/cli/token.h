/* What the commands of tokens share. Private to cli. */
#ifndef CLI_TOKEN_H
#define CLI_TOKEN_H

#include "cli/arguments.h"
#include "cli/input.h"

/* The members that a listed token has. */
void token_put(struct json_writer *writer, const struct token *token);

#endif
