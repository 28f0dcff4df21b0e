/* Balances: what the custodian states for an asset and an account, against what the ledger's entries add up to.
 *
 * An inbound entry adds its amount, an outbound one takes it away, and its fee from the network's native asset; an
 * internal one moves nothing out of the organisation. Entries that moved no money (by the lifecycle) do not count, nor
 * those of later than the statement. An entry whose amount is unknown makes the sum unknown, and nothing is said.
 *
 * Where the custodian's own records add up to what it states, the difference is that of other breaks (or of what is too
 * young to be one), and no break of its own. */
#include "reconcile/breaks.h"

#include "base/map.h"

#include <stdlib.h>

struct balances {
	struct breaks *breaks;
	const struct break_input *input;
	struct map by_account; /* (network and asset, account) → index */
	struct arena arena;
};

static int64_t
asset_key(struct text network, struct text asset)
{
	return (int64_t)((uint64_t)network.at << 32 | asset.at);
}

/* Of several statements for one account the newest stands. */
static void
collect(struct balances *of)
{
	const struct records *custodian = of->input->sides[SIDE_CUSTODIAN];
	struct breaks *breaks = of->breaks;
	breaks->balances = mem_zero(custodian->balance_count, sizeof breaks->balances[0]);
	for (size_t i = 0; i < custodian->balance_count; i++) {
		const struct balance *stated = &custodian->balances[i];
		int64_t key = asset_key(stated->network, stated->asset);
		uint32_t known = map_get(&of->by_account, key, stated->account.at);
		if (known == MAP_ABSENT) {
			known = (uint32_t)breaks->balance_count++;
			map_put(&of->by_account, key, stated->account.at, known);
		} else if (stated->occurred.us < breaks->balances[known].balance.occurred.us) {
			continue;
		}
		breaks->balances[known].balance = *stated;
	}
}

static void
add(struct balances *of, struct text asset, struct text account, const struct record *record, enum member member,
    bool minus, enum side side)
{
	uint32_t index = map_get(&of->by_account, asset_key(record->members[MEMBER_NETWORK], asset), account.at);
	if (index == MAP_ABSENT)
		return;
	struct balance_check *check = &of->breaks->balances[index];
	if (time_known(check->balance.occurred) && time_known(record->occurred) &&
	    record->occurred.us > check->balance.occurred.us)
		return;
	bool *unknown = side == SIDE_LEDGER ? &check->ledger_unknown : &check->custodian_unknown;
	if (!text_present(record->members[member])) {
		*unknown |= member == MEMBER_AMOUNT;
		return;
	}
	struct slice units = texts_get(of->input->texts, record->members[member], &of->arena);
	amount_add(side == SIDE_LEDGER ? &check->ledger : &check->custodian, units, minus);
}

static void
add_record(struct balances *of, const struct record *record, struct text account, enum side side)
{
	enum direction direction = (enum direction)record->direction;
	const struct catalogue_state *state = states_of(of->input->states, record->status, direction);
	if (state != NULL && !state->moved_money)
		return;
	if (direction == DIRECTION_IN || direction == DIRECTION_OUT)
		add(of, record->members[MEMBER_ASSET], account, record, MEMBER_AMOUNT, direction == DIRECTION_OUT,
		    side);
	if (direction != DIRECTION_IN)
		add(of, of->input->native, account, record, MEMBER_FEE, true, side);
	arena_reset(&of->arena);
}

static void
add_all(struct balances *of)
{
	const struct records *ledger = of->input->sides[SIDE_LEDGER], *custodian = of->input->sides[SIDE_CUSTODIAN];
	for (size_t i = 0; i < ledger->count; i++)
		add_record(of, &ledger->items[i], ledger->items[i].members[MEMBER_ACCOUNT], SIDE_LEDGER);
	for (size_t i = 0; i < of->input->match->group_count; i++) {
		const struct match_group *group = &of->input->match->groups[i];
		if (group->side[SIDE_CUSTODIAN] == RECORD_NONE)
			continue;
		const struct record *record = &custodian->items[group->side[SIDE_CUSTODIAN]];
		struct text account = record->members[MEMBER_ACCOUNT];
		if (!text_present(account) && group->side[SIDE_LEDGER] != RECORD_NONE)
			account = ledger->items[group->side[SIDE_LEDGER]].members[MEMBER_ACCOUNT];
		add_record(of, record, account, SIDE_CUSTODIAN);
	}
}

static bool
equals(struct balances *of, const struct amount *sum, struct slice stated)
{
	return slice_equal(amount_text(sum, &of->arena), stated);
}

void
check_balances(struct breaks *breaks, const struct break_input *input)
{
	if (input->sides[SIDE_CUSTODIAN]->balance_count == 0)
		return;
	struct balances of = {.breaks = breaks, .input = input};
	map_init(&of.by_account);
	collect(&of);
	add_all(&of);
	for (uint32_t i = 0; i < breaks->balance_count; i++) {
		const struct balance_check *check = &breaks->balances[i];
		if (!text_present(check->balance.units) || check->ledger_unknown)
			continue;
		struct slice stated = texts_get(input->texts, check->balance.units, &of.arena);
		if (!equals(&of, &check->ledger, stated) &&
		    (check->custodian_unknown || !equals(&of, &check->custodian, stated)))
			break_add(breaks, BREAK_BALANCE_BREAK, RECORD_NONE, i, check->balance.occurred);
		arena_reset(&of.arena);
	}
	map_fini(&of.by_account);
	arena_free(&of.arena);
}
