/* What happens in custody: each scenario is the life of one transaction, or a short affair of another resource.
 * Blocks are those of the transaction's network, so that a slow chain is slow. */
#include "catalogue/history_parts.h"

#define SECONDS(type, min, max)                                                                                        \
	{                                                                                                              \
		type, min, max, false, NULL                                                                            \
	}
#define BLOCKS(type, min, max)                                                                                         \
	{                                                                                                              \
		type, min, max, true, NULL                                                                             \
	}
#define NOTED(type, min, max, note)                                                                                    \
	{                                                                                                              \
		type, min, max, false, note                                                                            \
	}

#define DETECTED SECONDS("transaction.deposit.detected", 0, 30)
#define CONFIRMED BLOCKS("transaction.deposit.confirmed", 1, 2)
#define COMPLETED BLOCKS("transaction.deposit.completed", 5, 12)
#define SCREENING SECONDS("compliance.kyt.screening_started", 1, 5)
#define SCREENED(note) NOTED("compliance.kyt.screening_completed", 2, 40, note)
#define ALLOWED(note) NOTED("compliance.decision.allowed", 0, 2, note)
#define HELD                                                                                                           \
	NOTED("compliance.kyt.alert_raised", 0, 2, "QUARANTINE HIGH"),                                                 \
	    NOTED("compliance.decision.quarantined", 0, 2, "QUARANTINE HIGH")

static const struct history_step deposit[] = {
    DETECTED, CONFIRMED, SCREENING, SCREENED("ALLOW LOW"), ALLOWED("ALLOW LOW"), COMPLETED};
static const struct history_step deposit_unknown[] = {DETECTED, CONFIRMED, SCREENING,
    NOTED("compliance.kyt.screening_failed", 10, 30, "provider_unavailable"), SCREENED("ALLOW UNKNOWN"),
    ALLOWED("ALLOW UNKNOWN"), COMPLETED};
static const struct history_step deposit_released[] = {DETECTED, CONFIRMED, SCREENING, SCREENED("QUARANTINE HIGH"),
    HELD, NOTED("compliance.decision.released", 1800, 28800, "ALLOW HIGH"), COMPLETED};
static const struct history_step deposit_rejected[] = {DETECTED, CONFIRMED, SCREENING, SCREENED("QUARANTINE HIGH"),
    HELD, NOTED("compliance.decision.rejected", 3600, 86400, "QUARANTINE HIGH")};
static const struct history_step deposit_reorged[] = {DETECTED, CONFIRMED, BLOCKS("transaction.deposit.reorged", 1, 2),
    SECONDS("transaction.deposit.detected", 1, 20), CONFIRMED, SCREENING, SCREENED("ALLOW LOW"), ALLOWED("ALLOW LOW"),
    COMPLETED};
static const struct history_step deposit_unattributed[] = {DETECTED, CONFIRMED,
    SECONDS("transaction.deposit.unattributed", 1, 5), SCREENING, SCREENED("ALLOW LOW"), ALLOWED("ALLOW LOW"),
    COMPLETED};

#define ASKED                                                                                                          \
	SECONDS("transaction.request.created", 0, 60), SECONDS("transaction.request.pending_approval", 0, 2),          \
	    SECONDS("workflow.approval.requested", 0, 1)
#define APPROVED                                                                                                       \
	NOTED("workflow.approval.vote_recorded", 30, 1800, "approve"),                                                 \
	    SECONDS("workflow.approval.delegate_signed", 0, 2),                                                        \
	    NOTED("workflow.approval.vote_recorded", 30, 3600, "approve"),                                             \
	    SECONDS("workflow.approval.quorum_reached", 0, 1), SECONDS("workflow.approval.approved", 0, 1),            \
	    SECONDS("transaction.request.approved", 0, 1)
#define SIGNED                                                                                                         \
	SECONDS("transaction.request.pending_signature", 0, 3), SECONDS("transaction.request.signed", 1, 20),          \
	    SECONDS("transaction.request.submitted", 0, 5)
#define MINED BLOCKS("transaction.request.confirming", 1, 3), BLOCKS("transaction.request.confirmed", 3, 6)
#define FINAL BLOCKS("transaction.request.completed", 3, 12)

static const struct history_step withdrawal[] = {ASKED, APPROVED, SIGNED, MINED, FINAL};
static const struct history_step withdrawal_queued[] = {ASKED, APPROVED, SECONDS("transaction.request.queued", 0, 2),
    SIGNED, SECONDS("transaction.request.pending", 1, 5), MINED, FINAL};
static const struct history_step withdrawal_rejected[] = {ASKED,
    NOTED("workflow.approval.vote_recorded", 60, 3600, "reject"), SECONDS("workflow.approval.rejected", 0, 1),
    SECONDS("transaction.request.rejected", 0, 1)};
static const struct history_step withdrawal_expired[] = {ASKED,
    NOTED("workflow.approval.vote_recorded", 60, 3600, "approve"), SECONDS("workflow.approval.expired", 80000, 86400),
    SECONDS("transaction.request.expired", 0, 1)};
static const struct history_step withdrawal_cancelled[] = {
    ASKED, SECONDS("workflow.approval.cancelled", 60, 1200), SECONDS("transaction.request.cancelled", 0, 1)};
static const struct history_step withdrawal_blocked[] = {
    SECONDS("transaction.request.created", 0, 60), SECONDS("transaction.request.blocked", 0, 2)};
static const struct history_step withdrawal_replaced[] = {ASKED, APPROVED, SIGNED,
    SECONDS("transaction.request.pending", 1, 5), BLOCKS("transaction.request.replaced", 3, 10), MINED, FINAL};
static const struct history_step withdrawal_reorged[] = {
    ASKED, APPROVED, SIGNED, MINED, BLOCKS("transaction.request.reorged", 1, 2), MINED, FINAL};
static const struct history_step withdrawal_dropped[] = {
    ASKED, APPROVED, SIGNED, SECONDS("transaction.request.dropped", 7200, 28800)};
static const struct history_step withdrawal_failed[] = {ASKED, APPROVED, SIGNED,
    BLOCKS("transaction.request.confirming", 1, 3), BLOCKS("transaction.request.failed", 1, 3)};

static const struct history_step internal[] = {SECONDS("transaction.internal_transfer.created", 0, 60),
    SECONDS("transaction.internal_transfer.detected", 5, 60), BLOCKS("transaction.internal_transfer.confirmed", 1, 3),
    BLOCKS("transaction.internal_transfer.completed", 5, 12)};
static const struct history_step internal_seen[] = {SECONDS("transaction.internal_transfer.detected", 0, 60),
    BLOCKS("transaction.internal_transfer.confirmed", 1, 3), BLOCKS("transaction.internal_transfer.completed", 5, 12)};

static const struct history_step message[] = {
    SECONDS("transaction.message_sign.requested", 0, 60), SECONDS("transaction.message_sign.signed", 20, 600)};
static const struct history_step wallet[] = {
    SECONDS("wallet.creation_requested", 0, 60), SECONDS("wallet.created", 60, 3600)};
static const struct history_step address[] = {SECONDS("address.created", 0, 60)};
static const struct history_step destination[] = {
    SECONDS("addressbook.entry.requested", 0, 60), SECONDS("addressbook.entry.approved", 300, 7200)};
static const struct history_step policy[] = {SECONDS("governance.policy.change_requested", 0, 60),
    SECONDS("governance.policy.change_approved", 600, 14400), SECONDS("governance.policy.change_applied", 1, 10)};
static const struct history_step seed[] = {
    SECONDS("governance.seed_export.requested", 0, 60), SECONDS("governance.seed_export.rejected", 600, 14400)};
static const struct history_step person[] = {
    SECONDS("user.invited", 0, 60), SECONDS("user.activated", 600, 86400), SECONDS("user.role_changed", 600, 86400)};
static const struct history_step login[] = {
    SECONDS("access.login.failed", 0, 60), SECONDS("access.login.succeeded", 5, 30)};
static const struct history_step key[] = {SECONDS("access.api_key.created", 0, 60)};
static const struct history_step balance[] = {SECONDS("balance.updated", 0, 60)};
static const struct history_step stake[] = {SECONDS("staking.requested", 0, 60),
    SECONDS("staking.activated", 3600, 86400), SECONDS("staking.reward_received", 86400, 172800)};
static const struct history_step settlement[] = {
    SECONDS("settlement.initiated", 0, 60), SECONDS("settlement.completed", 30, 900)};

#define SCENARIO(steps, weight, direction)                                                                             \
	{                                                                                                              \
		steps, COUNT_OF(steps), weight, direction                                                              \
	}

const struct history_scenario history_scenarios[] = {
    SCENARIO(deposit, 30, DIRECTION_IN),
    SCENARIO(deposit_unknown, 4, DIRECTION_IN),
    SCENARIO(deposit_released, 4, DIRECTION_IN),
    SCENARIO(deposit_rejected, 3, DIRECTION_IN),
    SCENARIO(deposit_reorged, 4, DIRECTION_IN),
    SCENARIO(deposit_unattributed, 2, DIRECTION_IN),
    SCENARIO(withdrawal, 20, DIRECTION_OUT),
    SCENARIO(withdrawal_queued, 6, DIRECTION_OUT),
    SCENARIO(withdrawal_rejected, 4, DIRECTION_OUT),
    SCENARIO(withdrawal_expired, 1, DIRECTION_OUT),
    SCENARIO(withdrawal_cancelled, 2, DIRECTION_OUT),
    SCENARIO(withdrawal_blocked, 2, DIRECTION_OUT),
    SCENARIO(withdrawal_replaced, 4, DIRECTION_OUT),
    SCENARIO(withdrawal_reorged, 3, DIRECTION_OUT),
    SCENARIO(withdrawal_dropped, 1, DIRECTION_OUT),
    SCENARIO(withdrawal_failed, 2, DIRECTION_OUT),
    SCENARIO(internal, 6, DIRECTION_INTERNAL),
    SCENARIO(internal_seen, 4, DIRECTION_INTERNAL),
    SCENARIO(message, 3, DIRECTION_NONE),
    SCENARIO(wallet, 2, DIRECTION_NONE),
    SCENARIO(address, 4, DIRECTION_NONE),
    SCENARIO(destination, 3, DIRECTION_NONE),
    SCENARIO(policy, 2, DIRECTION_NONE),
    SCENARIO(seed, 1, DIRECTION_NONE),
    SCENARIO(person, 1, DIRECTION_NONE),
    SCENARIO(login, 3, DIRECTION_NONE),
    SCENARIO(key, 1, DIRECTION_NONE),
    SCENARIO(balance, 5, DIRECTION_NONE),
    SCENARIO(stake, 2, DIRECTION_NONE),
    SCENARIO(settlement, 2, DIRECTION_NONE),
};
const size_t history_scenario_count = COUNT_OF(history_scenarios);
