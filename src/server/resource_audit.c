/* The audit log, newest first: an organisation's, or all of it. */
#include "server/out.h"
#include "server/resources.h"

static void
finish_list(struct call *call, struct store_request *request)
{
	if (!call_succeeded(call, request))
		return;
	struct rows rows;
	size_t i;
	rows_begin(&rows, call, request);
	while (rows_next(&rows, &i)) {
		char id[ID_TEXT_BYTES];
		out_audit(&call->writer, &request->admin->audit_rows[i]);
		rows_name(&rows, slice_of(id_format(ID_AUDIT, request->admin->audit_rows[i].seq, id)));
	}
	rows_end(&rows, request);
}

void
audit_list(struct call *call)
{
	struct store_request *request = call_request(call, STORE_AUDIT_LIST);
	struct page_rules rules = {.kind = ID_AUDIT, .descending = true, .ordered = true};
	if (call_page(call, &rules, request))
		call_submit(call, request, finish_list);
}
