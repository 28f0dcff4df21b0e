/* The table of configuration keys. Private to config. */
#ifndef CONFIG_TABLE_H
#define CONFIG_TABLE_H

#include "config/config.h"

struct config_key {
	const char *name;     /* "delivery.schedule" */
	const char *expected; /* what a right value looks like; ends the line of an error */
	const char *fallback; /* the default, in the text form */
	const char *about;    /* a sentence for the documentation */
	size_t offset;	      /* of its member in struct config */
	int64_t min, max;     /* of numbers; of durations, in milliseconds: 0 passes where `zero` is set */
	bool zero;
	bool list; /* may be written as a YAML sequence */
	/* False when `text` is not a right value; `error` may be given more detail than `expected` has. */
	bool (*read)(const struct config_key *key, struct slice text, void *member, struct error *error);
};

size_t config_key_count(void);
const struct config_key *config_key_at(size_t at);
/* Its row, or config_key_count() when there is none. */
size_t config_key_find(struct slice name);
/* Whether `name` is a section of some key: "delivery" for "delivery.schedule". */
bool config_section_exists(struct slice name);
/* "VAULTBELL_DELIVERY_SCHEDULE". */
struct slice config_key_variable(struct arena *arena, const struct config_key *key);

/* A list of the file: mappings of one kind. An item's structure begins with its `origin`. */
struct config_list {
	const char *name;     /* "sources" */
	const char *item;     /* "source"; for errors */
	const char *expected; /* what the list looks like; ends the line of an error */
	const char *members_expected;
	size_t items, count; /* offsets in struct config */
	size_t item_bytes, max;
	const struct config_list_member {
		const char *name;
		size_t offset; /* of its slice in the item */
		bool list;     /* may be written as a YAML sequence */
	} * members;
	size_t member_count;
};

size_t config_list_count(void);
const struct config_list *config_list_at(size_t at);

/* What of the file nests. */
struct config_tree {
	const char *name;
	size_t member; /* offset of its struct config_node * */
};

size_t config_tree_count(void);
const struct config_tree *config_tree_at(size_t at);

/* Sets one value. The error says `origin`, the key and what was expected. */
MUST_CHECK enum error_code config_set(
    struct config *config, size_t row, struct slice text, struct slice origin, struct error *error);

/* Reads a YAML document from memory; `name` is the file's, for errors and origins. */
MUST_CHECK enum error_code config_read_yaml(
    struct config *config, const char *name, struct slice text, struct error *error);

#endif
