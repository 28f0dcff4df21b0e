#include "server/http_tls.h"

#include "base/encode.h"
#include "base/limits.h"

#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
	CHAIN_MAX = 8,
	NAMES_MAX = 32,
	NAME_BYTES = 256,
	SHA256_SIZE = 32,
	/* Handshakes may still use what was read before; by the time this many have followed, none does. */
	GENERATIONS = 4,
};

struct file_seen {
	struct timespec modified;
	ino_t inode;
	off_t bytes;
};

/* What was read together. */
struct generation {
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned chain_count;
	gnutls_privkey_t key;
	gnutls_x509_trust_list_t authorities; /* NULL: clients are not asked */
	gnutls_datum_t authorities_text;      /* with a NUL behind */
};

struct http_tls {
	struct http_tls_options options;
	struct file_seen seen[3];
	struct generation *generations[GENERATIONS]; /* the newest first */
};

/* --- reading ------------------------------------------------------------------------------------------ */

static void
generation_free(struct generation *generation)
{
	if (generation == NULL)
		return;
	for (unsigned i = 0; i < generation->chain_count; i++)
		gnutls_pcert_deinit(&generation->chain[i]);
	gnutls_privkey_deinit(generation->key);
	if (generation->authorities != NULL)
		gnutls_x509_trust_list_deinit(generation->authorities, 1);
	gnutls_free(generation->authorities_text.data);
	free(generation);
}

static enum error_code
read_pem(const char *path, gnutls_datum_t *out, struct error *error)
{
	if (gnutls_load_file(path, out) == GNUTLS_E_SUCCESS && out->size <= LIMIT_CONFIG_BYTES)
		return OK;
	return error_set(error, ERR_IO, "%s: it cannot be read; expected a PEM file", path);
}

static enum error_code
read_chain(const struct http_tls_options *options, struct generation *out, struct error *error)
{
	gnutls_datum_t text = {NULL, 0};
	enum error_code code = read_pem(options->certificate, &text, error);
	unsigned count = CHAIN_MAX;
	if (code == OK && gnutls_pcert_list_import_x509_raw(out->chain, &count, &text, GNUTLS_X509_FMT_PEM,
			      GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED) != GNUTLS_E_SUCCESS)
		code = error_set(error, ERR_INVALID,
		    "%s: expected certificates in PEM, at most %d, ours first and each followed by its issuer's",
		    options->certificate, CHAIN_MAX);
	else if (code == OK)
		out->chain_count = count;
	gnutls_free(text.data);
	return code;
}

/* Whether the key is the certificate's: what it signs must verify. */
static bool
belong_together(const struct generation *generation)
{
	gnutls_pubkey_t public;
	if (gnutls_pubkey_init(&public) != GNUTLS_E_SUCCESS)
		return false;
	unsigned char own[SHA256_SIZE], other[SHA256_SIZE];
	size_t own_bytes = sizeof own, other_bytes = sizeof other;
	bool fits = gnutls_pubkey_import_privkey(public, generation->key, 0, 0) == GNUTLS_E_SUCCESS &&
		    gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, own, &own_bytes) == GNUTLS_E_SUCCESS &&
		    gnutls_pubkey_get_key_id(generation->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, other,
			&other_bytes) == GNUTLS_E_SUCCESS &&
		    own_bytes == other_bytes && memcmp(own, other, own_bytes) == 0;
	gnutls_pubkey_deinit(public);
	return fits;
}

static enum error_code
read_key(const struct http_tls_options *options, struct generation *out, struct error *error)
{
	gnutls_datum_t text = {NULL, 0};
	enum error_code code = read_pem(options->key, &text, error);
	ENSURE(gnutls_privkey_init(&out->key) == GNUTLS_E_SUCCESS);
	if (code == OK &&
	    gnutls_privkey_import_x509_raw(out->key, &text, GNUTLS_X509_FMT_PEM, NULL, 0) != GNUTLS_E_SUCCESS)
		code = error_set(
		    error, ERR_INVALID, "%s: expected a private key in PEM, without a password", options->key);
	if (text.data != NULL)
		explicit_bzero(text.data, text.size);
	gnutls_free(text.data);
	if (code == OK && !belong_together(out))
		code = error_set(error, ERR_INVALID, "%s: it is not the key of %s", options->key, options->certificate);
	return code;
}

static enum error_code
read_authorities(const struct http_tls_options *options, struct generation *out, struct error *error)
{
	if (options->authorities == NULL)
		return OK;
	enum error_code code = read_pem(options->authorities, &out->authorities_text, error);
	if (code != OK)
		return code;
	ENSURE(gnutls_x509_trust_list_init(&out->authorities, 0) == GNUTLS_E_SUCCESS);
	if (gnutls_x509_trust_list_add_trust_mem(
		out->authorities, &out->authorities_text, NULL, GNUTLS_X509_FMT_PEM, 0, 0) > 0)
		return OK;
	return error_set(error, ERR_INVALID, "%s: expected the certificates, in PEM, of who vouches for clients",
	    options->authorities);
}

static enum error_code
read_generation(const struct http_tls_options *options, struct generation **out, struct error *error)
{
	struct generation *generation = mem_zero(1, sizeof *generation);
	enum error_code code = read_chain(options, generation, error);
	if (code == OK)
		code = read_key(options, generation, error);
	if (code == OK)
		code = read_authorities(options, generation, error);
	if (code != OK) {
		generation_free(generation);
		generation = NULL;
	}
	*out = generation;
	return code;
}

/* --- life --------------------------------------------------------------------------------------------- */

static bool
look(struct http_tls *tls)
{
	const char *paths[] = {tls->options.certificate, tls->options.key, tls->options.authorities};
	bool changed = false;
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		struct stat status;
		if (paths[i] == NULL || stat(paths[i], &status) != 0)
			continue;
		struct file_seen now = {status.st_mtim, status.st_ino, status.st_size}, *seen = &tls->seen[i];
		changed = changed || now.inode != seen->inode || now.bytes != seen->bytes ||
			  now.modified.tv_sec != seen->modified.tv_sec ||
			  now.modified.tv_nsec != seen->modified.tv_nsec;
		*seen = now;
	}
	return changed;
}

enum error_code
http_tls_new(const struct http_tls_options *options, struct http_tls **out, struct error *error)
{
	*out = NULL;
	if (options->certificate == NULL || options->key == NULL)
		return error_set(error, ERR_INVALID, "--tls-cert and --tls-key: expected both of them");
	struct http_tls *tls = mem_zero(1, sizeof *tls);
	tls->options = *options;
	(void)look(tls);
	enum error_code code = read_generation(options, &tls->generations[0], error);
	if (code != OK)
		free(tls);
	else
		*out = tls;
	return code;
}

void
http_tls_free(struct http_tls *tls)
{
	if (tls == NULL)
		return;
	for (size_t i = 0; i < GENERATIONS; i++)
		generation_free(tls->generations[i]);
	free(tls);
}

enum error_code
http_tls_reload(struct http_tls *tls, bool *changed, struct error *error)
{
	*changed = look(tls);
	if (!*changed)
		return OK;
	struct generation *fresh;
	enum error_code code = read_generation(&tls->options, &fresh, error);
	if (code != OK)
		return code;
	generation_free(tls->generations[GENERATIONS - 1]);
	memmove(tls->generations + 1, tls->generations, (GENERATIONS - 1) * sizeof tls->generations[0]);
	tls->generations[0] = fresh;
	return OK;
}

/* --- for the daemon ----------------------------------------------------------------------------------- */

int
http_tls_retrieve(const struct http_tls *tls, gnutls_pcert_st **certificates, unsigned *count, gnutls_privkey_t *key)
{
	struct generation *newest = tls->generations[0];
	*certificates = newest->chain;
	*count = newest->chain_count;
	*key = newest->key;
	return 0;
}

const char *
http_tls_authorities(const struct http_tls *tls)
{
	return (const char *)tls->generations[0]->authorities_text.data;
}

/* --- clients ------------------------------------------------------------------------------------------ */

static bool
is_trusted(const struct http_tls *tls, gnutls_x509_crt_t *chain, unsigned count)
{
	gnutls_x509_trust_list_t authorities = tls->generations[0]->authorities;
	if (authorities == NULL)
		return false;
	gnutls_typed_vdata_st purpose = {
	    .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, .size = 0};
	unsigned status = 0;
	int code = gnutls_x509_trust_list_verify_crt2(authorities, chain, count, &purpose, 1, 0, &status, NULL);
	return code == GNUTLS_E_SUCCESS && status == 0;
}

static void
describe(gnutls_x509_crt_t certificate, struct arena *arena, struct http_certificate *out)
{
	unsigned char digest[SHA256_SIZE];
	size_t bytes = sizeof digest;
	if (gnutls_x509_crt_get_fingerprint(certificate, GNUTLS_DIG_SHA256, digest, &bytes) == GNUTLS_E_SUCCESS) {
		struct buf hex;
		buf_init(&hex, 2 * SHA256_SIZE);
		hex_append(&hex, (struct slice){(const char *)digest, bytes});
		out->sha256 = arena_copy(arena, buf_slice(&hex));
		buf_free(&hex);
	}
	gnutls_datum_t subject;
	if (gnutls_x509_crt_get_dn3(certificate, &subject, 0) == GNUTLS_E_SUCCESS) {
		out->subject = arena_copy(arena, (struct slice){(const char *)subject.data, subject.size});
		gnutls_free(subject.data);
	}
	out->names.items = arena_alloc(arena, NAMES_MAX * sizeof *out->names.items);
	for (unsigned at = 0; at < NAMES_MAX; at++) {
		char name[NAME_BYTES];
		size_t length = sizeof name;
		int type = gnutls_x509_crt_get_subject_alt_name(certificate, at, name, &length, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		const char *prefix = type == GNUTLS_SAN_DNSNAME ? "dns" : type == GNUTLS_SAN_URI ? "uri" : NULL;
		if (prefix != NULL)
			out->names.items[out->names.count++] =
			    arena_printf(arena, "%s:%.*s", prefix, (int)length, name);
	}
}

void
http_tls_client(const struct http_tls *tls, gnutls_session_t session, struct arena *arena, struct http_certificate *out)
{
	*out = (struct http_certificate){.present = false};
	unsigned count = 0;
	const gnutls_datum_t *sent = gnutls_certificate_get_peers(session, &count);
	if (sent == NULL || count == 0)
		return;
	out->present = true;
	gnutls_x509_crt_t chain[CHAIN_MAX];
	unsigned read = 0;
	bool good = count <= CHAIN_MAX;
	for (; good && read < count; read++) {
		ENSURE(gnutls_x509_crt_init(&chain[read]) == GNUTLS_E_SUCCESS);
		good = gnutls_x509_crt_import(chain[read], &sent[read], GNUTLS_X509_FMT_DER) == GNUTLS_E_SUCCESS;
	}
	if (good) {
		out->trusted = is_trusted(tls, chain, count);
		describe(chain[0], arena, out);
	}
	for (unsigned i = 0; i < read; i++)
		gnutls_x509_crt_deinit(chain[i]);
}
