#include "store/finding.h"

#include "base/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES_MAX = 1 << 18 };

#define FILE_NAME "journal.findings"

static const char *const kind_names[FINDING_KIND_COUNT] = {[FINDING_CUT] = "cut", [FINDING_DISPUTE] = "disputed"};

static const char *const state_names[FINDING_STATE_COUNT] = {
    [FINDING_OPEN] = "open", [FINDING_PROPOSED] = "proposed", [FINDING_ACCEPTED] = "accepted"};

const char *
finding_kind_name(enum finding_kind kind)
{
	ENSURE(kind < FINDING_KIND_COUNT);
	return kind_names[kind];
}

const char *
finding_state_name(enum finding_state state)
{
	ENSURE(state < FINDING_STATE_COUNT);
	return state_names[state];
}

void
findings_free(struct findings *findings)
{
	arena_free(&findings->arena);
	*findings = (struct findings){.count = 0};
}

/* --- deciding ----------------------------------------------------------------------------------------- */

enum error_code
finding_decide(struct finding *finding, struct slice by, struct slice reason, struct wall_time now, struct error *error)
{
	const struct finding_step step = {by, reason, now};
	switch (finding->state) {
	case FINDING_OPEN:
		finding->state = FINDING_PROPOSED;
		finding->proposed = step;
		return OK;
	case FINDING_PROPOSED:
		if (slice_equal(finding->proposed.by, by))
			return error_set(error, ERR_FORBIDDEN,
			    "%.*s proposed to accept it; expected another person to confirm", SLICE_ARG(by));
		finding->state = FINDING_ACCEPTED;
		finding->accepted = step;
		return OK;
	case FINDING_ACCEPTED:
	case FINDING_STATE_COUNT: break;
	}
	return error_set(error, ERR_CONFLICT, "it was accepted already");
}

/* --- writing ------------------------------------------------------------------------------------------ */

static void
put_step(struct json_writer *writer, const char *name, const struct finding_step *step)
{
	json_key(writer, name);
	json_open(writer, '{');
	json_put_string(writer, "by", step->by);
	json_put_string(writer, "reason", step->reason);
	json_put_integer(writer, "at", step->at.us);
	json_close(writer);
}

static void
put_finding(struct buf *out, const struct finding *finding)
{
	struct json_writer writer;
	struct buf hex;
	buf_init(&hex, (size_t)2 * SHA256_BYTES);
	hex_append(&hex, (struct slice){(const char *)finding->end.chain, SHA256_BYTES});
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	json_put_cstring(&writer, "kind", kind_names[finding->kind]);
	json_put_cstring(&writer, "state", state_names[finding->state]);
	json_put_integer(&writer, "have", finding->have);
	json_put_integer(&writer, "seq", finding->end.seq);
	json_put_string(&writer, "chain", buf_slice(&hex));
	json_put_integer(&writer, "at", finding->at.us);
	if (finding->state != FINDING_OPEN)
		put_step(&writer, "proposed", &finding->proposed);
	if (finding->state == FINDING_ACCEPTED)
		put_step(&writer, "accepted", &finding->accepted);
	json_close(&writer);
	buf_byte(out, '\n');
	buf_free(&hex);
}

static void
format(const struct sealer *sealer, const struct findings *findings, struct buf *out)
{
	unsigned char digest[SHA256_BYTES];
	struct buf sealed;
	for (size_t i = 0; i < findings->count; i++)
		put_finding(out, &findings->items[i]);
	sha256(buf_slice(out), digest);
	buf_init(&sealed, FILE_BYTES_MAX);
	sealer_seal(sealer, SLICE(FILE_NAME), (struct slice){(const char *)digest, sizeof digest}, &sealed);
	buf_text(out, "seal ");
	base64_append(out, buf_slice(&sealed));
	buf_byte(out, '\n');
	buf_free(&sealed);
}

static enum error_code
write_whole(const char *path, struct slice text, struct error *error)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = file >= 0 && write(file, text.ptr, text.len) == (ssize_t)text.len && fsync(file) == 0;
	enum error_code code = good ? OK : error_set(error, ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
	return code;
}

enum error_code
findings_write(const char *directory, const struct sealer *sealer, const struct findings *findings, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	const char *path = arena_printf(&arena, "%s/" FILE_NAME, directory).ptr;
	const char *fresh = arena_printf(&arena, "%s/" FILE_NAME ".new", directory).ptr;
	struct buf text;
	buf_init(&text, FILE_BYTES_MAX);
	format(sealer, findings, &text);
	enum error_code code = text.overflow ? error_set(error, ERR_LIMIT, "%s: it would be too long", path)
					     : write_whole(fresh, buf_slice(&text), error);
	if (code == OK && rename(fresh, path) != 0)
		code = error_set(error, ERR_IO, "%s: cannot be put in place: %s", path, strerror(errno));
	int parent = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent >= 0) {
		(void)fsync(parent);
		close(parent);
	}
	buf_free(&text);
	arena_free(&arena);
	return code;
}

/* --- reading ------------------------------------------------------------------------------------------ */

static struct slice
text_of(struct json object, const char *name, struct arena *arena)
{
	struct json member = json_member(object, name);
	return json_present(member) && member.type == JSON_STRING ? json_text(arena, member) : SLICE_NONE;
}

static bool
number_of(struct json object, const char *name, int64_t *out)
{
	struct json member = json_member(object, name);
	return json_present(member) && json_int64(member, out);
}

static bool
name_among(struct slice name, const char *const *names, size_t count, size_t *out)
{
	for (*out = 0; *out < count; ++*out)
		if (slice_is(name, names[*out]))
			return true;
	return false;
}

static bool
read_step(struct json object, const char *name, struct arena *arena, struct finding_step *out)
{
	struct json step = json_member(object, name);
	if (!json_present(step) || step.type != JSON_OBJECT)
		return false;
	out->by = text_of(step, "by", arena);
	out->reason = text_of(step, "reason", arena);
	return slice_present(out->by) && slice_present(out->reason) && number_of(step, "at", &out->at.us);
}

static bool
read_finding(struct slice line, struct arena *arena, struct finding *out)
{
	struct json object;
	size_t kind, state;
	if (json_parse(line, LIMIT_JSON_DEPTH, &object, NULL) != OK || object.type != JSON_OBJECT ||
	    !name_among(text_of(object, "kind", arena), kind_names, FINDING_KIND_COUNT, &kind) ||
	    !name_among(text_of(object, "state", arena), state_names, FINDING_STATE_COUNT, &state))
		return false;
	struct slice hex = text_of(object, "chain", arena);
	struct slice chain = slice_present(hex) ? hex_decode(arena, hex) : SLICE_NONE;
	*out = (struct finding){.kind = (enum finding_kind)kind, .state = (enum finding_state)state};
	if (chain.len != SHA256_BYTES || !number_of(object, "have", &out->have) ||
	    !number_of(object, "seq", &out->end.seq) || !number_of(object, "at", &out->at.us))
		return false;
	memcpy(out->end.chain, chain.ptr, SHA256_BYTES);
	return (out->state == FINDING_OPEN || read_step(object, "proposed", arena, &out->proposed)) &&
	       (out->state != FINDING_ACCEPTED || read_step(object, "accepted", arena, &out->accepted));
}

/* The lines above the seal, when it is theirs. */
static struct slice
unseal(const struct sealer *sealer, struct slice text, struct arena *arena)
{
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
	if (!slice_present(sealed) || sealer_open_sealed(sealer, SLICE(FILE_NAME), sealed, &plain, NULL) != OK)
		return SLICE_NONE;
	unsigned char digest[SHA256_BYTES];
	sha256(lines, digest);
	bool same = slice_equal(secret_reveal(&plain), (struct slice){(const char *)digest, sizeof digest});
	secret_free(&plain);
	return same ? lines : SLICE_NONE;
}

static bool
parse(const struct sealer *sealer, struct slice text, struct findings *out)
{
	struct slice rest = unseal(sealer, text, &out->arena);
	if (!slice_present(rest))
		return false;
	while (slice_present(rest) && rest.len > 0)
		if (out->count == FINDINGS_MAX ||
		    !read_finding(slice_cut(&rest, '\n'), &out->arena, &out->items[out->count++]))
			return false;
	return true;
}

enum error_code
findings_read(const char *directory, const struct sealer *sealer, struct findings *out, struct error *error)
{
	*out = (struct findings){.count = 0};
	const char *path = arena_printf(&out->arena, "%s/" FILE_NAME, directory).ptr;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 && errno == ENOENT)
		return OK;
	char *text = arena_alloc(&out->arena, FILE_BYTES_MAX);
	ssize_t got = file < 0 ? -1 : read(file, text, FILE_BYTES_MAX);
	if (got < 0)
		error_set(error, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
	if (file >= 0)
		close(file);
	if (got < 0)
		return ERR_IO;
	out->unreadable = !parse(sealer, (struct slice){text, (size_t)got}, out);
	out->count = out->unreadable ? 0 : out->count;
	return OK;
}

/* --- changing ----------------------------------------------------------------------------------------- */

int
findings_lock(const char *directory, struct error *error)
{
	struct arena arena = ARENA_EMPTY;
	const char *path = arena_printf(&arena, "%s/" FILE_NAME ".lock", directory).ptr;
	int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file < 0 || flock(file, LOCK_EX) != 0) {
		error_set(error, ERR_IO, "%s: cannot be locked: %s", path, strerror(errno));
		if (file >= 0)
			close(file);
		file = -1;
	}
	arena_free(&arena);
	return file;
}

bool
finding_same(const struct finding *finding, const struct finding *other)
{
	return finding->kind == other->kind && finding->have == other->have && finding->end.seq == other->end.seq &&
	       memcmp(finding->end.chain, other->end.chain, SHA256_BYTES) == 0;
}

static bool
is_known(const struct findings *findings, const struct finding *finding, bool again)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *known = &findings->items[i];
		if (finding_same(known, finding) && !(again && known->state == FINDING_ACCEPTED))
			return true;
	}
	return false;
}

enum error_code
findings_note(
    const char *directory, const struct sealer *sealer, const struct finding *finding, bool again, struct error *error)
{
	struct findings findings;
	int lock = findings_lock(directory, error);
	if (lock < 0)
		return ERR_IO;
	enum error_code code = findings_read(directory, sealer, &findings, error);
	if (code == OK && findings.unreadable)
		code = error_set(error, ERR_CORRUPT,
		    "%s/" FILE_NAME ": it was not written under this master.key, and stays as it is; move it away",
		    directory);
	if (code == OK && !is_known(&findings, finding, again)) {
		if (findings.count == FINDINGS_MAX) {
			code = error_set(error, ERR_LIMIT, FILE_NAME ": it has %d findings already", FINDINGS_MAX);
		} else {
			findings.items[findings.count++] = *finding;
			code = findings_write(directory, sealer, &findings, error);
		}
	}
	findings_free(&findings);
	close(lock);
	return code;
}

enum error_code
findings_reseal(const char *directory, const struct sealer *sealer, struct error *error)
{
	struct findings findings;
	int lock = findings_lock(directory, error);
	if (lock < 0)
		return ERR_IO;
	enum error_code code = findings_read(directory, sealer, &findings, error);
	if (code == OK && findings.count > 0)
		code = findings_write(directory, sealer, &findings, error);
	findings_free(&findings);
	close(lock);
	return code;
}
