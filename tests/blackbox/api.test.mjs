// The wire contract, call by call: statuses and the shapes of answers as an existing server of this contract gives
// them, and what this one does better.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { caller, haveBinary, raw, startServer } from './server.mjs';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const ORGANISATION = ['createdAt', 'environment', 'id', 'metadata', 'name', 'payloadRetentionPeriod', 'productionId', 'rateLimit', 'redactions', 'sandboxId',
	'services', 'throttleRate', 'uid', 'updatedAt'];
const ENDPOINT = ['channels', 'createdAt', 'description', 'disabled', 'eventTypes', 'filterTypes', 'heartbeatSeconds', 'id', 'keyScope', 'keyType',
	'metadata', 'ordering', 'owners', 'ownersMissing', 'payloadStyle', 'rateLimit', 'schedule', 'signatureScheme', 'state', 'throttleRate', 'uid', 'updatedAt',
	'url', 'verification', 'version'];
const EVENT_TYPE = ['archived', 'createdAt', 'deprecated', 'description', 'featureFlag', 'name', 'schemas', 'updatedAt'];
const MESSAGE = ['channels', 'eventId', 'eventType', 'id', 'payload', 'timestamp'];
const LIST = ['data', 'done', 'iterator', 'prevIterator'];

const members = (object) => Object.keys(object).sort();

function assertFaults(answer, ...locs) {
	assert.equal(answer.status, 422, answer.text);
	assert.deepEqual(members(answer.json), ['detail']);
	for (const item of answer.json.detail) {
		assert.deepEqual(members(item), ['loc', 'msg', 'type']);
		assert.ok(item.msg.length > 0);
	}
	assert.deepEqual(answer.json.detail.map((item) => item.loc.join('.')), locs);
}

function assertProblem(answer, status, code) {
	assert.equal(answer.status, status, answer.text);
	assert.deepEqual(members(answer.json), ['code', 'detail']);
	assert.equal(answer.json.code, code);
	assert.ok(answer.json.detail.length > 0);
}

describe('api', { skip: !haveBinary }, () => {
	let server, call, anyone;
	before(async () => {
		server = await startServer();
		call = caller(`${server.base}/api/v1`, server.token('--role', 'platform-admin'));
		anyone = caller(server.base);
	});
	after(async () => {
		const { code } = await server.stop();
		assert.equal(code, 0);
	});

	test('organisations', async () => {
		const acme = await call('POST', '/app', { name: 'Acme' });
		assert.equal(acme.status, 201);
		assert.deepEqual(members(acme.json), ORGANISATION);
		assert.match(acme.json.id, /^app_[A-Za-z0-9]{27}$/);
		assert.match(acme.json.createdAt, TIME);
		assert.equal(acme.json.uid, null);
		const second = { name: 'Acme 2', uid: 'acme-2', throttleRate: 5, metadata: { k: 'v' } };
		const made = await call('POST', '/app', second);
		assert.equal(made.status, 201);
		assert.equal(made.json.rateLimit, 5);
		assert.deepEqual(made.json.metadata, { k: 'v' });
		assertProblem(await call('POST', '/app', { name: 'again', uid: 'acme-2' }), 409, 'conflict');
		const existing = await call('POST', '/app?get_if_exists=true', { name: 'again', uid: 'acme-2' });
		assert.equal(existing.status, 200);
		assert.equal(existing.json.name, 'Acme 2');
		assertFaults(await call('POST', '/app', {}), 'body.name');
		assertFaults(await call('POST', '/app', { name: '' }), 'body.name');
		assertFaults(await call('POST', '/app', { name: 5 }), 'body.name');
		assertFaults(await call('POST', '/app', '{"name":'), 'body');
		assertFaults(await call('POST', '/app', '{"name":"x"}x'), 'body');
		assertFaults(await call('POST', '/app', '[]'), 'body');
		assertFaults(await call('POST', '/app', { name: 'x', uid: 'bad uid' }), 'body.uid');
		assertFaults(await call('POST', '/app', { name: 'x', uid: 'app_x', throttleRate: 0 }), 'body.uid', 'body.throttleRate');
		const got = await call('GET', `/app/${acme.json.id}`);
		assert.equal(got.status, 200);
		assert.deepEqual(got.json, acme.json);
		assert.deepEqual((await call('GET', `/org/${acme.json.id}/`)).json, acme.json);
		assertProblem(await call('GET', '/app/nobody'), 404, 'not_found');
		const replaced = await call('PUT', '/app/acme-2', { name: 'Acme two', uid: 'acme-2' });
		assert.equal(replaced.status, 200);
		assert.equal(replaced.json.throttleRate, null);
		assert.deepEqual(replaced.json.metadata, {});
		const put = await call('PUT', '/app/made-by-put', { name: 'New', uid: 'made-by-put' });
		assert.equal(put.status, 201);
		const patched = await call('PATCH', `/app/${acme.json.id}`, { metadata: { a: 'b' } });
		assert.deepEqual(patched.json.metadata, { a: 'b' });
		assert.equal(patched.json.name, 'Acme');
		assert.deepEqual((await call('PATCH', `/app/${acme.json.id}`, {})).json.metadata, { a: 'b' });
		assert.equal((await call('DELETE', '/app/made-by-put')).status, 204);
		assertProblem(await call('GET', '/app/made-by-put'), 404, 'not_found');
		assertProblem(await call('DELETE', '/app/made-by-put'), 404, 'not_found');
	});

	test('pages', async () => {
		const all = (await call('GET', '/app')).json;
		assert.deepEqual(members(all), LIST);
		assert.equal(all.done, true);
		assert.ok(all.data.length >= 2);
		const ids = all.data.map((row) => row.id);
		assert.deepEqual(ids, [...ids].sort());
		const first = (await call('GET', '/app?limit=1')).json;
		assert.deepEqual([first.iterator, first.prevIterator, first.done], [ids[0], `-${ids[0]}`, false]);
		const next = (await call('GET', `/app?limit=1&iterator=${first.iterator}`)).json;
		assert.equal(next.data[0].id, ids[1]);
		const back = (await call('GET', `/app?limit=1&iterator=${next.prevIterator}`)).json;
		assert.equal(back.data[0].id, ids[0]);
		const last = (await call('GET', '/app?limit=1&order=descending')).json;
		assert.equal(last.data[0].id, ids.at(-1));
		assert.deepEqual((await call('GET', '/app/acme-2/msg')).json, { data: [], iterator: null, prevIterator: null, done: true });
		assertFaults(await call('GET', '/app?limit=999'), 'query.limit');
		assertFaults(await call('GET', '/app?limit=0'), 'query.limit');
		assertFaults(await call('GET', '/app?iterator=bad'), 'query.iterator');
		assertProblem(await call('GET', '/app?limit=x'), 400, 'generic_error');
		assertProblem(await call('GET', '/app?order=sideways'), 400, 'generic_error');
		assertProblem(await call('GET', '/app?limit=%zz'), 400, 'generic_error');
	});

	test('event types', async () => {
		const made = await call('POST', '/event-type', { name: 'deposit.confirmed', description: 'A deposit' });
		assert.equal(made.status, 201);
		assert.deepEqual(members(made.json), EVENT_TYPE);
		assert.equal(made.json.schemas, null);
		assertProblem(await call('POST', '/event-type', { name: 'deposit.confirmed', description: '' }), 409, 'event_type_exists');
		const schemas = { 1: { type: 'object', properties: { a: { type: 'string' } } } };
		const seen = await call('POST', '/event-type', { name: 'deposit.seen', description: '', schemas });
		assert.equal(seen.status, 201);
		assert.deepEqual(seen.json.schemas, schemas);
		assertFaults(await call('POST', '/event-type', { name: 'bad', description: '', schemas: { 1: { type: 'nonsense' } } }), 'body.schemas');
		assertFaults(await call('POST', '/event-type', { name: 'bad name', description: '' }), 'body.name');
		assertFaults(await call('POST', '/event-type', { name: 'x' }), 'body.description');
		const list = (await call('GET', '/event-type?with_content=true')).json;
		assert.deepEqual(list.data.map((type) => type.name), ['deposit.confirmed', 'deposit.seen']);
		assert.equal(list.prevIterator, '-deposit.confirmed');
		assert.deepEqual(list.data[1].schemas, schemas);
		assert.equal((await call('GET', '/event-type')).json.data[1].schemas, null);
		assert.deepEqual((await call('GET', '/event-type/deposit.seen')).json, seen.json);
		const put = await call('PUT', '/event-type/deposit.seen', { description: 'Seen' });
		assert.deepEqual([put.status, put.json.schemas], [200, null]);
		assert.equal((await call('PUT', '/event-type/made.by.put', { description: 'new' })).status, 201);
		const patched = await call('PATCH', '/event-type/deposit.seen', { deprecated: true });
		assert.deepEqual([patched.json.deprecated, patched.json.description], [true, 'Seen']);
		assert.equal((await call('DELETE', '/event-type/made.by.put')).status, 204);
		assert.equal((await call('GET', '/event-type/made.by.put')).json.archived, true);
		assert.equal((await call('DELETE', '/event-type/made.by.put?expunge=true')).status, 204);
		assertProblem(await call('GET', '/event-type/made.by.put'), 404, 'not_found');
	});

	test('endpoints', async () => {
		const path = '/app/acme-2/endpoint', url = 'http://127.0.0.1:9/ok';
		const plain = await call('POST', path, { url });
		assert.equal(plain.status, 201, plain.text);
		assert.deepEqual(members(plain.json), ENDPOINT);
		assert.match(plain.json.id, /^ep_[A-Za-z0-9]{27}$/);
		assert.deepEqual([plain.json.state, plain.json.payloadStyle, plain.json.signatureScheme, plain.json.keyType],
			['active', 'raw', 'standard', 'hmac']);
		const full = await call('POST', path, { url: 'HTTP://LOCALHOST:9556/no', uid: 'main', description: 'd',
			eventTypes: ['deposit.confirmed'], channels: ['eu'], metadata: { a: '1' }, throttleRate: 3 });
		assert.equal(full.status, 201, full.text);
		assert.equal(full.json.url, 'http://localhost:9556/no');
		assert.deepEqual(full.json.filterTypes, ['deposit.confirmed']);
		assert.equal((await call('POST', path, { url: 'https://Example.COM:443' })).json.url, 'https://example.com/');
		assertFaults(await call('POST', path, {}), 'body.url');
		for (const bad of ['nonsense', 'ftp://x/', 'http://user:secret@x/', 'http:///x', 'http://x:99999/', 'http://a b/'])
			assertFaults(await call('POST', path, { url: bad }), 'body.url');
		assertFaults(await call('POST', path, { url, eventTypes: [] }), 'body.eventTypes');
		assertFaults(await call('POST', path, { url, eventTypes: ['unknown.type'] }), 'body.eventTypes');
		assertFaults(await call('POST', path, { url, channels: ['bad channel'] }), 'body.channels');
		assertFaults(await call('POST', path, { url, channels: [] }), 'body.channels');
		assertFaults(await call('POST', path, { url, secret: 'short' }), 'body.secret');
		assertFaults(await call('POST', path, { url, secret: 'whsec_AAAA' }), 'body.secret');
		assertFaults(await call('POST', path, { url, version: 0 }), 'body.version');
		assertFaults(await call('POST', path, { url, schedule: 'sometimes' }), 'body.schedule');
		assertFaults(await call('POST', path, { url, keyType: 'ecdsa-p256', signatureScheme: 'standard' }), 'body.keyType');
		assertProblem(await call('POST', path, { url, uid: 'main' }), 409, 'conflict');
		const list = (await call('GET', path)).json;
		assert.deepEqual(list.data.slice(-2).map((row) => row.id), [full.json.id, plain.json.id]);
		assert.deepEqual((await call('GET', `${path}/main`)).json, full.json);
		const put = await call('PUT', `${path}/main`, { url, uid: 'main' });
		assert.deepEqual([put.status, put.json.description, put.json.eventTypes, put.json.channels], [200, '', null, null]);
		assert.equal((await call('PUT', `${path}/another`, { url, uid: 'another' })).status, 201);
		assert.equal((await call('DELETE', `${path}/another`)).status, 204);
		const off = (await call('PATCH', `${path}/main`, { disabled: true })).json;
		assert.deepEqual([off.disabled, off.state], [true, 'disabled']);
		const on = (await call('PATCH', `${path}/main`, { disabled: false, filterTypes: ['deposit.seen'] })).json;
		assert.deepEqual([on.disabled, on.state, on.eventTypes], [false, 'active', ['deposit.seen']]);
		assert.equal((await call('PATCH', `${path}/main`, { filterTypes: null })).json.eventTypes, null);
	});

	test('custom headers', async () => {
		const path = '/app/acme-2/endpoint/main/headers';
		assert.deepEqual((await call('GET', path)).json, { headers: {}, sensitive: [] });
		assert.equal((await call('PUT', path, { headers: { 'X-Custom': '1', Authorization: 'Bearer s' } })).status, 204);
		assert.deepEqual((await call('GET', path)).json, { headers: { 'X-Custom': '1' }, sensitive: ['Authorization'] });
		assert.equal((await call('PATCH', path, { headers: { 'x-custom': null, 'X-New': '2' } })).status, 204);
		assert.deepEqual((await call('GET', path)).json, { headers: { 'X-New': '2' }, sensitive: ['Authorization'] });
		for (const name of ['User-Agent', 'bad header', 'webhook-signature', 'Content-Length', 'X-Amz-Date'])
			assertFaults(await call('PUT', path, { headers: { [name]: 'x' } }), 'body.headers');
		assertFaults(await call('PUT', path, { headers: { 'X-Split': 'a\r\nb: c' } }), 'body.headers');
	});

	test('secrets', async () => {
		const path = '/app/acme-2/endpoint/main/secret';
		const first = (await call('GET', path)).json.key;
		assert.match(first, /^whsec_/);
		assert.equal((await call('POST', `${path}/rotate`, {})).status, 204);
		assert.equal((await call('POST', `${path}/rotate`)).status, 204);
		assert.notEqual((await call('GET', path)).json.key, first);
		assertFaults(await call('POST', `${path}/rotate`, { key: 'nonsense' }), 'body.key');
		assertFaults(await call('POST', `${path}/rotate`, { gracePeriodSeconds: 999999 }), 'body.gracePeriodSeconds');
		const given = 'whsec_' + Buffer.alloc(32, 7).toString('base64');
		assert.equal((await call('POST', `${path}/rotate`, { key: given })).status, 204);
		assert.deepEqual((await call('GET', path)).json, { key: given });
		for (let i = 0; i < 7; i++)
			assert.equal((await call('POST', `${path}/rotate`, {})).status, 204);
		assertProblem(await call('POST', `${path}/rotate`, {}), 400, 'limit_reached');
	});

	test('public keys', async () => {
		const path = '/app/acme-2/endpoint', url = 'https://example.com/';
		const keys = async () => (await anyone('GET', '/.well-known/jwks.json')).json.keys;
		assert.deepEqual(await keys(), []);
		const ecdsa = await call('POST', path, { url, keyType: 'ecdsa-p256', uid: 'ecdsa' });
		assert.deepEqual([ecdsa.status, ecdsa.json.signatureScheme], [201, 'rfc9421']);
		assert.equal((await call('POST', path, { url, keyType: 'ed25519', uid: 'ed' })).status, 201);
		assert.match((await call('GET', `${path}/ed/secret`)).json.key, /^whpk_/);
		assert.deepEqual((await keys()).map((key) => key.kty).sort(), ['EC', 'OKP']);
		for (const key of await keys()) assert.equal(key.d, undefined);
		assert.equal((await call('POST', path, { url, payloadStyle: 'legacy', secret: 's3cret' })).json.signatureScheme, 'legacy');
		assertFaults(await call('PATCH', `${path}/ecdsa`, { signatureScheme: 'standard' }), 'body.signatureScheme');
		assert.equal((await call('DELETE', `${path}/ecdsa`)).status, 204);
		assert.equal((await call('DELETE', `${path}/ed`)).status, 204);
		assert.deepEqual(await keys(), []);
	});

	test('messages', async () => {
		const path = '/app/acme-2/msg';
		const body = '{"eventType":"deposit.confirmed","payload": {"z":1e2, "amount":"1.0"} ,"eventId":"ev-1","channels":["eu"]}';
		const posted = await call('POST', path, body);
		assert.equal(posted.status, 202, posted.text);
		assert.deepEqual(members(posted.json), MESSAGE);
		assert.ok(posted.text.includes('{"z":1e2, "amount":"1.0"}'), 'the posted bytes are repeated');
		assertProblem(await call('POST', path, body), 409, 'conflict');
		const bare = await call('POST', `${path}?with_content=false`, { eventType: 'deposit.confirmed', payload: { a: 1 } });
		assert.deepEqual([bare.status, bare.json.payload, bare.json.eventId, bare.json.channels], [202, {}, null, null]);
		assertFaults(await call('POST', path, {}), 'body.eventType', 'body.payload');
		for (const payload of ['text', [1], null])
			assertFaults(await call('POST', path, { eventType: 'x', payload }), 'body.payload');
		assertFaults(await call('POST', path, { eventType: 'bad type', payload: {} }), 'body.eventType');
		assertFaults(await call('POST', path, { eventType: 'x', payload: {}, channels: [] }), 'body.channels');
		assertFaults(await call('POST', path, { eventType: 'x', payload: {}, payloadRetentionPeriod: 1 }), 'body.payloadRetentionPeriod');
		assertFaults(await call('POST', path, { eventType: 'x', payload: {}, eventId: 'bad id' }), 'body.eventId');
		const inline = (name, application) => call('POST', `/app/${name}/msg`, { eventType: 'x.y', payload: {}, application });
		assertProblem(await inline('newcomer'), 404, 'not_found');
		assert.equal((await inline('newcomer', { name: 'New', uid: 'newcomer' })).status, 202);
		const mismatch = await inline('newcomer2', { name: 'New', uid: 'other' });
		assertFaults(mismatch, 'body.application.uid');
		assert.equal(mismatch.json.detail[0].type, 'application_uid_mismatch');
		assert.equal((await inline('newcomer3', { name: 'New' })).json.detail[0].type, 'application_uid_missing');
		const raw = await call('POST', path, { eventType: 'x.y', payload: {}, transformationsParams: { rawPayload: 'raw' } });
		assert.deepEqual([raw.status, raw.json.payload], [202, { expired: true }]);
		const latest = (await call('GET', `${path}?limit=1`)).json;
		assert.deepEqual([latest.data[0].id, latest.done], [raw.json.id, false]);
		assert.deepEqual((await call('GET', `${path}?limit=1&with_content=false`)).json.data[0].payload, {});
		assert.equal((await call('GET', `${path}/ev-1`)).json.id, posted.json.id);
		assert.equal((await call('GET', `${path}/${posted.json.id}`)).text, posted.text);
		assertProblem(await call('GET', `${path}/msg_nope`), 404, 'not_found');
		assert.deepEqual((await call('GET', `${path}?event_types=deposit.seen&limit=1`)).json.data, []);
		for (const query of ['event_types=x.y%2Cx.z', 'event_types[]=x.y&event_types[]=x.z', 'event_types[0]=x.y'])
			assert.deepEqual((await call('GET', `${path}?${query}`)).json.data.map((row) => row.id), [raw.json.id]);
		assert.deepEqual((await call('GET', `${path}?channel=eu`)).json.data.map((row) => row.eventId), ['ev-1']);
		assert.equal((await call('GET', `${path}?before=2020-01-01T00:00:00Z`)).json.data.length, 0);
		assert.equal((await call('GET', `${path}?after=2020-01-01T00:00:00Z`)).json.data.length, 3);
		assertProblem(await call('GET', `${path}?before=nonsense`), 400, 'generic_error');
	});

	test('deliveries and attempts', async () => {
		const path = '/app/acme-2';
		const row = (await call('GET', `${path}/msg/ev-1/endpoint`)).json.data.at(-1);
		assert.ok(['success', 'sending', 'fail'].includes(row.statusText));
		const endpoint = row.id;
		const messages = await call('GET', `${path}/endpoint/${endpoint}/msg`);
		assert.equal(messages.status, 200);
		for (const message of messages.json.data)
			assert.deepEqual(members(message), [...MESSAGE, 'nextAttempt', 'status', 'statusText'].sort());
		for (const list of [`${path}/attempt/msg/ev-1`, `${path}/attempt/endpoint/${endpoint}`, `${path}/attempt/msg/ev-1?status=0&status_code_class=500`])
			assert.deepEqual(members((await call('GET', list)).json), LIST);
		assert.deepEqual((await call('GET', `${path}/attempt/msg/ev-1?status=1`)).json.data, []);
		assertProblem(await call('GET', `${path}/attempt/msg/ev-1?status=9`), 400, 'generic_error');
		assertProblem(await call('GET', `${path}/attempt/msg/nope`), 404, 'not_found');
		assertProblem(await call('GET', `${path}/msg/ev-1/attempt/atmpt_nope`), 404, 'not_found');
		const resent = await call('POST', `${path}/msg/ev-1/endpoint/${endpoint}/resend`);
		assert.deepEqual([resent.status, resent.json], [202, {}]);
		assertProblem(await call('POST', `${path}/msg/ev-1/endpoint/nobody/resend`), 404, 'not_found');
	});

	test('idempotency', async () => {
		const path = '/app/acme-2/msg', body = { eventType: 'x.y', payload: { n: 1 } };
		const key = { 'idempotency-key': 'once' };
		const first = await call('POST', path, body, key);
		const again = await call('POST', path, body, key);
		assert.equal(first.status, 202);
		assert.deepEqual([again.status, again.text], [202, first.text]);
		assertFaults(await call('POST', path, { ...body, payload: {} }, key), 'header.idempotency-key');
		assert.notEqual((await call('POST', '/app/newcomer/msg', body, key)).json.id, first.json.id);
		const endpoint = { url: 'https://example.com/' };
		const made = await call('POST', '/app/acme-2/endpoint', endpoint, key);
		assert.equal((await call('POST', '/app/acme-2/endpoint', endpoint, key)).json.id, made.json.id);
		const organisation = { name: 'Once', uid: 'once' };
		assert.equal((await call('POST', '/app', organisation, key)).status, 201);
		assert.equal((await call('POST', '/app', organisation, key)).status, 201);
		assertFaults(await call('POST', path, body, { 'idempotency-key': 'k'.repeat(257) }), 'header.idempotency-key');
	});

	test('tokens and roles', async () => {
		const root = `${server.base}/api/v1`;
		assertProblem(await caller(root)('GET', '/app'), 401, 'authentication_failed');
		assertProblem(await caller(root, 'wrong')('GET', '/app'), 401, 'authentication_failed');
		const own = (await call('GET', '/app/acme-2')).json.id;
		const admin = caller(root, server.token('--role', 'admin', '--organisation', own));
		const viewer = caller(root, server.token('--role', 'viewer', '--organisation', own));
		for (const one of [admin, viewer]) {
			assertProblem(await one('GET', '/app'), 403, 'insufficient access');
			assert.equal((await one('GET', '/app/acme-2')).status, 200);
			assert.equal((await one('GET', `/app/${own}/endpoint`)).status, 200);
			assertProblem(await one('GET', '/app/newcomer'), 404, 'not_found');
			assertProblem(await one('GET', '/app/nobody'), 404, 'not_found');
			assertProblem(await one('POST', '/app/acme-2/msg', { eventType: 'x.y', payload: {} }), 403, 'insufficient access');
			assert.equal((await one('GET', '/event-type')).status, 200);
		}
		assert.equal((await admin('PATCH', '/app/acme-2/endpoint/main', { description: 'mine' })).status, 200);
		assertProblem(await viewer('PATCH', '/app/acme-2/endpoint/main', { description: 'mine' }), 403, 'insufficient access');
		assertProblem(await viewer('GET', '/app/acme-2/endpoint/main/secret'), 403, 'insufficient access');
	});

	test('health, unknown paths, methods, browsers', async () => {
		const health = await anyone('GET', '/api/v1/health');
		assert.deepEqual([health.status, health.json],
			[200, { database: { status: 'ok' }, queue: { status: 'ok' }, cache: { status: 'ok' } }]);
		assert.equal((await anyone('HEAD', '/api/v1/health')).status, 200);
		assert.equal((await anyone('GET', '/api/v1/health/ping/')).status, 204);
		assert.equal((await anyone('GET', '//api/v1/health')).status, 200);
		assertProblem(await call('GET', '/nothing'), 404, 'not_found');
		assertProblem(await call('GET', '/streaming/stream'), 404, 'not_found');
		const wrong = await call('POST', '/app/acme-2', {});
		assertProblem(wrong, 405, 'method_not_allowed');
		assert.match(wrong.headers.get('allow'), /PATCH/);
		assert.equal(health.headers.get('access-control-allow-origin'), '*');
		const asked = await anyone('OPTIONS', '/api/v1/app', undefined, { 'access-control-request-headers': 'authorization' });
		assert.deepEqual([asked.status, asked.headers.get('access-control-allow-headers')], [204, 'authorization']);
		const odd = await call('PUT', '/app/acme-2/endpoint/a%2Fb', { url: 'https://example.com/' });
		assert.equal(odd.status, 201, 'a parameter is decoded after the path is split');
	});

	test('framing', async () => {
		const head = 'POST /api/v1/app HTTP/1.1\r\nhost: x\r\n';
		const refused = async (text, status) => {
			const answer = await raw(server.port, text);
			assert.equal(answer.status, status, answer.answer);
			assert.ok(answer.closed, 'the connection is closed');
			assert.match(answer.answer, /\{"code":"[a-z_]+","detail":"[^"]+"\}$/);
		};
		await refused(`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}x`, 400);
		await refused(`${head}content-length: 2\r\ncontent-length: 2\r\n\r\n{}`, 400);
		await refused(`${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400);
		await refused(`${head}transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n`, 400);
		await refused(`${head}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 400);
		await refused(`${head}content-length: ${(1 << 20) + 1}\r\n\r\n`, 413);
		const chunk = `${(1 << 16).toString(16)}\r\n${'x'.repeat(1 << 16)}\r\n`;
		await refused(`${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(17)}`, 413);
		const large = await call('POST', '/app', `{"name":"${'x'.repeat(2 << 20)}"}`);
		assertProblem(large, 413, 'payload_too_large');
		const fits = await call('POST', '/app/acme-2/msg', { eventType: 'x.y', payload: { a: 'x'.repeat((1 << 20) - 100) } });
		assert.equal(fits.status, 202);
		const slow = await raw(server.port, `${head}content-length: 20\r\n\r\n{"name"`, 300);
		assert.equal(slow.answer, '', 'a body that has not come is waited for');
		const chunked = await raw(server.port, `${head}connection: close\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`);
		assert.equal(chunked.status, 401);
		const two = await raw(server.port, 'GET /api/v1/health/ping HTTP/1.1\r\nhost: x\r\n\r\nGET /api/v1/health/ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
		assert.equal(two.answer.match(/HTTP\/1\.1 204/g).length, 2);
	});
});

describe('api with a strict catalogue', { skip: !haveBinary }, () => {
	let server, call;
	before(async () => {
		server = await startServer({ VAULTBELL_CATALOGUE_STRICT: 'true', VAULTBELL_DELIVERY_ALLOW_HTTP: 'false' });
		call = caller(`${server.base}/api/v1`, server.token('--role', 'platform-admin'));
	});
	after(() => server.stop());

	test('types that nobody knows are refused', async () => {
		assert.equal((await call('POST', '/app', { name: 'A', uid: 'a' })).status, 201);
		const post = (eventType) => call('POST', '/app/a/msg', { eventType, payload: {} });
		assertFaults(await post('my.own'), 'body.eventType');
		assert.equal((await post('transaction.deposit.detected')).status, 202);
		assert.equal((await call('POST', '/event-type', { name: 'my.own', description: '' })).status, 201);
		assert.equal((await post('my.own')).status, 202);
		assertFaults(await call('POST', '/app/a/endpoint', { url: 'http://example.com/' }), 'body.url');
	});
});

describe('api that is stopped', { skip: !haveBinary }, () => {
	test('while requests are on their way', async () => {
		const server = await startServer();
		const token = server.token('--role', 'platform-admin');
		const call = caller(`${server.base}/api/v1`, token);
		await call('POST', '/app', { name: 'A', uid: 'a' });
		const body = '{"eventType":"a.b","payload":{}}';
		const one = `POST /api/v1/app/a/msg HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n`
			+ `content-length: ${body.length}\r\n\r\n${body}`;
		const clients = Array.from({ length: 64 }, () => raw(server.port, one.repeat(50)));
		assert.equal((await call('GET', '/health')).status, 200);
		clients.push(...Array.from({ length: 64 }, () => raw(server.port, one.repeat(50))));
		const { code, errors } = await server.stop();
		assert.equal(code, 0, errors);
		for (const { answer } of await Promise.all(clients))
			for (const status of answer.match(/HTTP\/1\.1 \d+/g) ?? [])
				assert.match(status, /202|503/);
	});
});
