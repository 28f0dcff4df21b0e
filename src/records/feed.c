#include "records/feed.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOKEN_BYTES_MAX = 4096, ANSWER_BYTES_MAX = 32 << 20, TIMEOUT_MS = 30000 };

struct feed {
	struct feed_settings settings;
	struct fetcher *fetcher;
	int64_t bytes, exchanges;
};

enum error_code
feed_new(const struct feed_settings *settings, struct feed **out, struct error *error)
{
	struct feed *feed = mem_zero(1, sizeof *feed);
	feed->settings = *settings;
	enum error_code code =
	    fetcher_new(&(struct fetch_settings){.interrupt = settings->interrupt}, &feed->fetcher, error);
	if (code != OK) {
		free(feed);
		return code;
	}
	*out = feed;
	return OK;
}

void
feed_free(struct feed *feed)
{
	if (feed == NULL)
		return;
	fetcher_free(feed->fetcher);
	free(feed);
}

int64_t
feed_bytes(const struct feed *feed)
{
	return feed->bytes;
}

int64_t
feed_exchanges(const struct feed *feed)
{
	return feed->exchanges;
}

/* "Bearer TOKEN", in `out`. */
static enum error_code
read_token(const char *path, char out[static TOKEN_BYTES_MAX], struct error *error)
{
	static const char expected[] = "expected a readable file with one token";
	static const char scheme[] = "Bearer ";
	memcpy(out, scheme, sizeof scheme);
	size_t length = sizeof scheme - 1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return error_set(error, ERR_UNAVAILABLE, "%s: %s; %s", path, strerror(errno), expected);
	ssize_t got = read(fd, out + length, TOKEN_BYTES_MAX - length - 1);
	close(fd);
	struct slice text = {out + length, got > 0 ? (size_t)got : 0};
	struct slice token = slice_trim(slice_cut(&text, '\n'));
	token.len -= token.len > 0 && token.ptr[token.len - 1] == '\r';
	bool good = token.len > 0 && token.len < TOKEN_BYTES_MAX / 2;
	for (size_t i = 0; good && i < token.len; i++)
		good = token.ptr[i] > 0x20 && token.ptr[i] < 0x7f;
	if (!good)
		return error_set(error, ERR_UNAVAILABLE, "%s: %s", path, expected);
	memmove(out + length, token.ptr, token.len);
	out[length + token.len] = '\0';
	return OK;
}

static enum error_code
judge(const struct fetch_answer *answer, struct json *out, struct error *error)
{
	if (answer->status == 401 || answer->status == 403)
		return error_set(error, ERR_FORBIDDEN,
		    "the sender answered %d; expected a token with the permission feed:read", answer->status);
	if (answer->status == 404)
		return error_set(error, ERR_NOT_FOUND,
		    "the sender answered 404; expected the URL of an endpoint, https://…/api/v1/app/ID/endpoint/ID");
	if (answer->status != 200)
		return error_set(error, ERR_UNAVAILABLE, "the sender answered %d; expected 200", answer->status);
	if (json_parse(answer->body, LIMIT_JSON_DEPTH, out, NULL) != OK || out->type != JSON_OBJECT)
		return error_set(error, ERR_UNAVAILABLE, "the sender's answer is no JSON object");
	return OK;
}

enum error_code
feed_get(struct feed *feed, const char *what, struct arena *arena, struct json *out, struct error *error)
{
	char token[TOKEN_BYTES_MAX];
	enum error_code code = read_token(feed->settings.token_file.ptr, token, error);
	if (code != OK)
		return code;
	struct http_header headers[] = {
	    {SLICE("authorization"), slice_of(token)}, {SLICE("accept"), SLICE("application/json")}};
	struct slice url = feed->settings.url;
	while (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	struct fetch_answer answer = {.status = 0};
	struct fetch_request request = {
	    .method = "GET",
	    .url = arena_printf(arena, "%.*s/%s", SLICE_ARG(url), what),
	    .headers = {headers, COUNT_OF(headers)},
	    .timeout_ms = TIMEOUT_MS,
	    .answer_bytes_max = ANSWER_BYTES_MAX,
	};
	code = fetch(feed->fetcher, &request, arena, &answer, error);
	explicit_bzero(token, sizeof token);
	if (code != OK)
		return code;
	feed->exchanges++;
	feed->bytes += (int64_t)(request.url.len + answer.body.len);
	return judge(&answer, out, error);
}
