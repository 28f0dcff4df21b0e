/* Tells the configured targets (`alerts:` in the configuration) of alerts: a background job.
 *
 *   webhook       signed as a Standard Webhook with the first key of its secret file; type "vaultbell.alert"
 *   slack         the JSON that Slack's incoming webhooks take, and what is compatible with them
 *   alertmanager  version 2 of Prometheus Alertmanager's API: the URL ends in /api/v2/alerts
 *
 * Each target is told of each opening, worsening and end once, in the order of the alerts; what it does not take is tried
 * again, later each time up to ALERTS_PAUSE_MAX_MS, and the other targets do not wait for that. An alert that ends before
 * a target heard of it is not told. Nothing but what the alert holds is sent: kinds, ids and counts, never a payload. */
#ifndef APP_ALERTS_H
#define APP_ALERTS_H

#include "app/background.h"
#include "config/config.h"

enum { ALERTS_AT_A_TIME = 20, ALERTS_EVERY_MS = 1000, ALERTS_PAUSE_MAX_MS = 300000 };

struct alerts;

/* Reads the targets; registers its job where there are any, else `*out` is NULL. Errors name the file and the line. */
MUST_CHECK enum error_code alerts_new(const struct config *config, const struct log *log, struct background *background,
    struct alerts **out, struct error *error);
void alerts_free(struct alerts *alerts); /* after the background has stopped; NULL is fine */

#endif
