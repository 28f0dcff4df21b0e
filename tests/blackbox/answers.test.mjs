// The wire contract against the recorded answers of a running server of it, call by call, in the recorded order: status,
// code, members and their values. Members of our own may stand beside the contract's. Where our answer differs, the row
// says which of REASONS it is for; a row whose reason is no longer needed fails.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { caller, haveBinary, startServer } from './server.mjs';

const REASONS = {
	loc: 'loc names every member that is wrong as the caller wrote it, in place of snake_case, "__all__" and ""',
	type: 'a URL that cannot be used is a value_error, a key that cannot be read a value_error.jsondecode',
	retrying: 'between retries a delivery is sending, as it is in the other list',
	routes: 'what is unknown is answered with code and detail',
	built: 'what only the paid service of the contract has is built here',
};

const conflict = { code: 'conflict', detail: '…' };
const nobody = { code: 'not_found', detail: '…' };
const badQuery = { code: 'generic_error', detail: '…' };
const refused = { code: 'authentication_failed', detail: '…' };
const noAccess = { code: 'insufficient access', detail: '…' };
const fault = (...loc) => ({ detail: [{ loc, msg: '…', type: 'value_error' }] });
const unread = (...loc) => ({ detail: [{ loc, msg: '…', type: 'value_error.jsondecode' }] });
const uid = (type) => ({ detail: [{ loc: ['body', 'application', 'uid'], msg: '…', type }] });
const list = (data, first, last, done) => ({ data, iterator: last, prevIterator: `-${first}`, done });

const acme = { name: 'Acme', throttleRate: null, id: 'app_A', createdAt: 'TIME', updatedAt: 'TIME', metadata: {} };
const second = { uid: 'acme-2', name: 'Acme 2', rateLimit: 5, throttleRate: 5, id: 'app_B', createdAt: 'TIME', updatedAt: 'TIME', metadata: { k: 'v' } };
const type = (name, description, more = {}) => ({
	name, description, archived: false, deprecated: false, schemas: null, createdAt: 'TIME', updatedAt: 'TIME', featureFlag: null, ...more,
});
const schemas = { 1: { type: 'object', properties: { a: { type: 'string' } } } };
const endpoint = (id, path, more = {}) => ({
	description: '', rateLimit: null, throttleRate: null, uid: null, url: path, version: 1, disabled: false, eventTypes: null, filterTypes: null,
	channels: null, createdAt: 'TIME', updatedAt: 'TIME', id, metadata: {}, ...more,
});
const main = (more = {}) => endpoint('ep_B', 'SINK/no', { uid: 'main', ...more });
const detailed = main({ description: 'd', rateLimit: 3, throttleRate: 3, eventTypes: ['deposit.confirmed'], filterTypes: ['deposit.confirmed'],
	channels: ['eu'], metadata: { a: '1' } });
const message = (id, eventType, payload, more = {}) => ({ eventId: null, eventType, payload, channels: null, id, timestamp: 'TIME', ...more });
const first = message('msg_A', 'deposit.confirmed', { amount: '1.0' }, { eventId: 'ev-1', channels: ['eu'] });
const attempt = (id, msgId, more = {}) => ({
	url: 'SINK/ok', response: 'fine', responseStatusCode: 200, responseDurationMs: 'N', status: 0, statusText: 'success', triggerType: 0, msgId,
	endpointId: 'ep_A', id, timestamp: 'TIME', ...more,
});
const failed = attempt('atmpt_B', 'msg_A', { url: 'SINK/no', response: 'no', responseStatusCode: 500, status: 2, statusText: 'fail', endpointId: 'ep_B' });
const sent = (one, status, statusText, nextAttempt) => {
	const { metadata, ...rest } = one;
	return { ...rest, status, statusText, nextAttempt };
};

/* Each: request, body, status, answer (undefined: none), and of ours where it differs: [reason, status, answer]. */
const organisations = [
	['POST /app', { name: 'Acme' }, 201, acme],
	['POST /app', { name: 'Acme 2', uid: 'acme-2', throttleRate: 5, metadata: { k: 'v' } }, 201, second],
	['POST /app', { name: 'again', uid: 'acme-2' }, 409, conflict],
	['POST /app?get_if_exists=true', { name: 'again', uid: 'acme-2' }, 200, second],
	['POST /app', {}, 422, unread('body', '', ''), ['loc', 422, unread('body', 'name')]],
	['POST /app', { name: '' }, 422, fault('body', 'name')],
	['POST /app', { name: 5 }, 422, unread('body', 'name')],
	['POST /app', '{"name":', 422, unread('body', 'name'), ['loc', 422, unread('body')]],
	['POST /app', { name: 'x', uid: 'bad uid' }, 422, fault('body', 'uid', '__all__'), ['loc', 422, fault('body', 'uid')]],
	['POST /app', { name: 'x', uid: 'app_x' }, 422, fault('body', 'uid', '__all__'), ['loc', 422, fault('body', 'uid')]],
	['POST /app', { name: 'x', throttleRate: 0 }, 422, fault('body', 'throttle_rate'), ['loc', 422, fault('body', 'throttleRate')]],
	['GET /app/app_A', undefined, 200, acme],
	['GET /app/nobody', undefined, 404, nobody],
	['GET /app?limit=1', undefined, 200, list([acme], 'app_A', 'app_A', false)],
	['GET /app?limit=1&order=descending', undefined, 200, list([second], 'app_B', 'app_B', false)],
	['GET /app?limit=999', undefined, 422, fault('query', 'limit', 'limit'), ['loc', 422, fault('query', 'limit')]],
	['GET /app?limit=x', undefined, 400, badQuery],
	['GET /app?iterator=bad', undefined, 422, fault('query', 'iterator', '__all__'), ['loc', 422, fault('query', 'iterator')]],
	['PUT /app/acme-2', { name: 'Acme two', uid: 'acme-2' }, 200, { ...second, name: 'Acme two', rateLimit: null, throttleRate: null, metadata: {} }],
	['PATCH /app/app_A', { metadata: { a: 'b' } }, 200, { ...acme, metadata: { a: 'b' } }],
	['PATCH /app/app_A', {}, 200, { ...acme, metadata: { a: 'b' } }],
	['GET /app', undefined, 401, refused, undefined, 'nobody'],
	['GET /app', undefined, 401, refused, undefined, 'a wrong token'],
];

const types = [
	['POST /event-type', { name: 'deposit.confirmed', description: 'A deposit' }, 201, type('deposit.confirmed', 'A deposit')],
	['POST /event-type', { name: 'deposit.confirmed', description: '' }, 409, { code: 'event_type_exists', detail: '…' }],
	['POST /event-type', { name: 'deposit.seen', description: '', schemas }, 201, type('deposit.seen', '', { schemas })],
	['POST /event-type', { name: 'bad', description: '', schemas: { 1: { type: 'nonsense' } } }, 422, unread('body', 'schemas')],
	['POST /event-type', { name: 'bad name', description: '' }, 422, fault('body', 'name', '__all__'), ['loc', 422, fault('body', 'name')]],
	['POST /event-type', { name: 'x' }, 422, unread('body', '', ''), ['loc', 422, unread('body', 'description')]],
	['GET /event-type/deposit.seen', undefined, 200, type('deposit.seen', '', { schemas })],
	['PUT /event-type/deposit.seen', { description: 'Seen' }, 200, type('deposit.seen', 'Seen')],
	['PUT /event-type/made.by.put', { description: 'new' }, 201, type('made.by.put', 'new')],
	['PATCH /event-type/deposit.seen', { deprecated: true }, 200, type('deposit.seen', 'Seen', { deprecated: true })],
	['DELETE /event-type/made.by.put', undefined, 204],
	['GET /event-type/made.by.put', undefined, 200, type('made.by.put', 'new', { archived: true })],
	['DELETE /event-type/made.by.put?expunge=true', undefined, 204],
	['GET /event-type/made.by.put', undefined, 404, nobody],
];

const ok = { url: 'SINK/ok' };
const endpoints = [
	['POST /app/app_A/endpoint', ok, 201, endpoint('ep_A', 'SINK/ok')],
	['POST /app/app_A/endpoint', { url: 'SHOUT/no', uid: 'main', description: 'd', eventTypes: ['deposit.confirmed'], channels: ['eu'],
		metadata: { a: '1' }, throttleRate: 3 }, 201, { ...detailed, url: 'NAMED/no' }],
	['POST /app/app_A/endpoint', {}, 422, unread('body', '', ''), ['loc', 422, unread('body', 'url')]],
	['POST /app/app_A/endpoint', { url: 'nonsense' }, 422, unread('body', 'url'), ['type', 422, fault('body', 'url')]],
	['POST /app/app_A/endpoint', { url: 'ftp://x/' }, 422, fault('body', 'url')],
	['POST /app/app_A/endpoint', { ...ok, eventTypes: [] }, 422, fault('body', 'event_types'), ['loc', 422, fault('body', 'eventTypes')]],
	['POST /app/app_A/endpoint', { ...ok, eventTypes: ['unknown.type'] }, 422, fault('body', 'eventTypes')],
	['POST /app/app_A/endpoint', { ...ok, channels: ['bad channel'] }, 422, fault('body', 'channels', '__all__'), ['loc', 422, fault('body', 'channels')]],
	['POST /app/app_A/endpoint', { ...ok, channels: [] }, 422, fault('body', 'channels')],
	['POST /app/app_A/endpoint', { ...ok, secret: 'short' }, 422, unread('body', 'secret')],
	['POST /app/app_A/endpoint', { ...ok, secret: 'whsec_AAAA' }, 422, fault('body', 'key', '__all__'), ['type', 422, unread('body', 'secret')]],
	['POST /app/app_A/endpoint', { ...ok, version: 0 }, 422, fault('body', 'version')],
	['POST /app/app_A/endpoint', { ...ok, uid: 'main' }, 409, conflict],
	['GET /app/app_A/endpoint', undefined, 200, list([{ ...detailed, url: 'NAMED/no' }, endpoint('ep_A', 'SINK/ok')], 'ep_B', 'ep_A', true)],
	['GET /app/app_A/endpoint/main', undefined, 200, { ...detailed, url: 'NAMED/no' }],
	['PUT /app/app_A/endpoint/main', { url: 'SINK/no', uid: 'main' }, 200, main()],
	['PATCH /app/app_A/endpoint/main', { disabled: true }, 200, main({ disabled: true })],
	['PATCH /app/app_A/endpoint/main', { disabled: false, filterTypes: ['deposit.seen'] }, 200,
		main({ eventTypes: ['deposit.seen'], filterTypes: ['deposit.seen'] })],
	['PATCH /app/app_A/endpoint/main', { filterTypes: null }, 200, main()],
	['GET /app/app_A/endpoint/main/headers', undefined, 200, { headers: {}, sensitive: [] }],
	['PUT /app/app_A/endpoint/main/headers', { headers: { 'X-Custom': '1', Authorization: 'Bearer s' } }, 204],
	['GET /app/app_A/endpoint/main/headers', undefined, 200, { headers: { 'X-Custom': '1' }, sensitive: ['Authorization'] }],
	['PATCH /app/app_A/endpoint/main/headers', { headers: { 'X-Custom': null, 'X-New': '2' } }, 204],
	['GET /app/app_A/endpoint/main/headers', undefined, 200, { headers: { 'X-New': '2' }, sensitive: ['Authorization'] }],
	['PUT /app/app_A/endpoint/main/headers', { headers: { 'User-Agent': 'x' } }, 422, unread('body', 'headers')],
	['PUT /app/app_A/endpoint/main/headers', { headers: { 'bad header': 'x' } }, 422, unread('body', 'headers')],
	['GET /app/app_A/endpoint/main/secret', undefined, 200, { key: '…' }],
	['POST /app/app_A/endpoint/main/secret/rotate', {}, 204],
	['POST /app/app_A/endpoint/main/secret/rotate', { key: 'nonsense' }, 422, unread('body', 'key')],
	['POST /app/app_A/endpoint/main/secret/rotate', { gracePeriodSeconds: 999999 }, 422, fault('body', 'grace_period_seconds'),
		['loc', 422, fault('body', 'gracePeriodSeconds')]],
];

const raw = { expired: true };
const messages = [
	['POST /app/app_A/msg', { eventType: 'deposit.confirmed', payload: { amount: '1.0' }, eventId: 'ev-1', channels: ['eu'] }, 202, first],
	['POST /app/app_A/msg', { eventType: 'deposit.confirmed', payload: { amount: '1.0' }, eventId: 'ev-1' }, 409, conflict],
	['POST /app/app_A/msg?with_content=false', { eventType: 'deposit.confirmed', payload: { a: 1 } }, 202, message('msg_B', 'deposit.confirmed', {})],
	['POST /app/app_A/msg', {}, 422, unread('body', '', ''),
		['loc', 422, { detail: [...unread('body', 'eventType').detail, ...unread('body', 'payload').detail] }]],
	['POST /app/app_A/msg', { eventType: 'x', payload: 'text' }, 422, fault('body', 'payload')],
	['POST /app/app_A/msg', { eventType: 'x', payload: [1] }, 422, fault('body', 'payload')],
	['POST /app/app_A/msg', { eventType: 'x', payload: null }, 422, fault('body', 'payload')],
	['POST /app/app_A/msg', { eventType: 'bad type', payload: {} }, 422, fault('body', 'event_type', '__all__'), ['loc', 422, fault('body', 'eventType')]],
	['POST /app/app_A/msg', { eventType: 'x', payload: {}, channels: [] }, 422, fault('body', 'channels')],
	['POST /app/app_A/msg', { eventType: 'x', payload: {}, payloadRetentionPeriod: 1 }, 422, fault('body', 'payload_retention_period'),
		['loc', 422, fault('body', 'payloadRetentionPeriod')]],
	['POST /app/app_A/msg', { eventType: 'x', payload: {}, eventId: 'bad id' }, 422, fault('body', 'uid', '__all__'), ['loc', 422, fault('body', 'eventId')]],
	['POST /app/newcomer/msg', { eventType: 'x.y', payload: {}, application: { name: 'New', uid: 'newcomer' } }, 202, message('msg_C', 'x.y', {})],
	['POST /app/newcomer2/msg', { eventType: 'x.y', payload: {}, application: { name: 'New', uid: 'other' } }, 422, uid('application_uid_mismatch')],
	['POST /app/newcomer3/msg', { eventType: 'x.y', payload: {}, application: { name: 'New' } }, 422, uid('application_uid_missing')],
	['POST /app/app_A/msg', { eventType: 'x.y', payload: {}, transformationsParams: { rawPayload: 'raw' } }, 202, message('msg_D', 'x.y', raw)],
	['GET /app/app_A/msg?limit=1', undefined, 200, list([message('msg_D', 'x.y', raw)], 'msg_D', 'msg_D', false)],
	['GET /app/app_A/msg?limit=1&with_content=false', undefined, 200, list([message('msg_D', 'x.y', {})], 'msg_D', 'msg_D', false)],
	['GET /app/app_A/msg/ev-1', undefined, 200, first],
	['GET /app/app_A/msg/msg_nope', undefined, 404, nobody],
	['GET /app/app_A/msg?event_types=deposit.seen&limit=1', undefined, 200, { data: [], iterator: null, done: true }],
	['GET /app/app_A/msg?channel=eu&limit=1', undefined, 200, list([first], 'msg_A', 'msg_A', true)],
	['GET /app/app_A/msg?before=nonsense', undefined, 400, badQuery],
];

const attempts = [
	['GET /app/app_A/attempt/msg/msg_A?status=0', undefined, 200, list([attempt('atmpt_A', 'msg_A')], 'atmpt_A', 'atmpt_A', true)],
	['GET /app/app_A/attempt/msg/msg_A?status=9', undefined, 400, badQuery],
	['GET /app/app_A/attempt/msg/msg_A?status_code_class=500', undefined, 200, list([failed], 'atmpt_B', 'atmpt_B', true)],
	['GET /app/app_A/attempt/endpoint/ep_A?limit=1', undefined, 200, list([attempt('atmpt_C', 'msg_D')], 'atmpt_C', 'atmpt_C', false)],
	['GET /app/app_A/endpoint/ep_A/msg?limit=1', undefined, 200,
		list([{ ...message('msg_D', 'x.y', raw), status: 0, statusText: 'success' }], 'msg_D', 'msg_D', false)],
	['GET /app/app_A/msg/msg_A/endpoint', undefined, 200,
		list([sent(endpoint('ep_A', 'SINK/ok'), 0, 'success', null), sent(main(), 2, 'fail', 'TIME')], 'ep_A', 'ep_B', true),
		['retrying', 200, list([sent(endpoint('ep_A', 'SINK/ok'), 0, 'success', null), sent(main(), 3, 'sending', 'TIME')], 'ep_A', 'ep_B', true)]],
	['GET /app/app_A/msg/msg_A/attempt/atmpt_A', undefined, 200, attempt('atmpt_A', 'msg_A')],
	['GET /app/app_A/msg/msg_A/attempt/atmpt_nope', undefined, 404, nobody],
	['POST /app/app_A/msg/msg_A/endpoint/ep_A/resend', undefined, 202, {}],
	['POST /app/app_A/msg/msg_A/endpoint/nobody/resend', undefined, 404, nobody],
	['DELETE /app/app_A/msg/msg_A/attempt/atmpt_A/content', undefined, 204],
	['GET /app/app_A/msg/msg_A/attempt/atmpt_A', undefined, 200, attempt('atmpt_A', 'msg_A', { response: 'EXPUNGED' })],
	['DELETE /app/app_A/msg/msg_A/content', undefined, 204],
	['GET /app/app_A/msg/msg_A', undefined, 200, { ...first, payload: raw }],
	['POST /app/app_A/msg/msg_A/endpoint/ep_A/resend', undefined, 400, { code: 'missing_payload', detail: '…' }],
];

const operations = [
	['GET /app/app_A/endpoint/ep_A/stats', undefined, 200, { success: 'N', pending: 0, sending: 0, fail: 0, canceled: 0 }],
	['GET /app/app_A/endpoint/ep_A/stats?since=2020-01-01T00:00:00Z', undefined, 400, { code: 'invalid_range', detail: '…' }],
	['POST /app/app_A/endpoint/ep_A/send-example', { eventType: 'none.such' }, 404, nobody],
	['POST /app/app_A/endpoint/ep_A/recover', { since: 'HOUR' }, 202, { id: 'qtask_A', status: 'running', task: 'endpoint.recover', updatedAt: 'TIME' }],
	['POST /app/app_A/endpoint/ep_A/recover', { since: '2020-01-01T00:00:00Z' }, 422, fault('body', 'since')],
	['POST /app/app_A/endpoint/ep_A/recover', {}, 422, unread('body', '', ''), ['loc', 422, unread('body', 'since')]],
];

const rest = [
	['POST /auth/app-portal-access/app_A', {}, 200, { url: '…', token: '…' }],
	['GET /app', undefined, 403, noAccess, undefined, 'an organisation'],
	['GET /app/acme-2', undefined, 404, nobody, undefined, 'an organisation'],
	['POST /app/app_A/msg', { eventType: 'x.y', payload: {} }, 403, noAccess, undefined, 'an organisation'],
	['GET /health', undefined, 200, { database: { status: 'ok' }, queue: { status: 'ok' }, cache: { status: 'ok' } }],
	['GET /nothing', undefined, 404, undefined, ['routes', 404, nobody]],
	['POST /app/app_A', {}, 405, undefined, ['routes', 405, { code: 'method_not_allowed', detail: '…' }]],
	['GET /operational-webhook/endpoint', undefined, 404, undefined, ['built', 200, { data: [], iterator: null, done: true }]],
	['DELETE /app/app_A/endpoint/main', undefined, 204],
	['DELETE /app/app_A', undefined, 204],
	['GET /app/app_A', undefined, 404, nobody],
	['DELETE /app/app_A', undefined, 404, nobody],
];

const PATTERNS = { TIME: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/, '…': /./ };
const NAME = /^(-?)((?:app|ep|msg|atmpt|qtask)_[A-Z])$/;

describe('recorded answers', { skip: !haveBinary }, () => {
	let server, sink, port, callers, names;

	/** What stands for a value here, with what it stands for. */
	const real = (text) => text.replace('SINK', `http://127.0.0.1:${port}`).replace('SHOUT', `HTTP://LOCALHOST:${port}`)
		.replace('NAMED', `http://localhost:${port}`).replace('HOUR', new Date(Date.now() - 3600000).toISOString())
		.replace(/\b(app|ep|msg|atmpt|qtask)_[A-Z]\b/g, (name) => names.get(name) ?? name);

	/** Where `got` is not what was recorded; an empty list when it is. */
	function differences(want, got, at = '') {
		if (want === 'N') return Number.isInteger(got) && got >= 0 ? [] : [`${at}: ${got} is no number`];
		if (typeof want === 'string') {
			const name = NAME.exec(want);
			if (name && !names.has(name[2]) && typeof got === 'string' && got.replace(/^-/, '').startsWith(name[2].slice(0, -1)))
				names.set(name[2], got.replace(/^-/, ''));
			const good = PATTERNS[want] ? typeof got === 'string' && PATTERNS[want].test(got) : got === real(want);
			return good ? [] : [`${at}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`];
		}
		if (Array.isArray(want)) {
			if (!Array.isArray(got) || got.length !== want.length) return [`${at}: ${JSON.stringify(got)} has not ${want.length} items`];
			return want.flatMap((item, i) => differences(item, got[i], `${at}[${i}]`));
		}
		if (want !== null && typeof want === 'object') {
			if (got === null || typeof got !== 'object') return [`${at}: ${JSON.stringify(got)} is no object`];
			return Object.entries(want).flatMap(([key, value]) => differences(value, got[key], `${at}.${key}`));
		}
		return want === got ? [] : [`${at}: ${JSON.stringify(got)}, not ${JSON.stringify(want)}`];
	}

	function compare(answer, status, want) {
		const found = answer.status === status ? [] : [`status ${answer.status}, not ${status}`];
		if (want === undefined) return answer.text === '' ? found : [...found, `a body: ${answer.text}`];
		return [...found, ...differences(want, answer.json)];
	}

	async function walk(rows) {
		for (const [request, body, status, want, ours, who = 'the platform'] of rows) {
			const [method, path] = request.split(' ');
			const text = body === undefined ? undefined : real(typeof body === 'string' ? body : JSON.stringify(body));
			const answer = await callers[who](method, real(path), text);
			const theirs = compare(answer, status, want);
			const row = `${request} ${text ?? ''} as ${who}: ${answer.status} ${answer.text}`;
			if (ours === undefined) {
				assert.deepEqual(theirs, [], row);
				continue;
			}
			const [reason, ourStatus, ourAnswer] = ours;
			assert.ok(REASONS[reason], `a reason for ${row}`);
			assert.deepEqual(compare(answer, ourStatus, ourAnswer), [], row);
			assert.notDeepEqual(theirs, [], `${row}: is what was recorded, so its reason can go`);
		}
	}

	before(async () => {
		sink = http.createServer((request, response) => {
			request.resume().on('end', () => {
				const good = request.url === '/ok';
				response.writeHead(good ? 200 : 500).end(good ? 'fine' : 'no');
			});
		});
		await new Promise((resolve) => sink.listen(0, '127.0.0.1', resolve));
		port = sink.address().port;
		names = new Map();
		server = await startServer({ VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' });
		const base = `${server.base}/api/v1`;
		callers = {
			'the platform': caller(base, server.token('--role', 'platform-admin')),
			nobody: caller(base),
			'a wrong token': caller(base, 'vbt_wrong'),
		};
	});
	after(async () => {
		await server.stop();
		sink.close();
		sink.closeAllConnections();
	});

	/** The attempt that the recording knows by `name`, once it is there. */
	async function nameAttempt(name, path) {
		for (;;) {
			const { json, text } = await callers['the platform']('GET', real(path));
			assert.ok(json.data, text);
			if (json.data.length > 0) {
				names.set(name, json.data[0].id);
				return;
			}
		}
	}

	test('organisations', () => walk(organisations));
	test('event types', async () => {
		await walk(types);
		const page = await callers['the platform']('GET', '/event-type?with_content=true');
		assert.equal(page.status, 200);
		assert.deepEqual(Object.keys(page.json).sort(), ['data', 'done', 'iterator', 'prevIterator']);
	});
	test('endpoints', () => walk(endpoints));
	test('messages', () => walk(messages));
	test('attempts', async () => {
		await nameAttempt('atmpt_A', '/app/app_A/attempt/msg/msg_A?endpoint_id=ep_A');
		await nameAttempt('atmpt_B', '/app/app_A/attempt/msg/msg_A?endpoint_id=ep_B');
		await nameAttempt('atmpt_C', '/app/app_A/attempt/msg/msg_D?endpoint_id=ep_A');
		await walk(attempts);
	});
	test('operations of endpoints', () => walk(operations));
	test('access, health and what is unknown', async () => {
		const access = await callers['the platform']('POST', real('/auth/app-portal-access/app_A'), {});
		callers['an organisation'] = caller(`${server.base}/api/v1`, access.json.token);
		await walk(rest);
	});
});
