#include "server/access.h"

#include <arpa/inet.h>
#include <netinet/in.h>

/* --- reading ------------------------------------------------------------------------------------------ */

static bool
is_hex(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return false;
	}
	return true;
}

static bool
is_certificate(struct slice item)
{
	struct slice value = item, kind = slice_cut(&value, ':');
	if (!slice_present(value) || value.len == 0)
		return false;
	if (slice_is(kind, "sha256"))
		return value.len == 64 && is_hex(value);
	return slice_is(kind, "dns") || slice_is(kind, "uri") || slice_is(kind, "subject");
}

/* A distinguished name has commas of its own: "subject:" takes the rest of the list. */
static struct slice
next_item(struct slice *rest)
{
	struct slice item = slice_trim(*rest);
	if (!slice_starts(item, SLICE("subject:")))
		return slice_trim(slice_cut(rest, ','));
	*rest = SLICE_NONE;
	return item;
}

enum error_code
access_parse(
    struct slice allow, struct slice certificates, struct arena *arena, struct access *out, struct error *error)
{
	*out = (struct access){.by_address = slice_present(allow)};
	enum error_code code = guard_parse(slice_present(allow) ? allow : SLICE(""), &out->networks, error);
	if (code != OK)
		return error_wrap(error, "allow");
	out->certificates.items = arena_alloc(arena, ACCESS_CERTIFICATES_MAX * sizeof(struct slice));
	for (struct slice rest = certificates; slice_present(rest);) {
		struct slice item = next_item(&rest);
		if (!is_certificate(item))
			return error_set(error, ERR_INVALID,
			    "client_certificate: expected sha256: and 64 hex digits, dns:NAME, uri:URI or "
			    "subject:NAME, or "
			    "several with commas, subject: last");
		if (out->certificates.count == ACCESS_CERTIFICATES_MAX)
			return error_set(
			    error, ERR_LIMIT, "client_certificate: expected at most %d", ACCESS_CERTIFICATES_MAX);
		out->certificates.items[out->certificates.count++] = arena_copy(arena, item);
	}
	return OK;
}

/* --- addresses ---------------------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* As X-Forwarded-For has them: without a port, IPv6 with or without brackets. */
static bool
read_address(struct slice text, union address *out)
{
	char copy[INET6_ADDRSTRLEN + 1];
	if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = (struct slice){text.ptr + 1, text.len - 2};
	if (text.len == 0 || text.len >= sizeof copy)
		return false;
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	*out = (union address){.any = {.sa_family = AF_INET}};
	if (inet_pton(AF_INET, copy, &out->v4.sin_addr) == 1)
		return true;
	out->any.sa_family = AF_INET6;
	return inet_pton(AF_INET6, copy, &out->v6.sin6_addr) == 1;
}

/* The last item of a list with commas; `*rest` becomes what stands before it, absent where it was the only one. */
static struct slice
last_item(struct slice *rest)
{
	const char *comma = rest->len == 0 ? NULL : memrchr(rest->ptr, ',', rest->len);
	struct slice item = comma == NULL ? *rest : slice_skip(*rest, (size_t)(comma + 1 - rest->ptr));
	*rest = comma == NULL ? SLICE_NONE : (struct slice){rest->ptr, (size_t)(comma - rest->ptr)};
	return slice_trim(item);
}

/* Who sent the request, as far as it can be believed: going back from who is connected, the first that is no proxy of
 * ours. A proxy that does not say for whom it asks leaves that unknown. */
static bool
find_sender(const struct access_client *client, union address *out)
{
	size_t size = client->peer->sa_family == AF_INET6 ? sizeof out->v6 : sizeof out->v4;
	memcpy(out, client->peer, size);
	if (!guard_lists(client->proxies, &out->any))
		return true;
	for (size_t i = client->headers->count; i-- > 0;) {
		const struct http_header *header = &client->headers->items[i];
		if (!slice_equal_nocase(header->name, SLICE("x-forwarded-for")))
			continue;
		for (struct slice rest = header->value; slice_present(rest);) {
			if (!read_address(last_item(&rest), out))
				return false;
			if (!guard_lists(client->proxies, &out->any))
				return true;
		}
	}
	return false;
}

/* --- certificates ------------------------------------------------------------------------------------- */

static bool
names(const struct http_certificate *certificate, struct slice wanted)
{
	struct slice value = wanted, kind = slice_cut(&value, ':');
	if (slice_is(kind, "sha256"))
		return slice_equal_nocase(certificate->sha256, value);
	if (slice_is(kind, "subject"))
		return slice_present(certificate->subject) && slice_equal(certificate->subject, value);
	for (size_t i = 0; i < certificate->names.count; i++) {
		struct slice name = certificate->names.items[i];
		if (slice_is(kind, "dns") ? slice_equal_nocase(name, wanted) : slice_equal(name, wanted))
			return true;
	}
	return false;
}

static const char *
certificate_fault(const struct access *access, const struct http_certificate *certificate)
{
	if (certificate == NULL || !certificate->present)
		return "expected a client certificate";
	if (!certificate->trusted)
		return "the client certificate is not from an authority of this receiver, or not valid now";
	for (size_t i = 0; i < access->certificates.count; i++)
		if (names(certificate, access->certificates.items[i]))
			return NULL;
	return "the client certificate is not one of this source";
}

enum verdict
access_check(const struct access *access, const struct access_client *client, const char **detail)
{
	*detail = NULL;
	union address sender;
	if (access->by_address && !(find_sender(client, &sender) && guard_lists(&access->networks, &sender.any))) {
		*detail = "this source does not send from that address";
		return VERDICT_ADDRESS;
	}
	if (access->certificates.count > 0)
		*detail = certificate_fault(access, client->certificate);
	return *detail == NULL ? VERDICT_VERIFIED : VERDICT_CERTIFICATE;
}
