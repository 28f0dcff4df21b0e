/* Every limit on what a peer, a file or a configuration can make large: name, value, reason. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
	/* API and receiver */
	LIMIT_BODY_BYTES = 1 << 20, /* a request body; 413 beyond */
	LIMIT_HEADER_BYTES =
	    8 << 10, /* a request's head: its line and all headers; 431 beyond, 414 where the line alone is longer */
	LIMIT_HEADERS = 128,		/* of a request; 431 beyond */
	LIMIT_BODIES_BYTES = 256 << 20, /* of all bodies that are being read or handled; 429 beyond */
	LIMIT_CONNECTIONS = 4096,	/* open client connections */
	LIMIT_CONNECTION_IDLE_S =
	    60,			/* between two requests; also what one request, head and body, may take; 408 beyond */
	LIMIT_HANDSHAKE_S = 10, /* of TLS */
	LIMIT_PAGE = 250,	/* rows in a list answer (wire contract) */
	LIMIT_PAGE_DEFAULT = 50,
	LIMIT_FEED_PAGE = 1000, /* events in an answer of the feed */
	LIMIT_FEED_PAGE_DEFAULT = 250,
	LIMIT_URL_BYTES = 65536, /* an endpoint's URL (wire contract) */
	LIMIT_UID_BYTES = 256,
	LIMIT_NAME_BYTES = 4096,
	LIMIT_METADATA_BYTES = 4096,
	LIMIT_TOKEN_NAME_BYTES = 128,
	LIMIT_TOKEN_SCOPE_BYTES = 1024, /* sources, types and fields of a receiver's token, as JSON */
	LIMIT_TOKEN_SCOPE_ITEMS = 64,	/* of each of them */
	LIMIT_READS_IN_FLIGHT = 64,	/* of the receiver's API: more are told to come again */
	LIMIT_SERVICES = 64,		/* named by one organisation */
	LIMIT_OWNER_BYTES = 256,
	LIMIT_HEARTBEAT_S = 86400,
	LIMIT_REDACTION_PATHS = 32, /* of one role of an organisation */
	LIMIT_REDACTION_SEGMENTS = 8,
	LIMIT_RETENTION_DAYS = 3650,
	LIMIT_CHANNELS = 10,
	LIMIT_PAYLOAD_VERSIONS = 8,   /* of a message, beside its payload */
	LIMIT_PAYLOAD_VERSION = 9999, /* the highest number of one */
	LIMIT_EVENT_TYPES = 1024,     /* subscribed by one endpoint */
	LIMIT_ENDPOINTS = 10000,      /* of one organisation */
	LIMIT_IDEMPOTENCY_KEY_BYTES = 256,
	LIMIT_CHANGES_OPEN = 1000, /* change requests of one organisation that are not decided or applied */
	LIMIT_CHANGE_DAYS = 30,	   /* until one that nobody decides expires */
	LIMIT_COOL_OFF_DAYS = 30,
	LIMIT_REASON_BYTES = 1024, /* of a refusal; also of the notice and the contact of security */

	/* JSON */
	LIMIT_JSON_DEPTH = 64,

	/* Delivery */
	LIMIT_RESPONSE_BYTES = 64 << 10,    /* of an endpoint's answer, kept while reading; the rest is not read */
	LIMIT_RESPONSE_STORED_BYTES = 4096, /* of it, kept with the attempt */
	LIMIT_SCHEDULE_STEPS = 64,
	LIMIT_SECRETS = 11,		 /* live key and up to ten old ones */
	LIMIT_IN_FLIGHT = 2048,		 /* requests on their way, over all endpoints */
	LIMIT_ENDPOINT_IN_FLIGHT = 64,	 /* of them, to one endpoint */
	LIMIT_ENDPOINT_WINDOW = 4096,	 /* deliveries of one endpoint in memory; the rest stays in the store */
	LIMIT_ENGINE_DELIVERIES = 32768, /* deliveries in memory, over all endpoints */
	LIMIT_ENGINE_BYTES = 256 << 20,	 /* of their payloads; beyond, they stay in the store */
	LIMIT_REFILL_ROWS = 512,	 /* deliveries read back at a time */
	LIMIT_REFILL_BYTES = 4 << 20,	 /* of payload read back at a time */

	/* Store */
	LIMIT_BATCH = 256,	      /* requests in one commit */
	LIMIT_SCAN_ROWS = 4096,	      /* rows that one list request looks at; its page leads on from there */
	LIMIT_IDEMPOTENCY_HOURS = 24, /* a key's answer is kept for at least this long */

	/* What is kept of refused requests: evidence, which whoever is refused must not be able to make large. */
	LIMIT_REFUSED = 10000,
	LIMIT_REFUSED_OF_SOURCE = 1000,
	LIMIT_REFUSED_CLAIMS = 65536,		/* claimed ids that are counted each by itself */
	LIMIT_REFUSED_CLAIMS_OF_SOURCE = 16384, /* one source cannot push out another's */
	LIMIT_REFUSED_IN_FLIGHT = 2048,		/* on their way to the store: good requests wait behind these */
	LIMIT_REFUSED_LOGGED = 10,		/* logged a second */
	LIMIT_ALERTS = 10000,
	LIMIT_TRACK_NAME_BYTES = 256,	  /* of a resource's id in the index of the journal */
	LIMIT_TRACK_TAIL = 20000,	  /* rows behind that index that one request of the API reads */
	LIMIT_JOURNAL_HEADER_BYTES = 256, /* of each header that the journal keeps, and of ids that are claimed */

	/* Signatures */
	LIMIT_JWKS_KEYS = 2048, /* taken of a fetched set; only those of one name are tried */
	LIMIT_JWKS_BYTES = 1 << 20,
	LIMIT_SIGNATURES = 32,	      /* signatures looked at in one request */
	LIMIT_TIMESTAMP_SKEW_S = 300, /* between a signed timestamp and now, either way */

	/* Acting: what a configuration may ask for, so that a hostile event costs no more than that (act/rule.h) */
	LIMIT_DESTINATIONS = 64,
	LIMIT_RULES = 256,
	LIMIT_RULE_FACTS = 512,		       /* questions about members of a body, over all rules and filters */
	LIMIT_RULE_DEPTH = 16,		       /* conditions inside each other */
	LIMIT_MEMBER_STEPS = 16,	       /* of one path */
	LIMIT_REDACTIONS = 64,		       /* paths of one destination */
	LIMIT_COMMAND_ARGUMENTS = 64,	       /* of one destination */
	LIMIT_COMMAND_CONCURRENCY = 32,	       /* runs of one destination at a time */
	LIMIT_DESTINATION_OUTPUT_BYTES = 2048, /* kept of what a command prints; the rest is read and dropped */

	/* Files */
	LIMIT_CONFIG_BYTES = 1 << 20,
	LIMIT_SECRET_FILE_BYTES = 64 << 10,
};

#endif
