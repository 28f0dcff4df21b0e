/* What the fields of HTTP/1 may consist of (RFC 9110 section 5), for both directions: answers to the own client, and
 * requests to the server. Pure. */
#ifndef TRANSPORT_HTTP1_FIELD_H
#define TRANSPORT_HTTP1_FIELD_H

#include "base/slice.h"

/* RFC 9110 section 5.6.2. */
MUST_CHECK bool http1_is_token(struct slice text);
/* Anything but visible characters, spaces, tabs and what is beyond ASCII. */
MUST_CHECK bool http1_has_control(struct slice text);
/* "name: value" without the line's end; the value comes without the blanks around it. False: there is no colon right behind
 * a token (RFC 9112 section 5.1: another reader may take a name with a blank behind it for what it looks like), or there is
 * a control character. */
MUST_CHECK bool http1_read_field(struct slice line, struct slice *name, struct slice *value);
/* The options of a Connection field that concern how long it lasts; sets what it finds and clears nothing. */
void http1_read_connection(struct slice value, bool *close, bool *keep_alive);

#endif
