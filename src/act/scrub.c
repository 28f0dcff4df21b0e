#include "act/scrub.h"

static const char replaced[] = "[hidden]";

/* Values of these are hidden, up to the next space: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`. */
static const char *const names[] = {"password", "passwd", "passphrase", "secret", "token", "api_key", "apikey",
    "api-key", "private_key", "authorization", "bearer", "mnemonic", "seed", "pin"};
/* Words that begin so are secrets whatever stands before them. */
static const char *const prefixes[] = {"whsec_", "whsk_", "eyJ", "-----BEGIN"};

enum { SECRET_BYTES_MIN = 6, TOKEN_BYTES_MIN = 40 };

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static bool
begins_nocase(struct slice text, const char *word)
{
	size_t length = strlen(word);
	if (text.len < length)
		return false;
	for (size_t i = 0; i < length; i++)
		if (lower(text.ptr[i]) != lower(word[i]))
			return false;
	return true;
}

static bool
is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
	       c == '+' || c == '/' || c == '=' || c == '.';
}

static size_t
word_length(struct slice text)
{
	size_t length = 0;
	while (length < text.len && is_word(text.ptr[length]))
		length++;
	return length;
}

/* A secret that is known, and stands here: its length, else 0. */
static size_t
known_length(struct slice text, struct slice_list secrets)
{
	for (size_t i = 0; i < secrets.count; i++)
		if (secrets.items[i].len >= SECRET_BYTES_MIN && slice_starts(text, secrets.items[i]))
			return secrets.items[i].len;
	return 0;
}

/* How much of the text is the name of a secret and what separates it from its value; 0: it is none. */
static size_t
name_length(struct slice text)
{
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (!begins_nocase(text, names[i]))
			continue;
		size_t at = strlen(names[i]), separators = 0;
		for (; at < text.len && strchr("\"' :=", text.ptr[at]) != NULL && text.ptr[at] != '\0'; at++)
			separators++;
		if (separators > 0 && at < text.len)
			return at;
	}
	return 0;
}

static bool
looks_secret(struct slice word)
{
	for (size_t i = 0; i < COUNT_OF(prefixes); i++)
		if (slice_starts(word, slice_of(prefixes[i])))
			return true;
	return word.len >= TOKEN_BYTES_MIN;
}

struct writing {
	char *out;
	size_t length, size;
};

static void
put(struct writing *writing, struct slice text)
{
	for (size_t i = 0; i < text.len && writing->length + 1 < writing->size; i++) {
		char c = text.ptr[i];
		bool break_or_tab = c == '\n' || c == '\r' || c == '\t';
		writing->out[writing->length++] = break_or_tab ? ' ' : c >= 0x20 && c < 0x7f ? c : '?';
	}
}

void
act_scrub(struct slice output, struct slice_list secrets, char *out, size_t size)
{
	struct writing writing = {.out = out, .size = size};
	bool inside = false; /* of a word: names and prefixes begin one */
	while (output.len > 0 && writing.length + 1 < size) {
		size_t known = known_length(output, secrets), name = inside ? 0 : name_length(output);
		size_t word = inside ? 0 : word_length(output), taken = 1;
		if (known > 0) {
			put(&writing, slice_of(replaced));
			taken = known;
		} else if (name > 0) {
			put(&writing, (struct slice){output.ptr, name});
			struct slice value = slice_skip(output, name);
			/* "Authorization: Bearer …": what follows is a name itself. */
			if (name_length(value) == 0) {
				size_t length = 0;
				while (length < value.len && strchr(" \t\r\n\"'", value.ptr[length]) == NULL)
					length++;
				put(&writing, slice_of(replaced));
				name += length;
			}
			taken = name;
		} else if (word > 0 && looks_secret((struct slice){output.ptr, word})) {
			put(&writing, slice_of(replaced));
			taken = word;
		} else {
			put(&writing, (struct slice){output.ptr, 1});
		}
		inside = taken == 1 && ((output.ptr[0] >= 'a' && output.ptr[0] <= 'z') ||
					   (output.ptr[0] >= 'A' && output.ptr[0] <= 'Z') ||
					   (output.ptr[0] >= '0' && output.ptr[0] <= '9'));
		output = slice_skip(output, taken);
	}
	out[writing.length] = '\0';
}
