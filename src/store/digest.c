#include "store/digest.h"

#include "base/id.h"

static const char *const names[DIGEST_LEVEL_COUNT] = {"day", "hour", "minute", "second", "event"};
static const int64_t seconds[DIGEST_LEVEL_COUNT] = {86400, 3600, 60, 1, 0};

const char *
digest_level_name(enum digest_level level)
{
	return names[level];
}

bool
digest_level_parse(struct slice name, enum digest_level *out)
{
	for (size_t i = 0; i < DIGEST_LEVEL_COUNT; i++)
		if (slice_is(name, names[i])) {
			*out = (enum digest_level)i;
			return true;
		}
	return false;
}

int64_t
digest_seconds(enum digest_level level)
{
	return seconds[level];
}

int64_t
digest_start(enum digest_level level, int64_t at)
{
	int64_t second = id_time(at).us / 1000000;
	return level == DIGEST_EVENT ? second : second / seconds[level] * seconds[level];
}

static void
put_number(unsigned char *out, int64_t value)
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (unsigned char)((uint64_t)value >> (56 - 8 * i));
}

void
digest_begin(struct digest_node *node, int64_t start)
{
	*node = (struct digest_node){.start = start};
	sha256(SLICE("vaultbell digest 1"), node->hash);
}

void
digest_add(struct digest_node *node, struct slice id, const unsigned char sha256_of_body[static SHA256_BYTES])
{
	enum { ID_BYTES_MAX = 256 };
	unsigned char bytes[SHA256_BYTES + 8 + ID_BYTES_MAX + SHA256_BYTES];
	size_t length = id.len < ID_BYTES_MAX ? id.len : ID_BYTES_MAX;
	memcpy(bytes, node->hash, SHA256_BYTES);
	put_number(bytes + SHA256_BYTES, (int64_t)id.len);
	memcpy(bytes + SHA256_BYTES + 8, id.ptr, length);
	memcpy(bytes + SHA256_BYTES + 8 + length, sha256_of_body, SHA256_BYTES);
	sha256((struct slice){(const char *)bytes, SHA256_BYTES + 8 + length + SHA256_BYTES}, node->hash);
	node->count++;
}

void
digest_join(struct digest_node *parent, const struct digest_node *child)
{
	unsigned char bytes[SHA256_BYTES + 16 + SHA256_BYTES];
	memcpy(bytes, parent->hash, SHA256_BYTES);
	put_number(bytes + SHA256_BYTES, child->start);
	put_number(bytes + SHA256_BYTES + 8, child->count);
	memcpy(bytes + SHA256_BYTES + 16, child->hash, SHA256_BYTES);
	sha256((struct slice){(const char *)bytes, sizeof bytes}, parent->hash);
	parent->count += child->count;
}
