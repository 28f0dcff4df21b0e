// Delivery to receivers that fail: what is tried again, announced, suspended, told; back-pressure; replay. The real
// binary and real sockets.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statfsSync } from 'node:fs';
import http from 'node:http';
import { run, scratch, start, stop } from './program.mjs';
import { caller } from './server.mjs';
import { standardHeaders } from './signing.mjs';

const limitMs = 30000;

async function until(ask, good = Boolean) {
	for (const end = Date.now() + limitMs; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		await new Promise(setImmediate);
		assert.ok(Date.now() < end, `it did not come to be: ${JSON.stringify(answer?.json ?? answer)}`);
	}
}

/** A receiver whose answers `answer(entry, response)` gives; by default 200. */
async function receiver(t, answer = (entry, response) => response.end()) {
	const received = [];
	const server = http.createServer((request, response) => {
		const parts = [];
		request.on('data', (part) => parts.push(part));
		request.on('end', () => {
			const body = Buffer.concat(parts).toString();
			const entry = { at: Date.now(), path: request.url, headers: request.headers, body };
			received.push(entry);
			answer(entry, response);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	const url = (path = '/') => `http://127.0.0.1:${server.address().port}${path}`;
	return { received, url, at: (path) => received.filter((one) => one.path === path) };
}

async function sender(t, settings = {}, directory = scratch(t)) {
	const env = { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' };
	for (const [key, value] of Object.entries(settings)) env[`VAULTBELL_${key.toUpperCase().replaceAll('.', '_')}`] = value;
	const server = await start(t, ['serve', '--data', directory, '--listen', '127.0.0.1:0'], { env });
	const { stdout } = await run(['token', 'create', '--data', directory, '--role', 'platform-admin']);
	const call = caller(`${server.url}/api/v1`, stdout.trim());
	return { server, directory, call, env };
}

async function organisation(call, uid, endpoints) {
	assert.equal((await call('POST', '/app', { name: uid, uid })).status, 201);
	const made = [];
	for (const endpoint of endpoints) {
		const answer = await call('POST', `/app/${uid}/endpoint`, endpoint);
		assert.equal(answer.status, 201, answer.text);
		made.push(answer.json);
	}
	return made;
}

const post = (call, uid, n, headers) =>
	call('POST', `/app/${uid}/msg`, { eventType: 'transaction.deposit.completed', payload: { n } }, headers);
const attempts = async (call, uid, endpoint) => (await call('GET', `/app/${uid}/attempt/endpoint/${endpoint}`)).json.data;
const parse = (entries) => entries.map((one) => JSON.parse(one.body));

// A sanitizer keeps what was freed, and has its own account of memory.
const sanitized = Boolean(process.env.ASAN_OPTIONS || process.env.TSAN_OPTIONS);

test('M1: a failing endpoint is announced, then suspended; its events are held and resumed without loss', async (t) => {
	let status = 500;
	const sink = await receiver(t, (entry, response) => response.writeHead(entry.path === '/bad' ? status : 200).end());
	const { call } = await sender(t, {
		'delivery.schedule': Array(40).fill('50ms').join(','),
		'delivery.suspend_after': '600ms',
		'delivery.breaker_open_for': '10ms',
		'operational_webhooks.enabled': 'true',
	});
	const types = ['failing', 'suspended', 'resumed'].map((name) => `webhook.endpoint.${name}`);
	await call('POST', '/operational-webhook/endpoint', { url: sink.url('/platform') });
	const [bad] = await organisation(call, 'bank', [
		{ url: sink.url('/bad'), uid: 'bad', eventTypes: ['transaction.deposit.completed'] },
		{ url: sink.url('/news'), eventTypes: types },
		{ url: sink.url('/all') },
	]);
	for (let n = 0; n < 5; n++) assert.equal((await post(call, 'bank', n)).status, 202);
	const shown = await until(() => call('GET', '/app/bank/endpoint/bad'), (answer) => answer.json.state === 'suspended');
	assert.equal(shown.json.held, 5);
	assert.ok(shown.json.failingSince);
	assert.equal((await call('GET', '/app/bank/endpoint/bad/stats')).json.held, 5);
	await until(() => sink.at('/news').length >= 3);
	const news = parse(sink.at('/news'));
	assert.equal(news.filter((one) => one.type === types[0]).length, 2, 'two warnings');
	const told = news.find((one) => one.type === types[1]);
	assert.deepEqual([told.data.endpoint_id, told.data.reason, told.data.held], [bad.id, 'http_500', 5]);
	assert.deepEqual(told.actor, { type: 'system', id: 'vaultbell' });
	assert.ok(news.find((one) => one.type === types[0]).data.suspends_at);
	const platform = await until(() => parse(sink.at('/platform')), (all) => all.some((one) => one.type === 'endpoint.disabled'));
	assert.equal(platform.find((one) => one.type === 'endpoint.disabled').data.trigger, 'automatic');
	assert.ok(platform.some((one) => one.type === 'message.attempt.failing' && one.data.lastAttempt.responseStatusCode === 500));
	assert.equal(platform.filter((one) => one.type === 'endpoint.created').length, 3);
	const audit = (await call('GET', '/app/bank/audit')).json.data;
	assert.equal(audit.find((row) => row.action === 'endpoint.suspend').actor, 'system');
	// Whoever has no filter hears nothing of this.
	assert.ok(sink.at('/all').every((one) => one.body.startsWith('{"n":')));

	status = 200;
	await post(call, 'bank', 5);
	const before = sink.at('/bad').length;
	assert.equal((await call('PATCH', '/app/bank/endpoint/bad', { disabled: false })).json.state, 'active');
	await until(() => sink.at('/bad').length >= before + 6);
	const got = sink.at('/bad').slice(before).map((one) => JSON.parse(one.body).n);
	assert.deepEqual([...new Set(got)].sort(), [0, 1, 2, 3, 4, 5]);
	const resumed = await until(() => parse(sink.at('/news')).find((one) => one.type === types[2]));
	assert.deepEqual([resumed.previous_status, resumed.data.held], ['suspended', 6]);
});

test('410 suspends at once, and tells', async (t) => {
	const sink = await receiver(t, (entry, response) => response.writeHead(entry.path === '/gone' ? 410 : 200).end());
	const { call } = await sender(t);
	await organisation(call, 'bank', [{ url: sink.url('/gone'), uid: 'gone', eventTypes: ['transaction.deposit.completed'] },
		{ url: sink.url('/news'), eventTypes: ['webhook.endpoint.suspended'] }]);
	await post(call, 'bank', 1);
	await until(() => sink.at('/news').length === 1);
	assert.equal(parse(sink.at('/news'))[0].data.reason, 'http_410');
	assert.equal((await call('GET', '/app/bank/endpoint/gone')).json.held, 1);
});

test('an endpoint that is told of exhausted deliveries and fails itself does not feed itself', async (t) => {
	const sink = await receiver(t, (entry, response) => response.writeHead(500).end());
	const { call } = await sender(t, { 'delivery.schedule': '1ms' });
	const types = ['transaction.deposit.completed', 'webhook.delivery.exhausted', 'webhook.endpoint.failing'];
	const [one] = await organisation(call, 'bank', [{ url: sink.url(), eventTypes: types }]);
	await post(call, 'bank', 1);
	// The event and the news of its end, each tried twice, and nothing more.
	await until(async () => (await attempts(call, 'bank', one.id)).length >= 4);
	const metrics = async () => (await call('GET', `/app/bank/endpoint/${one.id}/msg`)).json.data;
	await until(metrics, (rows) => rows.length === 2 && rows.every((row) => row.statusText === 'fail'));
	assert.equal((await attempts(call, 'bank', one.id)).length, 4);
	assert.deepEqual((await call('GET', '/app/bank/msg')).json.data.map((row) => row.eventType).sort(), types.slice(0, 2).sort());
});

test('time-outs say which one: connection, first byte, all; a dripping body ends at the deadline', async (t) => {
	for (const transport of ['own', 'curl']) {
		const sink = await receiver(t, (entry, response) => {
			if (entry.path === '/silent') return;
			response.writeHead(200);
			const drip = setInterval(() => response.write('x'), 20);
			response.on('close', () => clearInterval(drip));
		});
		const { call } = await sender(t, { 'delivery.schedule': '1h', 'delivery.timeout': '500ms',
			'delivery.first_byte_timeout': '200ms', 'delivery.connect_timeout': '300ms', 'delivery.transport': transport });
		const [silent, drip] = await organisation(call, 'bank', [{ url: sink.url('/silent') }, { url: sink.url('/drip') }]);
		await post(call, 'bank', 1);
		const first = async (id) => (await until(async () => attempts(call, 'bank', id), (all) => all.length === 1))[0];
		assert.match((await first(silent.id)).response, /no answer began within 200 ms/, transport);
		const late = await first(drip.id);
		assert.match(late.response, /no complete answer within 500 ms/, transport);
		assert.ok(late.responseDurationMs < 2000);
	}
});

test('the rate of an endpoint is enforced', async (t) => {
	const sink = await receiver(t);
	const { call } = await sender(t);
	await organisation(call, 'bank', [{ url: sink.url(), throttleRate: 20 }]);
	for (let n = 0; n < 30; n++) await post(call, 'bank', n);
	await until(() => sink.received.length === 30);
	const took = sink.received.at(-1).at - sink.received[0].at;
	// 30 at 20 a second, with a tenth of a second's worth of credit.
	assert.ok(took >= 1200, `30 events in ${took} ms`);
});

test('organisations take turns: one with a thousand events does not keep another waiting', async (t) => {
	const sink = await receiver(t, (entry, response) => setTimeout(() => response.end(), 5));
	const { call } = await sender(t);
	await organisation(call, 'large', [{ url: sink.url('/large'), throttleRate: 200 }]);
	await organisation(call, 'small', [{ url: sink.url('/small') }]);
	for (let n = 0; n < 400; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => post(call, 'large', n + i)));
	await post(call, 'small', 1);
	await until(() => sink.at('/small').length === 1);
	assert.ok(sink.at('/large').length < 400, 'the small one came before the end of the large one');
});

test('back-pressure: 429 with Retry-After, nothing accepted is lost or doubled, memory stays bounded', async (t) => {
	const sink = await receiver(t);
	const { server, call } = await sender(t, { 'ingest.queue_mib': '1' });
	await organisation(call, 'bank', [{ url: sink.url() }]);
	const text = 'x'.repeat(200000);
	let refused = 0;
	const send = async (n) => {
		for (;;) {
			const answer = await call('POST', '/app/bank/msg', { eventType: 'a.b', payload: { n, text } }, { 'idempotency-key': `key-${n}` });
			if (answer.status === 202) return;
			assert.equal(answer.status, 429, answer.text);
			assert.equal(answer.headers.get('retry-after'), '1');
			assert.deepEqual(Object.keys(answer.json), ['code', 'detail']);
			refused++;
			await new Promise(setImmediate);
		}
	};
	const all = Array.from({ length: 200 }, (_, n) => n);
	await Promise.all(all.map(send));
	await until(() => new Set(sink.received.map((one) => one.headers['webhook-id'])).size === all.length);
	assert.deepEqual(sink.received.map((one) => JSON.parse(one.body).n).sort((a, b) => a - b), all);
	assert.ok(refused > 0, 'it was never refused');
	const metrics = await (await fetch(`${server.url}/metrics`)).text();
	assert.equal(Number(/vaultbell_events_refused_total{short="queue"} (\d+)/.exec(metrics)[1]), refused);
	const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
	if (!sanitized) assert.ok(peak < 200 * 1024, `${peak} KiB at most`);
});

test('back-pressure: 503 below the floor of the disk, 429 beyond the memory, and what is there goes on', async (t) => {
	const sink = await receiver(t);
	const { server, directory, call, env } = await sender(t);
	await organisation(call, 'bank', [{ url: sink.url() }]);
	assert.equal((await post(call, 'bank', 1)).status, 202);
	await until(() => sink.received.length === 1);
	await stop(server);
	const free = statfsSync(directory);
	const floor = Math.min(1048576, Math.ceil((free.bavail * free.bsize) / 2 ** 20) + 4096);
	const cases = [['ingest_disk_floor_mib', floor, 503, 'insufficient_storage']];
	if (!sanitized) cases.push(['ingest_memory_mib', 1, 429, 'too_many_requests']);
	for (const [key, value, status, code] of cases) {
		const again = await start(t, ['serve', '--data', directory, '--listen', '127.0.0.1:0'],
			{ env: { ...env, [`VAULTBELL_${key.toUpperCase()}`]: String(value) } });
		const { stdout } = await run(['token', 'create', '--data', directory, '--role', 'platform-admin']);
		const ask = caller(`${again.url}/api/v1`, stdout.trim());
		const answer = await post(ask, 'bank', 2);
		assert.deepEqual([answer.status, answer.json.code], [status, code]);
		assert.ok(Number(answer.headers.get('retry-after')) > 0);
		assert.equal((await ask('GET', '/app/bank/msg')).json.data.length, 1);
		await stop(again);
	}
});

/** The task's end. */
const ended = (call, id) => until(() => call('GET', `/background-task/${id}`), (answer) => answer.json.status !== 'running');

test('M19: a replay is previewed with a count: of one resource, a window, all that failed, a query', async (t) => {
	let status = 500;
	const sink = await receiver(t, (entry, response) => response.writeHead(status).end());
	const { call } = await sender(t, { 'delivery.schedule': '1ms', 'delivery.breaker_open_for': '10ms' });
	const [one] = await organisation(call, 'bank', [{ url: sink.url('/main'), eventTypes: ['transaction.deposit.completed'] },
		{ url: sink.url('/news'), eventTypes: ['webhook.replay.completed'] }]);
	const since = new Date(Date.now() - 60000).toISOString();
	for (let n = 0; n < 12; n++) {
		const payload = { resource: { type: 'transaction', id: `tx_${n % 3}` }, n };
		await call('POST', '/app/bank/msg', { eventType: 'transaction.deposit.completed', payload });
	}
	const rows = async () => (await call('GET', `/app/bank/endpoint/${one.id}/msg`)).json.data;
	await until(rows, (all) => all.length === 12 && all.every((row) => row.statusText === 'fail'));
	const originals = new Map(sink.at('/main').map((entry) => [entry.headers['webhook-id'], entry.body]));
	const path = `/app/bank/endpoint/${one.id}`;
	const count = async (kind, body) => {
		const before = sink.at('/main').length;
		const answer = await call('POST', `${path}/${kind}`, { since, dryRun: true, ...body });
		assert.equal(answer.status, 202, answer.text);
		const { json } = await ended(call, answer.json.id);
		assert.deepEqual([json.status, json.data.dryRun, sink.at('/main').length], ['finished', true, before]);
		return json.data.done;
	};
	assert.equal(await count('bulk-replay', { resource: 'tx_1' }), 4);
	assert.equal(await count('bulk-replay', { status: 2, statusCodeClass: 500 }), 12);
	assert.equal(await count('bulk-replay', { eventTypes: ['transaction.deposit.completed'], until: since }), 0);
	assert.equal(await count('recover', {}), 12);
	assert.equal(await count('replay-missing', {}), 0);
	assert.equal(sink.at('/news').length, 0, 'what was only counted is no replay');

	// A key that is dead by now signs nothing any more.
	const old = (await call('GET', `${path}/secret`)).json.key;
	assert.equal((await call('POST', `${path}/secret/rotate`, { gracePeriodSeconds: 0 })).status, 204);
	const fresh = (await call('GET', `${path}/secret`)).json.key;
	assert.notEqual(old, fresh);
	status = 200;
	const first = sink.at('/main').length;
	const task = await call('POST', `${path}/bulk-replay`, { since, resource: 'tx_1' });
	assert.equal((await ended(call, task.json.id)).json.data.done, 4);
	await until(() => sink.at('/main').length === first + 4);
	for (const entry of sink.at('/main').slice(first)) {
		const id = entry.headers['webhook-id'], timestamp = Number(entry.headers['webhook-timestamp']);
		assert.equal(entry.body, originals.get(id), 'the same bytes');
		assert.equal(JSON.parse(entry.body).resource.id, 'tx_1');
		assert.equal(entry.headers['webhook-signature'], standardHeaders(fresh, id, entry.body, { timestamp })['webhook-signature']);
	}
	const told = await until(() => parse(sink.at('/news'))[0]);
	assert.deepEqual([told.type, told.data.replay_id, told.data.events], ['webhook.replay.completed', task.json.id, 4]);
});

test('M19: a replay goes on after kill -9, sends everything, and can be cancelled', async (t) => {
	const sink = await receiver(t);
	const { server, directory, call, env } = await sender(t);
	await organisation(call, 'bank', [{ url: sink.url(), uid: 'main' }]);
	const count = 3000;
	for (let n = 0; n < count; n += 100) await Promise.all(Array.from({ length: 100 }, (_, i) => post(call, 'bank', n + i)));
	await until(() => sink.received.length === count);
	const replay = (ask, more) => ask('POST', '/app/bank/endpoint/main/bulk-replay',
		{ since: new Date(Date.now() - 600000).toISOString(), status: 0, ...more });
	await until(async () => (await ended(call, (await replay(call, { dryRun: true })).json.id)).json.data.done === count);
	const task = await replay(call);
	await until(() => sink.received.length > count);
	server.child.kill('SIGKILL');
	await server.ended;
	const again = await start(t, ['serve', '--data', directory, '--listen', '127.0.0.1:0'], { env });
	const { stdout } = await run(['token', 'create', '--data', directory, '--role', 'platform-admin']);
	const ask = caller(`${again.url}/api/v1`, stdout.trim());
	const end = await ended(ask, task.json.id);
	assert.deepEqual([end.json.status, end.json.data.examined, end.json.data.done], ['finished', count, count]);
	await until(() => new Set(sink.received.slice(count).map((entry) => entry.headers['webhook-id'])).size === count);
	const cancelled = await ask('POST', `/background-task/${(await replay(ask)).json.id}/cancel`);
	assert.ok(cancelled.json.status === 'finished' || cancelled.json.data.reason === 'cancelled', cancelled.text);
});

test('M16, M25: what an endpoint echoes of custom headers and credentials is kept from those who may not see them', async (t) => {
	const echo = await receiver(t, ({ headers }, response) => {
		const decoded = Buffer.from((headers.authorization ?? '').slice('Basic '.length), 'base64').toString();
		response.writeHead(500).end(`start ${JSON.stringify(headers)} bare ${headers.authorization?.split(' ')[1]} ${decoded} end`);
	});
	const { call, server } = await sender(t, { 'delivery.schedule': '1h' });
	const [plain, basic] = await organisation(call, 'acme', [
		{ url: echo.url('/plain'), uid: 'plain', headers: { authorization: 'Bearer hidden-custom-1', 'x-desk-code': 'hidden-custom-2', 'x-quoted': 'hidden"custom\\3', 'x-few': 'ab' } },
		{ url: echo.url('/basic'), uid: 'basic' },
	]);
	assert.equal((await call('PUT', `/app/acme/endpoint/${basic.id}/authentication`, { basic: { username: 'desk-user', password: 'hidden-password' } })).status, 200);
	const message = (await call('POST', '/app/acme/msg', { eventType: 'my.type', payload: { a: 1 } })).json.id;
	const token = (await call('POST', '/app/acme/token', { role: 'viewer' })).json.token;
	const viewer = caller(`${server.url}/api/v1`, token);
	const list = await until(() => viewer('GET', `/app/acme/attempt/msg/${message}`), (answer) => answer.json.data.length === 2);
	for (const attempt of list.json.data) {
		assert.match(attempt.response, /^start .*"content-type":"application\/json".* end$/s);
		assert.match(attempt.response, /\[hidden\]/);
		assert.doesNotMatch(attempt.response, /hidden-custom|hidden.{1,3}custom|hidden-password/);
		const code = Buffer.from('desk-user:hidden-password').toString('base64');
		assert.ok(!attempt.response.includes(code), attempt.response);
	}
	assert.ok(list.json.data.some((one) => one.endpointId === plain.id && one.response.includes('"x-few":"ab"')), 'what is too short to tell stays');
});

test('M7: what an endpoint answers of compliance information is for those who may read it', async (t) => {
	const echo = await receiver(t, ({ body }, response) => response.writeHead(500).end(`no: ${JSON.stringify({ body })}`));
	const { call, server } = await sender(t, { 'delivery.schedule': '1h' });
	await organisation(call, 'acme', [{ url: echo.url() }]);
	const post = async (payload) => (await call('POST', '/app/acme/msg', { eventType: 'my.type', payload })).json.id;
	const told = await post({ complianceInfo: { decision: 'hidden-decision' } }), plain = await post({ a: 'plain' });
	for (const [role, may] of [['viewer', false], ['treasury-operations', false], ['admin', true], ['compliance-operations', true]]) {
		const reader = caller(`${server.url}/api/v1`, (await call('POST', '/app/acme/token', { role })).json.token);
		const of = async (id) => (await until(() => reader('GET', `/app/acme/attempt/msg/${id}`), (answer) => answer.json.data.length > 0)).json.data[0];
		const attempt = await of(told);
		assert.equal(attempt.response.includes('hidden-decision'), may, role);
		assert.equal((await reader('GET', `/app/acme/msg/${told}/attempt/${attempt.id}`)).text.includes('hidden-decision'), may, role);
		assert.match((await of(plain)).response, /plain/, role);
	}
});
