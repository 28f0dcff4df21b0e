#include "transport/http1_field.h"

bool
http1_is_token(struct slice text)
{
	/* Bytes 0x20 to 0x7f: a bit for each that a token may have. */
	static const uint32_t allowed[] = {0x03ff6cfa, 0xc7fffffe, 0x57ffffff};
	bool good = text.len > 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		good = good && c >= 0x20 && c < 0x80 && (allowed[(c >> 5) - 1] >> (c & 31) & 1) != 0;
	}
	return good;
}

bool
http1_has_control(struct slice text)
{
	/* Without a way out in the middle, so that the compiler looks at many bytes at a time. */
	unsigned found = 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];
		found |= (unsigned)(c < 0x20) & (unsigned)(c != '\t');
		found |= (unsigned)(c == 0x7f);
	}
	return found != 0;
}

bool
http1_read_field(struct slice line, struct slice *name, struct slice *value)
{
	struct slice rest = line;
	*name = slice_cut(&rest, ':');
	if (!slice_present(rest) || !http1_is_token(*name) || http1_has_control(rest))
		return false;
	*value = slice_trim(rest);
	return true;
}

void
http1_read_connection(struct slice value, bool *close, bool *keep_alive)
{
	for (struct slice rest = value; slice_present(rest);) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		*close = *close || slice_equal_nocase(item, SLICE("close"));
		*keep_alive = *keep_alive || slice_equal_nocase(item, SLICE("keep-alive"));
	}
}
