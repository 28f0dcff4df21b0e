#include "base/secret.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct secret
secret_copy(struct slice bytes)
{
	struct secret secret = {mem_alloc(bytes.len), bytes.len};
	if (bytes.len > 0)
		memcpy(secret.bytes, bytes.ptr, bytes.len);
	return secret;
}

void
secret_free(struct secret *secret)
{
	if (secret->bytes != NULL)
		explicit_bzero(secret->bytes, secret->length);
	free(secret->bytes);
	*secret = (struct secret){NULL, 0};
}
