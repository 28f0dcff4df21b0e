/* The table of permissions, and docs/roles.md, which shows it. ROLES_MD names
 * that file. */
#include "base/buf.h"
#include "model/permission.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
write_table(struct buf *out)
{
	buf_text(out, "| permission | allows to |");
	for (int role = 0; role < ROLE_COUNT; role++)
		buf_printf(out, " %s |", role_name((enum role)role));
	buf_text(out, "\n|---|---|");
	for (int role = 0; role < ROLE_COUNT; role++)
		buf_text(out, ":-:|");
	buf_byte(out, '\n');
	for (int at = PERMISSION_NONE + 1; at < PERMISSION_COUNT; at++) {
		enum permission permission = (enum permission)at;
		buf_printf(out, "| `%s` | %s |", permission_name(permission), permission_about(permission));
		for (int role = 0; role < ROLE_COUNT; role++)
			buf_text(out, role_may((enum role)role, permission) ? " ● |" : "  |");
		buf_byte(out, '\n');
	}
}

static void
documentation(void **state UNUSED)
{
	const char *path = getenv("ROLES_MD");
	if (path == NULL)
		skip();
	struct buf expected, found;
	buf_init(&expected, 1 << 16);
	buf_init(&found, 1 << 16);
	write_table(&expected);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	char block[4096];
	for (size_t got = 1; got > 0;) {
		got = fread(block, 1, sizeof block, file);
		buf_append(&found, (struct slice){block, got});
	}
	fclose(file);
	assert_false(expected.overflow || found.overflow);
	bool shown = memmem(found.data, found.len, expected.data, expected.len) != NULL;
	if (!shown)
		fprintf(stderr, "%s does not show this table:\n%.*s", path, SLICE_ARG(buf_slice(&expected)));
	assert_true(shown);
	buf_free(&expected);
	buf_free(&found);
}

static void
least_privilege(void **state UNUSED)
{
	for (int at = 0; at < ROLE_COUNT; at++) {
		enum role role = (enum role)at;
		bool platform = role == ROLE_PLATFORM_ADMIN;
		assert_false(role_may(role, PERMISSION_NONE));
		assert_int_equal(role_may(role, PERMISSION_MESSAGE_POST), platform);
		assert_int_equal(role_may(role, PERMISSION_ORGANISATION_WRITE), platform);
		/* Whoever makes tokens of any role must hold whatever any role of the organisation holds. */
		for (int what = 1; what < PERMISSION_COUNT && role_may(role, PERMISSION_TOKEN_CREATE); what++)
			for (int other = ROLE_ADMIN; other < ROLE_COUNT; other++)
				if (role_may((enum role)other, (enum permission)what))
					assert_true(role_may(role, (enum permission)what));
	}
	assert_false(role_may(ROLE_SECURITY, PERMISSION_PAYLOAD_READ));
	assert_false(role_may(ROLE_ENGINEERING, PERMISSION_COMPLIANCE_READ));
	assert_false(role_may(ROLE_VIEWER, PERMISSION_ENDPOINT_WRITE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(documentation), cmocka_unit_test(least_privilege)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
