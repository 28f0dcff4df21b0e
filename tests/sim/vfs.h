/* An SQLite VFS on a simulated disk (disk.h), with crashes and faults on demand, for tests of durability.
 *
 * Whatever changes the disk is counted as an operation (write, truncate, sync, create, delete); a crash or a fault
 * can be set to happen at one of them. A crash leaves the VFS down: every call fails and changes nothing, so the
 * connection on it is closed in the ordinary way, as a process's death would close it. vfs_restart brings it up
 * with what survived; handles from before the crash stay dead.
 *
 * No globals: each instance is registered with SQLite under a name of its own until vfs_free. One thread. */
#ifndef SIM_VFS_H
#define SIM_VFS_H

#include "disk.h"

enum vfs_crash {
	VFS_NO_CRASH,
	VFS_KILL,      /* the process dies: what was written stays */
	VFS_POWER_CUT, /* the machine dies: what was synced stays, and a random part of the rest */
};

struct vfs;

struct vfs *vfs_new(uint64_t seed);
/* All connections must be closed. */
void vfs_free(struct vfs *vfs);
const char *vfs_name(const struct vfs *vfs);
struct disk *vfs_disk(struct vfs *vfs);

uint64_t vfs_operations(const struct vfs *vfs);
void vfs_crash(struct vfs *vfs, enum vfs_crash crash);
/* At the `ahead`-th operation from now (1: the next). The operation itself happens or not, by choice. */
void vfs_crash_in(struct vfs *vfs, enum vfs_crash crash, uint64_t ahead);
bool vfs_down(const struct vfs *vfs);
void vfs_restart(struct vfs *vfs);

/* The next write or sync at or after the `ahead`-th operation from now fails with SQLITE_FULL or
 * SQLITE_IOERR_FSYNC. ahead 0: no longer. */
void vfs_fail_write_in(struct vfs *vfs, uint64_t ahead);
void vfs_fail_sync_in(struct vfs *vfs, uint64_t ahead);
/* The next sync of this file fails. NULL: no longer. */
void vfs_fail_sync_of(struct vfs *vfs, const char *path);
/* From now on files do not grow by more than `bytes` in all (SQLITE_FULL). */
void vfs_leave_room(struct vfs *vfs, uint64_t bytes);
void vfs_end_faults(struct vfs *vfs);

#endif
