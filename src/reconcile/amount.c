#include "reconcile/amount.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIMB_DIGITS = 18 };
#define LIMB UINT64_C(1000000000000000000)

struct slice
amount_canonical(struct slice text, struct arena *arena)
{
	bool minus = text.len > 0 && text.ptr[0] == '-';
	struct slice digits = minus || (text.len > 0 && text.ptr[0] == '+') ? slice_skip(text, 1) : text;
	if (digits.len == 0)
		return SLICE_NONE;
	for (size_t i = 0; i < digits.len; i++)
		if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
			return SLICE_NONE;
	size_t zeros = 0;
	while (zeros + 1 < digits.len && digits.ptr[zeros] == '0')
		zeros++;
	digits = slice_skip(digits, zeros);
	if (!minus || slice_is(digits, "0"))
		return digits;
	return zeros == 0 ? text : arena_printf(arena, "-%.*s", SLICE_ARG(digits));
}

void
amount_fini(struct amount *sum)
{
	free(sum->limbs);
	*sum = AMOUNT_ZERO;
}

/* The limb at `index` of a run of digits, counted from its end. */
static uint64_t
limb_of(struct slice digits, size_t index)
{
	uint64_t value = 0;
	if (index * LIMB_DIGITS >= digits.len)
		return 0;
	size_t end = digits.len - index * LIMB_DIGITS;
	for (size_t i = end > LIMB_DIGITS ? end - LIMB_DIGITS : 0; i < end; i++)
		value = value * 10 + (uint64_t)(digits.ptr[i] - '0');
	return value;
}

static void
make_room(struct amount *sum, size_t count)
{
	if (count > sum->capacity) {
		sum->capacity = count + 4;
		sum->limbs = mem_resize(sum->limbs, sum->capacity, sizeof sum->limbs[0]);
	}
	while (sum->count < count)
		sum->limbs[sum->count++] = 0;
}

static void
trim(struct amount *sum)
{
	while (sum->count > 0 && sum->limbs[sum->count - 1] == 0)
		sum->count--;
	if (sum->count == 0)
		sum->negative = false;
}

static void
add_digits(struct amount *sum, struct slice digits, size_t limbs)
{
	uint64_t carry = 0;
	for (size_t i = 0; i < limbs || carry > 0; i++) {
		make_room(sum, i + 1);
		uint64_t value = sum->limbs[i] + limb_of(digits, i) + carry;
		carry = value >= LIMB;
		sum->limbs[i] = carry > 0 ? value - LIMB : value;
	}
}

/* |sum| := ||sum| - digits|; turns the sign where the digits are larger. */
static void
subtract_digits(struct amount *sum, struct slice digits, size_t limbs)
{
	make_room(sum, limbs);
	int order = 0;
	for (size_t i = sum->count; i > 0 && order == 0; i--) {
		uint64_t other = limb_of(digits, i - 1);
		order = (sum->limbs[i - 1] > other) - (sum->limbs[i - 1] < other);
	}
	uint64_t borrow = 0;
	for (size_t i = 0; i < sum->count; i++) {
		uint64_t own = sum->limbs[i], other = limb_of(digits, i);
		uint64_t large = order >= 0 ? own : other, small = (order >= 0 ? other : own) + borrow;
		borrow = large < small;
		sum->limbs[i] = borrow > 0 ? large + LIMB - small : large - small;
	}
	if (order < 0)
		sum->negative = !sum->negative;
}

void
amount_add(struct amount *sum, struct slice canonical, bool minus)
{
	bool negative = canonical.len > 0 && canonical.ptr[0] == '-';
	struct slice digits = negative ? slice_skip(canonical, 1) : canonical;
	negative = negative != minus;
	size_t limbs = (digits.len + LIMB_DIGITS - 1) / LIMB_DIGITS;
	if (sum->count == 0)
		sum->negative = negative;
	make_room(sum, limbs);
	if (sum->negative == negative)
		add_digits(sum, digits, limbs);
	else
		subtract_digits(sum, digits, limbs);
	trim(sum);
}

struct slice
amount_text(const struct amount *sum, struct arena *arena)
{
	if (sum->count == 0)
		return SLICE("0");
	size_t room = sum->count * LIMB_DIGITS + 2;
	char *out = arena_alloc(arena, room);
	int length = snprintf(out, room, "%s%" PRIu64, sum->negative ? "-" : "", sum->limbs[sum->count - 1]);
	for (size_t i = sum->count - 1; i > 0; i--)
		length += snprintf(out + length, room - (size_t)length, "%018" PRIu64, sum->limbs[i - 1]);
	return (struct slice){out, (size_t)length};
}
