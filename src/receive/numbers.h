/* The number of an event, for whoever looks for what is missing (store/stream.h).
 *
 * `vaultbell-sequence` numbers what one endpoint gets; where it is not there, and the source has no feed to pull from,
 * `stream_seq` of the envelope. The header counts as proved only where the signature covers it (rfc9421); elsewhere it is
 * a hint. What stands in the body is signed. */
#ifndef RECEIVE_NUMBERS_H
#define RECEIVE_NUMBERS_H

#include "receive/receive.h"

/* Fills stream, number, newest, interval_s and number_trusted of the journal request. */
void receive_numbers(const struct receive_source *source, const struct verify_input *input,
    const struct verify_result *result, struct store_request *request);

#endif
