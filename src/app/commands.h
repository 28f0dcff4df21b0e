/* The commands that run services: serve, receive, demo. */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

#include "cli/cli.h"

extern const struct cli_command app_serve, app_receive, app_demo;

#endif
