#include "wire.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

int64_t
bench_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

struct stamps
stamps_new(void)
{
	return (struct stamps){
	    .sent_ns = mem_zero(BENCH_MESSAGES_MAX, sizeof(atomic_int_fast64_t)),
	    .acked_ns = mem_zero(BENCH_MESSAGES_MAX, sizeof(atomic_int_fast64_t)),
	    .received_ns = mem_zero(BENCH_MESSAGES_MAX, sizeof(atomic_int_fast64_t)),
	};
}

void
stamps_free(struct stamps *stamps)
{
	free(stamps->sent_ns);
	free(stamps->acked_ns);
	free(stamps->received_ns);
}

long
frame_length(const char *bytes, size_t length, size_t *head)
{
	static const char name[] = "content-length:";
	const char *end = memmem(bytes, length, "\r\n\r\n", 4);
	if (end == NULL)
		return 0;
	*head = (size_t)(end - bytes) + 4;
	for (const char *line = bytes; line < end;) {
		const char *next = memchr(line, '\n', (size_t)(end + 2 - line));
		if (next == NULL)
			break;
		if ((line[0] | 0x20) == 'c' && strncasecmp(line, name, sizeof name - 1) == 0) {
			size_t body = strtoul(line + sizeof name - 1, NULL, 10);
			if (body > BENCH_BUFFER_BYTES)
				return -1;
			return length < *head + body ? 0 : (long)(*head + body);
		}
		line = next + 1;
	}
	return -1;
}

void
payload_write(char *out, size_t bytes)
{
	static const char start[] = "{\"n\":\"0000000000\",\"data\":\"";
	static const char text[] = "The quick custody transaction jumps over the lazy ledger. ";
	memcpy(out, start, sizeof start - 1);
	for (size_t i = sizeof start - 1; i < bytes - 2; i++)
		out[i] = text[i % (sizeof text - 1)];
	out[bytes - 2] = '"';
	out[bytes - 1] = '}';
}

void
payload_set_number(char *digits, uint32_t number)
{
	for (int i = BENCH_DIGITS - 1; i >= 0; i--) {
		digits[i] = (char)('0' + number % 10);
		number /= 10;
	}
}

bool
payload_number(const char *body, size_t length, uint32_t *number)
{
	static const char name[] = "\"n\":\"";
	const char *at = memmem(body, length, name, sizeof name - 1);
	if (at == NULL || (size_t)(body + length - at) < sizeof name - 1 + BENCH_DIGITS)
		return false;
	at += sizeof name - 1;
	uint64_t value = 0;
	for (int i = 0; i < BENCH_DIGITS; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(at[i] - '0');
	}
	if (value >= BENCH_MESSAGES_MAX)
		return false;
	*number = (uint32_t)value;
	return true;
}
