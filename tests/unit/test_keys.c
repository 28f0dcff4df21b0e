/* Keys: every text form, good and bad, and back; and the sealer that keeps them at rest. */
#include "sign/sign.h"

#include "base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define PAIR "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
#define PUBLIC "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
#define P256_X "\"x\":\"qIVYZVLCrPZHGHjP17CTW0_-D9Lfw0EkjqF7xB4FivA\""
#define P256_Y "\"y\":\"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F0\""
#define P256_D "\"d\":\"UpuF81l-kOxbjf7T4mNSv0r5tN67Gim7rnf6EFpcYDs\""
#define P256 "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y "}"
#define OKP_X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define OKP_D "\"d\":\"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A\""
#define OKP "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," OKP_X "}"

/* A slice in a static initialiser. */
#define TEXT(literal)                                                                                                  \
	{                                                                                                              \
		"" literal, sizeof(literal) - 1                                                                        \
	}

struct text_case {
	enum sign_scheme scheme;
	const char *text;
	enum key_type type;
	bool can_sign;
};

static const struct text_case good[] = {
    {SCHEME_STANDARD, SECRET, KEY_HMAC, true},
    {SCHEME_RFC9421, SECRET, KEY_HMAC, true},
    {SCHEME_STANDARD, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", KEY_HMAC, true},
    {SCHEME_STANDARD, PAIR, KEY_ED25519, true},
    {SCHEME_STANDARD, PUBLIC, KEY_ED25519, false},
    {SCHEME_RFC9421, P256, KEY_ECDSA_P256, false},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ES256\"," P256_X "," P256_Y "," P256_D "}",
	KEY_ECDSA_P256, true},
    {SCHEME_RFC9421, OKP, KEY_ED25519, false},
    {SCHEME_RFC9421, " {\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\"," OKP_X "," OKP_D "} ", KEY_ED25519, true},
    {SCHEME_RFC9421, "{\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"kid\":\"q\\\"\"}", KEY_HMAC, true},
    {SCHEME_LEGACY, "x", KEY_HMAC, true},
    {SCHEME_LEGACY, SECRET, KEY_HMAC, true},
};

static void
test_good_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		struct key *key = NULL, *again = NULL;
		struct error error = ERROR_NONE;
		if (key_parse(good[i].scheme, slice_of(good[i].text), &key, &error) != OK)
			fail_msg("%s: %s", good[i].text, error.text);
		assert_int_equal(key_type(key), good[i].type);
		assert_int_equal(key_can_sign(key), good[i].can_sign);
		/* The text that is sealed gives the same key. */
		struct secret text = key_private_text(key);
		assert_int_equal(key_parse(good[i].scheme, secret_reveal(&text), &again, &error), OK);
		assert_true(slice_equal(key_id(key), key_id(again)));
		assert_int_equal(key_can_sign(again), good[i].can_sign);
		struct secret text_again = key_private_text(again);
		assert_true(slice_equal(secret_reveal(&text), secret_reveal(&text_again)));
		secret_free(&text);
		secret_free(&text_again);
		key_unref(key);
		key_unref(again);
	}
}

static const struct {
	enum sign_scheme scheme;
	const char *text;
} bad[] = {
    {SCHEME_STANDARD, ""},
    {SCHEME_STANDARD, "whsec_"},
    {SCHEME_STANDARD, "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {SCHEME_STANDARD, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="},
    {SCHEME_STANDARD, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!"},
    {SCHEME_STANDARD, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"},
    {SCHEME_STANDARD, "WHSEC_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
    {SCHEME_STANDARD, "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOig=="},
    {SCHEME_STANDARD, "whsk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="},
    /* The pair with a bit of its public half changed. */
    {SCHEME_STANDARD, "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvw=="},
    {SCHEME_STANDARD, P256},
    {SCHEME_LEGACY, ""},
    {SCHEME_LEGACY, "tab\t"},
    {SCHEME_LEGACY, "\xc3\xa4"},
    {SCHEME_RFC9421, "{}"},
    {SCHEME_RFC9421, "[]"},
    {SCHEME_RFC9421, "{"},
    {SCHEME_RFC9421, "{\"kty\":\"RSA\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-384\"," P256_X "," P256_Y "}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y ",\"d\":7}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y "," OKP_D "}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y ",\"use\":\"enc\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y ",\"alg\":\"ES384\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y ",\"kid\":\"\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y ",\"kid\":\"a b\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"EC\",\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y "}"},
    /* No point of the curve: y of the point one off. */
    {SCHEME_RFC9421,
	"{\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X ",\"y\":\"Mc4nN9LTDOBhfoUeg8Ye9WedFRhnZXZJA12Qp0zZ6F4\"}"},
    {SCHEME_RFC9421, "{\"kty\":\"OKP\",\"crv\":\"Ed25519\"," OKP_X "," P256_D "}"},
    {SCHEME_RFC9421, "{\"kty\":\"OKP\",\"crv\":\"X25519\"," OKP_X "}"},
    {SCHEME_RFC9421, "{\"kty\":\"oct\",\"k\":\"c2hvcnQ\"}"},
};

static void
test_bad_texts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct key *key = NULL;
		struct error error = ERROR_NONE;
		if (key_parse(bad[i].scheme, slice_of(bad[i].text), &key, &error) != ERR_INVALID)
			fail_msg("taken: %s", bad[i].text);
		assert_null(key);
		assert_true(error.text[0] != '\0');
		/* Nothing of a key is in what goes to logs. */
		assert_null(strstr(error.text, "MfKQ"));
		assert_null(strstr(error.text, "qIVY"));
	}
	char long_text[258];
	memset(long_text, 'a', sizeof long_text);
	struct key *key = NULL;
	assert_int_equal(key_parse(SCHEME_LEGACY, (struct slice){long_text, 257}, &key, NULL), ERR_INVALID);
	assert_int_equal(key_parse(SCHEME_LEGACY, (struct slice){long_text, 256}, &key, NULL), OK);
	key_unref(key);
}

static void
test_ids(void **state)
{
	(void)state;
	/* RFC 8037 appendix A.3 publishes this thumbprint. */
	struct key *key = NULL;
	assert_int_equal(key_parse(SCHEME_RFC9421, slice_of(OKP), &key, NULL), OK);
	assert_true(slice_is(key_id(key), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
	struct arena arena = ARENA_EMPTY;
	assert_true(slice_starts(key_shared_text(&arena, key), SLICE("whpk_")));
	key_unref(key);
	assert_int_equal(
	    key_parse(SCHEME_RFC9421,
		SLICE("{\"kid\":\"mine\",\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y "," P256_D "}"), &key,
		NULL),
	    OK);
	assert_true(slice_is(key_id(key), "mine"));
	struct buf out;
	buf_init(&out, 4096);
	struct json_writer writer;
	json_writer_init(&writer, &out);
	key_write_jwk(&writer, key, SLICE_NONE);
	assert_true(slice_is(buf_slice(&out), "{\"crv\":\"P-256\",\"kty\":\"EC\"," P256_X "," P256_Y
					      ",\"kid\":\"mine\",\"alg\":\"ES256\",\"use\":\"sig\"}"));
	assert_true(slice_equal(buf_slice(&out), key_shared_text(&arena, key)));
	buf_free(&out);
	key_unref(key);
	assert_int_equal(key_parse(SCHEME_STANDARD, slice_of(SECRET), &key, NULL), OK);
	assert_int_equal(key_id(key).len, 16);
	assert_true(slice_is(key_shared_text(&arena, key), SECRET));
	assert_ptr_equal(key_ref(key), key);
	key_unref(key);
	key_unref(key);
	key_unref(NULL);
	arena_free(&arena);
}

static void
test_lists(void **state)
{
	(void)state;
	struct key_list keys;
	struct error error = ERROR_NONE;
	assert_int_equal(
	    key_list_parse(SCHEME_STANDARD, SLICE("# comment\n\n  " SECRET "\r\n\t\n" PUBLIC), &keys, &error), OK);
	assert_int_equal(keys.count, 2);
	assert_int_equal(key_type(keys.items[1]), KEY_ED25519);
	key_list_free(&keys);
	assert_int_equal(key_list_parse(SCHEME_STANDARD, SLICE(SECRET "\nwhsec_x\n"), &keys, &error), ERR_INVALID);
	assert_non_null(strstr(error.text, "line 2"));
	assert_int_equal(key_list_parse(SCHEME_STANDARD, SLICE("# nothing\n"), &keys, &error), ERR_INVALID);
	assert_int_equal(key_list_parse(SCHEME_STANDARD, SLICE_NONE, &keys, NULL), ERR_INVALID);
	struct buf many;
	buf_init(&many, 4096);
	for (int i = 0; i < LIMIT_SECRETS; i++)
		buf_text(&many, SECRET "\n");
	assert_int_equal(key_list_parse(SCHEME_STANDARD, buf_slice(&many), &keys, &error), OK);
	key_list_free(&keys);
	buf_text(&many, SECRET);
	assert_int_equal(key_list_parse(SCHEME_STANDARD, buf_slice(&many), &keys, &error), ERR_LIMIT);
	buf_free(&many);
	/* A legacy secret keeps its spaces. */
	assert_int_equal(key_list_parse(SCHEME_LEGACY, SLICE(" a \r\n"), &keys, &error), OK);
	struct secret text = key_private_text(keys.items[0]);
	assert_true(slice_is(secret_reveal(&text), " a "));
	secret_free(&text);
	key_list_free(&keys);
}

static void
test_generated(void **state)
{
	(void)state;
	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++) {
		struct key *key = key_generate(type), *other = key_generate(type), *again = NULL;
		assert_true(key_can_sign(key));
		assert_false(slice_equal(key_id(key), key_id(other)));
		struct secret text = key_private_text(key);
		assert_int_equal(key_parse(SCHEME_RFC9421, secret_reveal(&text), &again, NULL), OK);
		assert_true(slice_equal(key_id(key), key_id(again)));
		secret_free(&text);
		key_unref(key);
		key_unref(other);
		key_unref(again);
	}
}

/* Threads share keys: each signs and verifies with the same ones. A race shows under the thread sanitizer. */
static void *
use_keys(void *argument)
{
	struct key *const *keys = argument;
	static const enum sign_scheme schemes[KEY_TYPE_COUNT] = {
	    [KEY_HMAC] = SCHEME_STANDARD, [KEY_ED25519] = SCHEME_STANDARD, [KEY_ECDSA_P256] = SCHEME_RFC9421};
	uintptr_t verified = 0;
	for (int i = 0; i < 50; i++) {
		for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++) {
			struct key *key = key_ref(keys[type]);
			struct arena arena = ARENA_EMPTY;
			struct http_header items[SIGN_HEADERS_MAX + 1];
			struct http_headers headers = {items, 0};
			struct sign_input input = {.method = SLICE("POST"),
			    .authority = SLICE("a"),
			    .path = SLICE("/"),
			    .content_type = SLICE("b"),
			    .id = SLICE("id"),
			    .timestamp = 1,
			    .body = SLICE("{}")};
			enum error_code code = sign_request(schemes[type], &key, 1, &input, &arena, &headers, NULL);
			items[headers.count++] = (struct http_header){SLICE("content-type"), SLICE("b")};
			struct verify_input request = {.method = input.method,
			    .authority = input.authority,
			    .path = input.path,
			    .headers = headers,
			    .body = input.body,
			    .now = {1000000}};
			struct verify_result result;
			verify_request(schemes[type], &key, 1, &request, &arena, &result);
			verified += code == OK && result.verdict == VERDICT_VERIFIED;
			arena_free(&arena);
			key_unref(key);
		}
	}
	return (void *)verified;
}

static void
test_threads(void **state)
{
	(void)state;
	struct key *keys[KEY_TYPE_COUNT];
	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++)
		keys[type] = key_generate(type);
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_keys, keys), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *verified;
		assert_int_equal(pthread_join(threads[i], &verified), 0);
		assert_int_equal((uintptr_t)verified, 50 * KEY_TYPE_COUNT);
	}
	for (enum key_type type = 0; type < KEY_TYPE_COUNT; type++)
		key_unref(keys[type]);
}

/* --- the sealer --------------------------------------------------------------------------------------- */

static void
test_seal(void **state)
{
	(void)state;
	unsigned char bytes[32] = {1, 2, 3};
	struct sealer *sealer = sealer_from_bytes(bytes);
	bytes[0]++;
	struct sealer *other = sealer_from_bytes(bytes);
	static const struct slice plains[] = {TEXT("whsec_secret"), TEXT("")};
	for (size_t i = 0; i < COUNT_OF(plains); i++) {
		struct buf sealed, again;
		buf_init(&sealed, 4096);
		buf_init(&again, 4096);
		sealer_seal(sealer, SLICE("endpoint 7"), plains[i], &sealed);
		sealer_seal(sealer, SLICE("endpoint 7"), plains[i], &again);
		assert_int_equal(sealed.len, plains[i].len + 29);
		assert_false(slice_equal(buf_slice(&sealed), buf_slice(&again)));
		struct secret out;
		struct error error = ERROR_NONE;
		struct slice whole = buf_slice(&sealed);
		assert_int_equal(sealer_open_sealed(sealer, SLICE("endpoint 7"), whole, &out, &error), OK);
		assert_true(slice_equal(secret_reveal(&out), plains[i]));
		secret_free(&out);
		assert_int_equal(sealer_open_sealed(sealer, SLICE("endpoint 8"), whole, &out, &error), ERR_CORRUPT);
		assert_int_equal(sealer_open_sealed(sealer, SLICE(""), whole, &out, &error), ERR_CORRUPT);
		assert_int_equal(sealer_open_sealed(other, SLICE("endpoint 7"), whole, &out, &error), ERR_CORRUPT);
		for (size_t at = 0; at < sealed.len; at++) {
			sealed.data[at] ^= 0x10;
			assert_int_equal(
			    sealer_open_sealed(sealer, SLICE("endpoint 7"), whole, &out, &error), ERR_CORRUPT);
			assert_null(out.bytes);
			sealed.data[at] ^= 0x10;
		}
		for (size_t length = 0; length < sealed.len; length++) {
			struct slice cut = {whole.ptr, length};
			assert_int_equal(
			    sealer_open_sealed(sealer, SLICE("endpoint 7"), cut, &out, &error), ERR_CORRUPT);
		}
		buf_free(&sealed);
		buf_free(&again);
	}
	struct buf small;
	buf_init(&small, 10);
	sealer_seal(sealer, SLICE("x"), SLICE("y"), &small);
	assert_true(small.overflow);
	buf_free(&small);
	sealer_free(sealer);
	sealer_free(other);
	sealer_free(NULL);
}

static void
write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void
test_key_file(void **state)
{
	(void)state;
	char directory[] = "/tmp/vaultbell-keys-XXXXXX", path[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/master.key", directory);
	struct sealer *first = NULL, *second = NULL;
	struct error error = ERROR_NONE;
	if (sealer_open(directory, &first, &error) != OK)
		fail_msg("%s", error.text);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 65);
	assert_int_equal(status.st_nlink, 1);
	/* The second start reads what the first one made. */
	assert_int_equal(sealer_open(directory, &second, &error), OK);
	struct buf sealed;
	buf_init(&sealed, 256);
	sealer_seal(first, SLICE("c"), SLICE("plain"), &sealed);
	struct secret out;
	assert_int_equal(sealer_open_sealed(second, SLICE("c"), buf_slice(&sealed), &out, &error), OK);
	secret_free(&out);
	buf_free(&sealed);
	sealer_free(first);
	sealer_free(second);
	static const mode_t modes[] = {0640, 0604, 0660, 0700, 0644};
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		assert_int_equal(sealer_open(directory, &first, &error), ERR_INVALID);
		assert_non_null(strstr(error.text, "0600"));
	}
	assert_int_equal(chmod(path, 0600), 0);
	static const char *const texts[] = {"", "abc\n",
	    "zz345678901234567890123456789012345678901234567890123456789012ab",
	    "12345678901234567890123456789012345678901234567890123456789012345\n"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		write_file(path, texts[i]);
		assert_int_equal(sealer_open(directory, &first, &error), ERR_INVALID);
		assert_null(first);
	}
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(sealer_open(directory, &first, &error), ERR_IO);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(sealer_open(directory, &first, &error), ERR_IO);
}

static void
assert_opens(const struct sealer *sealer, const struct buf *sealed, bool opens)
{
	struct secret out;
	enum error_code code = sealer_open_sealed(sealer, SLICE("c"), buf_slice(sealed), &out, NULL);
	assert_int_equal(code, opens ? OK : ERR_CORRUPT);
	secret_free(&out);
}

/* M15: another key beside the first, then in its place; what the first sealed is sealed anew in between. */
static void
test_rotation(void **state)
{
	(void)state;
	char directory[] = "/tmp/vaultbell-keys-XXXXXX", path[64], next[64];
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/master.key", directory);
	snprintf(next, sizeof next, "%s/master.key.next", directory);
	struct error error = ERROR_NONE;
	struct sealer *server = NULL, *other = NULL;
	struct buf old, fresh, twin, later;
	buf_init(&old, 256);
	buf_init(&fresh, 256);
	buf_init(&twin, 256);
	buf_init(&later, 256);
	assert_int_equal(sealer_rotation_begin(directory, &error), ERR_NOT_FOUND);
	assert_int_equal(sealer_open(directory, &server, &error), OK);
	sealer_seal(server, SLICE("c"), SLICE("plain"), &old);
	assert_int_equal(sealer_rotation_begin(directory, &error), OK);
	assert_int_equal(sealer_rotation_begin(directory, &error), ERR_CONFLICT);
	struct stat status;
	assert_int_equal(stat(next, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_false(sealer_rotating(server));
	assert_int_equal(sealer_reload(server, &error), OK);
	assert_int_equal(sealer_reload(server, &error), OK);
	assert_true(sealer_rotating(server));
	assert_int_equal(sealer_generation(server), 1);
	assert_opens(server, &old, true);
	assert_false(sealer_is_newest(server, SLICE("c"), buf_slice(&old)));
	sealer_seal(server, SLICE("c"), SLICE("plain"), &later);
	assert_true(sealer_is_newest(server, SLICE("c"), buf_slice(&later)));
	/* Whoever starts now has both keys, and seals anew to the same bytes. */
	assert_int_equal(sealer_open(directory, &other, &error), OK);
	assert_int_equal(sealer_reseal(server, SLICE("c"), buf_slice(&old), &fresh, &error), OK);
	assert_int_equal(sealer_reseal(other, SLICE("c"), buf_slice(&old), &twin, &error), OK);
	assert_true(slice_equal(buf_slice(&fresh), buf_slice(&twin)));
	assert_true(sealer_is_newest(other, SLICE("c"), buf_slice(&fresh)));
	assert_int_equal(sealer_reseal(other, SLICE("d"), buf_slice(&old), &twin, &error), ERR_CORRUPT);
	assert_int_equal(sealer_rotation_end(server, &error), OK);
	assert_int_equal(stat(next, &status), -1);
	assert_false(sealer_rotating(server));
	assert_int_equal(sealer_generation(server), 1);
	assert_opens(server, &old, false);
	assert_opens(server, &fresh, true);
	assert_opens(server, &later, true);
	sealer_free(other);
	assert_int_equal(sealer_open(directory, &other, &error), OK);
	assert_opens(other, &fresh, true);
	/* Beside a next key, a missing first one is not made anew. */
	assert_int_equal(sealer_rotation_begin(directory, &error), OK);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sealer_reload(server, &error), ERR_CORRUPT);
	assert_opens(server, &fresh, true);
	assert_int_equal(unlink(next), 0);
	assert_int_equal(rmdir(directory), 0);
	sealer_free(server);
	sealer_free(other);
	buf_free(&old);
	buf_free(&fresh);
	buf_free(&twin);
	buf_free(&later);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_good_texts),
	    cmocka_unit_test(test_bad_texts),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_lists),
	    cmocka_unit_test(test_generated),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_seal),
	    cmocka_unit_test(test_key_file),
	    cmocka_unit_test(test_rotation),
	};
	return cmocka_run_group_tests_name("keys", tests, NULL, NULL);
}
