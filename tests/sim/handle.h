/* Open files of the simulated VFS. Private to vfs.c and handle.c. */
#ifndef SIM_HANDLE_H
#define SIM_HANDLE_H

#include "vfs.h"

#include "base/alloc.h"

#include <sqlite3.h>

/* Shared memory of a database in WAL mode. Lost with the process: after a crash it belongs to no file any more,
 * but its regions stay until the dead connections that map them are closed. */
struct shm {
	struct shm *next;
	struct disk_file *file;
	size_t references;
	unsigned char **regions;
	size_t region_count;
};

struct handle {
	sqlite3_file base;
	struct vfs *vfs;
	struct handle *next; /* of all that are open on this VFS */
	struct disk_file *file;
	uint64_t epoch; /* of the VFS when it was opened: the handle is dead once that has passed */
	int lock;	/* SQLITE_LOCK_… */
	bool sync_directory, delete_on_close;
	struct shm *shm;
	uint32_t shm_shared, shm_exclusive; /* slots that this handle holds, as bits */
};

struct vfs {
	sqlite3_vfs base;
	char name[32];
	struct disk disk;
	struct handle *handles;
	struct shm *shm;
	bool down;
	uint64_t epoch; /* rises with every crash */
	uint64_t operations;
	enum vfs_crash crash; /* set for crash_at */
	uint64_t crash_at, fail_write_at, fail_sync_at;
	const char *fail_sync_of; /* the file whose next sync fails; NULL: none */
};

enum step { STEP_ON, STEP_THEN_CRASH, STEP_CRASH };

/* Counts an operation and says how it goes. After STEP_THEN_CRASH (when the operation was done) and after
 * STEP_CRASH the caller calls vfs_crash_now and returns an error. */
enum step vfs_step(struct vfs *vfs);
void vfs_crash_now(struct vfs *vfs);
/* Whether the fault that is set for `*at` happens now; then it is spent. */
bool vfs_fault(const struct vfs *vfs, uint64_t *at);
/* The same of the syncs of one file. */
bool vfs_sync_fault(struct vfs *vfs, const struct disk_file *file);

void handle_enlist(struct handle *handle);

#endif
