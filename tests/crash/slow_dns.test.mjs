// Names that are resolved late, or never (M1, M17): an endpoint whose host a name server answers after seconds, or not at
// all, keeps no other one waiting and loses nothing, over kill -9 as well.
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import { request, run, scratch, sink, start } from '../blackbox/program.mjs';

const EVENTS = 300;
const LATE_MS = 2000;

async function until(condition, what, limitMs = 60000) {
	const late = Date.now() + limitMs;
	while (!(await condition())) {
		assert.ok(Date.now() < late, `never: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** Answers every question for an IPv4 address with 127.0.0.1, as `fate(host)` says: 'now', 'late' or 'never'. */
async function nameServer(t, fate) {
	const socket = dgram.createSocket('udp4');
	const asked = new Map();
	socket.on('message', (question, from) => {
		const labels = [];
		let at = 12;
		for (; question[at] > 0; at += question[at] + 1) labels.push(question.toString('latin1', at + 1, at + 1 + question[at]));
		const host = labels.join('.').toLowerCase();
		asked.set(host, (asked.get(host) ?? 0) + 1);
		const what = fate(host);
		if (what === 'never') return;
		const isAddress = question.readUInt16BE(at + 1) === 1;
		const answer = Buffer.concat([question.subarray(0, at + 5),
			isAddress ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]) : Buffer.alloc(0)]);
		answer.writeUInt16BE(0x8180, 2);
		answer.writeUInt16BE(isAddress ? 1 : 0, 6);
		answer.writeUInt32BE(0, 8);
		setTimeout(() => socket.send(answer, from.port, from.address, () => {}), what === 'late' ? LATE_MS : 0).unref();
	});
	socket.bind(0, '127.0.0.1');
	await once(socket, 'listening');
	t.after(() => socket.close());
	return { asked, address: `127.0.0.1:${socket.address().port}` };
}

test('names that come late or never delay nobody else and lose nothing, over kill -9 too', { timeout: 170000 }, async (t) => {
	let neverIs = 'never';
	const names = await nameServer(t, (host) => ({ 'quick.example': 'now', 'late.example': 'late' })[host] ?? neverIs);
	const receiver = await sink(t);
	const data = scratch(t);
	const env = {
		VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
		VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
		VAULTBELL_DELIVERY_NAME_SERVERS: names.address,
		VAULTBELL_DELIVERY_SCHEDULE: Array(60).fill('500ms').join(),
		VAULTBELL_DELIVERY_CONNECT_TIMEOUT: '4s',
		VAULTBELL_DELIVERY_BREAKER_OPEN_FOR: '200ms',
	};
	let server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
	const post = (path, body) => request(server, 'POST', `/api/v1${path}`, headers, JSON.stringify(body));
	assert.equal((await post('/app', { name: 'Names', uid: 'names' })).status, 201);
	const port = new URL(receiver.url).port;
	for (const host of ['quick', 'late', 'never', 'never-either', 'not-for-long'])
		assert.equal((await post('/app/names/endpoint', { url: `http://${host}.example:${port}/${host}` })).status, 201);
	const accepted = new Set();
	const event = async (number) => {
		const answer = await post('/app/names/msg', { eventType: 'names.test', payload: { number } });
		if (answer.status === 202) accepted.add(number);
	};
	const got = (host) => new Set(receiver.received.filter(({ url }) => url === `/${host}`).map(({ body }) => JSON.parse(body).number));
	const hasAll = (host) => [...accepted].every((number) => got(host).has(number));

	const begun = Date.now();
	for (let number = 0; number < EVENTS / 2; number += 10)
		await Promise.all(Array.from({ length: 10 }, (_, i) => event(number + i)));
	assert.equal(accepted.size, EVENTS / 2);
	await until(() => hasAll('quick'), 'the one whose name is known at once has everything');
	const quick = Date.now() - begun;
	assert.equal(got('late').size, 0, `all went to the quick one (${quick} ms) before the late name was known`);

	server.child.kill('SIGKILL');
	await server.ended;
	server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });
	for (let number = EVENTS / 2; number < EVENTS; number += 10)
		await Promise.all(Array.from({ length: 10 }, (_, i) => event(number + i)));
	assert.equal(accepted.size, EVENTS);
	await until(() => hasAll('quick') && hasAll('late'), 'the late one gets everything too');
	const attempts = (await request(server, 'GET', `/api/v1/app/names/attempt/endpoint/${await idOf('never')}`, headers)).json.data;
	assert.ok(attempts.length > 0 && attempts.every((one) => one.responseStatusCode === 0));
	assert.equal(got('never').size, 0);

	neverIs = 'now';
	for (const host of ['never', 'never-either', 'not-for-long']) await until(() => hasAll(host), `${host} gets everything once it has a name`);
	t.diagnostic(`${EVENTS} events to each of five names; the quick one had the first half after ${quick} ms; ${names.asked.get('never.example')} questions for a name that nobody answered`);

	async function idOf(host) {
		const { data } = (await request(server, 'GET', '/api/v1/app/names/endpoint', headers)).json;
		return data.find(({ url }) => url.endsWith(`/${host}`)).id;
	}
});
