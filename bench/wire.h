/* What the two ends of the benchmark share: the clock, the messages' framing, and the table of when each message was
 * sent, acknowledged and received. The table has one writer for each column, so threads need no lock; columns are
 * read when the threads have ended, or one number at a time. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BENCH_MESSAGES_MAX = 1 << 22,  /* numbers that may be given out in one run */
	BENCH_BUFFER_BYTES = 64 << 10, /* the longest message that either end reads */
	BENCH_BODY_BYTES = 1024,
	BENCH_DIGITS = 10,
};

struct stamps {
	atomic_int_fast64_t *sent_ns;	  /* 0: not */
	atomic_int_fast64_t *acked_ns;	  /* 0: not, or not with a 2xx */
	atomic_int_fast64_t *received_ns; /* 0: not */
};

struct stamps stamps_new(void);
void stamps_free(struct stamps *stamps);

int64_t bench_now_ns(void);

/* The length of the message (head and body) at the start of `bytes`: 0 as long as it is not whole, -1 when it is not
 * framed by content-length. `*head` is the length of its head. */
long frame_length(const char *bytes, size_t length, size_t *head);

/* A JSON object of exactly `bytes` that holds a number: {"n":"0000000000","data":"…"}; the digits begin at
 * BENCH_DIGITS_AT. */
enum { BENCH_DIGITS_AT = 6 };
void payload_write(char *out, size_t bytes);
void payload_set_number(char *digits, uint32_t number);
/* Finds it in a body that holds such an object; false when there is none. */
bool payload_number(const char *body, size_t length, uint32_t *number);

#endif
