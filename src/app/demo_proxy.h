/* The demo's failing endpoint: an HTTP server in front of another one, that for a while behaves as endpoints do on
 * a bad day. While it fails, every other request is refused (503), and the rest is passed on, acted upon, and the
 * answer lost (503 as well): the ambiguous kind, after which a sender must repeat and a receiver must notice. */
#ifndef APP_DEMO_PROXY_H
#define APP_DEMO_PROXY_H

#include "base/error.h"
#include "base/log.h"

struct demo_proxy;

/* `target`: the URL that everything goes to, with its path. */
MUST_CHECK enum error_code demo_proxy_start(
    const char *target, const struct log *log, struct demo_proxy **out, struct error *error);
int demo_proxy_port(const struct demo_proxy *proxy);
void demo_proxy_fail(struct demo_proxy *proxy, bool failing); /* from any thread */
void demo_proxy_stop(struct demo_proxy *proxy);

#endif
