/* Holds manifests that came against the journal: a background job of the receiver. A manifest that does not fit raises an
 * alert that names what differs as far as it can be told: with a pull_url, the events. It is looked at again until it
 * fits, because gaps are filled meanwhile; after a day it is left to a person. */
#ifndef APP_MANIFEST_CHECK_H
#define APP_MANIFEST_CHECK_H

#include "app/background.h"
#include "config/config.h"
#include "receive/receive.h"

struct manifest_check;

struct manifest_check *manifest_check_new(const struct config *config, const struct receive_sources *sources,
    const struct log *log, struct background *background);
void manifest_check_free(struct manifest_check *check); /* after the background has stopped */
/* A manifest of this source was journalled. Any thread. */
void manifest_check_take(struct manifest_check *check, struct slice source, struct slice body);

#endif
