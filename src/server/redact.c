/* Which payloads a role may read. The catalogue decides for its types, a permission for all others. */
#include "server/call.h"

#include "catalogue/catalogue.h"

static bool
may_read(enum role role, struct slice event_type)
{
	const struct catalogue_type *type = catalogue_find(event_type);
	if (type == NULL)
		type = catalogue_find_legacy(event_type);
	struct slice service = type != NULL ? type->service : SLICE_NONE;
	bool compliance =
	    type != NULL ? slice_is(service, "compliance") : slice_starts(event_type, SLICE("compliance."));
	if (compliance && !role_may(role, PERMISSION_COMPLIANCE_READ))
		return false;
	return type != NULL ? catalogue_may_read(type, slice_of(role_name(role)))
			    : role_may(role, PERMISSION_PAYLOAD_READ);
}

enum content
call_content(const struct call *call, struct slice event_type)
{
	if (!call->with_content)
		return CONTENT_LEFT_OUT;
	return may_read(call->token.role, event_type) ? CONTENT_SHOWN : CONTENT_REDACTED;
}
