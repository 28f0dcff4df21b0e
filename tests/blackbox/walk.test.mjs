// Walks over every operation that the server describes, so that a new one is tested without being named: what changes something
// leaves a row in the audit log (with actor, before and after), and a POST that is repeated with its idempotency key, also
// after the server was killed, is answered as the first time and makes nothing.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { caller, haveBinary, startServer } from './server.mjs';

// What leaves no row: events are a record of their own, and the rest only reads.
const NO_ROW = new Map([
	['v1.message.create', 'an event'],
	['v1.message.precheck', 'a question'],
	['v1.endpoint.send-example', 'an event'],
	['v1.endpoint.send-examples', 'events'],
]);
// What cannot be had by asking: tests of its own begin it.
const ELSEWHERE = new Map([
	['v1.endpoint.verify', 'an endpoint that has to prove itself (governance)'],
]);
const hour = 3600e3;
let serial = 0;
const meaningful = {
	url: () => 'https://example.com/in', uid: () => `made-${++serial}`, eventId: () => `made-${++serial}`, name: () => `made.${++serial}`,
	eventType: () => 'walk.type', since: () => new Date(Date.now() - hour).toISOString(), until: () => new Date().toISOString(),
	expiresAt: () => new Date(Date.now() + hour).toISOString(), secret: () => null, key: () => null, keyType: () => null,
	signatureScheme: () => 'standard', payloadStyle: () => 'raw', schedule: () => 'standard', application: () => null, tag: () => null,
	schemas: () => ({ 1: { type: 'object' } }), headers: () => ({ 'x-made': 'yes' }), oauth2: () => null, environment: () => undefined, redactions: () => ({ viewer: ['data.amount'] }),
	services: () => undefined, governance: () => undefined, authentication: () => undefined, tls: () => undefined, verification: () => undefined,
};

describe('every operation', { skip: !haveBinary }, () => {
	let server, call, description;
	before(async () => {
		server = await startServer();
		call = caller(server.base, server.token('--role', 'platform-admin'));
		description = (await call('GET', '/api/v1/openapi.json')).json;
		await call('POST', '/api/v1/event-type', { name: 'walk.type', description: '', schemas: { 1: { type: 'object', examples: [{ a: 1 }] } } });
	});
	after(() => server?.stop());

	const resolve = (schema) => (schema.$ref ? description.components.schemas[schema.$ref.split('/').pop()] : schema);
	function generate(given, name, operational) {
		const schema = resolve(given);
		if (name in meaningful) return meaningful[name]();
		if (name === 'eventTypes' || name === 'filterTypes') return [operational ? 'endpoint.disabled' : 'walk.type'];
		if (schema.enum) return schema.enum[0];
		if (schema.oneOf) return generate(schema.oneOf[0], name, operational);
		const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
		if (type === 'integer') return schema.default ?? schema.minimum ?? 1;
		if (type === 'boolean') return false;
		if (type === 'array') return [generate(schema.items, undefined, operational)];
		if (type === 'string') return 'made';
		if (type === 'null') return null;
		const value = {};
		for (const [key, member] of Object.entries(schema.properties ?? {})) value[key] = generate(member, key, operational);
		if (name === 'metadata') value.made = 'yes';
		return value;
	}

	const operations = () => Object.entries(description.paths).flatMap(([path, methods]) =>
		Object.entries(methods).filter(([method]) => method !== 'get').map(([method, operation]) => ({ path, method: method.toUpperCase(), operation, id: operation.operationId })));

	/** Something of its own for each operation to work on; what it needs beyond that is made here. */
	async function prepare({ path, id }) {
		const app = (await call('POST', '/api/v1/app', { name: 'Walk', uid: `walk-${++serial}` })).json.id;
		const home = path.includes('operational-webhook') ? '/api/v1/operational-webhook/endpoint' : `/api/v1/app/${app}/endpoint`;
		const endpoint = (await call('POST', home, { url: 'https://127.0.0.1:9/in', schedule: '1h' })).json.id;
		const message = (await call('POST', `/api/v1/app/${app}/msg`, { eventType: 'walk.type', payload: { a: 1 } })).json.id;
		const values = { app_id: app, endpoint_id: endpoint, msg_id: message, event_type_name: `walk.${++serial}` };
		if (path.includes('{event_type_name}')) await call('POST', '/api/v1/event-type', { name: values.event_type_name, description: '' });
		if (path.includes('{token_id}')) values.token_id = (await call('POST', `/api/v1/app/${app}/token`, { role: 'viewer' })).json.id;
		if (path.includes('{task_id}')) values.task_id = (await call('POST', `/api/v1/app/${app}/endpoint/${endpoint}/recover`, { since: meaningful.since() })).json.id;
		for (const late = Date.now() + 20000; path.includes('{attempt_id}') && !values.attempt_id;) {
			values.attempt_id = (await call('GET', `/api/v1/app/${app}/attempt/msg/${message}`)).json.data[0]?.id;
			assert.ok(Date.now() < late, `${id}: no attempt`);
			await new Promise((wait) => setTimeout(wait, 20));
		}
		for (const [, name] of path.matchAll(/\{(\w+)\}/g)) if (!(name in values)) return undefined;
		return { path: path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name])), values };
	}
	const bodyOf = ({ path, operation }) => {
		const schema = operation.requestBody?.content['application/json'].schema;
		return schema && generate(schema, undefined, path.includes('operational-webhook'));
	};
	const newest = async () => (await call('GET', '/api/v1/audit?limit=5')).json.data;

	test('what changes something leaves a row, with actor, before and after', async () => {
		const walked = [], skipped = [], wrong = [];
		const check = (what) => { try { what(); } catch (error) { wrong.push(error.message.slice(0, 300)); } };
		for (const one of operations()) {
			const prepared = await prepare(one);
			if (ELSEWHERE.has(one.id)) continue;
			if (!prepared) { skipped.push(one.id); continue; }
			// A token of its own: what revokes tokens or logs out must not end the walk.
			const token = server.token('--role', 'platform-admin', '--name', one.id.slice(0, 60));
			const own = caller(server.base, token);
			const earlier = (await newest())[0].seq;
			const answer = await own(one.method, prepared.path, bodyOf(one));
			const rows = (await newest()).filter((row) => row.seq > earlier && row.actor !== 'cli' && row.actor !== 'system');
			check(() => {
				assert.ok(answer.status < 300, `${one.id}: ${one.method} ${prepared.path}: ${answer.status} ${answer.text}`);
				if (NO_ROW.has(one.id)) {
					assert.deepEqual(rows, [], one.id);
					return;
				}
				// A task that has come to its end meanwhile is not changed by cancelling it.
				if (one.id === 'v1.background-task.cancel' && answer.json.status === 'finished') return;
				assert.equal(rows.length, 1, `${one.id}: ${JSON.stringify(rows)}`);
				const [row] = rows;
				assert.match(row.actor, /^tok_/, one.id);
				assert.equal(row.role, 'platform-admin', one.id);
				assert.match(row.action, /^[a-z-]+(\.[a-z-]+)+$/, one.id);
				const verb = row.action.split('.').at(-1);
				if (verb === 'create') assert.notEqual(row.after, null, one.id);
				if (['update', 'rotate'].includes(verb)) assert.ok(row.before !== null && row.after !== null, `${one.id}: ${JSON.stringify(row)}`);
				if (['delete', 'revoke'].includes(verb)) assert.notEqual(row.before, null, one.id);
			});
			walked.push(one.id);
		}
		assert.deepEqual(wrong, []);
		assert.ok(walked.length > 30, `${walked}`);
		// What the walk cannot make by itself has tests of its own; the list says which.
		assert.deepEqual(skipped.filter((id) => !/^v1\.(change|alert|break)/.test(id)), [], 'these need a fixture');
	});

	test('a POST that is repeated, also after the server was killed, makes nothing and says the same', async () => {
		const posts = [], wrong = [];
		const check = (what) => { try { what(); } catch (error) { wrong.push(error.message.slice(0, 300)); } };
		for (const one of operations().filter(({ method }) => method === 'POST')) {
			const prepared = await prepare(one);
			if (!prepared || ELSEWHERE.has(one.id) || one.id === 'v1.authentication.logout') continue;
			posts.push({ ...one, to: prepared.path, body: bodyOf(one), key: { 'idempotency-key': `walk-${one.id}` } });
		}
		assert.ok(posts.length > 15);
		const ask = ({ to, body, key }) => call('POST', to, body, key);
		for (const post of posts) {
			post.first = await ask(post);
			check(() => assert.ok(post.first.status < 300, `${post.id}: ${post.first.status} ${post.first.text}`));
		}
		// What a task has done meanwhile may show; what it is, may not change.
		const steady = (answer) => answer.json && JSON.stringify({ ...answer.json, status: undefined, updatedAt: undefined, data: undefined });
		const same = async (about) => {
			for (const post of posts) {
				const earlier = (await newest())[0].seq;
				const again = await ask(post);
				const rows = (await newest()).filter((row) => row.seq > earlier && row.actor !== 'system');
				check(() => {
					assert.equal(again.status, post.first.status, `${post.id} ${about}: ${again.text}`);
					assert.equal(steady(again), steady(post.first), `${post.id} ${about}`);
					assert.deepEqual(rows, [], `${post.id} ${about}: it made something`);
				});
			}
		};
		await same('at once');
		await server.restart();
		await same('after a kill');
		for (const post of posts.filter(({ body }) => body)) {
			const other = await call('POST', post.to, { ...post.body, unknownMember: 1 }, post.key);
			check(() => assert.ok(other.status === 422 || steady(other) === steady(post.first), `${post.id}: another body with the same key: ${other.status} ${other.text}`));
		}
		assert.deepEqual(wrong, []);
	});

	test('everything else below /api/v1 is JSON 404 in one piece', async () => {
		for (const path of ['/api/v1/nothing', '/api/v1/', '/api/v1', '/api/v1/app/x/nothing', '/api/v1/ingest/api/v1/source', '/api/v1/connector', '/api/v1/stream',
			'/api/v1/environment/export', '/api/v1/app/x/integration', '/api/v1/a/b/c/d/e/f/g/h/i/j'])
			for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
				const answer = await call(method, path);
				assert.deepEqual([answer.status, answer.json?.code], [404, 'not_found'], `${method} ${path}: ${answer.text}`);
				assert.match(answer.headers.get('content-type'), /^application\/json/);
				assert.equal(answer.headers.get('content-length'), String(Buffer.byteLength(answer.text)));
				assert.equal(answer.headers.get('transfer-encoding'), null);
			}
	});
});

test('M12: a token that is asked for again with its idempotency key is the same one, also after a kill; and none comes back', { skip: !haveBinary }, async () => {
	const server = await startServer();
	try {
		const platform = caller(server.base, server.token('--role', 'platform-admin'));
		await platform('POST', '/api/v1/app', { name: 'Bank', uid: 'bank' });
		const key = { 'idempotency-key': 'auto_one' };
		const make = () => platform('POST', '/api/v1/app/bank/token', { role: 'viewer', name: 'robot' }, key);
		const enter = () => platform('POST', '/api/v1/auth/app-portal-access/bank', {}, key);
		const [made, entered] = [await make(), await enter()];
		assert.deepEqual([made.status, entered.status], [201, 200], made.text + entered.text);
		assert.equal((await caller(server.base, made.json.token)('GET', '/api/v1/app/bank')).status, 200);
		const same = async () => {
			assert.deepEqual([(await make()).json, (await enter()).json.token], [{ ...made.json, lastUsedAt: (await make()).json.lastUsedAt }, entered.json.token]);
			assert.equal((await platform('GET', '/api/v1/app/bank/token')).json.data.length, 2, 'nothing new is made');
		};
		await same();
		await server.restart();
		await same();
		assert.equal((await platform('POST', '/api/v1/app/bank/token', { role: 'admin', name: 'robot' }, key)).status, 422, 'another body with the key');
		assert.notEqual((await platform('POST', '/api/v1/app/bank/token', { role: 'viewer', name: 'robot' }, { 'idempotency-key': 'auto_two' })).json.token, made.json.token);
		assert.equal((await platform('DELETE', `/api/v1/app/bank/token/${made.json.id}`)).status, 204);
		assert.equal((await make()).status, 404, 'what was revoked does not come back');
		assert.equal((await caller(server.base, made.json.token)('GET', '/api/v1/app/bank')).status, 401);
		// What waits for a second person is told again too.
		await platform('PUT', '/api/v1/app/bank/governance', { governed: ['roles'] });
		const ask = () => platform('POST', '/api/v1/app/bank/token', { role: 'viewer', name: 'asked' }, { 'idempotency-key': 'auto_three' });
		const asked = await ask();
		assert.equal(asked.status, 202, asked.text);
		assert.match(asked.json.token, /^vbt_/);
		assert.deepEqual((await ask()).json, asked.json);
	} finally {
		await server.stop();
	}
});
