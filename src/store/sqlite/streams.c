/* Streams of numbers (stream.h): kept in memory, stored by the commit that changes them. */
#include "store/sqlite/private.h"

enum { STREAM_BYTES_MAX = 1 << 17 };

void
streams_load(struct sqlite_store *store)
{
	streams_free(&store->streams);
	struct error error;
	sqlite3_stmt *row = sql_get(store, SQL_STREAMS);
	while (sql_step(store, row)) {
		struct stream *stream = streams_put(&store->streams, sql_slice(row, 0));
		if (stream != NULL && stream_decode(sql_slice(row, 1), stream, &error) != OK)
			store->failed = SQLITE_CORRUPT;
	}
}

void
streams_save(struct sqlite_store *store)
{
	for (size_t i = 0; i < store->streams.count; i++) {
		struct stream *stream = store->streams.items[i];
		if (!stream->changed)
			continue;
		struct buf doc;
		buf_init(&doc, STREAM_BYTES_MAX);
		stream_encode(stream, &doc);
		sql_run(store, SQL_STREAM_PUT, "tt", slice_of(stream->key), buf_slice(&doc));
		buf_free(&doc);
		stream->changed = false;
	}
}

void
op_stream_edit(struct sqlite_store *store, struct store_request *request)
{
	store_stream_edit(&store->streams, request);
}

void
op_stream_list(struct sqlite_store *store, struct store_request *request)
{
	if (store->read_only)
		streams_load(store);
	store_stream_list(&store->streams, request);
}
