/* A configuration file. What is refused is refused with the file's name and a line; what is taken is printed as a file
 * that is taken again. */
#include "fuzz.h"

#include "config/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static enum error_code
load(struct slice text, struct config *config, struct error *error)
{
	static char *const nothing[] = {NULL};
	int fd = memfd_create("config", MFD_CLOEXEC);
	ENSURE(fd >= 0 && write(fd, text.ptr, text.len) == (ssize_t)text.len);
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	enum error_code code = config_load(path, nothing, config, error);
	if (code != OK)
		ENSURE(strncmp(error->text, path, strlen(path)) == 0);
	close(fd);
	return code;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = mem_zero(1, sizeof *config), *again = mem_zero(1, sizeof *again);
	struct error error = ERROR_NONE;
	if (load((struct slice){(const char *)data, size}, config, &error) == OK) {
		struct buf printed;
		buf_init(&printed, 1 << 20);
		config_print(config, &printed);
		if (load(buf_slice(&printed), again, &error) != OK)
			fatal_at(__FILE__, __LINE__, error.text);
		config_free(again);
		buf_free(&printed);
		config_free(config);
	}
	free(config);
	free(again);
	return 0;
}
