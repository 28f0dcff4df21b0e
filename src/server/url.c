/* An endpoint's URL, brought to one spelling (RFC 3986 section 6.2): what is stored is what is signed and sent to. */
#include "server/in.h"

enum { PORT_MAX = 65535 };

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool
host_valid(struct slice host)
{
	if (host.len == 0 || host.len > 253)
		return false;
	bool address = host.ptr[0] == '[';
	if (address && (host.len < 4 || host.ptr[host.len - 1] != ']'))
		return false;
	for (size_t i = address ? 1 : 0; i < host.len - (address ? 1 : 0); i++) {
		char c = lower(host.ptr[i]);
		bool digit = c >= '0' && c <= '9';
		bool good = address ? digit || (c >= 'a' && c <= 'f') || c == ':' || c == '.'
				    : digit || (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_';
		if (!good)
			return false;
	}
	return true;
}

/* Splits `host:port`, where the host may be a bracketed address; the port is absent when there is none. */
static void
split_authority(struct slice authority, struct slice *host, struct slice *port)
{
	*host = authority;
	*port = SLICE_NONE;
	for (size_t i = authority.len; i-- > 0;) {
		if (authority.ptr[i] == ']')
			return;
		if (authority.ptr[i] == ':') {
			host->len = i;
			*port = slice_skip(authority, i + 1);
			return;
		}
	}
}

static bool
visible(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] <= 0x20 || text.ptr[i] >= 0x7f || strchr("\\\"<>^`{|}", text.ptr[i]) != NULL)
			return false;
	return true;
}

static struct slice
refuse(const char **reason, const char *text)
{
	*reason = text;
	return SLICE_NONE;
}

static struct slice
cut_at(struct slice *rest, const char *stops)
{
	size_t length = 0;
	while (length < rest->len && strchr(stops, rest->ptr[length]) == NULL)
		length++;
	struct slice head = {rest->ptr, length};
	*rest = slice_skip(*rest, length);
	return head;
}

struct slice
url_normalise(struct arena *arena, struct slice text, const char **reason)
{
	if (text.len > LIMIT_URL_BYTES)
		return refuse(reason, "it is too long");
	if (!visible(text))
		return refuse(reason, "it holds characters that a URL must percent-encode");
	struct slice rest = text, scheme = cut_at(&rest, ":/?#");
	bool https = slice_equal_nocase(scheme, SLICE("https"));
	if (!https && !slice_equal_nocase(scheme, SLICE("http")))
		return refuse(reason, "it must start with https://");
	if (!slice_starts(rest, SLICE("://")))
		return refuse(reason, "behind the scheme there must be ://");
	rest = slice_skip(rest, 3);
	struct slice authority = cut_at(&rest, "/?#");
	if (authority.len > 0 && memchr(authority.ptr, '@', authority.len) != NULL)
		return refuse(reason, "it must not hold a user name or password");
	struct slice host, port;
	split_authority(authority, &host, &port);
	if (!host_valid(host))
		return refuse(reason, "its host is not a name or an address");
	int64_t number = https ? 443 : 80;
	if (port.len > 0 && (!slice_to_int64(port, &number) || number < 1 || number > PORT_MAX))
		return refuse(reason, "its port is not between 1 and 65535");
	struct slice path = cut_at(&rest, "#");
	struct buf out;
	buf_init(&out, (size_t)LIMIT_URL_BYTES + 16);
	buf_text(&out, https ? "https://" : "http://");
	for (size_t i = 0; i < host.len; i++)
		buf_byte(&out, lower(host.ptr[i]));
	if (number != (https ? 443 : 80))
		buf_printf(&out, ":%lld", (long long)number);
	if (path.len == 0 || path.ptr[0] != '/')
		buf_byte(&out, '/');
	buf_append(&out, path);
	struct slice normal = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
	return normal;
}
