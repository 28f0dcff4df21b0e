#include "server/check.h"

#include <stdarg.h>
#include <stdio.h>

void
check_init(struct check *check, struct arena *arena, const char *root)
{
	check->arena = arena;
	check->root = root;
	check->within = NULL;
	check->items = NULL;
	check->count = 0;
}

void
check_fail(struct check *check, const char *type, const char *member, const char *format, ...)
{
	if (check->count++ >= CHECK_ITEMS_MAX)
		return;
	if (check->items == NULL)
		check->items = arena_alloc(check->arena, CHECK_ITEMS_MAX * sizeof *check->items);
	char text[256];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	struct check_item *item = &check->items[check->count - 1];
	*item = (struct check_item){.type = type, .message = arena_copy(check->arena, slice_of(text))};
	size_t depth = 0;
	item->loc[depth++] = check->root;
	if (check->within != NULL)
		item->loc[depth++] = check->within;
	item->loc[depth] = member;
}

void
check_write(const struct check *check, struct json_writer *writer)
{
	json_open(writer, '{');
	json_key(writer, "detail");
	json_open(writer, '[');
	for (size_t i = 0; i < check->count && i < CHECK_ITEMS_MAX; i++) {
		const struct check_item *item = &check->items[i];
		json_open(writer, '{');
		json_key(writer, "loc");
		json_open(writer, '[');
		for (size_t at = 0; at < CHECK_DEPTH_MAX && item->loc[at] != NULL; at++)
			json_string(writer, slice_of(item->loc[at]));
		json_close(writer);
		json_put_string(writer, "msg", item->message);
		json_put_cstring(writer, "type", item->type);
		json_close(writer);
	}
	json_close(writer);
	json_close(writer);
}
