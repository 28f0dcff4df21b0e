#include "cli/journal.h"

#include "base/encode.h"

#include <stdio.h>

const char *
journal_verdict_text(const struct store_journal_row *row)
{
	if (row->damaged)
		return "damaged";
	switch (row->verdict) {
	case JOURNAL_VERIFIED: return "verified";
	case JOURNAL_CONFLICT: return "conflict";
	case JOURNAL_RECONCILIATION: return "reconciliation";
	case JOURNAL_DUPLICATE: break;
	}
	UNREACHABLE();
}

struct slice
journal_hex(struct arena *arena, const unsigned char digest[static SHA256_BYTES])
{
	struct buf hex;
	buf_init(&hex, (size_t)2 * SHA256_BYTES);
	hex_append(&hex, (struct slice){(const char *)digest, SHA256_BYTES});
	struct slice text = arena_copy(arena, buf_slice(&hex));
	buf_free(&hex);
	return text;
}

struct slice
journal_printable(struct slice text, struct arena *arena)
{
	if (!slice_present(text))
		return SLICE("-");
	char *copy = arena_string(arena, text);
	for (size_t i = 0; i < text.len; i++)
		if (copy[i] < 0x20 || copy[i] > 0x7e)
			copy[i] = '?';
	return (struct slice){copy, text.len};
}

void
journal_print_line(struct buf *line)
{
	ENSURE(!line->overflow);
	fwrite(line->data, 1, line->len, stdout);
	putchar('\n');
	buf_free(line);
}
