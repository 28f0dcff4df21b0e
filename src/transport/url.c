#include "transport/url.h"

enum { PORT_HTTP = 80, PORT_HTTPS = 443, PORT_MAX = 65535 };

static const char malformed[] = "the URL is not one that can be sent to";

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

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c, char last)
{
	char lower = (char)(c | 0x20);
	return lower >= 'a' && lower <= last;
}

static bool
host_valid(struct slice host, bool bracketed)
{
	if (host.len == 0 || host.len > URL_HOST_BYTES)
		return false;
	for (size_t i = 0; i < host.len; i++) {
		char c = host.ptr[i];
		bool good = bracketed ? is_digit(c) || is_letter(c, 'f') || c == ':' || c == '.'
				      : is_digit(c) || is_letter(c, 'z') || c == '-' || c == '.' || c == '_';
		if (!good)
			return false;
	}
	return true;
}

/* host, host:port or [address]:port */
static const char *
split_authority(struct slice authority, struct url *out)
{
	if (authority.len > 0 && memchr(authority.ptr, '@', authority.len) != NULL)
		return "the URL holds a user name or password, which are not sent";
	struct slice rest = authority;
	out->bracketed = rest.len > 0 && rest.ptr[0] == '[';
	if (out->bracketed) {
		rest = slice_skip(rest, 1);
		out->host = cut_at(&rest, "]");
		if (rest.len == 0)
			return malformed;
		rest = slice_skip(rest, 1);
	} else {
		out->host = cut_at(&rest, ":");
	}
	if (!host_valid(out->host, out->bracketed))
		return "the URL's host is not a name or an address in ASCII";
	out->port = url_default_port(out->tls);
	if (rest.len == 0)
		return NULL;
	if (rest.ptr[0] != ':')
		return malformed;
	rest = slice_skip(rest, 1);
	int64_t port;
	if (rest.len == 0)
		return NULL;
	if (!slice_to_int64(rest, &port) || port < 1 || port > PORT_MAX)
		return "the URL's port is not between 1 and 65535";
	out->port = (uint16_t)port;
	return NULL;
}

const char *
url_split(struct slice text, struct url *out)
{
	*out = (struct url){.tls = false};
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= 0x20 || text.ptr[i] == 0x7f)
			return malformed;
	struct slice rest = text;
	struct slice scheme = cut_at(&rest, ":/?#");
	out->tls = slice_equal_nocase(scheme, SLICE("https"));
	if (!slice_starts(rest, SLICE("://")))
		return malformed;
	if (!out->tls && !slice_equal_nocase(scheme, SLICE("http")))
		return "the URL's scheme is not allowed: use https";
	rest = slice_skip(rest, 3);
	struct slice authority = cut_at(&rest, "/?#\\");
	const char *problem = split_authority(authority, out);
	if (problem != NULL)
		return problem;
	if (rest.len > 0 && rest.ptr[0] == '\\')
		return malformed;
	out->target = cut_at(&rest, "#");
	return NULL;
}

uint16_t
url_default_port(bool tls)
{
	return tls ? PORT_HTTPS : PORT_HTTP;
}
