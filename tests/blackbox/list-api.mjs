// Stand-ins for the APIs that records come from. They are local servers written for these tests, not the real ones, which
// cannot be reached from here: what is known of the platform's is in docs/reconciliation.md, and no more is shown by them.
import { once } from 'node:events';
import http from 'node:http';

/** A server on loopback. `answer(request)` gives {status, headers, json | text | destroy}; keeps what was asked. */
export async function api(t, answer) {
	const asked = [];
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const url = new URL(call.url, 'http://stand-in');
			const body = Buffer.concat(parts).toString();
			const entry = { method: call.method, path: url.pathname, query: url.searchParams, headers: call.headers, body, at: Date.now() };
			asked.push(entry);
			const { status = 200, headers = {}, json, text, destroy } = answer(entry, asked.length) ?? {};
			if (destroy) {
				response.writeHead(200, { 'content-length': 1000 });
				response.write('{"data":', () => call.socket.destroy());
				return;
			}
			response.writeHead(status, { 'content-type': 'application/json', ...headers });
			response.end(text ?? JSON.stringify(json ?? {}));
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { asked, url: `http://127.0.0.1:${server.address().port}` };
}

/**
 * The custody platform's GraphQL API as far as it is known: lists page by `limit` and `nextToken`, getRequest by its id,
 * statuses PENDING to ERROR, errors in an answer of 200, a balance that may be "NaN". `fault(name, count, good)` may give
 * another answer than the good one: a limit of its rate, or data with errors beside it.
 */
export async function platform(t, { requests, balances = [], token = 'secret-token', fault = () => undefined }) {
	const page = (rows, { limit, nextToken }) => {
		const from = nextToken ? Number(Buffer.from(nextToken, 'base64').toString()) : 0;
		const end = from + limit;
		return { items: rows.slice(from, end), nextToken: end < rows.length ? Buffer.from(String(end)).toString('base64') : null };
	};
	const resolve = (name, variables) => {
		if (name === 'listRequests') return { json: { data: { listRequests: page(requests, variables) } } };
		if (name === 'listBalances') return { json: { data: { listBalances: page(balances, variables) } } };
		if (name === 'getRequest') {
			return { json: { data: { getRequest: requests.find(({ requestId }) => requestId === variables.requestId) ?? null } } };
		}
		return { json: { data: null, errors: [{ message: 'Cannot query field', extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] } };
	};
	return api(t, ({ method, headers, body }, count) => {
		if (method !== 'POST' || headers.authorization !== `Bearer ${token}`) return { status: 401 };
		const { query, variables } = JSON.parse(body);
		const name = /\{\s*(\w+)\(/.exec(query)?.[1], good = resolve(name, variables);
		return fault(name, count, good) ?? good;
	});
}
