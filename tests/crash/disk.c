/* A disk that fails and forgets, below the real program: a library for LD_PRELOAD that stands between the program and
 * the C library. Built for tests/crash alone, and part of nothing that is installed.
 *
 * Of every file below CRASH_DISK (but for shared memory, which no disk holds) it keeps a history in CRASH_DISK_HISTORY:
 * what stood in the pages that were written, each time before they were, and how each sync ended. From that power.mjs
 * makes what a power cut leaves. Until it does so, the file is as any process sees it: the page cache survives a
 * process, and only the machine loses what was not synced.
 *
 * CRASH_DISK_FAULTS is a list of KIND:NAME:N, with commas: the N-th call of this KIND on a file whose name ends with
 * NAME fails, once, and a line in the file `struck` says so. KINDs:
 *   sync    fsync or fdatasync: EIO; what was written before is not on the disk, and no later sync says so
 *   write   EIO, nothing is written
 *   full    ENOSPC, nothing is written
 *   short   half of the bytes are written, which is what is answered
 *
 * Invariants: 1. the history of a write is kept before the write is done, so that a SIGKILL between the two does no harm.
 * 2. A history is forgotten only at a sync that succeeds when none has failed since the last power cut. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096, FILES_MAX = 16, FAULTS_MAX = 8, NAME_BYTES = 64 };

/* As power.mjs reads it. */
struct entry {
	uint64_t kind;		      /* 'W' write, 'S' a sync that succeeded, 'F' one that failed */
	uint64_t offset, bytes, size; /* of a write: its pages, which follow, and the size of the file before it */
};

struct file {
	char name[NAME_BYTES];
	int history;
	bool doubtful; /* a sync has failed since the last power cut */
};

struct fault {
	char kind[NAME_BYTES], name[NAME_BYTES];
	long left; /* calls until it strikes; 0: it has */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct file files[FILES_MAX];
static struct fault faults[FAULTS_MAX];
static const char *disk, *histories;

static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fdatasync)(int);
static int (*real_fsync)(int);

static _Noreturn void
stop(int line)
{
	fprintf(stderr, "disk.c:%d: %s\n", line, strerror(errno));
	abort();
}

static void *
real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (found == NULL)
		stop(__LINE__);
	return found;
}

static void __attribute__((constructor)) begin(void)
{
	*(void **)&real_pwrite = real("pwrite64");
	*(void **)&real_fdatasync = real("fdatasync");
	*(void **)&real_fsync = real("fsync");
	disk = getenv("CRASH_DISK");
	histories = getenv("CRASH_DISK_HISTORY");
	const char *text = getenv("CRASH_DISK_FAULTS");
	for (int i = 0; text != NULL && i < FAULTS_MAX; i++) {
		struct fault *fault = &faults[i];
		if (sscanf(text, "%63[^:]:%63[^:]:%ld", fault->kind, fault->name, &fault->left) != 3)
			fault->left = 0;
		text = strchr(text, ',');
		text = text == NULL ? NULL : text + 1;
	}
	if (disk == NULL || histories == NULL)
		disk = NULL;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), wanted = strlen(end);
	return length >= wanted && strcmp(text + length - wanted, end) == 0;
}

static bool
was_doubtful(int history)
{
	struct entry entry;
	for (off_t at = 0; pread(history, &entry, sizeof entry, at) == (ssize_t)sizeof entry;
	     at += (off_t)(sizeof entry + entry.bytes))
		if (entry.kind == 'F')
			return true;
	return false;
}

/* The file that a descriptor is of; NULL where it is not on the disk. */
static struct file *
file_of(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = disk == NULL ? -1 : readlink(link, path, sizeof path - 1);
	if (length < 0)
		return NULL;
	path[length] = '\0';
	const char *name = strrchr(path, '/');
	if (strncmp(path, disk, strlen(disk)) != 0 || name == NULL || ends_with(name, "-shm"))
		return NULL;
	int i = 0;
	while (i < FILES_MAX && files[i].name[0] != '\0' && strcmp(files[i].name, name + 1) != 0)
		i++;
	if (i == FILES_MAX || strlen(name + 1) >= NAME_BYTES)
		stop(__LINE__);
	if (files[i].name[0] == '\0') {
		char history[2 * PATH_MAX];
		snprintf(history, sizeof history, "%s%s", histories, name);
		memcpy(files[i].name, name + 1, strlen(name));
		files[i].history = open(history, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (files[i].history < 0)
			stop(__LINE__);
		files[i].doubtful = was_doubtful(files[i].history);
	}
	return &files[i];
}

static bool
strikes(const struct file *file, const char *kind)
{
	for (int i = 0; i < FAULTS_MAX; i++) {
		struct fault *fault = &faults[i];
		if (fault->left == 0 || strcmp(fault->kind, kind) != 0 || !ends_with(file->name, fault->name))
			continue;
		if (--fault->left > 0)
			continue;
		char path[PATH_MAX], line[2 * NAME_BYTES + 2];
		snprintf(path, sizeof path, "%s/struck", histories);
		int length = snprintf(line, sizeof line, "%s %s\n", kind, file->name);
		int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (out < 0 || write(out, line, (size_t)length) != length)
			stop(__LINE__);
		close(out);
		return true;
	}
	return false;
}

static void
keep(const struct file *file, const struct entry *entry, const void *pages)
{
	if (write(file->history, entry, sizeof *entry) != (ssize_t)sizeof *entry ||
	    (entry->bytes > 0 && write(file->history, pages, entry->bytes) != (ssize_t)entry->bytes))
		stop(__LINE__);
}

static void
keep_pages(const struct file *file, int fd, size_t bytes, off_t offset)
{
	uint64_t from = (uint64_t)offset / PAGE_BYTES * PAGE_BYTES;
	uint64_t to = ((uint64_t)offset + bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	struct stat status;
	char link[64];
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	int reading = open(link, O_RDONLY | O_CLOEXEC); /* the descriptor may be for writing alone */
	char *pages = calloc(1, to - from);
	if (pages == NULL || fstat(reading, &status) != 0 || pread(reading, pages, to - from, (off_t)from) < 0)
		stop(__LINE__);
	close(reading);
	struct entry entry = {'W', from, to - from, (uint64_t)status.st_size};
	keep(file, &entry, pages);
	free(pages);
}

static ssize_t
write_at(int fd, const void *data, size_t bytes, off_t offset)
{
	pthread_mutex_lock(&mutex);
	const struct file *file = file_of(fd);
	ssize_t result = -1;
	int cause = 0;
	if (file != NULL && bytes > 0) {
		cause = strikes(file, "write") ? EIO : strikes(file, "full") ? ENOSPC : 0;
		if (cause == 0 && bytes > 1 && strikes(file, "short"))
			bytes /= 2;
		if (cause == 0)
			keep_pages(file, fd, bytes, offset);
	}
	if (cause == 0) {
		result = real_pwrite(fd, data, bytes, offset);
		cause = result < 0 ? errno : 0;
	}
	pthread_mutex_unlock(&mutex);
	errno = cause;
	return result;
}

/* The real sync is left out: only the history says what is durable. */
static int
sync_file(int fd, int (*sync)(int))
{
	pthread_mutex_lock(&mutex);
	struct file *file = file_of(fd);
	bool failed = file != NULL && strikes(file, "sync");
	if (file != NULL) {
		struct entry entry = {.kind = failed ? 'F' : 'S'};
		file->doubtful = file->doubtful || failed;
		if (file->doubtful)
			keep(file, &entry, NULL);
		else if (ftruncate64(file->history, 0) != 0)
			stop(__LINE__);
	}
	pthread_mutex_unlock(&mutex);
	if (file == NULL)
		return sync(fd);
	errno = failed ? EIO : errno;
	return failed ? -1 : 0;
}

/* With 64-bit offsets this is what pwrite is called; the header names it so. */
ssize_t
pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
	return write_at(fd, data, bytes, offset);
}

int
fdatasync(int fd)
{
	return sync_file(fd, real_fdatasync);
}

int
fsync(int fd)
{
	return sync_file(fd, real_fsync);
}
