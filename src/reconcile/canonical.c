/* The form in which hashes and addresses compare: hexadecimal and EVM addresses without case, bech32 in lower case,
 * everything else (base58) exactly. */
#include "reconcile/records.h"

/* Nearly every hash and address is in lower case already, and then there is nothing to decide. */
static bool
has_upper(struct slice text)
{
	bool any = false;
	for (size_t i = 0; i < text.len; i++)
		any |= (unsigned char)(text.ptr[i] - 'A') < 26;
	return any;
}

static struct slice
lowered(struct slice text, struct arena *arena)
{
	struct slice copy = SLICE_NONE;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
			continue;
		if (!slice_present(copy))
			copy = arena_copy(arena, text);
		((char *)(uintptr_t)copy.ptr)[i] = (char)(text.ptr[i] + ('a' - 'A'));
	}
	return slice_present(copy) ? copy : text;
}

static bool
is_hexadecimal(struct slice text)
{
	bool all = text.len > 0;
	for (size_t i = 0; i < text.len && all; i++) {
		unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
		unsigned letter = ((unsigned char)text.ptr[i] | 0x20u) - (unsigned)'a';
		all = digit < 10 || letter < 6;
	}
	return all;
}

static bool
is_prefixed(struct slice text)
{
	return text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'x' || text.ptr[1] == 'X') &&
	       is_hexadecimal(slice_skip(text, 2));
}

/* BIP 173 lets an address be all in upper case (for QR codes): a human-readable part, the last `1`, and at least six
 * characters of its alphabet. Base58 addresses mix their cases. */
static bool
is_upper_bech32(struct slice text)
{
	size_t separator = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] >= 'a' && text.ptr[i] <= 'z')
			return false;
		if (text.ptr[i] == '1')
			separator = i;
	}
	if (separator == 0 || text.len - separator - 1 < 6)
		return false;
	for (size_t i = separator + 1; i < text.len; i++)
		if (text.ptr[i] == '\0' || strchr("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", text.ptr[i]) == NULL)
			return false;
	return true;
}

struct slice
canonical_hash(struct slice hash, struct arena *arena)
{
	return has_upper(hash) && (is_prefixed(hash) || is_hexadecimal(hash)) ? lowered(hash, arena) : hash;
}

struct slice
canonical_address(struct slice address, struct slice network, struct arena *arena)
{
	if (!has_upper(address))
		return address;
	bool evm = slice_starts(network, SLICE("eip155:")) && is_hexadecimal(address);
	return evm || is_prefixed(address) || is_upper_bech32(address) ? lowered(address, arena) : address;
}
