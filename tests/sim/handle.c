#include "handle.h"

#include <stdlib.h>

static struct handle *
handle_of(sqlite3_file *base)
{
	return (struct handle *)(void *)base;
}

static bool
dead(const struct handle *handle)
{
	return handle->vfs->down || handle->epoch != handle->vfs->epoch;
}

/* --- contents ---------------------------------------------------------------------------------------- */

static int
read_at(sqlite3_file *base, void *out, int bytes, sqlite3_int64 offset)
{
	struct handle *handle = handle_of(base);
	if (dead(handle))
		return SQLITE_IOERR_READ;
	size_t got = disk_read(handle->file, out, (size_t)bytes, (size_t)offset);
	return got == (size_t)bytes ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int
write_at(sqlite3_file *base, const void *data, int bytes, sqlite3_int64 offset)
{
	struct handle *handle = handle_of(base);
	struct vfs *vfs = handle->vfs;
	if (dead(handle))
		return SQLITE_IOERR_WRITE;
	enum step step = vfs_step(vfs);
	if (step == STEP_ON && vfs_fault(vfs, &vfs->fail_write_at))
		return SQLITE_FULL;
	bool written = step == STEP_CRASH || disk_write(&vfs->disk, handle->file, data, (size_t)bytes, (size_t)offset);
	if (step == STEP_ON)
		return written ? SQLITE_OK : SQLITE_FULL;
	vfs_crash_now(vfs);
	return SQLITE_IOERR_WRITE;
}

static int
truncate_to(sqlite3_file *base, sqlite3_int64 size)
{
	struct handle *handle = handle_of(base);
	if (dead(handle))
		return SQLITE_IOERR_TRUNCATE;
	enum step step = vfs_step(handle->vfs);
	if (step != STEP_CRASH)
		disk_truncate(handle->file, (size_t)size);
	if (step == STEP_ON)
		return SQLITE_OK;
	vfs_crash_now(handle->vfs);
	return SQLITE_IOERR_TRUNCATE;
}

static int
sync_file(sqlite3_file *base, int flags UNUSED)
{
	struct handle *handle = handle_of(base);
	struct vfs *vfs = handle->vfs;
	if (dead(handle))
		return SQLITE_IOERR_FSYNC;
	enum step step = vfs_step(vfs);
	if (step == STEP_ON && (vfs_fault(vfs, &vfs->fail_sync_at) || vfs_sync_fault(vfs, handle->file))) {
		disk_sync_failing(&vfs->disk, handle->file);
		return SQLITE_IOERR_FSYNC;
	}
	if (step != STEP_CRASH) {
		disk_sync(&vfs->disk, handle->file);
		if (handle->sync_directory)
			disk_sync_directory(&vfs->disk);
		handle->sync_directory = false;
	}
	if (step == STEP_ON)
		return SQLITE_OK;
	vfs_crash_now(vfs);
	return SQLITE_IOERR_FSYNC;
}

static int
size_of(sqlite3_file *base, sqlite3_int64 *out)
{
	struct handle *handle = handle_of(base);
	if (dead(handle))
		return SQLITE_IOERR_FSTAT;
	*out = (sqlite3_int64)handle->file->seen.len;
	return SQLITE_OK;
}

/* --- locks ------------------------------------------------------------------------------------------- */

static bool
conflicts(int wanted, int held)
{
	if (wanted == SQLITE_LOCK_SHARED)
		return held >= SQLITE_LOCK_PENDING;
	if (wanted == SQLITE_LOCK_RESERVED)
		return held >= SQLITE_LOCK_RESERVED;
	return held >= SQLITE_LOCK_SHARED;
}

static int
lock(sqlite3_file *base, int level)
{
	struct handle *handle = handle_of(base);
	if (dead(handle))
		return SQLITE_IOERR_LOCK;
	if (level <= handle->lock)
		return SQLITE_OK;
	for (const struct handle *other = handle->vfs->handles; other != NULL; other = other->next) {
		if (other == handle || other->file != handle->file || other->epoch != handle->epoch)
			continue;
		if (!conflicts(level, other->lock))
			continue;
		/* Keeps new readers out while it waits for those that are there. */
		if (level == SQLITE_LOCK_EXCLUSIVE && other->lock == SQLITE_LOCK_SHARED)
			handle->lock = SQLITE_LOCK_PENDING;
		return SQLITE_BUSY;
	}
	handle->lock = level;
	return SQLITE_OK;
}

static int
unlock(sqlite3_file *base, int level)
{
	struct handle *handle = handle_of(base);
	if (level < handle->lock)
		handle->lock = level;
	return SQLITE_OK;
}

static int
check_reserved_lock(sqlite3_file *base, int *out)
{
	struct handle *handle = handle_of(base);
	*out = 0;
	for (const struct handle *other = handle->vfs->handles; other != NULL; other = other->next)
		if (other->file == handle->file && other->epoch == handle->epoch && other->lock >= SQLITE_LOCK_RESERVED)
			*out = 1;
	return SQLITE_OK;
}

/* --- shared memory ----------------------------------------------------------------------------------- */

static struct shm *
shm_of(struct handle *handle)
{
	if (handle->shm != NULL)
		return handle->shm;
	struct shm *shm = handle->vfs->shm;
	while (shm != NULL && shm->file != handle->file)
		shm = shm->next;
	if (shm == NULL) {
		shm = mem_zero(1, sizeof *shm);
		shm->file = handle->file;
		shm->next = handle->vfs->shm;
		handle->vfs->shm = shm;
	}
	shm->references++;
	handle->shm = shm;
	return shm;
}

static int
shm_map(sqlite3_file *base, int region, int bytes, int extend, void volatile **out)
{
	struct handle *handle = handle_of(base);
	*out = NULL;
	if (dead(handle))
		return SQLITE_IOERR_SHMMAP;
	struct shm *shm = shm_of(handle);
	size_t index = (size_t)region;
	if (index >= shm->region_count) {
		if (!extend)
			return SQLITE_OK;
		shm->regions = mem_resize(shm->regions, index + 1, sizeof shm->regions[0]);
		while (shm->region_count <= index)
			shm->regions[shm->region_count++] = mem_zero(1, (size_t)bytes);
	}
	*out = shm->regions[index];
	return SQLITE_OK;
}

static int
shm_lock(sqlite3_file *base, int offset, int count, int flags)
{
	struct handle *handle = handle_of(base);
	uint32_t slots = ((1u << count) - 1) << offset;
	if ((flags & SQLITE_SHM_UNLOCK) != 0) {
		handle->shm_shared &= ~slots;
		handle->shm_exclusive &= ~slots;
		return SQLITE_OK;
	}
	if (dead(handle))
		return SQLITE_IOERR_SHMLOCK;
	for (const struct handle *other = handle->vfs->handles; other != NULL; other = other->next) {
		if (other == handle || other->shm == NULL || other->shm != handle->shm)
			continue;
		uint32_t taken = other->shm_exclusive | ((flags & SQLITE_SHM_EXCLUSIVE) != 0 ? other->shm_shared : 0);
		if ((taken & slots) != 0)
			return SQLITE_BUSY;
	}
	if ((flags & SQLITE_SHM_EXCLUSIVE) != 0)
		handle->shm_exclusive |= slots;
	else
		handle->shm_shared |= slots;
	return SQLITE_OK;
}

static void
shm_barrier(sqlite3_file *base UNUSED)
{
}

static int
shm_unmap(sqlite3_file *base, int delete UNUSED)
{
	struct handle *handle = handle_of(base);
	struct shm *shm = handle->shm;
	if (shm == NULL)
		return SQLITE_OK;
	handle->shm = NULL;
	handle->shm_shared = 0;
	handle->shm_exclusive = 0;
	if (--shm->references > 0)
		return SQLITE_OK;
	struct shm **at = &handle->vfs->shm;
	while (*at != shm)
		at = &(*at)->next;
	*at = shm->next;
	for (size_t i = 0; i < shm->region_count; i++)
		free(shm->regions[i]);
	free(shm->regions);
	free(shm);
	return SQLITE_OK;
}

/* --- the rest ---------------------------------------------------------------------------------------- */

static int
close_file(sqlite3_file *base)
{
	struct handle *handle = handle_of(base);
	struct vfs *vfs = handle->vfs;
	shm_unmap(base, 0);
	struct handle **at = &vfs->handles;
	while (*at != handle)
		at = &(*at)->next;
	*at = handle->next;
	if (handle->delete_on_close && !dead(handle))
		disk_unlink(&vfs->disk, handle->file);
	disk_release(&vfs->disk, handle->file);
	return SQLITE_OK;
}

static int
control(sqlite3_file *base UNUSED, int operation UNUSED, void *argument UNUSED)
{
	return SQLITE_NOTFOUND;
}

static int
sector_bytes(sqlite3_file *base UNUSED)
{
	return 4096;
}

/* As the unix VFS claims by default: a torn write does not harm the bytes next to it. */
static int
characteristics(sqlite3_file *base UNUSED)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

void
handle_enlist(struct handle *handle)
{
	static const sqlite3_io_methods methods = {
	    .iVersion = 2,
	    .xClose = close_file,
	    .xRead = read_at,
	    .xWrite = write_at,
	    .xTruncate = truncate_to,
	    .xSync = sync_file,
	    .xFileSize = size_of,
	    .xLock = lock,
	    .xUnlock = unlock,
	    .xCheckReservedLock = check_reserved_lock,
	    .xFileControl = control,
	    .xSectorSize = sector_bytes,
	    .xDeviceCharacteristics = characteristics,
	    .xShmMap = shm_map,
	    .xShmLock = shm_lock,
	    .xShmBarrier = shm_barrier,
	    .xShmUnmap = shm_unmap,
	};
	handle->base.pMethods = &methods;
	handle->next = handle->vfs->handles;
	handle->vfs->handles = handle;
}
