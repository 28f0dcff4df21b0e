/* Runs a fuzz target over files, and over all files of directories, given as arguments: the corpora are ordinary
 * tests, and an input that broke something is reproduced with any compiler. Fails when there is no input at all. */
#include "fuzz.h"

#include "base/alloc.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_BYTES_MAX = 1 << 20, PATH_BYTES = 4096 };

static size_t inputs_run;

/* The copy has exactly the input's size, so that a sanitizer sees a step beyond it. */
static void
run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		exit(2);
	}
	uint8_t *bytes = mem_alloc(INPUT_BYTES_MAX);
	size_t size = fread(bytes, 1, INPUT_BYTES_MAX, file);
	fclose(file);
	uint8_t *exact = mem_alloc(size);
	memcpy(exact, bytes, size);
	free(bytes);
	/* Said first: after an abort it is the last line. */
	printf("%s\n", path);
	fflush(stdout);
	(void)LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	inputs_run++;
}

static void
run_directory(const char *path)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		perror(path);
		exit(2);
	}
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.') {
			char inside[PATH_BYTES];
			snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name);
			run_file(inside);
		}
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct stat status;
		if (stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode))
			run_directory(argv[i]);
		else
			run_file(argv[i]);
	}
	printf("%zu inputs\n", inputs_run);
	return inputs_run > 0 ? 0 : 2;
}
