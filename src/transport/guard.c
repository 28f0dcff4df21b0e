#include "transport/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>

enum { ADDRESS_BYTES = 16, MAPPED_BITS = 96 };

struct address {
	unsigned char bytes[ADDRESS_BYTES]; /* IPv4 as ::ffff:a.b.c.d */
};

struct block {
	unsigned char bytes[ADDRESS_BYTES];
	int prefix;
};

/* Names an IPv4 block in the mapped form in which everything is compared. */
#define V4(a, b, c, d, prefix)                                                                                         \
	{                                                                                                              \
		{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, MAPPED_BITS + (prefix)                         \
	}

/* IANA's special-purpose registries, without what they mark globally reachable. Two blocks stay whole although
 * small parts of them are reachable (192.0.0.9, 192.0.0.10; anycast, AS112 and ORCHID in 2001::/23): those are
 * protocol services, and no endpoint lives there. Multicast and the retired site-local block stand in
 * registries of their own and are no destination either. */
static const struct block special[] = {
    V4(0, 0, 0, 0, 8),	     /* "this network" */
    V4(10, 0, 0, 0, 8),	     /* private use */
    V4(100, 64, 0, 0, 10),   /* shared address space of carriers */
    V4(127, 0, 0, 0, 8),     /* loopback */
    V4(169, 254, 0, 0, 16),  /* link-local, and the clouds' metadata services */
    V4(172, 16, 0, 0, 12),   /* private use */
    V4(192, 0, 0, 0, 24),    /* protocol assignments */
    V4(192, 0, 2, 0, 24),    /* documentation */
    V4(192, 88, 99, 0, 24),  /* 6to4 relays, retired */
    V4(192, 168, 0, 0, 16),  /* private use */
    V4(198, 18, 0, 0, 15),   /* benchmarking */
    V4(198, 51, 100, 0, 24), /* documentation */
    V4(203, 0, 113, 0, 24),  /* documentation */
    V4(224, 0, 0, 0, 4),     /* multicast */
    V4(240, 0, 0, 0, 4),     /* reserved, and the broadcast address */
    {{0}, 127},		     /* unspecified and loopback */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01},
	48},				  /* translation for local use: where the IPv4 address sits is local too */
    {{0x01, 0x00, 0, 0, 0, 0, 0, 0}, 64}, /* discard only */
    {{0x01, 0x00, 0, 0, 0, 0, 0, 1}, 64}, /* dummy prefix */
    {{0x20, 0x01, 0x00}, 23},		  /* protocol assignments */
    {{0x20, 0x01, 0x0d, 0xb8}, 32},	  /* documentation */
    {{0x3f, 0xff, 0x00}, 20},		  /* documentation */
    {{0x5f, 0x00}, 16},			  /* segment routing */
    {{0xfc}, 7},			  /* unique local */
    {{0xfe, 0x80}, 10},			  /* link-local */
    {{0xfe, 0xc0}, 10},			  /* site-local, retired */
    {{0xff}, 8},			  /* multicast */
};

/* IPv6 forms that carry an IPv4 address: which bytes hold it, and what they are XORed with. Each carried address
 * of a form must be allowed. Teredo carries two: its server and its client, the latter inverted. */
static const struct {
	struct block form;
	size_t at;
	unsigned char mask;
} carriers[] = {
    {{{0}, 96}, 12, 0},					 /* IPv4-compatible */
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96}, 12, 0}, /* IPv4-translated (RFC 2765) */
    {{{0x00, 0x64, 0xff, 0x9b}, 96}, 12, 0},		 /* NAT64 (RFC 6052) */
    {{{0x20, 0x02}, 16}, 2, 0},				 /* 6to4 (RFC 3056) */
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 4, 0},		 /* Teredo server (RFC 4380) */
    {{{0x20, 0x01, 0x00, 0x00}, 32}, 12, 0xff},		 /* Teredo client */
};

static bool
in_block(const unsigned char address[static ADDRESS_BYTES], const unsigned char block[static ADDRESS_BYTES], int prefix)
{
	size_t whole = (size_t)prefix / 8;
	if (memcmp(address, block, whole) != 0)
		return false;
	int rest = prefix % 8;
	return rest == 0 || (address[whole] ^ block[whole]) >> (8 - rest) == 0;
}

static bool
is_mapped(const unsigned char address[static ADDRESS_BYTES])
{
	static const unsigned char mapped[ADDRESS_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	return in_block(address, mapped, MAPPED_BITS);
}

/* An IPv6 network wider than the mapped block, such as ::/0, does not speak for IPv4. */
static bool
allow_listed(const struct guard *guard, const struct address *address)
{
	bool mapped = is_mapped(address->bytes);
	for (size_t i = 0; i < guard->allowed_count; i++) {
		const struct guard_network *network = &guard->allowed[i];
		if (mapped && network->prefix < MAPPED_BITS)
			continue;
		if (in_block(address->bytes, network->address, network->prefix))
			return true;
	}
	return false;
}

static bool
is_special(const struct address *address)
{
	for (size_t i = 0; i < COUNT_OF(special); i++)
		if (in_block(address->bytes, special[i].bytes, special[i].prefix))
			return true;
	return false;
}

static struct address
mapped_address(const unsigned char ipv4[static 4], unsigned char mask)
{
	struct address address = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}};
	for (size_t i = 0; i < 4; i++)
		address.bytes[12 + i] = ipv4[i] ^ mask;
	return address;
}

static bool
judge(const struct guard *guard, const struct address *address)
{
	if (allow_listed(guard, address))
		return true;
	bool carries = false;
	static const struct block loopback = {{0}, 127};
	if (!in_block(address->bytes, loopback.bytes, loopback.prefix)) {
		for (size_t i = 0; i < COUNT_OF(carriers); i++) {
			if (!in_block(address->bytes, carriers[i].form.bytes, carriers[i].form.prefix))
				continue;
			struct address carried = mapped_address(address->bytes + carriers[i].at, carriers[i].mask);
			if (is_special(&carried) && !allow_listed(guard, &carried))
				return false;
			carries = true;
		}
	}
	return carries || !is_special(address);
}

static bool
read_address(const struct sockaddr *address, struct address *out)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in in;
		memcpy(&in, address, sizeof in);
		unsigned char bytes[4];
		memcpy(bytes, &in.sin_addr, sizeof bytes);
		*out = mapped_address(bytes, 0);
	} else if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 in;
		memcpy(&in, address, sizeof in);
		memcpy(out->bytes, &in.sin6_addr, sizeof out->bytes);
	} else {
		return false;
	}
	return true;
}

bool
guard_lists(const struct guard *guard, const struct sockaddr *address)
{
	struct address judged;
	return read_address(address, &judged) && allow_listed(guard, &judged);
}

bool
guard_allows(const struct guard *guard, const struct sockaddr *address)
{
	struct address judged;
	return read_address(address, &judged) && judge(guard, &judged);
}

static bool
parse_network(struct slice item, struct guard_network *out)
{
	struct slice prefix = item;
	struct slice address = slice_cut(&prefix, '/');
	char text[INET6_ADDRSTRLEN + 1];
	if (address.len == 0 || address.len >= sizeof text || memchr(address.ptr, '\0', address.len) != NULL)
		return false;
	memcpy(text, address.ptr, address.len);
	text[address.len] = '\0';

	unsigned char ipv4[4];
	int before = 0;
	if (inet_pton(AF_INET, text, ipv4) == 1) {
		struct address mapped = mapped_address(ipv4, 0);
		memcpy(out->address, mapped.bytes, sizeof out->address);
		before = MAPPED_BITS;
	} else if (inet_pton(AF_INET6, text, out->address) != 1) {
		return false;
	}
	int64_t bits = 128 - before;
	if (slice_present(prefix) && (!slice_to_int64(prefix, &bits) || bits > 128 - before))
		return false;
	out->prefix = before + (int)bits;
	for (int bit = out->prefix; bit < 128; bit++)
		if ((out->address[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return false;
	return true;
}

enum error_code
guard_parse(struct slice networks, struct guard *out, struct error *error)
{
	*out = (struct guard){.allowed_count = 0};
	for (struct slice rest = networks; slice_present(rest) && slice_trim(networks).len > 0;) {
		struct slice item = slice_trim(slice_cut(&rest, ','));
		if (out->allowed_count == GUARD_NETWORKS_MAX)
			return error_set(error, ERR_LIMIT, "more than %d networks", GUARD_NETWORKS_MAX);
		if (!parse_network(item, &out->allowed[out->allowed_count]))
			return error_set(error, ERR_INVALID,
			    "\"%.*s\" is not a network: write address/prefix without bits behind the prefix, such as "
			    "10.0.0.0/8 or fd00::/8",
			    (int)(item.len > 64 ? 64 : item.len), item.len > 0 ? item.ptr : "");
		out->allowed_count++;
	}
	return OK;
}
