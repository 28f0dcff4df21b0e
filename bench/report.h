/* What one run of the benchmark found, held against its aims, and how it is shown. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "load.h"

enum { REPORT_LOADS_MAX = 16, REPORT_AIMS_MAX = 32 };

/* One figure and what it has to be. */
struct aim {
	const char *what, *unit;
	double value, bound;
	bool at_least; /* else: at most */
};

struct bench_report {
	size_t connections;
	double floor_per_s, floor_generator_us, floor_sink_us;
	double cores, others; /* of the machine; and how many other programs kept busy meanwhile */
	struct load_report loads[REPORT_LOADS_MAX];
	size_t load_count;
	struct aim aims[REPORT_AIMS_MAX];
	size_t aim_count;
};

void report_aim_at_least(struct bench_report *report, const char *what, const char *unit, double value, double bound);
void report_aim_at_most(struct bench_report *report, const char *what, const char *unit, double value, double bound);
bool aim_reached(const struct aim *aim);

void report_text(const struct bench_report *report);
void report_json(const struct bench_report *report);
/* Every aim reached. */
bool report_good(const struct bench_report *report);

#endif
