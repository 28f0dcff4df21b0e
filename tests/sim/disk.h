/* A simulated disk: files with two images each, what the programs see and what a power cut leaves.
 *
 * The model is as harsh as SQLite claims to live with:
 * - A write is seen at once and is durable only after a sync of its file. At a power cut each unsynced write is
 *   kept, dropped or torn, by a seeded choice for each 512-byte sector, so order between sectors is not kept.
 * - Creating and deleting are seen at once and are durable only after the directory was synced; a file's own
 *   name also after the file was (POSIX does not say so, but the file systems that servers run on do it). At a
 *   power cut each path shows its durable state or its newest, by choice.
 * - A sync that fails may have written anything of what it should have, and what it did not write counts as
 *   clean: a later sync does not bring it back (as Linux does it).
 * - When the process dies but the machine does not, everything that was written stays.
 *
 * What it is not: it knows nothing of SQLite (vfs.h does). Deterministic: all choices come from the seed. */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "base/random.h"

enum { DISK_SECTOR_BYTES = 512 };

struct disk_bytes {
	unsigned char *data;
	size_t len, capacity;
};

struct disk_change {
	bool truncate;
	size_t offset; /* for a truncate: the new size */
	size_t len;
	unsigned char *data;
};

struct disk_file {
	struct disk_file *next;
	char *path;
	struct disk_bytes seen, durable;
	struct disk_change *changes; /* since the last sync, oldest first */
	size_t change_count, change_capacity;
	bool linked, durably_linked; /* in the directory, as seen and as it is after a power cut */
	size_t references;	     /* handles; an unlinked file lives until the last goes */
};

struct disk {
	struct disk_file *files;
	struct random random;
	uint64_t capacity; /* bytes that all files together may hold; 0: no limit */
};

void disk_init(struct disk *disk, uint64_t seed);
void disk_fini(struct disk *disk);
uint64_t disk_used(const struct disk *disk);

struct disk_file *disk_find(const struct disk *disk, const char *path); /* NULL when there is none */
struct disk_file *disk_create(struct disk *disk, const char *path);	/* path NULL: never in the directory */
void disk_release(struct disk *disk, struct disk_file *file);		/* one reference less */
void disk_unlink(struct disk *disk, struct disk_file *file);
void disk_sync_directory(struct disk *disk);

/* How many bytes there were to read; the rest of `out` is cleared. */
size_t disk_read(const struct disk_file *file, void *out, size_t len, size_t offset);
/* False when there is no room; nothing was written. */
bool disk_write(struct disk *disk, struct disk_file *file, const void *data, size_t len, size_t offset);
void disk_truncate(struct disk_file *file, size_t len);
void disk_sync(struct disk *disk, struct disk_file *file);
void disk_sync_failing(struct disk *disk, struct disk_file *file);

/* The machine loses power: every file becomes what is left of it. Handles must not be used any more. */
void disk_power_cut(struct disk *disk);

#endif
