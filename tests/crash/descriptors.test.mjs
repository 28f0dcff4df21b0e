// Not enough file descriptors (M1, M17): clients and hanging endpoints take all that the server may have. It stays up,
// keeps what it acknowledged, and serves and delivers again when there are some.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { readdirSync } from 'node:fs';
import test from 'node:test';
import { request, run, scratch, sink, start } from '../blackbox/program.mjs';

const DESCRIPTORS = 64;

async function until(condition, what) {
	const late = Date.now() + 60000;
	while (!(await condition())) {
		assert.ok(Date.now() < late, `never: ${what}`);
		await new Promise((resolve) => setImmediate(resolve));
	}
}

test('without a descriptor left nothing is lost, and it is over when some are free', { timeout: 120000 }, async (t) => {
	const data = scratch(t);
	const receiver = await sink(t);
	const held = new Set(); // connections of deliveries to endpoints that never answer
	const hanging = net.createServer((socket) => {
		held.add(socket.on('error', () => {}));
	});
	hanging.listen(0, '127.0.0.1');
	await once(hanging, 'listening');
	t.after(() => {
		for (const socket of held) socket.destroy();
		hanging.close();
	});
	const env = {
		VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
		VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
		VAULTBELL_DELIVERY_SCHEDULE: Array(60).fill('200ms').join(),
		VAULTBELL_DELIVERY_BREAKER_OPEN_FOR: '100ms',
		VAULTBELL_DELIVERY_TIMEOUT: '2s',
	};
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env, descriptors: DESCRIPTORS });
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
	const post = (path, body) => request(server, 'POST', `/api/v1${path}`, headers, JSON.stringify(body));
	assert.equal((await post('/app', { name: 'Few', uid: 'few' })).status, 201);
	assert.equal((await post('/app/few/endpoint', { url: `${receiver.url}/`, channels: ['well'] })).status, 201);
	const stuck = `http://127.0.0.1:${hanging.address().port}/`;
	assert.equal((await post('/app/few/endpoint', { url: stuck, channels: ['stuck'] })).status, 201);

	// Half of the descriptors go to clients that only connect, the rest to deliveries that hang.
	const idle = [];
	t.after(() => idle.forEach((socket) => socket.destroy()));
	const accepted = new Set();
	const event = async (number, channel) => {
		const answer = await post('/app/few/msg', { eventType: 'few.test', channels: [channel], payload: { number } });
		if (answer.status === 202 && channel === 'well') accepted.add(number);
		return answer.status;
	};
	for (let i = 0; i < DESCRIPTORS; i++) await event(-1 - i, 'stuck');
	for (let i = 0; i < DESCRIPTORS; i++) idle.push(net.connect(server.port, '127.0.0.1').on('error', () => {}));
	await until(() => held.size > 0, 'a delivery hangs');
	const taken = () => readdirSync(`/proc/${server.child.pid}/fd`).length;
	await until(() => taken() >= DESCRIPTORS - 2, 'the descriptors are taken');
	let refused = 0;
	for (let number = 0; number < 50; number++) {
		const status = await Promise.race([event(number, 'well').catch(() => 0), once(AbortSignal.timeout(200), 'abort').then(() => 0)]);
		refused += status !== 202;
	}
	assert.equal(server.child.exitCode, null, 'it is still up');

	for (const socket of idle) socket.destroy();
	await until(async () => (await event(1000, 'well').catch(() => 0)) === 202, 'it takes events again');
	const got = () => new Set(receiver.received.map(({ body }) => JSON.parse(body).number));
	await until(() => [...accepted].every((number) => got().has(number)), 'all that was accepted has arrived');
	t.diagnostic(`${refused} of 50 requests were not answered in time; ${accepted.size} accepted, all delivered`);
});
