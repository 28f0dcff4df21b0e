// M2: an event that is posted in several versions. Each endpoint gets the bytes of its own: at first, again after the
// program was killed, when it is sent once more, and from the feed. The real binary and real sockets.
import { test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { run, scratch, sink, start } from './program.mjs';
import { caller } from './server.mjs';

const type = 'transaction.deposit.completed';
const first = '{ "n" : 1.0 }', second = '{"n":\t2e0,"b":"\\u00e9"}', fourth = '{ "v" : [4 ] }';
const post = `{"eventType":"${type}","payloadVersions": { "4":${fourth} , "2" : ${second} },"payload": ${first},"eventId":"all"}`;
const bodies = { '/one': first, '/two': second, '/five': fourth };
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

async function serve(t, directory) {
	const env = { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', VAULTBELL_DELIVERY_SCHEDULE: Array(60).fill('500ms').join(','), VAULTBELL_DELIVERY_BREAKER_OPEN_FOR: '10ms' };
	const server = await start(t, ['serve', '--data', directory, '--listen', '127.0.0.1:0'], { env });
	const { stdout } = await run(['token', 'create', '--data', directory, '--role', 'platform-admin']);
	return { server, call: caller(`${server.url}/api/v1`, stdout.trim()) };
}

async function endpoints(call, url, more = {}) {
	assert.equal((await call('POST', '/app', { name: 'Bank', uid: 'bank' })).status, 201);
	for (const [uid, version] of [['one', 1], ['two', 2], ['five', 5]]) {
		const made = await call('POST', '/app/bank/endpoint', { url: `${url}/${uid}`, uid, version, ...more });
		assert.deepEqual([made.status, made.json.version], [201, version], made.text);
	}
}

function checkSigned(entry, secret) {
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const mac = createHmac('sha256', key).update(`${entry.headers['webhook-id']}.${entry.headers['webhook-timestamp']}.`).update(entry.body).digest('base64');
	assert.ok(entry.headers['webhook-signature'].split(' ').includes(`v1,${mac}`), 'signed as sent');
}

test('M2: each endpoint gets its version, byte for byte, on every attempt, when sent again and from the feed', async (t) => {
	const directory = scratch(t);
	let status = 500;
	const to = await sink(t, () => status);
	let { server, call } = await serve(t, directory);
	await endpoints(call, to.url);
	const posted = await call('POST', '/app/bank/msg', post);
	assert.equal(posted.status, 202, posted.text);
	assert.ok(posted.text.includes(`"payload":${first}`) && posted.text.includes(`{ "4":${fourth} , "2" : ${second} }`), posted.text);
	await to.until(3);
	server.child.kill('SIGKILL');
	await server.ended;
	const before = to.received.length;
	({ server, call } = await serve(t, directory));
	status = 200;
	/* Recorded as delivered: what is sent again then is an attempt of its own. */
	for (const late = Date.now() + 30000; ;) {
		const { data } = (await call('GET', '/app/bank/msg/all/endpoint')).json;
		if (data.length === 3 && data.every((one) => one.statusText === 'success')) break;
		assert.ok(Date.now() < late, JSON.stringify(data));
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	assert.ok(to.received.length >= before + 3);
	for (const uid of ['one', 'two', 'five']) {
		const sent = to.received.length;
		assert.equal((await call('POST', `/app/bank/msg/all/endpoint/${uid}/resend`)).status, 202);
		for (let count = sent + 1; !to.received.slice(sent).some((entry) => entry.url === `/${uid}`); count++) await to.until(count);
		const feed = (await call('GET', `/app/bank/endpoint/${uid}/events`)).json.data;
		assert.deepEqual(feed.map((event) => Buffer.from(event.body, 'base64').toString()), [bodies[`/${uid}`]]);
		assert.equal(feed[0].bodySha256, sha256(bodies[`/${uid}`]));
		const secret = (await call('GET', `/app/bank/endpoint/${uid}/secret`)).json.key;
		const own = to.received.filter((entry) => entry.url === `/${uid}`);
		assert.ok(own.length >= 3);
		for (const entry of own) {
			assert.equal(entry.body.toString(), bodies[`/${uid}`]);
			checkSigned(entry, secret);
		}
	}
	assert.equal((await call('DELETE', '/app/bank/msg/all/content')).status, 204);
	const gone = (await call('GET', '/app/bank/msg/all')).json;
	assert.deepEqual([gone.payload, gone.payloadVersions], [{ expired: true }, undefined]);
	assert.equal((await call('GET', '/app/bank/msg/all/evidence')).json.payloadSha256, sha256(first));
	for (const uid of ['one', 'two', 'five']) {
		const [event] = (await call('GET', `/app/bank/endpoint/${uid}/events`)).json.data;
		assert.deepEqual([event.body, event.absent, event.payloadSha256], [null, 'expunged', sha256(bodies[`/${uid}`])]);
	}
});

test('M2: an envelope says which version it holds; a message without versions is as it was', async (t) => {
	const to = await sink(t);
	const { call } = await serve(t, scratch(t));
	await endpoints(call, to.url, { payloadStyle: 'envelope' });
	assert.equal((await call('POST', '/app/bank/endpoint', { url: `${to.url}/thin`, version: 3, payloadStyle: 'thin' })).status, 201);
	assert.equal((await call('POST', '/app/bank/msg', post)).status, 202);
	await to.until(4);
	const of = (url) => to.received.find((entry) => entry.url === url).body.toString();
	for (const [url, version] of [['/one', 1], ['/two', 2], ['/five', 4]]) {
		assert.ok(of(url).endsWith(`"data":${bodies[url]}}`), of(url));
		assert.equal(JSON.parse(of(url)).version, version);
	}
	assert.deepEqual([JSON.parse(of('/thin')).version, JSON.parse(of('/thin')).data], [2, undefined]);
	await call('POST', '/app/bank/msg', { eventType: type, payload: { n: 9 } });
	await to.until(8);
	for (const entry of to.received.slice(4)) assert.ok(!('version' in JSON.parse(entry.body)));
	const plain = (await call('GET', '/app/bank/msg')).json.data[0];
	assert.deepEqual([plain.payload, 'payloadVersions' in plain], [{ n: 9 }, false]);
});

test('M2, M16: what is hidden from a role in one version is not shown in any', async (t) => {
	const to = await sink(t);
	const { server, call } = await serve(t, scratch(t));
	await endpoints(call, to.url);
	assert.equal((await call('PATCH', '/app/bank', { redactions: { admin: ['b'] } })).status, 200);
	const posted = await call('POST', '/app/bank/msg', post);
	assert.equal(posted.status, 202);
	assert.ok(posted.json.payloadVersions);
	const { token } = (await call('POST', '/app/bank/token', { role: 'admin' })).json;
	const seen = await caller(`${server.url}/api/v1`, token)('GET', '/app/bank/msg/all');
	assert.deepEqual([seen.status, seen.json.payload, seen.json.payloadVersions], [200, { n: 1 }, undefined], seen.text);
	const [event] = (await caller(`${server.url}/api/v1`, token)('GET', '/app/bank/endpoint/two/events')).json.data;
	assert.deepEqual([event.body, event.absent], [null, 'withheld']);
});

test('M2: what cannot be a version is refused with the reason', async (t) => {
	const { call } = await serve(t, scratch(t));
	assert.equal((await call('POST', '/app', { name: 'Bank', uid: 'bank' })).status, 201);
	const named = 'The names in payloadVersions must be numbers from 2 to 9999; version 1 is payload itself.';
	const cases = [
		[{ 1: {} }, named], [{ '02': {} }, named], [{ 10000: {} }, named],
		[{ 2: 'text' }, 'Version 2 of payloadVersions must be an object, not string.'],
		[Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => [n, {}])), 'payloadVersions must have at most 8 versions, each once.'],
		[[], 'payloadVersions must be an object of payloads by version, not array.'],
	];
	for (const [payloadVersions, reason] of cases) {
		const refused = await call('POST', '/app/bank/msg', { eventType: type, payload: {}, payloadVersions });
		assert.equal(refused.status, 422, refused.text);
		assert.deepEqual([refused.json.detail[0].loc, refused.json.detail[0].msg], [['body', 'payloadVersions'], reason]);
	}
	const key = { 'idempotency-key': 'k' };
	assert.equal((await call('POST', '/app/bank/msg', { eventType: type, payload: {}, payloadVersions: { 2: {} } }, key)).status, 202);
	assert.equal((await call('POST', '/app/bank/msg', { eventType: type, payload: {}, payloadVersions: { 3: {} } }, key)).status, 422);
});

test('a raw payload that is no JSON is a string in the envelope, and names no other organisation', async (t) => {
	const to = await sink(t);
	const { call } = await serve(t, scratch(t));
	assert.equal((await call('POST', '/app', { name: 'Bank', uid: 'bank' })).status, 201);
	for (const payloadStyle of ['raw', 'envelope'])
		assert.equal((await call('POST', '/app/bank/endpoint', { url: `${to.url}/${payloadStyle}`, payloadStyle })).status, 201);
	const post = async (rawPayload) => {
		assert.equal((await call('POST', '/app/bank/msg', { eventType: type, payload: {}, transformationsParams: { rawPayload } })).status, 202);
		return (await call('GET', '/app/bank')).json.id;
	};
	const texts = ['amount=1;\u0007"q"', '{"n":1},"organisation":"org_other","environment":"production","data":{"n":2}', '', '[1.0]'];
	for (const [i, text] of texts.entries()) {
		const organisation = await post(text);
		await to.until(2 * (i + 1));
		const got = Object.fromEntries(to.received.slice(2 * i).map((entry) => [entry.url, entry.body.toString()]));
		assert.equal(got['/raw'], text);
		const envelope = JSON.parse(got['/envelope']);
		assert.deepEqual(Object.keys(envelope), ['id', 'type', 'environment', 'organisation', 'created_at', 'data']);
		assert.equal(envelope.organisation, organisation);
		assert.deepEqual(envelope.data, text === '[1.0]' ? [1] : text);
	}
	assert.ok(to.received.some((entry) => entry.body.toString().endsWith('"data":[1.0]}')));
});
