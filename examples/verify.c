/* Verifies one webhook that was kept in files: the keys, the headers as they came, the body as it came.
 *
 *   cc verify.c $(pkg-config --cflags --libs vaultbell) -o verify
 *   ./verify KEYS HEADERS BODY [UNIX-TIME]
 *
 * Exit status: 0 verified, 1 not, 2 misuse. In a server, the same five calls stand where the body has been read. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <vaultbell.h>

struct text {
	char *bytes;
	size_t length;
};

/* Reads a whole file; ends the program when that fails. */
static struct text
read_file(const char *path)
{
	enum { BYTES_MAX = 1 << 20 };
	FILE *file = fopen(path, "rb");
	struct text text = {malloc(BYTES_MAX), 0};
	if (file == NULL || text.bytes == NULL) {
		perror(path);
		exit(2);
	}
	text.length = fread(text.bytes, 1, BYTES_MAX, file);
	fclose(file);
	return text;
}

int
main(int argc, char **argv)
{
	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: %s KEYS HEADERS BODY [UNIX-TIME]\n", argv[0]);
		return 2;
	}
	struct text secret = read_file(argv[1]), headers = read_file(argv[2]), body = read_file(argv[3]);
	int64_t now = argc == 5 ? strtoll(argv[4], NULL, 10) : (int64_t)time(NULL);

	char why[200];
	struct vaultbell_keys *keys =
	    vaultbell_keys_parse(VAULTBELL_STANDARD, secret.bytes, secret.length, why, sizeof why);
	if (keys == NULL) {
		fprintf(stderr, "%s: %s\n", argv[1], why);
		return 2;
	}
	struct vaultbell_request *request = vaultbell_request_new();
	if (vaultbell_request_add_header_block(request, headers.bytes, headers.length) != 0) {
		fprintf(stderr, "%s: expected lines of the form \"Name: value\"\n", argv[2]);
		return 2;
	}
	vaultbell_request_set_body(request, body.bytes, body.length);
	enum vaultbell_verdict verdict = vaultbell_verify(keys, request, now);
	if (verdict == VAULTBELL_VERIFIED)
		printf("verified: event %s\n", vaultbell_event_id(request));
	else
		printf("%s: %s\n", vaultbell_verdict_name(verdict), vaultbell_reason(request));

	vaultbell_request_free(request);
	vaultbell_keys_free(keys);
	free(secret.bytes);
	free(headers.bytes);
	free(body.bytes);
	return verdict == VAULTBELL_VERIFIED ? 0 : 1;
}
