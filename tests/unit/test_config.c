/* Configuration: precedence, the errors that operators read, and that the documentation is the table's. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char *const no_environment[] = {NULL};

/* Writes `text` to a file of its own; the name is static to the test's run. */
static const char *
file_with(const char *text)
{
	static char path[64];
	snprintf(path, sizeof path, "/tmp/vaultbell-config-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static void
assert_loads(struct config *config, const char *text, char *const *environment)
{
	const char *path = file_with(text);
	struct error error = ERROR_NONE;
	enum error_code code = config_load(path, environment, config, &error);
	unlink(path);
	if (code != OK)
		fail_msg("%s", error.text);
}

/* The error of a file, without the name of the file. */
static void
assert_refused(const char *text, const char *expected)
{
	struct config config;
	struct error error = ERROR_NONE;
	const char *path = file_with(text);
	enum error_code code = config_load(path, no_environment, &config, &error);
	unlink(path);
	if (code == OK)
		config_free(&config);
	assert_int_equal(code, ERR_INVALID);
	assert_memory_equal(error.text, path, strlen(path));
	assert_string_equal(error.text + strlen(path), expected);
}

static void
defaults_without_file_and_environment(void **state)
{
	(void)state;
	struct config config;
	struct error error;
	assert_int_equal(config_load(NULL, no_environment, &config, &error), OK);
	assert_true(config.delivery_schedule.count > 3);
	assert_false(config.delivery_allow_http);
	assert_false(config.delivery_https_only);
	assert_int_equal(config.delivery_networks.allowed_count, 0);
	assert_int_equal(config.delivery_timeout_ms, 30000);
	assert_int_equal(config.delivery_suspend_after_ms, 5 * 86400000);
	assert_int_equal(config.keys_default_type, KEY_HMAC);
	assert_false(config.endpoints_verify_ownership);
	assert_int_equal(config.log_level, LOG_INFO);
	assert_int_equal(config.log_format, LOG_FORMAT_LOGFMT);
	config_free(&config);
}

static void
file_sets_scalars_and_lists(void **state)
{
	(void)state;
	struct config config;
	assert_loads(&config,
	    "# a comment\n"
	    "delivery:\n"
	    "  schedule: [100ms, 1s, 5m]\n"
	    "  allow_http: true\n"
	    "  allow_networks:\n"
	    "    - 127.0.0.0/8\n"
	    "    - \"fd00::/8\"\n"
	    "  suspend_after: 0s\n"
	    "keys:\n"
	    "log.level: debug\n",
	    no_environment);
	assert_int_equal(config.delivery_schedule.count, 3);
	assert_int_equal(config.delivery_schedule.delay_ms[2], 300000);
	assert_true(config.delivery_allow_http);
	assert_int_equal(config.delivery_networks.allowed_count, 2);
	assert_int_equal(config.delivery_suspend_after_ms, 0);
	assert_int_equal(config.log_level, LOG_DEBUG);
	config_free(&config);
}

static void
environment_wins_over_file(void **state)
{
	(void)state;
	char *const environment[] = {"HOME=/", "VAULTBELL=/usr/bin/vaultbell", "VAULTBELL_SERVICE_PORT=8080",
	    "VAULTBELL_DELIVERY_SCHEDULE=1s,2s", "VAULTBELL_DELIVERY_ALLOW_NETWORKS=10.0.0.0/8, ::1/128",
	    "VAULTBELL_OPERATIONAL_WEBHOOKS_ENABLED=true", "VAULTBELL_KEYS_DEFAULT_TYPE=ed25519", NULL};
	struct config config;
	assert_loads(&config, "delivery: {schedule: legacy, timeout: 2s}\n", environment);
	assert_int_equal(config.delivery_schedule.count, 2);
	assert_int_equal(config.delivery_timeout_ms, 2000);
	assert_int_equal(config.delivery_networks.allowed_count, 2);
	assert_true(config.operational_webhooks);
	assert_int_equal(config.keys_default_type, KEY_ED25519);
	config_free(&config);
}

static void
empty_files_are_fine(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "# nothing\n", "---\n", "{}\n", "log:\n"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct config config;
		assert_loads(&config, texts[i], no_environment);
		config_free(&config);
	}
}

static void
errors_name_line_and_expectation(void **state)
{
	(void)state;
	assert_refused("log:\n  level: loud\n", ":2: log.level: expected debug, info, warn or error");
	assert_refused("delivery:\n  timeout: 1ms\n", ":2: delivery.timeout: expected a duration from 100ms to 120s");
	assert_refused("delivery:\n  timeout: 0s\n", ":2: delivery.timeout: expected a duration from 100ms to 120s");
	assert_refused("delivery:\n  timeout: [1s]\n", ":2: delivery.timeout: expected a duration from 100ms to 120s");
	assert_refused("catalogue: {strict: yes}\n", ":1: catalogue.strict: expected true or false");
	assert_refused("delivery:\n  tiemout: 1s\n",
	    ":2: there is no key delivery.tiemout; expected one of docs/configuration.md");
	assert_refused("log:\n  level: info\n  level: warn\n", ":3: log.level: expected once, it is set above already");
	assert_refused("log: info\n", ":1: expected the keys of this section, indented below it");
	assert_refused("log:\n  level:\n    deep: info\n", ":3: log.level: expected debug, info, warn or error");
	assert_refused("- log\n", ":1: expected a mapping of sections, as in \"log:\" and below it \"  level: info\"");
	assert_refused("log: {level: info}\n---\nlog: {level: info}\n", ":2: expected one document only");
	assert_refused("a: &x [b]\nlog: *x\n", ":1: there is no key a; expected one of docs/configuration.md");
	assert_refused("sources: {name: a}\n",
	    ":1: expected a list of sources, as in \"- name: acme\" and below it \"scheme\", \"secret_file\" and "
	    "\"forward\"");
	assert_refused("sources:\n  - name: a\n    name: b\n", ":3: expected this key once in each source");
	assert_refused("sources:\n  - nome: a\n",
	    ":2: expected name, scheme, secret_file, forward, jwks_url, pull_url, pull_token_file, "
	    "client_certificate or allow");
	assert_refused("sources:\n  - name: [a]\n", ":2: expected one value");
	assert_refused(
	    "sources:\n  - name: a\nsources:\n  - name: b\n", ":4: expected sources once, they are set above already");
	assert_refused("[a]: b\n", ":1: expected a key and its value, as in \"log:\" and below it \"  level: info\"");
}

static void
name_servers_are_addresses(void **state)
{
	(void)state;
	static const char *const good[] = {
	    "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:5353", "::1,127.0.0.1:1"};
	static const char *const bad[] = {"names.example", "192.0.2", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
	    "[192.0.2.1]:53", "[2001:db8::1", "[2001:db8::1]5353", "2001:db8::1:99999", "192.0.2.1,,192.0.2.2", "/etc"};
	for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
		bool is_good = i < COUNT_OF(good);
		const char *servers = is_good ? good[i] : bad[i - COUNT_OF(good)];
		struct config config;
		struct error error = ERROR_NONE;
		char text[128];
		snprintf(text, sizeof text, "delivery: {name_servers: '%s'}\n", servers);
		const char *path = file_with(text);
		enum error_code code = config_load(path, no_environment, &config, &error);
		unlink(path);
		if ((code == OK) != is_good)
			fail_msg("%s: %s", servers, is_good ? error.text : "is accepted");
		if (code != OK)
			continue;
		assert_true(slice_is(config.delivery_name_servers, servers));
		config_free(&config);
	}
}

static void
broken_yaml_names_its_line(void **state)
{
	(void)state;
	struct config config;
	struct error error = ERROR_NONE;
	const char *path = file_with("log:\n  level: info\n wrong\n\tx: y\n");
	assert_int_equal(config_load(path, no_environment, &config, &error), ERR_INVALID);
	unlink(path);
	assert_non_null(strstr(error.text, ":4: expected YAML: "));
}

static void
list_items_are_named(void **state)
{
	(void)state;
	struct config config;
	struct error error = ERROR_NONE;
	const char *path = file_with("delivery:\n  schedule:\n    - 1s\n    - soon\n");
	assert_int_equal(config_load(path, no_environment, &config, &error), ERR_INVALID);
	unlink(path);
	assert_non_null(strstr(error.text, ":3: delivery.schedule: expected standard, legacy, svix, or durations"));
	assert_non_null(strstr(error.text, "soon"));
}

static void
sources_are_a_list(void **state)
{
	(void)state;
	struct config config, again;
	assert_loads(&config,
	    "sources:\n"
	    "  - name: acme\n    scheme: standard\n    secret_file: a b.keys\n"
	    "  - {name: old, scheme: legacy, secret_file: old.keys, forward: 'http://127.0.0.1:9/',\n"
	    "     allow: [10.0.0.0/8, 'fd00::/8']}\n"
	    "alerts: [{name: desk, kind: slack, url: 'https://chat.example/x'}]\n",
	    no_environment);
	struct buf text;
	buf_init(&text, LIMIT_CONFIG_BYTES);
	config_print(&config, &text);
	buf_byte(&text, '\0');
	assert_loads(&again, text.data, no_environment);
	assert_int_equal(again.source_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_true(slice_equal(again.sources[i].name, config.sources[i].name));
		assert_true(slice_equal(again.sources[i].scheme, config.sources[i].scheme));
		assert_true(slice_equal(again.sources[i].secret_file, config.sources[i].secret_file));
		assert_true(slice_equal(again.sources[i].forward, config.sources[i].forward));
	}
	assert_true(slice_is(config.sources[0].secret_file, "a b.keys"));
	assert_false(slice_present(config.sources[0].forward));
	assert_true(slice_is(config.sources[1].forward, "http://127.0.0.1:9/"));
	assert_true(slice_is(again.sources[1].allow, "10.0.0.0/8,fd00::/8"));
	assert_int_equal(again.alert_count, 1);
	assert_true(slice_is(again.alerts[0].kind, "slack"));
	buf_free(&text);
	config_free(&config);
	config_free(&again);
}

static void
environment_errors_name_the_variable(void **state)
{
	(void)state;
	struct config config;
	struct error error = ERROR_NONE;
	char *const wrong[] = {"VAULTBELL_LOG_FORMAT=xml", NULL};
	assert_int_equal(config_load(NULL, wrong, &config, &error), ERR_INVALID);
	assert_string_equal(
	    error.text, "environment variable VAULTBELL_LOG_FORMAT: log.format: expected logfmt or json");
	char *const unknown[] = {"VAULTBELL_DELIVERY_SHEDULE=1s", NULL};
	assert_int_equal(config_load(NULL, unknown, &config, &error), ERR_INVALID);
	assert_string_equal(error.text, "environment variable VAULTBELL_DELIVERY_SHEDULE: there is no such key; "
					"docs/configuration.md lists them");
}

static void
missing_and_long_files(void **state)
{
	(void)state;
	struct config config;
	struct error error = ERROR_NONE;
	assert_int_equal(config_load("/nowhere/at/all.yaml", no_environment, &config, &error), ERR_NOT_FOUND);
	assert_string_equal(
	    error.text, "/nowhere/at/all.yaml: No such file or directory; expected a readable YAML file");
	assert_int_equal(config_load("/dev/zero", no_environment, &config, &error), ERR_LIMIT);
	assert_string_equal(error.text, "/dev/zero: expected at most 1048576 bytes");
}

static void
printed_configuration_reads_back(void **state)
{
	(void)state;
	char *const environment[] = {"VAULTBELL_LOG_LEVEL=warn", NULL};
	struct config config;
	assert_loads(&config, "delivery: {schedule: [1s, 2s], allow_networks: [\"fd00::/8\"]}\n", environment);
	struct buf text;
	buf_init(&text, 1 << 16);
	config_print(&config, &text);
	config_free(&config);
	buf_byte(&text, '\0');
	assert_false(text.overflow);
	assert_non_null(strstr(text.data, "  level: warn  # environment variable VAULTBELL_LOG_LEVEL\n"));
	assert_non_null(strstr(text.data, "  allow_networks: \"fd00::/8\"  # /tmp/"));
	assert_non_null(strstr(text.data, "  timeout: 30s  # default\n"));
	assert_loads(&config, text.data, no_environment);
	assert_int_equal(config.log_level, LOG_WARN);
	assert_int_equal(config.delivery_schedule.count, 2);
	assert_int_equal(config.delivery_networks.allowed_count, 1);
	config_free(&config);
	buf_free(&text);
}

/* The file ends with exactly what config_document writes. */
static void
documentation_is_up_to_date(void **state)
{
	(void)state;
	const char *path = getenv("VAULTBELL_CONFIGURATION_MD");
	if (path == NULL)
		skip();
	struct buf table, file;
	buf_init(&table, 1 << 16);
	buf_init(&file, 1 << 18);
	config_document(&table);
	FILE *stream = fopen(path, "re");
	assert_non_null(stream);
	char *room = buf_reserve(&file, 1 << 17);
	file.len += fread(room, 1, 1 << 17, stream);
	fclose(stream);
	assert_true(file.len > table.len);
	struct slice end = slice_skip(buf_slice(&file), file.len - table.len);
	if (!slice_equal(end, buf_slice(&table)))
		fail_msg("%s must end with this table:\n%.*s", path, SLICE_ARG(buf_slice(&table)));
	buf_free(&table);
	buf_free(&file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_without_file_and_environment),
	    cmocka_unit_test(file_sets_scalars_and_lists),
	    cmocka_unit_test(environment_wins_over_file),
	    cmocka_unit_test(empty_files_are_fine),
	    cmocka_unit_test(errors_name_line_and_expectation),
	    cmocka_unit_test(broken_yaml_names_its_line),
	    cmocka_unit_test(list_items_are_named),
	    cmocka_unit_test(sources_are_a_list),
	    cmocka_unit_test(environment_errors_name_the_variable),
	    cmocka_unit_test(name_servers_are_addresses),
	    cmocka_unit_test(missing_and_long_files),
	    cmocka_unit_test(printed_configuration_reads_back),
	    cmocka_unit_test(documentation_is_up_to_date),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
