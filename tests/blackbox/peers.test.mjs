// What other senders get wrong, a line each: the event that is lost, doubled or sent where it must not go.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { run, scratch, start } from './program.mjs';
import { caller } from './server.mjs';

const limitMs = 30000;

async function until(ask, good = Boolean) {
	for (const end = Date.now() + limitMs; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		await new Promise(setImmediate);
		assert.ok(Date.now() < end, `it did not come to be: ${JSON.stringify(answer?.json ?? answer)}`);
	}
}

async function receiver(t, answer = (entry, response) => response.end(), port = 0) {
	const received = [];
	const server = http.createServer((request, response) => {
		request.resume();
		request.on('end', () => {
			const entry = { at: Date.now(), path: request.url, id: request.headers['webhook-id'] };
			received.push(entry);
			answer(entry, response);
		});
	}).listen(port, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	const at = (path) => received.filter((one) => one.path === path);
	return { received, at, port: server.address().port, url: (path = '/') => `http://127.0.0.1:${server.address().port}${path}` };
}

const environment = (settings) => Object.fromEntries(Object.entries({
	'delivery.allow_http': 'true', 'delivery.allow_networks': '127.0.0.0/8', ...settings,
}).map(([key, value]) => [`VAULTBELL_${key.toUpperCase().replaceAll('.', '_')}`, value]));

/** A sender with an organisation `bank`; `kill` ends it with -9 and begins it anew on the same data. */
async function sender(t, settings, endpoints) {
	const directory = scratch(t), env = environment(settings);
	const self = { directory };
	const begin = async () => {
		self.server = await start(t, ['serve', '--data', directory, '--listen', '127.0.0.1:0'], { env });
		self.token ??= (await run(['token', 'create', '--data', directory, '--role', 'platform-admin'])).stdout.trim();
		self.call = caller(`${self.server.url}/api/v1`, self.token);
	};
	self.kill = async () => {
		self.server.child.kill('SIGKILL');
		await self.server.ended;
		await begin();
	};
	self.post = (n, headers) => self.call('POST', '/app/bank/msg', { eventType: 'a.b', payload: { n } }, headers);
	await begin();
	await self.call('POST', '/app', { name: 'Bank', uid: 'bank' });
	for (const endpoint of endpoints) assert.equal((await self.call('POST', '/app/bank/endpoint', endpoint)).status, 201);
	return self;
}

test('an event is durable when it is acknowledged', async (t) => {
	const sink = await receiver(t);
	const self = await sender(t, {}, [{ url: sink.url() }]);
	const answer = await self.post(1);
	self.server.child.kill('SIGKILL');
	assert.equal(answer.status, 202);
	await self.kill();
	assert.equal((await self.call('GET', `/app/bank/msg/${answer.json.id}`)).json.payload.n, 1);
	await until(() => sink.received.some((one) => one.id === answer.json.id));
});

test('a retry survives kill -9', async (t) => {
	let status = 500;
	const sink = await receiver(t, (entry, response) => response.writeHead(status).end());
	const self = await sender(t, { 'delivery.schedule': '2s,2s' }, [{ url: sink.url() }]);
	const { json } = await self.post(1);
	await until(async () => (await self.call('GET', `/app/bank/attempt/msg/${json.id}`)).json.data.length === 1);
	status = 200;
	await self.kill();
	await until(() => sink.received.length === 2);
	assert.deepEqual(sink.received.map((one) => one.id), [json.id, json.id]);
});

test('a disabled endpoint keeps what waits for it', async (t) => {
	let status = 500;
	const sink = await receiver(t, (entry, response) => response.writeHead(status).end());
	const self = await sender(t, { 'delivery.schedule': '100ms,100ms,100ms' }, [{ url: sink.url(), uid: 'main' }]);
	const { json } = await self.post(1);
	await until(() => sink.received.length === 1);
	await self.call('PATCH', '/app/bank/endpoint/main', { disabled: true });
	await until(() => self.call('GET', '/app/bank/endpoint/main'), (answer) => answer.json.held === 1);
	status = 200;
	await self.kill();
	await self.call('PATCH', '/app/bank/endpoint/main', { disabled: false });
	await until(async () => (await self.call('GET', `/app/bank/msg/${json.id}/endpoint`)).json.data[0].statusText === 'success');
});

test('a slow endpoint does not keep the others waiting', async (t) => {
	const sink = await receiver(t, (entry, response) => { if (entry.path !== '/slow') response.end(); });
	const self = await sender(t, { 'delivery.timeout': '20s' }, [{ url: sink.url('/slow') }, { url: sink.url('/fast') }]);
	const count = 300, began = Date.now();
	for (let n = 0; n < count; n += 50) await Promise.all(Array.from({ length: 50 }, (_, i) => self.post(n + i)));
	await until(() => sink.at('/fast').length === count);
	assert.ok(Date.now() - began < 15000, 'before the first time-out of the slow one');
});

test('the rate limit of an endpoint is enforced', async (t) => {
	const sink = await receiver(t);
	const self = await sender(t, {}, [{ url: sink.url(), rateLimit: 10 }]);
	await Promise.all(Array.from({ length: 15 }, (_, n) => self.post(n)));
	await until(() => sink.received.length === 15);
	assert.ok(sink.received.at(-1).at - sink.received[0].at >= 1100);
});

test('Retry-After is honoured, within bounds; 429, 502 and 504 are tried again', async (t) => {
	const first = new Set();
	const sink = await receiver(t, (entry, response) => {
		const again = first.has(entry.path);
		first.add(entry.path);
		response.writeHead(again ? 200 : Number(entry.path.slice(1)), { 'retry-after': entry.path === '/429' ? '1' : '' }).end();
	});
	const self = await sender(t, { 'delivery.schedule': '10ms,10ms' },
		[429, 502, 504].map((status) => ({ url: sink.url(`/${status}`) })));
	await self.post(1);
	for (const path of ['/429', '/502', '/504']) await until(() => sink.at(path).length === 2);
	const [asked, came] = sink.at('/429').map((one) => one.at);
	assert.ok(came - asked >= 950, `after ${came - asked} ms`);
	assert.ok(sink.at('/502')[1].at - sink.at('/502')[0].at < 900);
});

test('410 suspends the endpoint, and its events are held', async (t) => {
	const sink = await receiver(t, (entry, response) => response.writeHead(410).end());
	const self = await sender(t, {}, [{ url: sink.url(), uid: 'main' }]);
	await self.post(1);
	await until(() => self.call('GET', '/app/bank/endpoint/main'), (answer) => answer.json.state === 'suspended' && answer.json.held === 1);
	assert.equal(sink.received.length, 1);
});

test('a redirect is recorded and not followed', async (t) => {
	const sink = await receiver(t, (entry, response) => response.writeHead(302, { location: '/elsewhere' }).end());
	const self = await sender(t, { 'delivery.schedule': '1h' }, [{ url: sink.url() }]);
	const { json } = await self.post(1);
	const [attempt] = await until(async () => (await self.call('GET', `/app/bank/attempt/msg/${json.id}`)).json.data, (all) => all.length);
	assert.deepEqual([attempt.responseStatusCode, attempt.statusText], [302, 'fail']);
	assert.equal(sink.at('/elsewhere').length, 0);
});

test('an endless answer is cut while it is read', async (t) => {
	let written = 0;
	const sink = await receiver(t, (entry, response) => {
		response.writeHead(200);
		const pour = () => { while (!response.destroyed && response.write('x'.repeat(65536))) written += 65536; };
		response.on('drain', pour);
		pour();
	});
	const self = await sender(t, { 'delivery.timeout': '10s' }, [{ url: sink.url() }]);
	const { json } = await self.post(1);
	const [attempt] = await until(async () => (await self.call('GET', `/app/bank/attempt/msg/${json.id}`)).json.data, (all) => all.length);
	assert.equal(attempt.statusText, 'success');
	assert.ok(attempt.response.length <= 4096 && attempt.responseDurationMs < 5000);
	assert.ok(written < 64 << 20, `${written} bytes were taken`);
});

test('a private address is refused when it is connected to', async (t) => {
	const sink = await receiver(t);
	const self = await sender(t, { 'delivery.allow_networks': '', 'delivery.schedule': '1h' },
		['127.0.0.1', '127.1', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]', 'localhost'].map((host) => ({ url: `http://${host}:${sink.port}/` })));
	const { json } = await self.post(1);
	const all = await until(async () => (await self.call('GET', `/app/bank/attempt/msg/${json.id}`)).json.data, (rows) => rows.length === 6);
	for (const attempt of all) assert.equal(attempt.responseStatusCode, 0, attempt.url);
	assert.equal(sink.received.length, 0);
});

test('a client that repeats itself across kill -9 makes one event', async (t) => {
	const sink = await receiver(t);
	const self = await sender(t, {}, [{ url: sink.url() }]);
	const made = new Map();
	for (let round = 0; round < 5; round++) {
		const asked = Array.from({ length: 20 }, (_, i) => `key-${round}-${i}`);
		const send = (key) => self.post(key, { 'idempotency-key': key }).then((answer) => answer.json?.id, () => undefined);
		const begun = asked.map(send);
		await Promise.race(begun);
		await self.kill();
		const first = await Promise.all(begun);
		for (const [i, key] of asked.entries()) {
			const id = await send(key);
			assert.ok(id);
			if (first[i]) assert.equal(id, first[i], 'the answer that was given stands');
			made.set(key, id);
		}
	}
	assert.equal(new Set(made.values()).size, 100);
	const ids = [];
	for (let iterator = ''; iterator !== null;) {
		const page = (await self.call('GET', `/app/bank/msg?limit=50${iterator && `&iterator=${iterator}`}`)).json;
		ids.push(...page.data.map((row) => row.id));
		iterator = page.done ? null : page.iterator;
	}
	assert.equal(ids.length, 100);
	await until(() => new Set(sink.received.map((one) => one.id)).size === 100);
});

test('a receiver that is away for a while loses nothing', async (t) => {
	const place = net.createServer().listen(0, '127.0.0.1');
	await once(place, 'listening');
	const { port } = place.address();
	await new Promise((resolve) => place.close(resolve));
	const self = await sender(t, { 'delivery.schedule': Array(60).fill('100ms').join(','), 'delivery.breaker_open_for': '50ms' },
		[{ url: `http://127.0.0.1:${port}/` }]);
	const sent = [];
	for (let n = 0; n < 10; n++) sent.push((await self.post(n)).json.id);
	await until(async () => (await self.call('GET', `/app/bank/attempt/msg/${sent[0]}`)).json.data.length > 0);
	const sink = await receiver(t, undefined, port);
	await until(() => sent.every((id) => sink.received.some((one) => one.id === id)));
});
