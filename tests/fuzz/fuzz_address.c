/* Addresses and the URLs that lead to them (M14). The first 16 bytes are an address, the rest is read as a list of
 * networks, as a URL that somebody gives an endpoint, and as the address and port of a host.
 *
 * An IPv4 address is judged alike in every form that carries it. What is private by the simplest of rules is refused
 * where nothing is allowed. A URL brought to its normal form is in its normal form, and can be sent to or is refused. */
#include "fuzz.h"

#include "server/in.h"
#include "transport/guard.h"
#include "transport/url.h"

#include <netinet/in.h>

static bool
allows_v4(const struct guard *guard, const unsigned char *bytes)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	memcpy(&address.sin_addr, bytes, 4);
	return guard_allows(guard, (const struct sockaddr *)&address);
}

static bool
allows_v6(const struct guard *guard, const unsigned char *bytes)
{
	struct sockaddr_in6 address = {.sin6_family = AF_INET6};
	memcpy(&address.sin6_addr, bytes, 16);
	return guard_allows(guard, (const struct sockaddr *)&address);
}

static bool
plainly_private(const unsigned char *v4)
{
	return v4[0] == 0 || v4[0] == 10 || v4[0] == 127 || (v4[0] == 172 && v4[1] / 16 == 1) ||
	       (v4[0] == 192 && v4[1] == 168) || (v4[0] == 169 && v4[1] == 254) || v4[0] >= 224;
}

static void
fuzz_guard(const unsigned char *bytes, struct slice networks)
{
	static const struct guard nothing;
	const unsigned char *v4 = bytes + 12;
	unsigned char mapped[16] = {[10] = 0xff, [11] = 0xff}, translated[16] = {0, 0x64, 0xff, 0x9b},
		      sixth[16] = {0x20, 0x02, v4[0], v4[1], v4[2], v4[3]};
	memcpy(mapped + 12, v4, 4);
	memcpy(translated + 12, v4, 4);
	if (plainly_private(v4))
		ENSURE(!allows_v4(&nothing, v4) && !allows_v6(&nothing, translated) && !allows_v6(&nothing, sixth));
	ENSURE(allows_v4(&nothing, v4) == allows_v6(&nothing, mapped));
	if ((bytes[0] & 0xfe) == 0xfc || (bytes[0] == 0xfe && bytes[1] >= 0x80))
		ENSURE(!allows_v6(&nothing, bytes));

	struct guard guard;
	struct error error = ERROR_NONE;
	if (guard_parse(networks, &guard, &error) != OK) {
		ENSURE(error.text[0] != '\0');
		return;
	}
	ENSURE(guard.allowed_count <= GUARD_NETWORKS_MAX);
	/* A list only ever allows more. */
	ENSURE(allows_v4(&guard, v4) || !allows_v4(&nothing, v4));
	ENSURE(allows_v6(&guard, bytes) || !allows_v6(&nothing, bytes));
	ENSURE(allows_v4(&guard, v4) == allows_v6(&guard, mapped));
}

static void
fuzz_normal_form(struct slice text)
{
	struct arena arena = ARENA_EMPTY;
	const char *reason = NULL;
	struct slice once = url_normalise(&arena, text, &reason);
	ENSURE(slice_present(once) || reason != NULL);
	if (slice_present(once)) {
		struct slice twice = url_normalise(&arena, once, &reason);
		ENSURE(slice_equal(once, twice));
		struct url url;
		if (url_split(once, &url) == NULL)
			ENSURE(url.port > 0 && url.host.len > 0 && url.target.len > 0);
	}
	arena_free(&arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 16)
		return 0;
	struct slice text = {(const char *)data + 16, size - 16};
	fuzz_guard(data, text);
	fuzz_normal_form(text);
	return 0;
}
