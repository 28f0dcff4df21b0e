/* Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a key that lies in a file of its own.
 *
 * The file appears whole or not at all: it is written and synced under another name and then linked to its own, so
 * of two processes that start together one wins and both read the same key. */
#include "sign/key.h"

#include "base/encode.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SEAL_VERSION = 1, SEAL_KEY_BYTES = 32, SEAL_NONCE_BYTES = 12, SEAL_TAG_BYTES = 16, PATH_BYTES = 4096 };
enum { SEAL_OVERHEAD = 1 + SEAL_NONCE_BYTES + SEAL_TAG_BYTES, KEY_TEXT_BYTES = 2 * SEAL_KEY_BYTES };

struct sealer {
	EVP_CIPHER *cipher;
	unsigned char key[SEAL_KEY_BYTES];
};

struct sealer *
sealer_from_bytes(const unsigned char key[static 32])
{
	struct sealer *sealer = mem_zero(1, sizeof *sealer);
	sealer->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	ENSURE(sealer->cipher != NULL);
	memcpy(sealer->key, key, sizeof sealer->key);
	return sealer;
}

void
sealer_free(struct sealer *sealer)
{
	if (sealer == NULL)
		return;
	EVP_CIPHER_free(sealer->cipher);
	explicit_bzero(sealer, sizeof *sealer);
	free(sealer);
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

enum error_code
sealer_open(const char *directory, struct sealer **out, struct error *error)
{
	*out = NULL;
	char path[PATH_BYTES];
	int length = snprintf(path, sizeof path, "%s/master.key", directory);
	if (length < 0 || (size_t)length >= sizeof path)
		return error_set(error, ERR_INVALID, "the path of the data directory is too long");
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (file < 0 && errno == ENOENT) {
		enum error_code code = create_key_file(directory, path, error);
		if (code != OK)
			return code;
		file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	}
	if (file < 0)
		return key_file_failed(error, path, "open the key file");
	unsigned char key[SEAL_KEY_BYTES];
	enum error_code code = read_key_file(file, path, key, error);
	close(file);
	if (code == OK)
		*out = sealer_from_bytes(key);
	explicit_bzero(key, sizeof key);
	return code;
}

/* --- sealing ----------------------------------------------------------------------------------------- */

static EVP_CIPHER_CTX *
cipher_begin(const struct sealer *sealer, const unsigned char *nonce, struct slice context, int encrypt)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	ENSURE(cipher != NULL && context.len <= INT32_MAX);
	ENSURE(EVP_CipherInit_ex2(cipher, sealer->cipher, sealer->key, nonce, encrypt, NULL) == 1);
	int length;
	if (context.len > 0)
		ENSURE(EVP_CipherUpdate(cipher, NULL, &length, bytes_in(context), (int)context.len) == 1);
	return cipher;
}

void
sealer_seal(const struct sealer *sealer, struct slice context, struct slice plain, struct buf *out)
{
	ENSURE(plain.len <= INT32_MAX - SEAL_OVERHEAD);
	char *room = buf_reserve(out, SEAL_OVERHEAD + plain.len);
	if (room == NULL)
		return;
	unsigned char *nonce = (unsigned char *)room + 1, *text = nonce + SEAL_NONCE_BYTES, *tag = text + plain.len;
	room[0] = SEAL_VERSION;
	random_bytes(nonce, SEAL_NONCE_BYTES);
	EVP_CIPHER_CTX *cipher = cipher_begin(sealer, nonce, context, 1);
	int length = 0, rest = 0;
	if (plain.len > 0)
		ENSURE(EVP_CipherUpdate(cipher, text, &length, bytes_in(plain), (int)plain.len) == 1);
	ENSURE(EVP_CipherFinal_ex(cipher, text + length, &rest) == 1 && (size_t)(length + rest) == plain.len);
	ENSURE(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_BYTES, tag) == 1);
	EVP_CIPHER_CTX_free(cipher);
	out->len += SEAL_OVERHEAD + plain.len;
}

enum error_code
sealer_open_sealed(
    const struct sealer *sealer, struct slice context, struct slice sealed, struct secret *out, struct error *error)
{
	*out = (struct secret){NULL, 0};
	if (sealed.len < SEAL_OVERHEAD || sealed.len > INT32_MAX || sealed.ptr[0] != SEAL_VERSION)
		return error_set(error, ERR_CORRUPT, "the sealed value is cut off or of an unknown version");
	const unsigned char *nonce = bytes_in(sealed) + 1, *text = nonce + SEAL_NONCE_BYTES;
	size_t bytes = sealed.len - SEAL_OVERHEAD;
	unsigned char tag[SEAL_TAG_BYTES];
	memcpy(tag, text + bytes, sizeof tag);
	EVP_CIPHER_CTX *cipher = cipher_begin(sealer, nonce, context, 0);
	struct secret plain = {mem_alloc(bytes), bytes};
	int length = 0, rest = 0;
	if (bytes > 0)
		ENSURE(EVP_CipherUpdate(cipher, plain.bytes, &length, text, (int)bytes) == 1);
	ENSURE(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_BYTES, tag) == 1);
	bool good = EVP_CipherFinal_ex(cipher, plain.bytes + length, &rest) == 1;
	EVP_CIPHER_CTX_free(cipher);
	if (!good) {
		secret_free(&plain);
		return error_set(error, ERR_CORRUPT,
		    "the sealed value does not open: it was changed, belongs elsewhere, or was "
		    "sealed with another master.key");
	}
	*out = plain;
	return OK;
}
