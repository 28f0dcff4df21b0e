/* Scanning shared by the reader and the writer: the plain run of a string, and one UTF-8 sequence.
 * Private to json. */
#ifndef JSON_SCAN_H
#define JSON_SCAN_H

#include "base/slice.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Where the run of plain bytes ends: at the first quote, backslash, control or non-ASCII byte, or at `end`. */
static inline const char *
scan_plain(const char *at, const char *end)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
	for (; end - at >= 16; at += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* Compared as signed, the bytes from 0x80 are negative: one comparison finds them and the controls. */
		__m128i special = _mm_or_si128(_mm_cmplt_epi8(bytes, space),
		    _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
		unsigned mask = (unsigned)_mm_movemask_epi8(special);
		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
#endif
	while (at < end) {
		unsigned char byte = (unsigned char)*at;
		if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
			break;
		at++;
	}
	return at;
}

/* The length of the UTF-8 sequence of a non-ASCII character at `at` (RFC 3629 section 4: shortest form, no
 * surrogates, up to U+10FFFF); 0 when there is none. */
static inline size_t
scan_utf8(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t left = (size_t)(end - at);
	if (left < 2 || byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	if (byte[0] < 0xe0)
		return (byte[1] & 0xc0) == 0x80 ? 2 : 0;
	unsigned char lowest = 0x80, highest = 0xbf;
	switch (byte[0]) {
	case 0xe0: lowest = 0xa0; break;
	case 0xed: highest = 0x9f; break;
	case 0xf0: lowest = 0x90; break;
	case 0xf4: highest = 0x8f; break;
	default: break;
	}
	size_t length = byte[0] < 0xf0 ? 3 : 4;
	if (left < length || byte[1] < lowest || byte[1] > highest)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

#endif
