/* The generated tables, for catalogue.c alone. */
#ifndef CATALOGUE_TABLES_H
#define CATALOGUE_TABLES_H

#include "catalogue/catalogue.h"

/* Sorted by the bytes of the name. */
struct catalogue_index {
	struct slice name;
	size_t type;
};

struct catalogue_status {
	struct slice name, state;
};

extern const struct catalogue_type catalogue_types[];
extern const size_t catalogue_type_count;
extern const struct catalogue_index catalogue_by_name[];
extern const size_t catalogue_by_name_count;
extern const struct catalogue_index catalogue_by_legacy[];
extern const size_t catalogue_by_legacy_count;
extern const struct catalogue_lifecycle catalogue_lifecycles[];
extern const size_t catalogue_lifecycles_count;
extern const struct catalogue_status catalogue_statuses[];
extern const size_t catalogue_status_count;
extern const struct slice_list catalogue_service_list;
extern const struct slice_list catalogue_always_on_list;

#endif
