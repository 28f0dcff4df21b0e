/* The server under test: one process that the benchmark starts, asks over HTTP, watches through /proc and ends, by
 * its own id. */
#ifndef BENCH_PROCESS_H
#define BENCH_PROCESS_H

#include "wire.h"

#include <sys/types.h>

enum { PROCESS_TEXT_BYTES = 4096, PROCESS_THREADS_MAX = 32 };

struct process {
	pid_t pid;
	int port;
	char binary[PROCESS_TEXT_BYTES], directory[PROCESS_TEXT_BYTES], log[PROCESS_TEXT_BYTES + 16];
};

/* CPU time by thread name; threads of one name are added up. */
struct process_cpu {
	int64_t total_ns; /* ended threads too */
	size_t count;
	struct {
		char name[16];
		int64_t ns;
	} threads[PROCESS_THREADS_MAX];
};

/* Starts `binary serve` with its data below `parent` and waits until it says where it serves; false says why on stderr.
 * For https it trusts the certificates in the file `authority`. */
bool process_start(struct process *process, const char *binary, const char *parent, const char *authority);
/* `binary token create …`: the token, NUL-terminated. */
bool process_token(struct process *process, char *token, size_t bytes);
/* One POST; the answer's status, 0 without one. */
int process_call(const struct process *process, const char *token, const char *path, const char *body);
struct process_cpu process_cpu(const struct process *process);
/* What the whole machine spent so far, all programs together, in nanoseconds. */
int64_t machine_cpu_ns(void);
long process_peak_kib(const struct process *process);
/* Ends it (politely, then not) and removes its data; false when it did not end well. */
bool process_stop(struct process *process);

#endif
