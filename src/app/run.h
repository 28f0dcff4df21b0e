/* Running one service as a process: configuration, start, the line that says where, signals, stop. */
#ifndef APP_RUN_H
#define APP_RUN_H

#include "app/service.h"
#include "cli/cli.h"

/* Blocks SIGINT, SIGTERM (for the signalfd that it returns) and ignores SIGPIPE. Before any thread starts. */
int run_signals(void);

struct run_options {
	enum service_role role;
	const char *verb;		 /* "serving": the line on standard output is `vaultbell: serving http://…` */
	struct receive_sources *sources; /* RECEIVER */
};

/* Reads --config, --data, --listen, --print-config of the arguments. Returns an enum cli_exit. */
int run_service(const struct cli_arguments *arguments, const struct run_options *options);

#endif
