/* Rotation of the key that secrets are sealed with (sign.h), while the service runs: a background job.
 *
 * Looks for a next key once a second. Where there is one, it is used from then on, everything is sealed anew in small
 * steps, and the job goes over it again until it finds nothing more to do and the anchor is sealed anew as well; then the
 * next key takes the first one's place. Nothing is remembered but the two key files: after a crash, or in another process
 * that serves the directory, it begins anew and passes over what is done.
 *
 * The last pass is at least SETTLE_MS behind the first: by then whoever sealed with the first key when the next one came
 * has handed in what it sealed. */
#ifndef APP_SEALING_H
#define APP_SEALING_H

#include "app/background.h"

struct sealing;

struct sealing *sealing_new(
    struct background *background, struct sealer *sealer, struct store_runner *runner, const struct log *log);
void sealing_free(struct sealing *sealing); /* after the background has stopped; NULL is fine */

#endif
