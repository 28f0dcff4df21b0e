#include "transport/certificates.h"

#include "base/alloc.h"
#include "base/map.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY_US (INT64_C(24) * 3600 * 1000000)

/* How near the end is; each step is said once. */
enum nearness { NEAR_NOT, NEAR_30_DAYS, NEAR_7_DAYS, NEAR_1_DAY, NEAR_EXPIRED };

struct watched {
	struct endpoint_id endpoint; /* 0: free */
	struct certificate_times times;
	enum nearness said[CERTIFICATE_SIDE_COUNT];
};

struct certificates {
	pthread_mutex_t lock;
	struct map by_endpoint; /* (endpoint, 0) → index in items */
	struct watched *items;
	size_t count, capacity;
};

struct certificates *
certificates_new(void)
{
	struct certificates *certificates = mem_zero(1, sizeof *certificates);
	ENSURE(pthread_mutex_init(&certificates->lock, NULL) == 0);
	map_init(&certificates->by_endpoint);
	return certificates;
}

void
certificates_free(struct certificates *certificates)
{
	if (certificates == NULL)
		return;
	pthread_mutex_destroy(&certificates->lock);
	map_fini(&certificates->by_endpoint);
	free(certificates->items);
	free(certificates);
}

static void
lock(struct certificates *certificates)
{
	ENSURE(pthread_mutex_lock(&certificates->lock) == 0);
}

static void
unlock(struct certificates *certificates)
{
	ENSURE(pthread_mutex_unlock(&certificates->lock) == 0);
}

static struct watched *
find(const struct certificates *certificates, struct endpoint_id endpoint)
{
	uint32_t at = map_get(&certificates->by_endpoint, endpoint.value, 0);
	return at == MAP_ABSENT ? NULL : &certificates->items[at];
}

static struct watched *
add(struct certificates *certificates, struct endpoint_id endpoint)
{
	if (certificates->count == certificates->capacity) {
		certificates->capacity = certificates->capacity == 0 ? 16 : certificates->capacity * 2;
		certificates->items =
		    mem_resize(certificates->items, certificates->capacity, sizeof *certificates->items);
	}
	map_put(&certificates->by_endpoint, endpoint.value, 0, (uint32_t)certificates->count);
	struct watched *item = &certificates->items[certificates->count++];
	*item = (struct watched){.endpoint = endpoint};
	return item;
}

bool
certificates_note(struct certificates *certificates, struct endpoint_id endpoint, enum certificate_side side,
    struct wall_time expires, struct wall_time now)
{
	if (certificates == NULL)
		return false;
	lock(certificates);
	struct watched *item = find(certificates, endpoint);
	if (item == NULL && expires.us != 0)
		item = add(certificates, endpoint);
	bool changed = item != NULL && item->times.expires[side].us != expires.us;
	if (changed) {
		item->times.expires[side] = expires;
		item->said[side] = NEAR_NOT;
	}
	if (item != NULL && side == CERTIFICATE_SERVER)
		item->times.seen = now;
	unlock(certificates);
	return changed;
}

void
certificates_forget(struct certificates *certificates, struct endpoint_id endpoint)
{
	if (certificates == NULL)
		return;
	lock(certificates);
	struct watched *item = find(certificates, endpoint);
	if (item != NULL) {
		map_remove(&certificates->by_endpoint, endpoint.value, 0);
		struct watched *last = &certificates->items[--certificates->count];
		if (item != last) {
			*item = *last;
			map_put(&certificates->by_endpoint, item->endpoint.value, 0,
			    (uint32_t)(item - certificates->items));
		}
	}
	unlock(certificates);
}

struct certificate_times
certificates_of(struct certificates *certificates, struct endpoint_id endpoint)
{
	struct certificate_times times = {.seen = WALL_NONE};
	if (certificates == NULL)
		return times;
	lock(certificates);
	const struct watched *item = find(certificates, endpoint);
	if (item != NULL)
		times = item->times;
	unlock(certificates);
	return times;
}

struct wall_time
certificates_soonest(struct certificates *certificates, enum certificate_side side)
{
	struct wall_time soonest = WALL_NONE;
	if (certificates == NULL)
		return soonest;
	lock(certificates);
	for (size_t i = 0; i < certificates->count; i++) {
		struct wall_time expires = certificates->items[i].times.expires[side];
		if (expires.us != 0 && (soonest.us == 0 || expires.us < soonest.us))
			soonest = expires;
	}
	unlock(certificates);
	return soonest;
}

static enum nearness
nearness(struct wall_time expires, struct wall_time now)
{
	if (expires.us == 0 || expires.us - now.us > 30 * DAY_US)
		return NEAR_NOT;
	if (expires.us - now.us > 7 * DAY_US)
		return NEAR_30_DAYS;
	if (expires.us - now.us > DAY_US)
		return NEAR_7_DAYS;
	return expires.us > now.us ? NEAR_1_DAY : NEAR_EXPIRED;
}

static void
warn(const struct log *log, const struct watched *item, enum certificate_side side, struct wall_time now)
{
	static const char *const soon[] = {
	    [CERTIFICATE_SERVER] = "the certificate of an endpoint's server expires soon",
	    [CERTIFICATE_CLIENT] = "the client certificate of an endpoint expires soon",
	};
	static const char *const over[] = {
	    [CERTIFICATE_SERVER] = "the certificate of an endpoint's server has expired",
	    [CERTIFICATE_CLIENT] = "the client certificate of an endpoint has expired",
	};
	char endpoint[ID_TEXT_BYTES], at[TIME_TEXT_BYTES], days[24];
	struct wall_time expires = item->times.expires[side];
	bool gone = expires.us <= now.us;
	snprintf(days, sizeof days, "%" PRId64, gone ? 0 : (expires.us - now.us) / DAY_US);
	log_write(log, gone ? LOG_ERROR : LOG_WARN, gone ? over[side] : soon[side], "endpoint",
	    id_format(ID_ENDPOINT, item->endpoint.value, endpoint), "expires", time_format(expires, 0, at), "days",
	    days, NULL);
}

size_t
certificates_warn(struct certificates *certificates, const struct log *log, struct wall_time now)
{
	size_t count = 0;
	if (certificates == NULL)
		return 0;
	lock(certificates);
	for (size_t i = 0; i < certificates->count; i++) {
		struct watched *item = &certificates->items[i];
		for (int side = 0; side < CERTIFICATE_SIDE_COUNT; side++) {
			enum nearness near = nearness(item->times.expires[side], now);
			if (near <= item->said[side])
				continue;
			item->said[side] = near;
			warn(log, item, (enum certificate_side)side, now);
			count++;
		}
	}
	unlock(certificates);
	return count;
}
