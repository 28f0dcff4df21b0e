#include "base/buf.h"
#include "transport/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/un.h>

#include <cmocka.h>

static bool
allows(const struct guard *guard, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		return guard_allows(guard, (const struct sockaddr *)&in);
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return guard_allows(guard, (const struct sockaddr *)&in6);
}

static struct guard
guard_of(const char *networks)
{
	struct guard guard;
	struct error error = ERROR_NONE;
	if (guard_parse(slice_of(networks), &guard, &error) != OK)
		fail_msg("%s", error.text);
	return guard;
}

static void
assert_refused(const struct guard *guard, const char *const *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (allows(guard, addresses[i]))
			fail_msg("%s should be refused", addresses[i]);
}

static void
assert_allowed(const struct guard *guard, const char *const *addresses, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!allows(guard, addresses[i]))
			fail_msg("%s should be allowed", addresses[i]);
}

/* The first and the last address of each block. */
static void
test_special_ipv4_is_refused(void **state)
{
	(void)state;
	static const char *const addresses[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0",
	    "100.127.255.255", "127.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.0.0", "169.254.169.254",
	    "169.254.255.255", "172.16.0.0", "172.31.255.255", "192.0.0.0", "192.0.0.9", "192.0.0.170", "192.0.0.255",
	    "192.0.2.0", "192.0.2.255", "192.88.99.0", "192.88.99.255", "192.168.0.0", "192.168.255.255", "198.18.0.0",
	    "198.19.255.255", "198.51.100.0", "198.51.100.255", "203.0.113.0", "203.0.113.255", "224.0.0.0",
	    "239.255.255.255", "240.0.0.0", "255.255.255.255"};
	struct guard guard = guard_of("");
	assert_refused(&guard, addresses, COUNT_OF(addresses));
}

/* The neighbours of the blocks, and blocks that the registry marks globally reachable. */
static void
test_global_ipv4_is_allowed(void **state)
{
	(void)state;
	static const char *const addresses[] = {"1.0.0.0", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
	    "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0", "172.15.255.255",
	    "172.32.0.0", "191.255.255.255", "192.0.1.0", "192.0.3.0", "192.31.196.1", "192.52.193.1", "192.88.98.255",
	    "192.88.100.0", "192.167.255.255", "192.169.0.0", "192.175.48.1", "198.17.255.255", "198.20.0.0",
	    "198.51.99.255", "198.51.101.0", "203.0.112.255", "203.0.114.0", "223.255.255.255"};
	struct guard guard = guard_of("");
	assert_allowed(&guard, addresses, COUNT_OF(addresses));
}

static void
test_special_ipv6_is_refused(void **state)
{
	(void)state;
	static const char *const addresses[] = {"::", "::1", "64:ff9b:1::", "64:ff9b:1:ffff::8.8.8.8",
	    "100::", "100::ffff:ffff:ffff:ffff", "100:0:0:1::", "100::1:ffff:ffff:ffff:ffff", "2001:1::1",
	    "2001:2::", "2001:2:0:ffff::", "2001:10::1", "2001:20::1",
	    "2001:1ff:ffff::", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
	    "3fff::", "3fff:fff:ffff::", "5f00::", "5f00:ffff::", "fc00::", "fd00:ec2::254", "fdff:ffff::1", "fe80::1",
	    "febf::1", "fec0::1", "feff::1", "ff00::", "ff02::1", "ffff::1"};
	struct guard guard = guard_of("");
	assert_refused(&guard, addresses, COUNT_OF(addresses));
}

static void
test_global_ipv6_is_allowed(void **state)
{
	(void)state;
	static const char *const addresses[] = {"2001:200::1", "2001:4860:4860::8888", "2001:db7:ffff::1",
	    "2001:db9::1", "2003::1", "2400:cb00::1", "2606:4700:4700::1111", "2620:4f:8000::1", "2a00:1450::1",
	    "3ffe:ffff::1", "3fff:1000::1"};
	struct guard guard = guard_of("");
	assert_allowed(&guard, addresses, COUNT_OF(addresses));
}

static void
test_carried_ipv4_is_judged(void **state)
{
	(void)state;
	/* Teredo: the server is 8.8.8.8 or 10.0.0.1; the client is inverted, f5ff:fffe for 10.0.0.1. */
	static const char *const refused[] = {"::ffff:127.0.0.1", "::ffff:10.1.2.3", "::ffff:169.254.169.254",
	    "::ffff:0.0.0.0", "::127.0.0.1", "::192.168.1.1", "::0.0.0.2", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1",
	    "64:ff9b::169.254.169.254", "64:ff9b::10.0.0.1", "2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::1",
	    "2002:c0a8:101:1::1", "2001:0:808:808::f5ff:fffe", "2001:0:a00:1::f7f7:f7f7", "2001::80ff:fffe"};
	static const char *const allowed[] = {"::ffff:8.8.8.8", "::8.8.8.8", "::ffff:0:8.8.8.8", "64:ff9b::8.8.8.8",
	    "2002:808:808::1", "2001:0:808:808::f7f7:f7f7"};
	struct guard guard = guard_of("");
	assert_refused(&guard, refused, COUNT_OF(refused));
	assert_allowed(&guard, allowed, COUNT_OF(allowed));
}

static void
test_allow_list(void **state)
{
	(void)state;
	struct guard guard = guard_of(" 127.0.0.0/8, 10.20.0.0/15,fd00:1::/32 , 192.168.7.7,::1, ::/0");
	static const char *const allowed[] = {"127.0.0.1", "127.255.255.255", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1",
	    "2002:7f00:1::", "10.20.0.1", "10.21.255.255", "fd00:1::1", "192.168.7.7", "::1", "8.8.8.8", "fe80::1"};
	static const char *const refused[] = {"10.19.255.255", "10.22.0.0", "192.168.7.6", "::ffff:192.168.7.8"};
	assert_allowed(&guard, allowed, COUNT_OF(allowed));
	assert_refused(&guard, refused, COUNT_OF(refused));

	guard = guard_of("fd00:1::/32");
	static const char *const outside[] = {"fd00:2::1", "127.0.0.1", "::1", "::ffff:127.0.0.1"};
	assert_refused(&guard, outside, COUNT_OF(outside));
	guard = guard_of("0.0.0.0/0");
	static const char *const every[] = {"127.0.0.1", "255.255.255.255", "::ffff:10.0.0.1", "2002:7f00:1::"};
	static const char *const other[] = {"::1", "fd00::1"};
	assert_allowed(&guard, every, COUNT_OF(every));
	assert_refused(&guard, other, COUNT_OF(other));
}

static void
test_other_families_are_refused(void **state)
{
	(void)state;
	struct guard guard = guard_of("0.0.0.0/0,::/0");
	struct sockaddr_un local = {.sun_family = AF_UNIX};
	assert_false(guard_allows(&guard, (const struct sockaddr *)&local));
}

static void
test_parse_refuses(void **state)
{
	(void)state;
	static const char *const wrong[] = {"localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "/8",
	    "10.0.0.1/8", "fd00::/129", "fd00::1/64", "10.0.0.0/8,", ",10.0.0.0/8", "10.0.0.0/8,,::1", "10.0.0.0/8 ::1",
	    "10.0.0.0/8/8", "0x7f.0.0.1", "127.1", "[::1]", "fe80::1%eth0",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct guard guard;
		struct error error = ERROR_NONE;
		if (guard_parse(slice_of(wrong[i]), &guard, &error) != ERR_INVALID)
			fail_msg("\"%s\" should be refused", wrong[i]);
		assert_non_null(strstr(error.text, "is not a network"));
	}
	struct guard guard;
	assert_int_equal(guard_parse(SLICE_NONE, &guard, NULL), OK);
	assert_int_equal(guard_parse(SLICE("  "), &guard, NULL), OK);
	assert_int_equal(guard.allowed_count, 0);
}

static void
test_parse_has_a_limit(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 1 << 16);
	for (int i = 0; i < GUARD_NETWORKS_MAX; i++)
		buf_printf(&text, "%s10.0.%d.0/24", i == 0 ? "" : ",", i);
	struct guard guard;
	assert_int_equal(guard_parse(buf_slice(&text), &guard, NULL), OK);
	assert_int_equal(guard.allowed_count, GUARD_NETWORKS_MAX);
	buf_text(&text, ",::1");
	assert_int_equal(guard_parse(buf_slice(&text), &guard, NULL), ERR_LIMIT);
	buf_free(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_special_ipv4_is_refused),
	    cmocka_unit_test(test_global_ipv4_is_allowed),
	    cmocka_unit_test(test_special_ipv6_is_refused),
	    cmocka_unit_test(test_global_ipv6_is_allowed),
	    cmocka_unit_test(test_carried_ipv4_is_judged),
	    cmocka_unit_test(test_allow_list),
	    cmocka_unit_test(test_other_families_are_refused),
	    cmocka_unit_test(test_parse_refuses),
	    cmocka_unit_test(test_parse_has_a_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
