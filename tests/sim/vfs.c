/* Two parts: the instance (operations, crashes, faults) and, in handle.c, the methods of open files. */
#include "handle.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES_MAX = 512 };

static struct vfs *
vfs_of(sqlite3_vfs *base)
{
	return base->pAppData;
}

/* --- operations, crashes, faults ---------------------------------------------------------------------- */

void
vfs_crash(struct vfs *vfs, enum vfs_crash crash)
{
	vfs->crash = VFS_NO_CRASH;
	vfs->down = true;
	vfs->epoch++;
	for (struct shm *shm = vfs->shm; shm != NULL; shm = shm->next)
		shm->file = NULL;
	if (crash == VFS_POWER_CUT)
		disk_power_cut(&vfs->disk);
}

void
vfs_crash_in(struct vfs *vfs, enum vfs_crash crash, uint64_t ahead)
{
	vfs->crash = crash;
	vfs->crash_at = vfs->operations + ahead;
}

bool
vfs_down(const struct vfs *vfs)
{
	return vfs->down;
}

void
vfs_restart(struct vfs *vfs)
{
	vfs->down = false;
}

enum step
vfs_step(struct vfs *vfs)
{
	vfs->operations++;
	if (vfs->crash == VFS_NO_CRASH || vfs->operations < vfs->crash_at)
		return STEP_ON;
	return random_chance(&vfs->disk.random, 1, 2) ? STEP_THEN_CRASH : STEP_CRASH;
}

void
vfs_crash_now(struct vfs *vfs)
{
	vfs_crash(vfs, vfs->crash);
}

bool
vfs_fault(const struct vfs *vfs, uint64_t *at)
{
	if (*at == 0 || vfs->operations < *at)
		return false;
	*at = 0;
	return true;
}

bool
vfs_sync_fault(struct vfs *vfs, const struct disk_file *file)
{
	if (vfs->fail_sync_of == NULL || file->path == NULL || strcmp(vfs->fail_sync_of, file->path) != 0)
		return false;
	vfs->fail_sync_of = NULL;
	return true;
}

void
vfs_fail_sync_of(struct vfs *vfs, const char *path)
{
	vfs->fail_sync_of = path;
}

void
vfs_fail_write_in(struct vfs *vfs, uint64_t ahead)
{
	vfs->fail_write_at = ahead == 0 ? 0 : vfs->operations + ahead;
}

void
vfs_fail_sync_in(struct vfs *vfs, uint64_t ahead)
{
	vfs->fail_sync_at = ahead == 0 ? 0 : vfs->operations + ahead;
}

void
vfs_leave_room(struct vfs *vfs, uint64_t bytes)
{
	vfs->disk.capacity = disk_used(&vfs->disk) + bytes;
	if (vfs->disk.capacity == 0)
		vfs->disk.capacity = 1;
}

void
vfs_end_faults(struct vfs *vfs)
{
	vfs->disk.capacity = 0;
	vfs->fail_write_at = 0;
	vfs->fail_sync_at = 0;
	vfs->crash = VFS_NO_CRASH;
}

uint64_t
vfs_operations(const struct vfs *vfs)
{
	return vfs->operations;
}

const char *
vfs_name(const struct vfs *vfs)
{
	return vfs->name;
}

struct disk *
vfs_disk(struct vfs *vfs)
{
	return &vfs->disk;
}

/* --- the methods of the VFS --------------------------------------------------------------------------- */

static int
open_file(sqlite3_vfs *base, const char *path, sqlite3_file *out, int flags, int *out_flags)
{
	struct vfs *vfs = vfs_of(base);
	struct handle *handle = (struct handle *)(void *)out;
	*handle = (struct handle){.vfs = vfs, .epoch = vfs->epoch};
	if (vfs->down)
		return SQLITE_CANTOPEN;
	struct disk_file *file = path == NULL ? NULL : disk_find(&vfs->disk, path);
	if (file == NULL) {
		if ((flags & SQLITE_OPEN_CREATE) == 0)
			return SQLITE_CANTOPEN;
		enum step step = vfs_step(vfs);
		if (step != STEP_CRASH)
			file = disk_create(&vfs->disk, path);
		if (step != STEP_ON) {
			vfs_crash_now(vfs);
			return SQLITE_CANTOPEN;
		}
		/* As the unix VFS does it: the first sync of a new journal or log also syncs the directory. */
		handle->sync_directory =
		    (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL)) != 0;
	}
	file->references++;
	handle->file = file;
	handle->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
	handle_enlist(handle);
	if (out_flags != NULL)
		*out_flags = flags;
	return SQLITE_OK;
}

static int
delete_file(sqlite3_vfs *base, const char *path, int sync_directory)
{
	struct vfs *vfs = vfs_of(base);
	if (vfs->down)
		return SQLITE_IOERR_DELETE;
	struct disk_file *file = disk_find(&vfs->disk, path);
	if (file == NULL)
		return SQLITE_IOERR_DELETE_NOENT;
	enum step step = vfs_step(vfs);
	if (step != STEP_CRASH) {
		disk_unlink(&vfs->disk, file);
		if (sync_directory)
			disk_sync_directory(&vfs->disk);
	}
	if (step == STEP_ON)
		return SQLITE_OK;
	vfs_crash_now(vfs);
	return SQLITE_IOERR_DELETE;
}

static int
access_file(sqlite3_vfs *base, const char *path, int flags UNUSED, int *out)
{
	struct vfs *vfs = vfs_of(base);
	if (vfs->down)
		return SQLITE_IOERR_ACCESS;
	*out = disk_find(&vfs->disk, path) != NULL;
	return SQLITE_OK;
}

static int
full_path(sqlite3_vfs *base UNUSED, const char *path, int bytes, char *out)
{
	int length = snprintf(out, (size_t)bytes, "%s", path);
	return length < bytes ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int
random_bytes_of(sqlite3_vfs *base, int bytes, char *out)
{
	struct vfs *vfs = vfs_of(base);
	for (int i = 0; i < bytes; i++)
		out[i] = (char)random_below(&vfs->disk.random, 256);
	return bytes;
}

static int
sleep_not(sqlite3_vfs *base UNUSED, int microseconds)
{
	return microseconds;
}

/* A fixed date: nothing that the store keeps comes from SQLite's clock. In milliseconds of the Julian day. */
static int
julian_time(sqlite3_vfs *base UNUSED, sqlite3_int64 *out)
{
	*out = 212000000000000;
	return SQLITE_OK;
}

static int
last_error(sqlite3_vfs *base UNUSED, int bytes UNUSED, char *out UNUSED)
{
	return 0;
}

struct vfs *
vfs_new(uint64_t seed)
{
	struct vfs *vfs = mem_zero(1, sizeof *vfs);
	disk_init(&vfs->disk, seed);
	snprintf(vfs->name, sizeof vfs->name, "sim-%p", (void *)vfs);
	vfs->base = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = sizeof(struct handle),
	    .mxPathname = PATH_BYTES_MAX,
	    .zName = vfs->name,
	    .pAppData = vfs,
	    .xOpen = open_file,
	    .xDelete = delete_file,
	    .xAccess = access_file,
	    .xFullPathname = full_path,
	    .xRandomness = random_bytes_of,
	    .xSleep = sleep_not,
	    .xGetLastError = last_error,
	    .xCurrentTimeInt64 = julian_time,
	};
	ENSURE(sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK);
	return vfs;
}

void
vfs_free(struct vfs *vfs)
{
	if (vfs == NULL)
		return;
	ENSURE(vfs->handles == NULL && vfs->shm == NULL);
	ENSURE(sqlite3_vfs_unregister(&vfs->base) == SQLITE_OK);
	disk_fini(&vfs->disk);
	free(vfs);
}
