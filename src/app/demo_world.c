#include "app/demo_world.h"

#include "base/encode.h"
#include "base/random.h"

#include <curl/curl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char *const demo_sources[DEMO_ENDPOINTS] = {"direct", "flaky"};

/* --- files ------------------------------------------------------------------------------------------ */

static enum error_code
make_directory(struct demo_world *world, struct error *error)
{
	const char *base = getenv("TMPDIR");
	snprintf(
	    world->directory, sizeof world->directory, "%.32s/vaultbell-demo-XXXXXX", base == NULL ? "/tmp" : base);
	if (mkdtemp(world->directory) == NULL)
		return error_set(error, ERR_IO, "%s: no temporary directory can be made there", world->directory);
	snprintf(world->sender_data, sizeof world->sender_data, "%s/sender", world->directory);
	snprintf(world->receiver_data, sizeof world->receiver_data, "%s/receiver", world->directory);
	snprintf(world->secret_file, sizeof world->secret_file, "%s/secret", world->directory);
	return OK;
}

static int
remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
	(void)stat;
	(void)type;
	(void)ftw;
	return remove(path);
}

void
demo_world_remove(struct demo_world *world)
{
	if (world->directory[0] != '\0')
		nftw(world->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum error_code
write_secret(const struct demo_world *world, const struct secret *secret, struct error *error)
{
	FILE *file = fopen(world->secret_file, "wx");
	struct slice text = secret_reveal(secret);
	bool good =
	    file != NULL && chmod(world->secret_file, 0600) == 0 && fwrite(text.ptr, 1, text.len, file) == text.len;
	if (file != NULL)
		good = fclose(file) == 0 && good;
	return good ? OK : error_set(error, ERR_IO, "%s cannot be written", world->secret_file);
}

/* --- one request to the store, beside the running server -------------------------------------------- */

static enum error_code
ask(const char *data, bool read_only, struct store_request *request, struct error *error)
{
	char *path = service_database(data);
	struct store *store = NULL;
	enum error_code code =
	    store_sqlite_open(&(struct store_sqlite_options){.path = path, .read_only = read_only}, &store, error);
	free(path);
	if (code != OK)
		return code;
	code = store_ask(store, request, error);
	store_close(store);
	return code;
}

static enum error_code
make_token(struct demo_world *world, struct error *error)
{
	unsigned char bytes[32];
	random_bytes(bytes, sizeof bytes);
	struct buf text;
	buf_init(&text, sizeof world->token - 1);
	buf_text(&text, "vbt_");
	base64url_append(&text, (struct slice){(const char *)bytes, sizeof bytes});
	memcpy(world->token, text.data, text.len);
	struct store_request *request = store_request_new(STORE_TOKEN_CREATE, clock_wall());
	sha256(buf_slice(&text), request->admin->token.hash);
	request->admin->token.role = ROLE_PLATFORM_ADMIN;
	buf_free(&text);
	enum error_code code = ask(world->sender_data, false, request, error);
	store_request_free(request);
	return code;
}

/* --- the management API ----------------------------------------------------------------------------- */

static size_t
ignore(char *data, size_t size, size_t count, void *context)
{
	(void)data;
	(void)context;
	return size * count;
}

static enum error_code
post(struct demo_world *world, const char *path, struct slice body, struct error *error)
{
	CURL *easy = curl_easy_init();
	char url[160], authorization[128];
	snprintf(url, sizeof url, "%s/api/v1%s", world->url, path);
	snprintf(authorization, sizeof authorization, "authorization: Bearer %s", world->token);
	struct curl_slist *headers = curl_slist_append(NULL, authorization);
	headers = curl_slist_append(headers, "content-type: application/json");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)body.len);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.ptr);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, 10L);
	long status = 0;
	CURLcode result = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(headers);
	if (result != CURLE_OK || status != 201)
		return error_set(
		    error, ERR_INTERNAL, "POST %s answered %ld (%s)", path, status, curl_easy_strerror(result));
	return OK;
}

static enum error_code
make_endpoint(struct demo_world *world, const char *url, const struct secret *secret, struct error *error)
{
	struct buf body;
	buf_init(&body, 1024);
	struct json_writer w;
	json_writer_init(&w, &body);
	json_open(&w, '{');
	json_put_cstring(&w, "url", url);
	json_put_string(&w, "secret", secret_reveal(secret));
	json_close(&w);
	enum error_code code = post(world, "/app/demo/endpoint", buf_slice(&body), error);
	buf_free(&body);
	return code;
}

/* --- start ------------------------------------------------------------------------------------------ */

static enum error_code
start_receiver(struct demo_world *world, struct error *error)
{
	receive_sources_init(&world->sources);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < DEMO_ENDPOINTS; i++)
		code = receive_sources_add(&world->sources,
		    &(struct receive_source_text){
			.name = demo_sources[i], .scheme = "standard", .secret_file = world->secret_file},
		    error);
	if (code != OK)
		return code;
	return service_start(
	    &(struct service_options){
		.role = SERVICE_RECEIVER,
		.data = world->receiver_data,
		.listen = "127.0.0.1:0",
		.config = &world->config,
		.sources = &world->sources,
		.log = &world->log,
	    },
	    &world->receiver, error);
}

static enum error_code
start_sender(struct demo_world *world, const struct secret *secret, struct error *error)
{
	enum error_code code = service_start(
	    &(struct service_options){
		.role = SERVICE_SENDER,
		.data = world->sender_data,
		.listen = "127.0.0.1:0",
		.config = &world->config,
		.log = &world->log,
	    },
	    &world->sender, error);
	if (code != OK)
		return code;
	char direct[64], flaky[64];
	snprintf(world->url, sizeof world->url, "http://127.0.0.1:%d", service_port(world->sender));
	snprintf(direct, sizeof direct, "http://127.0.0.1:%d/in/%s", service_port(world->receiver), demo_sources[0]);
	snprintf(flaky, sizeof flaky, "http://127.0.0.1:%d/hook", demo_proxy_port(world->proxy));
	code = make_token(world, error);
	if (code == OK)
		code = post(world, "/app", SLICE("{\"name\":\"Demo organisation\",\"uid\":\"demo\"}"), error);
	if (code == OK)
		code = make_endpoint(world, direct, secret, error);
	return code == OK ? make_endpoint(world, flaky, secret, error) : code;
}

enum error_code
demo_world_start(struct demo_world *world, struct error *error)
{
	*world = (struct demo_world){.log = {.level = LOG_ERROR, .fd = STDERR_FILENO}};
	char *const settings[] = {(char[]){"VAULTBELL_DELIVERY_ALLOW_HTTP=true"},
	    (char[]){"VAULTBELL_DELIVERY_ALLOW_NETWORKS=127.0.0.0/8"},
	    (char[]){"VAULTBELL_DELIVERY_BREAKER_OPEN_FOR=300ms"},
	    (char[]){"VAULTBELL_DELIVERY_SCHEDULE=200ms,400ms,800ms,1s,1s,2s,2s,2s,4s,4s,8s,8s,8s"}, NULL};
	enum error_code code = config_load(NULL, settings, &world->config, error);
	if (code == OK)
		code = make_directory(world, error);
	if (code != OK)
		return code;
	struct key *key = key_generate(KEY_HMAC);
	struct secret secret = key_private_text(key);
	code = write_secret(world, &secret, error);
	if (code == OK)
		code = start_receiver(world, error);
	if (code == OK) {
		char target[64];
		snprintf(
		    target, sizeof target, "http://127.0.0.1:%d/in/%s", service_port(world->receiver), demo_sources[1]);
		code = demo_proxy_start(target, &world->log, &world->proxy, error);
	}
	if (code == OK)
		code = start_sender(world, &secret, error);
	secret_free(&secret);
	key_unref(key);
	return code;
}

void
demo_world_stop(struct demo_world *world)
{
	if (world->sender != NULL)
		service_stop(world->sender);
	if (world->proxy != NULL)
		demo_proxy_stop(world->proxy);
	if (world->receiver != NULL)
		service_stop(world->receiver);
	receive_sources_free(&world->sources);
	config_free(&world->config);
	explicit_bzero(world->token, sizeof world->token);
}

/* --- what arrived ----------------------------------------------------------------------------------- */

static int
compare(const void *a, const void *b)
{
	return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

enum error_code
demo_world_journal(const struct demo_world *world, struct arena *arena, struct slice_list *out, struct error *error)
{
	enum { PAGE = 10000 };
	int64_t after = 0;
	size_t capacity = 0;
	for (bool more = true; more;) {
		struct store_request *request = store_request_new(STORE_JOURNAL_LIST, clock_wall());
		request->page = (struct store_page){.limit = PAGE, .after = after};
		enum error_code code = ask(world->receiver_data, true, request, error);
		for (size_t i = 0; code == OK && i < request->count; i++) {
			const struct store_journal_row *row = &request->journal_rows[i];
			after = row->seq;
			if (!journal_counts(row->verdict))
				continue;
			if (out->count == capacity) {
				capacity = capacity == 0 ? 1024 : capacity * 2;
				struct slice *grown = arena_alloc(arena, capacity * sizeof *grown);
				if (out->count > 0)
					memcpy(grown, out->items, out->count * sizeof *grown);
				out->items = grown;
			}
			out->items[out->count++] =
			    arena_printf(arena, "%.*s %.*s", SLICE_ARG(row->source), SLICE_ARG(row->event_id));
		}
		more = code == OK && request->more;
		store_request_free(request);
		if (code != OK)
			return code;
	}
	if (out->count > 0)
		qsort(out->items, out->count, sizeof out->items[0], compare);
	return OK;
}
