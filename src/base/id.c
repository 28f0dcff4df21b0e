#include "base/id.h"

enum { SEQUENCE_BITS = 20, RAW_BYTES = 20 };

static const int64_t epoch_ms = 1400000000000;

static const char *const prefixes[ID_KIND_COUNT] = {
    [ID_ORGANISATION] = "app_",
    [ID_ENDPOINT] = "ep_",
    [ID_MESSAGE] = "msg_",
    [ID_ATTEMPT] = "atmpt_",
    [ID_EVENT_TYPE] = "evtype_",
    [ID_TASK] = "qtask_",
    [ID_TOKEN] = "tok_",
    [ID_AUDIT] = "audit_",
    [ID_CHANGE] = "chg_",
};

static const char base62[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

const char *
id_prefix(enum id_kind kind)
{
	return prefixes[kind];
}

/* The finaliser of SplitMix64: every input bit reaches every output bit. */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9u;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* The 20 bytes as five 32-bit words, most significant first. */
static void
id_words(enum id_kind kind, int64_t id, uint32_t words[static 5])
{
	uint64_t value = (uint64_t)id;
	uint64_t first = mix(value + 0x9e3779b97f4a7c15u * ((uint64_t)kind + 1));
	uint64_t second = mix(first ^ value);
	words[0] = (uint32_t)(value >> 32);
	words[1] = (uint32_t)value;
	words[2] = (uint32_t)(first >> 32);
	words[3] = (uint32_t)first;
	words[4] = (uint32_t)(second >> 32);
}

const char *
id_format(enum id_kind kind, int64_t id, char out[static ID_TEXT_BYTES])
{
	uint32_t words[5];
	id_words(kind, id, words);
	size_t prefix = strlen(prefixes[kind]);
	memcpy(out, prefixes[kind], prefix);
	for (size_t digit = ID_DIGITS; digit-- > 0;) {
		uint64_t remainder = 0;
		for (size_t i = 0; i < 5; i++) {
			uint64_t part = remainder << 32 | words[i];
			words[i] = (uint32_t)(part / 62);
			remainder = part % 62;
		}
		out[prefix + digit] = base62[remainder];
	}
	out[prefix + ID_DIGITS] = '\0';
	return out;
}

bool
id_parse(enum id_kind kind, struct slice text, int64_t *out)
{
	struct slice prefix = slice_of(prefixes[kind]);
	if (text.len != prefix.len + ID_DIGITS || !slice_starts(text, prefix))
		return false;
	uint32_t words[5] = {0};
	for (size_t digit = 0; digit < ID_DIGITS; digit++) {
		const char *at = strchr(base62, text.ptr[prefix.len + digit]);
		if (at == NULL || *at == '\0')
			return false;
		uint64_t carry = (uint64_t)(at - base62);
		for (size_t i = 5; i-- > 0;) {
			uint64_t part = (uint64_t)words[i] * 62 + carry;
			words[i] = (uint32_t)part;
			carry = part >> 32;
		}
		if (carry != 0)
			return false;
	}
	int64_t id = (int64_t)((uint64_t)words[0] << 32 | words[1]);
	uint32_t expected[5];
	id_words(kind, id, expected);
	if (id < 0 || memcmp(words, expected, sizeof words) != 0)
		return false;
	*out = id;
	return true;
}

struct wall_time
id_time(int64_t id)
{
	return (struct wall_time){((id >> SEQUENCE_BITS) + epoch_ms) * 1000};
}

int64_t
id_floor(struct wall_time time)
{
	int64_t ms = time.us / 1000 - epoch_ms;
	return ms < 0 ? 0 : ms << SEQUENCE_BITS;
}

int64_t
id_next(struct id_source *source, struct wall_time now)
{
	int64_t floor = id_floor(now);
	source->last = floor > source->last ? floor : source->last + 1;
	return source->last;
}
