/* A file of JSON lines: one for each event, appended.
 *
 * Invariants
 * 1. A job passes only after its whole line was written, and after fsync where that is asked for.
 * 2. Before anything is appended the file ends with a whole line. What a crash or a full disk left torn was never
 *    answered for, so it is cut off, and its event comes again.
 * 3. A file that is rotated keeps its name but for a time behind it, and never takes another's place. */
#include "act/worker.h"

#include "base/encode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	int fd; /* -1: not open */
	int64_t bytes;
	struct wall_time begun; /* when the file was made, as far as can be told */
	struct buf lines;	/* of the batch that are not written yet */
	char problem[200];	/* why the last thing failed */
};

enum { LINES_BYTES_MAX = 256 << 20, TAIL_BYTES = 65536 };

/* --- opening ---------------------------------------------------------------------------------------- */

static bool
fail(struct file *file, const char *what)
{
	snprintf(file->problem, sizeof file->problem, "%s: %s", what, strerror(errno));
	return false;
}

static void
close_file(struct file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Where the last whole line ends. */
static bool
find_end(struct file *file, int64_t *end)
{
	char *tail = mem_alloc(TAIL_BYTES);
	*end = file->bytes;
	bool good = true, found = file->bytes == 0;
	while (good && !found) {
		int64_t from = *end > TAIL_BYTES ? *end - TAIL_BYTES : 0;
		ssize_t got = pread(file->fd, tail, (size_t)(*end - from), from);
		good = got == *end - from;
		while (good && got > 0 && tail[got - 1] != '\n')
			got--;
		*end = good ? from + got : *end;
		found = good && (got > 0 || from == 0);
	}
	free(tail);
	return good || fail(file, "the file cannot be read");
}

static bool
repair(struct act_worker *worker, struct file *file)
{
	int64_t end;
	if (!find_end(file, &end))
		return false;
	if (end == file->bytes)
		return true;
	char bytes[24];
	snprintf(bytes, sizeof bytes, "%lld", (long long)(file->bytes - end));
	if (ftruncate(file->fd, end) != 0 || fdatasync(file->fd) != 0)
		return fail(file, "the file's torn end cannot be cut off");
	log_write(worker->log, LOG_WARN, "the file's last line was torn and is cut off; its event comes again",
	    "destination", worker->destination->name.ptr, "bytes", bytes, NULL);
	file->bytes = end;
	return true;
}

/* When the file was made: as the file system says; else when it was last written to before us. */
static struct wall_time
birth_of(int fd)
{
	struct statx status;
	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &status) != 0)
		return clock_wall();
	const struct statx_timestamp *time =
	    (status.stx_mask & STATX_BTIME) != 0 ? &status.stx_btime : &status.stx_mtime;
	return (struct wall_time){time->tv_sec * INT64_C(1000000) + time->tv_nsec / 1000};
}

/* A new name lasts only once its directory does. */
static bool
sync_directory(const char *path)
{
	char *folder = mem_string(slice_of(path));
	char *slash = strrchr(folder, '/');
	if (slash != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	int fd = open(slash == NULL ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	free(folder);
	return good;
}

static bool
open_file(struct act_worker *worker, struct file *file)
{
	const struct act_file *wanted = &worker->destination->file;
	if (file->fd >= 0)
		return true;
	file->fd = open(wanted->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, wanted->mode);
	if (file->fd < 0)
		return fail(file, "the file cannot be opened");
	struct stat status;
	bool good = fstat(file->fd, &status) == 0;
	if (good && !S_ISREG(status.st_mode)) {
		errno = EINVAL;
		good = false;
	}
	if (!good || flock(file->fd, LOCK_EX | LOCK_NB) != 0) {
		fail(file, good ? "another process writes this file" : "it is no regular file");
		close_file(file);
		return false;
	}
	file->bytes = status.st_size;
	file->begun = birth_of(file->fd);
	if (repair(worker, file) && (!wanted->sync || sync_directory(wanted->path)))
		return true;
	close_file(file);
	return false;
}

/* --- rotation --------------------------------------------------------------------------------------- */

static bool
is_full(const struct act_file *wanted, const struct file *file, size_t more)
{
	int64_t bytes = file->bytes + (int64_t)file->lines.len;
	if (bytes == 0)
		return false;
	if (wanted->rotate_bytes > 0 && bytes + (int64_t)more > wanted->rotate_bytes)
		return true;
	return wanted->rotate_ms > 0 && clock_wall().us - file->begun.us >= wanted->rotate_ms * 1000;
}

/* PATH.20260102T030405.123456Z; where that name is taken, a number follows. */
static bool
rename_aside(const char *path)
{
	char time[TIME_TEXT_BYTES];
	time_format(clock_wall(), 6, time);
	char stamp[TIME_TEXT_BYTES];
	size_t length = 0;
	for (const char *c = time; *c != '\0'; c++)
		if (*c != '-' && *c != ':')
			stamp[length++] = *c;
	stamp[length] = '\0';
	struct arena arena = ARENA_EMPTY;
	bool done = false;
	errno = EEXIST;
	for (int i = 0; !done && errno == EEXIST && i < 1000; i++) {
		struct slice aside = i == 0 ? arena_printf(&arena, "%s.%s", path, stamp)
					    : arena_printf(&arena, "%s.%s.%d", path, stamp, i);
		done = renameat2(AT_FDCWD, path, AT_FDCWD, aside.ptr, RENAME_NOREPLACE) == 0;
	}
	int reason = errno;
	arena_free(&arena);
	errno = reason;
	return done;
}

static bool
rotate(struct act_worker *worker, struct file *file)
{
	const char *path = worker->destination->file.path;
	if (fdatasync(file->fd) != 0 || !rename_aside(path))
		return fail(file, "the file cannot be rotated");
	close_file(file);
	return open_file(worker, file);
}

/* --- writing ---------------------------------------------------------------------------------------- */

/* A line break in a JSON text is white space between its tokens: inside of strings it is escaped. */
static void
put_on_one_line(struct buf *line, struct slice body)
{
	for (size_t from = 0; from < body.len;) {
		size_t to = from;
		while (to < body.len && body.ptr[to] != '\n' && body.ptr[to] != '\r')
			to++;
		buf_append(line, (struct slice){body.ptr + from, to - from});
		if (to < body.len)
			buf_byte(line, ' ');
		from = to + 1;
	}
}

static void
compose(const struct act_job *job, struct buf *line)
{
	char time[TIME_TEXT_BYTES];
	struct json_writer writer;
	json_writer_init(&writer, line);
	json_open(&writer, '{');
	json_put_string(&writer, "source", job->source);
	json_put_string(&writer, "event_id", job->event_id);
	json_put_string(&writer, "type", job->type);
	json_put_cstring(&writer, "received_at", time_format(job->received, 6, time));
	json_key(&writer, "sequence");
	json_raw(&writer, job->sequence);
	json_put_bool(&writer, "redacted", job->redacted);
	if (job->is_json && !job->destination->file.base64) {
		json_key(&writer, "body");
		put_on_one_line(line, job->body);
	} else {
		json_key(&writer, "body_base64");
		buf_byte(line, '"');
		base64_append(line, job->body);
		buf_byte(line, '"');
	}
	buf_text(line, "}\n");
}

/* Writes what has gathered. After a failure the file ends where it ended before, or is opened and repaired anew. */
static bool
flush(struct act_worker *worker, struct file *file)
{
	struct slice rest = buf_slice(&file->lines);
	size_t length = rest.len;
	bool good = true;
	while (good && rest.len > 0) {
		ssize_t wrote = write(file->fd, rest.ptr, rest.len);
		if (wrote < 0 && errno == EINTR)
			continue;
		good = wrote >= 0 || fail(file, "the file cannot be written");
		rest = good ? slice_skip(rest, (size_t)wrote) : rest;
	}
	if (good && worker->destination->file.sync && fdatasync(file->fd) != 0)
		good = fail(file, "the file cannot be brought to the disk");
	buf_clear(&file->lines);
	if (good) {
		file->bytes += (int64_t)length;
		return true;
	}
	if (ftruncate(file->fd, file->bytes) != 0)
		log_write(worker->log, LOG_WARN, "a torn line stays in the file until it is opened anew", "destination",
		    worker->destination->name.ptr, NULL);
	close_file(file);
	return false;
}

static void
end_all(struct file *file, struct act_job *const *jobs, size_t from, size_t to, bool good)
{
	for (size_t i = from; i < to; i++) {
		if (good)
			act_job_end(jobs[i], ACT_PASS, "written");
		else
			act_job_end(jobs[i], ACT_RETRY, "%s", file->problem);
	}
}

static void
work(struct act_worker *worker, struct act_job *const *jobs, size_t count)
{
	struct file *file = worker->state;
	struct stat status;
	/* Somebody has removed it: what is written into it nobody would find. */
	if (file->fd >= 0 && fstat(file->fd, &status) == 0 && status.st_nlink == 0)
		close_file(file);
	struct buf line;
	buf_init(&line, LINES_BYTES_MAX);
	size_t unwritten = 0; /* the first job that is not in the file */
	bool good = open_file(worker, file);
	for (size_t i = 0; good && i < count; i++) {
		buf_clear(&line);
		compose(jobs[i], &line);
		if (is_full(&worker->destination->file, file, line.len)) {
			good = flush(worker, file);
			end_all(file, jobs, unwritten, i, good);
			unwritten = i;
			good = good && rotate(worker, file);
		}
		if (good)
			buf_append(&file->lines, buf_slice(&line));
	}
	good = good && flush(worker, file);
	end_all(file, jobs, unwritten, count, good);
	buf_clear(&file->lines);
	buf_free(&line);
}

static void
reopen(struct act_worker *worker)
{
	struct file *file = worker->state;
	close_file(file);
	if (!open_file(worker, file))
		log_write(worker->log, LOG_ERROR, "the file cannot be opened again", "destination",
		    worker->destination->name.ptr, "error", file->problem, NULL);
}

static void
close_worker(struct act_worker *worker)
{
	struct file *file = worker->state;
	close_file(file);
	buf_free(&file->lines);
	free(file);
}

void
act_file_open(struct act_worker *worker)
{
	struct file *file = mem_zero(1, sizeof *file);
	file->fd = -1;
	buf_init(&file->lines, LINES_BYTES_MAX);
	worker->state = file;
	worker->work = work;
	worker->reopen = reopen;
	worker->close = close_worker;
}
