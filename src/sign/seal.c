/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key that lies in a file of its own.
 *
 * The file appears whole or not at all: it is written and synced under another name and then linked to its own, so
 * of two processes that start together one wins and both read the same key. A rotation puts another key beside it
 * (sign.h), which takes its place with one rename. */
#include "sign/key.h"

#include "base/encode.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE "master.key"
#define NEXT_KEY_FILE "master.key.next"

enum { SEAL_KEYS_MAX = 2 };
enum { SEAL_VERSION = 1, SEAL_KEY_BYTES = 32, SEAL_NONCE_BYTES = 12, SEAL_TAG_BYTES = 16, PATH_BYTES = 4096 };
enum { SEAL_OVERHEAD = 1 + SEAL_NONCE_BYTES + SEAL_TAG_BYTES, KEY_TEXT_BYTES = 2 * SEAL_KEY_BYTES };

/* The keys at a time, newest first. Immutable: a reload makes another one, and those before stay until the end, since a
 * thread may be using them. */
struct ring {
	unsigned char keys[SEAL_KEYS_MAX][SEAL_KEY_BYTES];
	size_t count;
	uint64_t generation;
	struct ring *before;
};

struct sealer {
	EVP_CIPHER *cipher;
	char *directory; /* NULL: its key has no file */
	_Atomic(struct ring *) ring;
};

static const struct ring *
ring_of(const struct sealer *sealer)
{
	return atomic_load_explicit(&sealer->ring, memory_order_acquire);
}

static struct sealer *
sealer_new(void)
{
	struct sealer *sealer = mem_zero(1, sizeof *sealer);
	sealer->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	ENSURE(sealer->cipher != NULL);
	return sealer;
}

struct sealer *
sealer_from_bytes(const unsigned char key[static 32])
{
	struct sealer *sealer = sealer_new();
	struct ring *ring = mem_zero(1, sizeof *ring);
	memcpy(ring->keys[0], key, SEAL_KEY_BYTES);
	ring->count = 1;
	atomic_init(&sealer->ring, ring);
	return sealer;
}

void
sealer_free(struct sealer *sealer)
{
	if (sealer == NULL)
		return;
	EVP_CIPHER_free(sealer->cipher);
	struct ring *ring = atomic_load(&sealer->ring);
	while (ring != NULL) {
		struct ring *before = ring->before;
		explicit_bzero(ring, sizeof *ring);
		free(ring);
		ring = before;
	}
	free(sealer->directory);
	free(sealer);
}

bool
sealer_rotating(const struct sealer *sealer)
{
	return ring_of(sealer)->count > 1;
}

uint64_t
sealer_generation(const struct sealer *sealer)
{
	return ring_of(sealer)->generation;
}

/* --- the key file ------------------------------------------------------------------------------------ */

static enum error_code
key_file_failed(struct error *error, const char *path, const char *what)
{
	int cause = errno;
	enum error_code code = cause == ENOSPC || cause == EDQUOT ? ERR_FULL : ERR_IO;
	return error_set(error, code, "%s: cannot %s: %s", path, what, strerror(cause));
}

static bool
write_all(int file, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(file, text, bytes);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		text += written;
		bytes -= (size_t)written;
	}
	return true;
}

static bool
sync_directory(const char *directory)
{
	int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0)
		return false;
	bool good = fsync(file) == 0;
	close(file);
	return good;
}

static bool
write_new_key(const char *path)
{
	unsigned char key[SEAL_KEY_BYTES];
	char memory[KEY_TEXT_BYTES + 1];
	struct buf text = buf_over(memory, sizeof memory);
	random_bytes(key, sizeof key);
	hex_append(&text, bytes_of(key, sizeof key));
	buf_byte(&text, '\n');
	int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = file >= 0 && fchmod(file, 0600) == 0 && write_all(file, text.data, text.len) && fsync(file) == 0;
	int cause = errno;
	if (file >= 0)
		close(file);
	explicit_bzero(key, sizeof key);
	explicit_bzero(memory, sizeof memory);
	errno = cause;
	return good;
}

static enum error_code
create_key_file(const char *directory, const char *path, struct error *error)
{
	uint64_t salt;
	random_bytes(&salt, sizeof salt);
	char fresh[PATH_BYTES];
	int length = snprintf(fresh, sizeof fresh, "%s.%016" PRIx64, path, salt);
	if (length < 0 || (size_t)length >= sizeof fresh)
		return error_set(error, ERR_INVALID, "the path of the data directory is too long");
	bool good = write_new_key(fresh) && (link(fresh, path) == 0 || errno == EEXIST);
	int cause = errno;
	(void)unlink(fresh);
	errno = cause;
	if (!good || !sync_directory(directory))
		return key_file_failed(error, path, "create the key file");
	return OK;
}

static enum error_code
read_key_file(int file, const char *path, unsigned char key[static SEAL_KEY_BYTES], struct error *error)
{
	struct stat status;
	if (fstat(file, &status) != 0)
		return key_file_failed(error, path, "look at the key file");
	if (!S_ISREG(status.st_mode) || (status.st_mode & 0177) != 0)
		return error_set(error, ERR_INVALID, "%s: must be a file of mode 0600, is %04o; chmod 600 makes it so",
		    path, (unsigned)(status.st_mode & 07777));
	char memory[KEY_TEXT_BYTES + 2];
	ssize_t got = read(file, memory, sizeof memory);
	if (got < 0)
		return key_file_failed(error, path, "read the key file");
	struct slice text = {memory, (size_t)got};
	if (text.len == KEY_TEXT_BYTES + 1 && memory[KEY_TEXT_BYTES] == '\n')
		text.len--;
	struct arena arena = ARENA_EMPTY;
	struct slice bytes = text.len == KEY_TEXT_BYTES ? hex_decode(&arena, text) : SLICE_NONE;
	bool good = slice_present(bytes);
	if (good)
		memcpy(key, bytes.ptr, SEAL_KEY_BYTES);
	wipe(bytes);
	arena_free(&arena);
	explicit_bzero(memory, sizeof memory);
	return good ? OK : error_set(error, ERR_INVALID, "%s: must hold %d hexadecimal digits", path, KEY_TEXT_BYTES);
}

static int
open_key_file(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

/* False and OK: there is no such file. */
static enum error_code
read_key(const char *path, unsigned char key[static SEAL_KEY_BYTES], bool *there, struct error *error)
{
	int file = open_key_file(path);
	*there = file >= 0;
	if (file < 0)
		return errno == ENOENT ? OK : key_file_failed(error, path, "open the key file");
	enum error_code code = read_key_file(file, path, key, error);
	close(file);
	return code;
}

static enum error_code
key_path(const char *directory, const char *name, char out[static PATH_BYTES], struct error *error)
{
	int length = snprintf(out, PATH_BYTES, "%s/%s", directory, name);
	if (length < 0 || length >= PATH_BYTES)
		return error_set(error, ERR_INVALID, "the path of the data directory is too long");
	return OK;
}

/* The next one first: when it takes the other's place in between, both are read as the same. */
static enum error_code
read_ring(const char *directory, struct ring *ring, struct error *error)
{
	char path[PATH_BYTES], next[PATH_BYTES];
	bool there;
	enum error_code code = key_path(directory, KEY_FILE, path, error);
	if (code == OK)
		code = key_path(directory, NEXT_KEY_FILE, next, error);
	if (code == OK)
		code = read_key(next, ring->keys[0], &there, error);
	if (code != OK)
		return code;
	ring->count = there ? 1 : 0;
	code = read_key(path, ring->keys[ring->count], &there, error);
	/* Beside a next key, the first one is not made anew: something is missing that a new key would not open. */
	if (code == OK && !there && ring->count == 0) {
		code = create_key_file(directory, path, error);
		if (code == OK)
			code = read_key(path, ring->keys[0], &there, error);
	}
	if (code != OK)
		return code;
	if (!there)
		return error_set(error, ERR_CORRUPT,
		    "%s: is not there, although a rotation to %s is under way: put it back from a copy", path, next);
	bool twice = ring->count == 1 && memcmp(ring->keys[0], ring->keys[1], SEAL_KEY_BYTES) == 0;
	ring->count += twice ? 0 : 1;
	return OK;
}

enum error_code
sealer_open(const char *directory, struct sealer **out, struct error *error)
{
	*out = NULL;
	struct ring *ring = mem_zero(1, sizeof *ring);
	enum error_code code = read_ring(directory, ring, error);
	if (code != OK) {
		explicit_bzero(ring, sizeof *ring);
		free(ring);
		return code;
	}
	struct sealer *sealer = sealer_new();
	sealer->directory = mem_string(slice_of(directory));
	atomic_init(&sealer->ring, ring);
	*out = sealer;
	return OK;
}

/* --- rotation ---------------------------------------------------------------------------------------- */

enum error_code
sealer_rotation_begin(const char *directory, struct error *error)
{
	char path[PATH_BYTES], next[PATH_BYTES];
	struct ring ring;
	enum error_code code = key_path(directory, KEY_FILE, path, error);
	if (code == OK)
		code = key_path(directory, NEXT_KEY_FILE, next, error);
	if (code == OK && access(path, F_OK) != 0)
		code = error_set(error, ERR_NOT_FOUND, "%s: there is no key to be rotated", path);
	if (code == OK && access(next, F_OK) == 0)
		code = error_set(error, ERR_CONFLICT, "%s: a rotation is under way already", next);
	if (code == OK)
		code = create_key_file(directory, next, error);
	if (code == OK)
		code = read_ring(directory, &ring, error);
	explicit_bzero(&ring, sizeof ring);
	return code;
}

enum error_code
sealer_reload(struct sealer *sealer, struct error *error)
{
	if (sealer->directory == NULL)
		return OK;
	struct ring *now = atomic_load(&sealer->ring), *fresh = mem_zero(1, sizeof *fresh);
	enum error_code code = read_ring(sealer->directory, fresh, error);
	bool same = code == OK && fresh->count == now->count && memcmp(fresh->keys, now->keys, sizeof now->keys) == 0;
	if (code != OK || same) {
		explicit_bzero(fresh, sizeof *fresh);
		free(fresh);
		return code;
	}
	bool other = memcmp(fresh->keys[0], now->keys[0], SEAL_KEY_BYTES) != 0;
	fresh->generation = now->generation + (other ? 1 : 0);
	fresh->before = now;
	atomic_store_explicit(&sealer->ring, fresh, memory_order_release);
	return OK;
}

enum error_code
sealer_rotation_end(struct sealer *sealer, struct error *error)
{
	char path[PATH_BYTES], next[PATH_BYTES];
	ENSURE(sealer->directory != NULL && sealer_rotating(sealer));
	enum error_code code = key_path(sealer->directory, KEY_FILE, path, error);
	if (code == OK)
		code = key_path(sealer->directory, NEXT_KEY_FILE, next, error);
	if (code == OK && (rename(next, path) != 0 || !sync_directory(sealer->directory)))
		code = key_file_failed(error, path, "put the next key in its place");
	return code == OK ? sealer_reload(sealer, error) : code;
}

/* --- sealing ----------------------------------------------------------------------------------------- */

static EVP_CIPHER_CTX *
cipher_begin(const struct sealer *sealer, const unsigned char *key, const unsigned char *nonce, struct slice context,
    int encrypt)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	ENSURE(cipher != NULL && context.len <= INT32_MAX);
	ENSURE(EVP_CipherInit_ex2(cipher, sealer->cipher, key, nonce, encrypt, NULL) == 1);
	int length;
	if (context.len > 0)
		ENSURE(EVP_CipherUpdate(cipher, NULL, &length, bytes_in(context), (int)context.len) == 1);
	return cipher;
}

static void
seal_with(const struct sealer *sealer, const unsigned char *key, const unsigned char *nonce, struct slice context,
    struct slice plain, struct buf *out)
{
	ENSURE(plain.len <= INT32_MAX - SEAL_OVERHEAD);
	char *room = buf_reserve(out, SEAL_OVERHEAD + plain.len);
	if (room == NULL)
		return;
	unsigned char *head = (unsigned char *)room + 1, *text = head + SEAL_NONCE_BYTES, *tag = text + plain.len;
	room[0] = SEAL_VERSION;
	memcpy(head, nonce, SEAL_NONCE_BYTES);
	EVP_CIPHER_CTX *cipher = cipher_begin(sealer, key, nonce, context, 1);
	int length = 0, rest = 0;
	if (plain.len > 0)
		ENSURE(EVP_CipherUpdate(cipher, text, &length, bytes_in(plain), (int)plain.len) == 1);
	ENSURE(EVP_CipherFinal_ex(cipher, text + length, &rest) == 1 && (size_t)(length + rest) == plain.len);
	ENSURE(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) == 1);
	EVP_CIPHER_CTX_free(cipher);
	out->len += SEAL_OVERHEAD + plain.len;
}

void
sealer_seal(const struct sealer *sealer, struct slice context, struct slice plain, struct buf *out)
{
	unsigned char nonce[SEAL_NONCE_BYTES];
	random_bytes(nonce, sizeof nonce);
	seal_with(sealer, ring_of(sealer)->keys[0], nonce, context, plain, out);
}

static bool
open_with(const struct sealer *sealer, const unsigned char *key, struct slice context, struct slice sealed,
    struct secret *out)
{
	const unsigned char *nonce = bytes_in(sealed) + 1, *text = nonce + SEAL_NONCE_BYTES;
	size_t bytes = sealed.len - SEAL_OVERHEAD;
	unsigned char tag[SEAL_TAG_BYTES];
	memcpy(tag, text + bytes, sizeof tag);
	EVP_CIPHER_CTX *cipher = cipher_begin(sealer, key, nonce, context, 0);
	struct secret plain = {mem_alloc(bytes), bytes};
	int length = 0, rest = 0;
	if (bytes > 0)
		ENSURE(EVP_CipherUpdate(cipher, plain.bytes, &length, text, (int)bytes) == 1);
	ENSURE(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) == 1);
	bool good = EVP_CipherFinal_ex(cipher, plain.bytes + length, &rest) == 1;
	EVP_CIPHER_CTX_free(cipher);
	if (good)
		*out = plain;
	else
		secret_free(&plain);
	return good;
}

static bool
has_form(struct slice sealed)
{
	return sealed.len >= SEAL_OVERHEAD && sealed.len <= INT32_MAX && sealed.ptr[0] == SEAL_VERSION;
}

enum error_code
sealer_open_sealed(
    const struct sealer *sealer, struct slice context, struct slice sealed, struct secret *out, struct error *error)
{
	*out = (struct secret){NULL, 0};
	if (!has_form(sealed))
		return error_set(error, ERR_CORRUPT, "the sealed value is cut off or of an unknown version");
	const struct ring *ring = ring_of(sealer);
	for (size_t i = 0; i < ring->count; i++)
		if (open_with(sealer, ring->keys[i], context, sealed, out))
			return OK;
	return error_set(error, ERR_CORRUPT,
	    "the sealed value does not open: it was changed, belongs elsewhere, or was "
	    "sealed with another master.key");
}

/* --- sealing anew ------------------------------------------------------------------------------------- */

bool
sealer_is_newest(const struct sealer *sealer, struct slice context, struct slice sealed)
{
	struct secret plain = {NULL, 0};
	bool newest = has_form(sealed) && open_with(sealer, ring_of(sealer)->keys[0], context, sealed, &plain);
	secret_free(&plain);
	return newest;
}

/* A code over all of it under this key, and for this use alone. */
static void
code_over(const unsigned char *key, const char *use, struct slice context, struct slice value,
    unsigned char out[static SHA256_BYTES])
{
	struct buf text;
	buf_init(&text, context.len + value.len + 64);
	buf_printf(&text, "%s %zu\n", use, context.len);
	buf_append(&text, context);
	buf_append(&text, value);
	ENSURE(!text.overflow);
	size_t length = 0;
	ENSURE(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, SEAL_KEY_BYTES, bytes_in(buf_slice(&text)), text.len,
		   out, SHA256_BYTES, &length) != NULL &&
	       length == SHA256_BYTES);
	explicit_bzero(text.data, text.len);
	buf_free(&text);
}

void
sealer_mark(const struct sealer *sealer, struct slice context, struct slice plain, struct buf *out)
{
	unsigned char code[SHA256_BYTES];
	code_over(ring_of(sealer)->keys[0], "mark", context, plain, code);
	hex_append(out, bytes_of(code, sizeof code));
}

void
sealer_key_id(const struct sealer *sealer, size_t at, char out[static SEALER_KEY_ID_BYTES])
{
	const struct ring *ring = ring_of(sealer);
	unsigned char code[SHA256_BYTES];
	ENSURE(at < ring->count);
	code_over(ring->keys[at], "key id", SLICE(""), SLICE(""), code);
	struct buf text = buf_over(out, SEALER_KEY_ID_BYTES);
	hex_append(&text, bytes_of(code, SEALER_KEY_ID_BYTES / 2));
	out[SEALER_KEY_ID_BYTES - 1] = '\0';
}

/* A nonce for this sealed value under this key, and for no other. */
static void
derive_nonce(const unsigned char *key, struct slice context, struct slice sealed, unsigned char *out)
{
	unsigned char code[SHA256_BYTES];
	code_over(key, "reseal", context, sealed, code);
	memcpy(out, code, SEAL_NONCE_BYTES);
}

enum error_code
sealer_reseal(
    const struct sealer *sealer, struct slice context, struct slice sealed, struct buf *out, struct error *error)
{
	struct secret plain;
	unsigned char nonce[SEAL_NONCE_BYTES];
	const unsigned char *key = ring_of(sealer)->keys[0];
	enum error_code code = sealer_open_sealed(sealer, context, sealed, &plain, error);
	if (code != OK)
		return code;
	derive_nonce(key, context, sealed, nonce);
	seal_with(sealer, key, nonce, context, secret_reveal(&plain), out);
	secret_free(&plain);
	return OK;
}
