#include "store/anchor.h"

#include "base/encode.h"
#include "store/audit.h"
#include "store/finding.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* One sector: what is written over it in place is there whole, or not at all. */
enum { ANCHOR_BYTES = 512, READ_ATTEMPTS = 3 };

struct anchor_of {
	const char *file; /* also what its seal is for */
	const char *first_line;
	const char *unwritten, *differs, *cut; /* what the log says */
	struct store_journal_end (*start)(void);
	enum store_kind list;
	bool findings; /* what does not fit is kept, for people to accept */
};

const struct anchor_of anchor_of_journal = {
    .file = "journal.head",
    .first_line = "vaultbell journal head 1\n",
    .unwritten = "the journal's head cannot be written",
    .differs = "the journal is not as it was left: run vaultbell journal verify",
    .cut = "the journal's end was cut off: run vaultbell journal verify",
    .start = chain_start,
    .list = STORE_JOURNAL_LIST,
    .findings = true,
};

const struct anchor_of anchor_of_audit = {
    .file = "audit.head",
    .first_line = "vaultbell audit head 1\n",
    .unwritten = "the audit log's head cannot be written",
    .differs = "the audit log is not as it was left: run vaultbell audit verify",
    .cut = "the audit log's end was cut off: run vaultbell audit verify",
    .start = audit_start,
    .list = STORE_AUDIT_LIST,
};

struct anchor {
	const struct anchor_of *of;
	const struct sealer *sealer;
	const struct log *log;
	char *path, *directory;
	int file;
	struct anchor_marks marks;
	uint64_t sealed_by; /* the generation of the key that sealed what is written */
	bool failing;	    /* said already; not again until it has worked */
};

/* --- the form --------------------------------------------------------------------------------------- */

static void
put_end(struct buf *out, const char *name, const struct store_journal_end *end)
{
	buf_printf(out, "%s %" PRId64 " ", name, end->seq);
	hex_append(out, (struct slice){(const char *)end->chain, SHA256_BYTES});
	buf_byte(out, '\n');
}

static void
format(const struct anchor_of *of, const struct sealer *sealer, const struct anchor_marks *marks, struct buf *out)
{
	unsigned char digest[SHA256_BYTES];
	buf_text(out, of->first_line);
	put_end(out, "end", &marks->end);
	if (marks->has_dispute)
		put_end(out, "disputed", &marks->disputed);
	sha256(buf_slice(out), digest);
	struct buf sealed;
	buf_init(&sealed, ANCHOR_BYTES);
	struct slice plain = {(const char *)digest, sizeof digest};
	sealer_seal(sealer, slice_of(of->file), plain, &sealed);
	buf_text(out, "seal ");
	base64_append(out, buf_slice(&sealed));
	while (out->len < ANCHOR_BYTES)
		buf_byte(out, '\n');
	ENSURE(!out->overflow && !sealed.overflow);
	buf_free(&sealed);
}

/* "NAME SEQ CHAIN" */
static bool
parse_end(struct slice line, const char *name, struct arena *arena, struct store_journal_end *out)
{
	if (!slice_equal(slice_cut(&line, ' '), slice_of(name)))
		return false;
	struct slice seq = slice_cut(&line, ' ');
	struct slice chain = slice_present(line) ? hex_decode(arena, line) : SLICE_NONE;
	if (!slice_present(chain) || chain.len != SHA256_BYTES || !slice_to_int64(seq, &out->seq))
		return false;
	memcpy(out->chain, chain.ptr, SHA256_BYTES);
	return true;
}

/* The lines above the seal, when it is theirs. */
static struct slice
unseal(const struct anchor_of *of, const struct sealer *sealer, struct slice text, struct arena *arena)
{
	while (text.len > 0 && text.ptr[text.len - 1] == '\n')
		text.len--;
	struct slice rest = text, last = SLICE_NONE;
	size_t above = 0;
	while (slice_present(rest) && rest.len > 0) {
		above = (size_t)(rest.ptr - text.ptr);
		last = slice_cut(&rest, '\n');
	}
	if (!slice_present(last) || !slice_starts(last, SLICE("seal ")))
		return SLICE_NONE;
	struct slice lines = {text.ptr, above}, sealed = base64_decode(arena, slice_skip(last, 5), false);
	struct secret plain;
	if (!slice_present(sealed) || sealer_open_sealed(sealer, slice_of(of->file), sealed, &plain, NULL) != OK)
		return SLICE_NONE;
	unsigned char digest[SHA256_BYTES];
	sha256(lines, digest);
	bool same = slice_equal(secret_reveal(&plain), (struct slice){(const char *)digest, sizeof digest});
	secret_free(&plain);
	return same ? lines : SLICE_NONE;
}

static bool
parse(const struct anchor_of *of, const struct sealer *sealer, struct slice text, struct anchor_marks *out)
{
	struct arena arena = ARENA_EMPTY;
	struct slice lines = unseal(of, sealer, text, &arena);
	bool good = slice_present(lines) && slice_starts(lines, slice_of(of->first_line));
	if (good) {
		lines = slice_skip(lines, strlen(of->first_line));
		good = parse_end(slice_cut(&lines, '\n'), "end", &arena, &out->end);
		out->has_dispute = slice_present(lines) && lines.len > 0;
		if (good && out->has_dispute)
			good = parse_end(slice_cut(&lines, '\n'), "disputed", &arena, &out->disputed);
	}
	arena_free(&arena);
	return good;
}

/* --- the file --------------------------------------------------------------------------------------- */

static char *
path_in(const char *directory, const char *name)
{
	struct arena arena = ARENA_EMPTY;
	char *path = mem_string(arena_printf(&arena, "%s/%s", directory, name));
	arena_free(&arena);
	return path;
}

enum error_code
anchor_read(const struct anchor_of *of, const char *directory, const struct sealer *sealer, struct anchor_marks *out,
    struct error *error)
{
	*out = (struct anchor_marks){.present = false};
	char *path = path_in(directory, of->file);
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[ANCHOR_BYTES];
	ssize_t got = -1;
	int cause = errno;
	/* A receiver may be writing it just now: what is read half old and half new is read again. */
	for (int i = 0; file >= 0 && !out->readable && i < READ_ATTEMPTS; i++) {
		got = pread(file, text, sizeof text, 0);
		cause = errno;
		out->readable = got > 0 && parse(of, sealer, (struct slice){text, (size_t)got}, out);
	}
	if (file >= 0)
		close(file);
	enum error_code code = OK;
	if (got < 0 && cause != ENOENT)
		code = error_set(error, ERR_IO, "%s: cannot be read: %s", path, strerror(cause));
	out->present = got >= 0;
	free(path);
	return code;
}

static void
sync_directory(const char *directory)
{
	int file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0)
		return;
	(void)fsync(file);
	close(file);
}

/* After a rotation of the key; false: it has to be tried again. */
static bool
reseal_findings(struct anchor *anchor)
{
	struct error error = ERROR_NONE;
	if (!anchor->of->findings || anchor->directory == NULL ||
	    findings_reseal(anchor->directory, anchor->sealer, &error) == OK)
		return true;
	log_write(
	    anchor->log, LOG_ERROR, "the findings about the journal cannot be sealed anew", "error", error.text, NULL);
	return false;
}

void
anchor_write(struct anchor *anchor, const struct store_journal_end *end)
{
	anchor->marks.end = *end;
	uint64_t generation = sealer_generation(anchor->sealer);
	struct buf text;
	buf_init(&text, ANCHOR_BYTES);
	format(anchor->of, anchor->sealer, &anchor->marks, &text);
	bool good = pwrite(anchor->file, text.data, text.len, 0) == (ssize_t)text.len && fdatasync(anchor->file) == 0;
	if (!good && !anchor->failing)
		log_write(anchor->log, LOG_ERROR, anchor->of->unwritten, "file", anchor->path, "error", strerror(errno),
		    NULL);
	anchor->failing = !good;
	if (good && (anchor->sealed_by == generation || reseal_findings(anchor)))
		anchor->sealed_by = generation;
	buf_free(&text);
}

bool
anchor_is_behind(const struct anchor *anchor, const struct store_journal_end *end)
{
	return end->seq > anchor->marks.end.seq || anchor->failing ||
	       anchor->sealed_by != sealer_generation(anchor->sealer);
}

uint64_t
anchor_sealed_by(const struct anchor *anchor)
{
	return anchor->sealed_by;
}

/* --- opening ---------------------------------------------------------------------------------------- */

struct store_journal_end
anchor_end(const struct anchor *anchor, struct store *store)
{
	return anchor->of->list == STORE_AUDIT_LIST ? store->vtable->audit_end(store)
						    : store->vtable->journal_end(store);
}

/* The chain value that the database holds at `seq`; false: there is no such row. */
static enum error_code
read_chain(const struct anchor_of *of, struct store *store, int64_t seq, struct store_journal_end *out, bool *found,
    struct error *error)
{
	*found = seq == 0;
	if (seq == 0) {
		*out = of->start();
		return OK;
	}
	bool audit = of->list == STORE_AUDIT_LIST;
	struct store_request *request = store_request_new(of->list, WALL_NONE);
	request->page = (struct store_page){.limit = 1, .after = seq - 1};
	enum error_code code = store_ask(store, request, error);
	bool read = code == OK && request->count == 1;
	out->seq = !read ? 0 : audit ? request->admin->audit_rows[0].seq : request->journal_rows[0].seq;
	*found = out->seq == seq;
	if (*found)
		memcpy(out->chain, audit ? request->admin->audit_rows[0].chain : request->journal_rows[0].chain,
		    SHA256_BYTES);
	store_request_free(request);
	return code;
}

/* For people to look at and to accept; `again`: it happened now, whatever was accepted before. False: it is not kept. */
static bool
note(const struct anchor *anchor, enum finding_kind kind, int64_t have, const struct store_journal_end *end, bool again)
{
	const struct finding finding = {.kind = kind, .have = have, .end = *end, .at = clock_wall()};
	struct error error = ERROR_NONE;
	if (!anchor->of->findings)
		return false;
	if (findings_note(anchor->directory, anchor->sealer, &finding, again, &error) == OK)
		return true;
	log_write(anchor->log, LOG_ERROR, "a finding about the journal is not kept", "error", error.text, NULL);
	return false;
}

static void
dispute(struct anchor *anchor, const struct store_journal_end *end, const char *why)
{
	char seq[32];
	snprintf(seq, sizeof seq, "%" PRId64, end->seq);
	log_write(anchor->log, LOG_ERROR, anchor->of->differs, "why", why, "seq", seq, NULL);
	bool kept = note(anchor, FINDING_DISPUTE, end->seq, end, true);
	if (anchor->marks.has_dispute && (kept || !anchor->of->findings))
		return;
	anchor->marks.has_dispute = true;
	anchor->marks.disputed = *end;
}

static enum error_code
judge(struct anchor *anchor, struct store *store, struct error *error)
{
	struct store_journal_end end = anchor_end(anchor, store);
	/* One of a version that kept no findings, or one that could not be kept. */
	if (anchor->marks.readable && anchor->marks.has_dispute)
		(void)note(anchor, FINDING_DISPUTE, anchor->marks.disputed.seq, &anchor->marks.disputed, false);
	if (!anchor->marks.readable) {
		/* Nobody has a chain value of zeros, so the check fails at this row, for good. */
		struct store_journal_end unknown = {.seq = end.seq};
		bool migrated = anchor->of->list == STORE_JOURNAL_LIST && store->journal_migrated;
		if (end.seq > 0 && !(migrated && !anchor->marks.present))
			dispute(anchor, &unknown, "the head is missing or was not written under this master.key");
		return OK;
	}
	struct store_journal_end known = anchor->marks.end, stored;
	bool found;
	enum error_code code = read_chain(anchor->of, store, known.seq, &stored, &found, error);
	if (code != OK)
		return code;
	if (known.seq > end.seq) {
		char seq[32];
		snprintf(seq, sizeof seq, "%" PRId64, end.seq + 1);
		log_write(anchor->log, LOG_ERROR, anchor->of->cut, "seq", seq, NULL);
		(void)note(anchor, FINDING_CUT, end.seq, &known, true);
		if (anchor->of->list == STORE_AUDIT_LIST)
			store->vtable->audit_resume(store, &known);
		else
			store->vtable->journal_resume(store, &known);
	} else if (!found || memcmp(stored.chain, known.chain, SHA256_BYTES) != 0) {
		dispute(anchor, &known, "a row that was anchored differs");
	}
	return OK;
}

enum error_code
anchor_open(const struct anchor_of *of, const char *directory, const struct sealer *sealer, struct store *store,
    const struct log *log, struct anchor **out, struct error *error)
{
	struct anchor *anchor = mem_zero(1, sizeof *anchor);
	anchor->of = of;
	anchor->sealer = sealer;
	anchor->log = log;
	anchor->path = path_in(directory, of->file);
	anchor->directory = mem_string(slice_of(directory));
	anchor->file = -1;
	enum error_code code = anchor_read(of, directory, sealer, &anchor->marks, error);
	if (code == OK)
		code = judge(anchor, store, error);
	if (code == OK)
		anchor->file = open(anchor->path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (code == OK && anchor->file < 0)
		code = error_set(error, ERR_IO, "%s: cannot be written: %s", anchor->path, strerror(errno));
	if (code != OK) {
		anchor_free(anchor);
		return code;
	}
	struct store_journal_end end = anchor_end(anchor, store);
	anchor_write(anchor, &end);
	sync_directory(directory);
	*out = anchor;
	return OK;
}

enum error_code
anchor_advance(const struct anchor_of *of, const char *directory, const struct sealer *sealer,
    const struct store_journal_end *end, struct error *error)
{
	struct anchor anchor = {.of = of, .sealer = sealer};
	enum error_code code = anchor_read(of, directory, sealer, &anchor.marks, error);
	/* Beside rows, a head that is missing or is not ours is for the server to find. */
	bool first = !anchor.marks.present && end->seq == 1;
	if (code != OK || (!first && (!anchor.marks.readable || anchor.marks.end.seq >= end->seq)))
		return code;
	anchor.path = path_in(directory, of->file);
	anchor.file = open(anchor.path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (anchor.file >= 0)
		anchor_write(&anchor, end);
	if (anchor.file < 0 || anchor.failing)
		code = error_set(error, ERR_IO, "%s: cannot be written: %s", anchor.path, strerror(errno));
	sync_directory(directory);
	if (anchor.file >= 0)
		close(anchor.file);
	free(anchor.path);
	return code;
}

void
anchor_free(struct anchor *anchor)
{
	if (anchor == NULL)
		return;
	free(anchor->path);
	free(anchor->directory);
	if (anchor->file >= 0)
		close(anchor->file);
	free(anchor);
}
