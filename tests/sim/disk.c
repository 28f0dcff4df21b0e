#include "disk.h"

#include "base/alloc.h"

#include <stdlib.h>

/* --- bytes ------------------------------------------------------------------------------------------- */

static void
bytes_resize(struct disk_bytes *bytes, size_t len)
{
	if (len > bytes->capacity) {
		size_t capacity = bytes->capacity * 2 > len ? bytes->capacity * 2 : len;
		bytes->data = mem_resize(bytes->data, capacity, 1);
		bytes->capacity = capacity;
	}
	if (len > bytes->len)
		memset(bytes->data + bytes->len, 0, len - bytes->len);
	bytes->len = len;
}

static void
bytes_put(struct disk_bytes *bytes, size_t offset, const unsigned char *data, size_t len)
{
	if (len == 0)
		return;
	if (offset + len > bytes->len)
		bytes_resize(bytes, offset + len);
	memcpy(bytes->data + offset, data, len);
}

/* --- files ------------------------------------------------------------------------------------------- */

void
disk_init(struct disk *disk, uint64_t seed)
{
	*disk = (struct disk){.files = NULL};
	random_seed(&disk->random, seed);
}

static void
forget_changes(struct disk_file *file)
{
	for (size_t i = 0; i < file->change_count; i++)
		free(file->changes[i].data);
	file->change_count = 0;
}

static void
file_free(struct disk_file *file)
{
	forget_changes(file);
	free(file->changes);
	free(file->seen.data);
	free(file->durable.data);
	free(file->path);
	free(file);
}

void
disk_fini(struct disk *disk)
{
	while (disk->files != NULL) {
		struct disk_file *next = disk->files->next;
		file_free(disk->files);
		disk->files = next;
	}
}

uint64_t
disk_used(const struct disk *disk)
{
	uint64_t used = 0;
	for (const struct disk_file *file = disk->files; file != NULL; file = file->next)
		used += file->seen.len;
	return used;
}

struct disk_file *
disk_find(const struct disk *disk, const char *path)
{
	for (struct disk_file *file = disk->files; file != NULL; file = file->next)
		if (file->linked && strcmp(file->path, path) == 0)
			return file;
	return NULL;
}

struct disk_file *
disk_create(struct disk *disk, const char *path)
{
	struct disk_file *file = mem_zero(1, sizeof *file);
	file->path = mem_string(slice_of(path == NULL ? "" : path));
	file->linked = path != NULL;
	file->next = disk->files;
	disk->files = file;
	return file;
}

/* A file goes when nothing can show it again: no handle, no name, and no name that a power cut would bring back. */
static void
collect(struct disk *disk)
{
	for (struct disk_file **at = &disk->files; *at != NULL;) {
		struct disk_file *file = *at;
		if (file->references == 0 && !file->linked && !file->durably_linked) {
			*at = file->next;
			file_free(file);
		} else {
			at = &file->next;
		}
	}
}

void
disk_release(struct disk *disk, struct disk_file *file)
{
	ENSURE(file->references > 0);
	file->references--;
	collect(disk);
}

void
disk_unlink(struct disk *disk, struct disk_file *file)
{
	file->linked = false;
	collect(disk);
}

void
disk_sync_directory(struct disk *disk)
{
	for (struct disk_file *file = disk->files; file != NULL; file = file->next)
		file->durably_linked = file->linked;
	collect(disk);
}

/* --- contents ---------------------------------------------------------------------------------------- */

static struct disk_change *
change_new(struct disk_file *file)
{
	if (file->change_count == file->change_capacity) {
		file->change_capacity = file->change_capacity == 0 ? 8 : file->change_capacity * 2;
		file->changes = mem_resize(file->changes, file->change_capacity, sizeof file->changes[0]);
	}
	struct disk_change *change = &file->changes[file->change_count++];
	*change = (struct disk_change){.truncate = false};
	return change;
}

size_t
disk_read(const struct disk_file *file, void *out, size_t len, size_t offset)
{
	size_t there = offset < file->seen.len ? file->seen.len - offset : 0;
	if (there > len)
		there = len;
	if (there > 0)
		memcpy(out, file->seen.data + offset, there);
	memset((unsigned char *)out + there, 0, len - there);
	return there;
}

bool
disk_write(struct disk *disk, struct disk_file *file, const void *data, size_t len, size_t offset)
{
	size_t end = offset + len;
	if (disk->capacity != 0 && end > file->seen.len && disk_used(disk) + (end - file->seen.len) > disk->capacity)
		return false;
	struct disk_change *change = change_new(file);
	change->offset = offset;
	change->len = len;
	change->data = mem_alloc(len);
	memcpy(change->data, data, len);
	bytes_put(&file->seen, offset, change->data, len);
	return true;
}

void
disk_truncate(struct disk_file *file, size_t len)
{
	struct disk_change *change = change_new(file);
	change->truncate = true;
	change->offset = len;
	bytes_resize(&file->seen, len);
}

static void
apply(struct disk_bytes *bytes, const struct disk_change *change)
{
	if (change->truncate)
		bytes_resize(bytes, change->offset);
	else
		bytes_put(bytes, change->offset, change->data, change->len);
}

void
disk_sync(struct disk *disk, struct disk_file *file)
{
	for (size_t i = 0; i < file->change_count; i++)
		apply(&file->durable, &file->changes[i]);
	forget_changes(file);
	if (!file->linked || file->durably_linked)
		return;
	/* Its name now means this file, also after a power cut. */
	for (struct disk_file *other = disk->files; other != NULL; other = other->next)
		if (strcmp(other->path, file->path) == 0)
			other->durably_linked = other == file;
	collect(disk);
}

/* --- what survives ----------------------------------------------------------------------------------- */

enum survival { SURVIVES_NOTHING, SURVIVES_ALL, SURVIVES_WRITES, SURVIVES_SECTORS, SURVIVAL_COUNT };

/* The first few sectors of the write, or all of it, or none. */
static void
apply_torn(struct disk *disk, struct disk_bytes *bytes, const struct disk_change *change)
{
	size_t sectors = change->len / DISK_SECTOR_BYTES + 1;
	size_t kept = (size_t)random_below(&disk->random, 2 * sectors) * DISK_SECTOR_BYTES;
	/* Sectors begin at multiples in the file, wherever the write begins. */
	size_t head = DISK_SECTOR_BYTES - change->offset % DISK_SECTOR_BYTES;
	kept = kept == 0 ? 0 : kept - DISK_SECTOR_BYTES + head;
	bytes_put(bytes, change->offset, change->data, kept < change->len ? kept : change->len);
}

static void
apply_sectors(struct disk *disk, struct disk_bytes *bytes, const struct disk_change *change)
{
	for (size_t at = 0; at < change->len;) {
		size_t part = DISK_SECTOR_BYTES - (change->offset + at) % DISK_SECTOR_BYTES;
		if (part > change->len - at)
			part = change->len - at;
		if (random_chance(&disk->random, 1, 2))
			bytes_put(bytes, change->offset + at, change->data + at, part);
		at += part;
	}
}

static void
write_some(struct disk *disk, struct disk_file *file)
{
	enum survival survival = (enum survival)random_below(&disk->random, SURVIVAL_COUNT);
	for (size_t i = 0; i < file->change_count; i++) {
		const struct disk_change *change = &file->changes[i];
		if (survival == SURVIVES_ALL)
			apply(&file->durable, change);
		else if (survival == SURVIVES_NOTHING)
			continue;
		else if (change->truncate && random_chance(&disk->random, 1, 2))
			apply(&file->durable, change);
		else if (!change->truncate && survival == SURVIVES_WRITES)
			apply_torn(disk, &file->durable, change);
		else if (!change->truncate)
			apply_sectors(disk, &file->durable, change);
	}
	forget_changes(file);
}

void
disk_sync_failing(struct disk *disk, struct disk_file *file)
{
	write_some(disk, file);
}

/* Each path shows its newest state or its durable one; the two may be different files, or none. */
static void
settle_directory(struct disk *disk)
{
	for (struct disk_file *file = disk->files; file != NULL; file = file->next) {
		if (file->linked == file->durably_linked)
			continue;
		bool newest = random_chance(&disk->random, 1, 2);
		for (struct disk_file *twin = file; twin != NULL; twin = twin->next) {
			if (strcmp(twin->path, file->path) != 0)
				continue;
			twin->linked = newest ? twin->linked : twin->durably_linked;
			twin->durably_linked = twin->linked;
		}
	}
}

void
disk_power_cut(struct disk *disk)
{
	settle_directory(disk);
	for (struct disk_file *file = disk->files; file != NULL; file = file->next) {
		write_some(disk, file);
		bytes_resize(&file->seen, 0);
		bytes_put(&file->seen, 0, file->durable.data, file->durable.len);
	}
	collect(disk);
}
