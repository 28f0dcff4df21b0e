// The receiver from outside: every answer that it promises, for every scheme, and what its journal shows.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import net from 'node:net';
import { test } from 'node:test';

import { fileIn, raw, request, run, scratch, sink, start, stop } from './program.mjs';
import {
	ecdsaPair, ed25519Headers, ed25519Pair, legacyHeaders, rfc9421Headers, standardHeaders, standardSecret,
} from './signing.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function receiver(t, { scheme = 'standard', keys, extra = [], env = {}, data = scratch(t) }) {
	const secretFile = fileIn(data, 'keys', keys.join('\n') + '\n');
	const args = ['--source', 'acme', '--scheme', scheme, '--secret-file', secretFile];
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...args, ...extra], { env });
	return Object.assign(server, { data });
}

async function journal(server) {
	const result = await run(['journal', 'list', '--data', server.data, '--json']);
	assert.equal(result.stderr, '');
	assert.equal(result.status, 0);
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

const post = (server, headers, body, path = '/in/acme') => request(server, 'POST', path, headers, body);

function assertError(answer, status) {
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.headers['content-type'], /^application\/json/);
	assert.deepEqual(Object.keys(answer.json).sort(), ['code', 'detail']);
	assert.equal(typeof answer.json.code, 'string');
	assert.equal(typeof answer.json.detail, 'string');
}

function assertStatus(answer, status) {
	assert.equal(answer.status, 200, answer.text);
	assert.deepEqual(answer.json, { status });
}

test('standard: accepted, duplicate, conflict, and the journal', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{ "type": "wallet.created",  "n": 1.0 }\n';
	const begun = Date.now();
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body), body), 'accepted');
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body), body), 'duplicate');
	const other = '{ "type": "wallet.created",  "n": 2.0 }\n';
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', other), other), 'conflict');
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body), body), 'duplicate');
	const twin = '{"type":"twin"}';
	assertStatus(await post(server, standardHeaders(secret, 'evt_2', twin, { prefix: 'svix' }), twin), 'accepted');

	const rows = await journal(server);
	assert.deepEqual(rows.map((row) => [row.id, row.type, row.source, row.verdict, row.body_sha256]), [
		['evt_1', 'wallet.created', 'acme', 'verified', sha256(body)],
		['evt_1', 'wallet.created', 'acme', 'conflict', sha256(other)],
		['evt_2', 'twin', 'acme', 'verified', sha256(twin)],
	]);
	for (const row of rows) {
		assert.match(row.received_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
		assert.ok(Date.parse(row.received_at) >= begun - 1 && Date.parse(row.received_at) <= Date.now() + 1);
	}
	const seqs = rows.map((row) => row.seq);
	assert.deepEqual(seqs, [...seqs].sort((a, b) => a - b));
	const table = await run(['journal', 'list', '--data', server.data]);
	assert.equal(table.status, 0);
	assert.equal(table.stdout.trimEnd().split('\n').length, 1 + rows.length);
});

test('standard: what is not authenticated is 401 and leaves no trace', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{"type":"a.b"}';
	const good = standardHeaders(secret, 'evt_1', body);
	const now = Math.floor(Date.now() / 1000);
	const wrong = {
		'no headers': {},
		'no id': { ...good, 'webhook-id': undefined },
		'no timestamp': { ...good, 'webhook-timestamp': undefined },
		'no signature': { ...good, 'webhook-signature': undefined },
		'another id': { ...good, 'webhook-id': 'evt_2' },
		'another time': { ...good, 'webhook-timestamp': String(now - 1) },
		'another key': standardHeaders(standardSecret(), 'evt_1', body),
		'another body': standardHeaders(secret, 'evt_1', `${body} `),
		'no base64': { ...good, 'webhook-signature': 'v1,???' },
		'no version': { ...good, 'webhook-signature': good['webhook-signature'].slice(3) },
		'no number': { ...good, 'webhook-timestamp': 'soon' },
		'stale': standardHeaders(secret, 'evt_1', body, { timestamp: now - 310 }),
		'early': standardHeaders(secret, 'evt_1', body, { timestamp: now + 310 }),
	};
	for (const [name, headers] of Object.entries(wrong)) {
		const kept = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));
		await t.test(name, async () => assertError(await post(server, kept, body), 401));
	}
	assert.deepEqual(await journal(server), []);
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body, { timestamp: now - 290 }), body), 'accepted');
	assert.ok(!server.log.includes(secret));
});

test('standard: several keys, HMAC and Ed25519, all accepted', async (t) => {
	const [first, second, pair] = [standardSecret(), standardSecret(), ed25519Pair()];
	const server = await receiver(t, { keys: ['# rotation', first, '', second, pair.public] });
	const body = '{"type":"a.b"}';
	assertStatus(await post(server, standardHeaders(first, 'evt_1', body), body), 'accepted');
	assertStatus(await post(server, standardHeaders(second, 'evt_2', body), body), 'accepted');
	assertStatus(await post(server, ed25519Headers(pair.private, 'evt_3', body), body), 'accepted');
	const both = standardHeaders(first, 'evt_4', body);
	both['webhook-signature'] = `v1,${Buffer.alloc(32).toString('base64')} v2,x ${both['webhook-signature']}`;
	assertStatus(await post(server, both, body), 'accepted');
	assertError(await post(server, ed25519Headers(ed25519Pair().private, 'evt_5', body), body), 401);
});

test('standard: bytes that are not JSON are taken as they are', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const bodies = [Buffer.from([0xff, 0x00, 0xfe]), Buffer.from('plain'), Buffer.alloc(0), Buffer.from('[1]')];
	for (const [index, body] of bodies.entries())
		assertStatus(await post(server, standardHeaders(secret, `evt_${index}`, body), body), 'accepted');
	const rows = await journal(server);
	assert.deepEqual(rows.map((row) => [row.type, row.body_sha256]), bodies.map((body) => [null, sha256(body)]));
});

test('rfc9421: accepted, duplicate, and what is refused', async (t) => {
	const pair = ecdsaPair('k1');
	const server = await receiver(t, { scheme: 'rfc9421', keys: [ecdsaPair('k0').public, pair.public] });
	const where = { authority: server.authority, path: '/in/acme' };
	const body = '{"type":"a.b"}';
	assertStatus(await post(server, rfc9421Headers(pair, 'evt_1', body, where), body), 'accepted');
	assertStatus(await post(server, rfc9421Headers(pair, 'evt_1', body, where), body), 'duplicate');
	const binary = Buffer.from([0xff, 0x01]);
	assertStatus(await post(server, rfc9421Headers(pair, 'evt_2', binary, where), binary), 'accepted');

	const now = Math.floor(Date.now() / 1000);
	const good = rfc9421Headers(pair, 'evt_3', body, where);
	const uncovered = ['@method', '@authority', '@path', 'content-type', 'webhook-id', 'webhook-timestamp'];
	const refused = {
		'another body': [good, `${body} `],
		'another id': [{ ...good, 'webhook-id': 'evt_4' }, body],
		'another path': [rfc9421Headers(pair, 'evt_3', body, { ...where, path: '/in/other' }), body],
		'another authority': [rfc9421Headers(pair, 'evt_3', body, { ...where, authority: 'example.com' }), body],
		'another key': [rfc9421Headers(ecdsaPair('k1'), 'evt_3', body, where), body],
		'an unknown key': [rfc9421Headers(ecdsaPair('k2'), 'evt_3', body, where), body],
		'digest not covered': [rfc9421Headers(pair, 'evt_3', body, { ...where, components: uncovered }), body],
		'stale': [rfc9421Headers(pair, 'evt_3', body, { ...where, timestamp: now - 310 }), body],
		'unsigned': [{ 'content-type': 'application/json', 'webhook-id': 'evt_3' }, body],
	};
	for (const [name, [headers, bytes]] of Object.entries(refused))
		await t.test(name, async () => assertError(await post(server, headers, bytes), 401));
	assert.deepEqual((await journal(server)).map((row) => [row.id, row.type]), [['evt_1', 'a.b'], ['evt_2', null]]);
});

test('legacy: the id is the body\'s, whatever the headers say', async (t) => {
	const secret = 'the shared secret';
	const server = await receiver(t, { scheme: 'legacy', keys: [secret] });
	const body = JSON.stringify({ messageId: 'm-1', type: 'DELEGATE_SIGNED', timestamp: 1, payload: {} });
	assertStatus(await post(server, legacyHeaders(secret, body), body), 'accepted');
	assertStatus(await post(server, { ...legacyHeaders(secret, body), 'webhook-id': 'fresh' }, body), 'duplicate');
	const other = JSON.stringify({ messageId: 'm-1', type: 'DELEGATE_SIGNED', timestamp: 2, payload: {} });
	assertStatus(await post(server, legacyHeaders(secret, other), other), 'conflict');
	for (const bytes of ['not json', '{}', '[]', '{"messageId":1}', '{"messageId":""}'])
		assertError(await post(server, { ...legacyHeaders(secret, bytes), 'webhook-id': 'x' }, bytes), 400);
	assertError(await post(server, {}, body), 401);
	assertError(await post(server, legacyHeaders('another', body), body), 401);
	assertError(await post(server, { 'x-sha2-signature': 'abc' }, body), 401);
	assertError(await post(server, legacyHeaders(secret, `${body}\n`), body), 401);
	assert.deepEqual((await journal(server)).map((row) => [row.id, row.verdict]), [['m-1', 'verified'], ['m-1', 'conflict']]);
});

test('paths and methods', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{}';
	const headers = standardHeaders(secret, 'evt_1', body);
	for (const path of ['/in/other', '/in/ACME', '/in/acme/', '/in/%61cme', '/in//acme', '/in/', '/in', '/', '/IN/acme',
		'/in/./acme', '/health/in/acme'])
		assertError(await post(server, headers, body, path), 404);
	for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
		const answer = await request(server, method, '/in/acme', headers, body);
		assertError(answer, 405);
		assert.equal(answer.headers.allow, 'POST');
	}
	assert.equal((await request(server, 'HEAD', '/in/acme')).status, 405);
	assertStatus(await request(server, 'GET', '/health'), 'ok');
	const head = await request(server, 'HEAD', '/health');
	assert.deepEqual([head.status, head.text], [200, '']);
	const wrong = await request(server, 'POST', '/health');
	assertError(wrong, 405);
	assert.equal(wrong.headers.allow, 'GET, HEAD');
	assertStatus(await post(server, headers, body, '/in/acme?attempt=1'), 'accepted');
});

test('bodies up to 1 MiB; beyond it 413', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const most = Buffer.alloc(1 << 20, 'a');
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', most), most), 'accepted');
	const text = await raw(server,
		'POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: 1048577\r\nconnection: close\r\n\r\n' + 'a'.repeat(1048577));
	assert.match(text, /^HTTP\/1\.1 413 /);
	assert.match(text, /"code":.*"detail":/);
	const chunk = `${(1 << 16).toString(16)}\r\n${'a'.repeat(1 << 16)}\r\n`;
	const chunked = await raw(server,
		`POST /in/acme HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(17)}0\r\n\r\n`);
	assert.match(chunked, /^HTTP\/1\.1 413 /);
	assert.equal((await journal(server)).length, 1);
});

test('broken framing is 400 and closes', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const heads = {
		'two lengths': 'content-length: 2\r\ncontent-length: 3\r\n',
		'two lengths in one': 'content-length: 2, 3\r\n',
		'length beside encoding': 'content-length: 2\r\ntransfer-encoding: chunked\r\n',
		'encoding beside length': 'transfer-encoding: chunked\r\ncontent-length: 2\r\n',
	};
	for (const [name, lines] of Object.entries(heads)) {
		await t.test(name, async () => {
			// What follows must never be read as a request of its own: the connection is closed.
			const text = await raw(server,
				`POST /in/acme HTTP/1.1\r\nhost: x\r\n${lines}\r\n{}GET /health HTTP/1.1\r\nhost: x\r\n\r\n`);
			assert.match(text, /^HTTP\/1\.1 400 /);
			assert.doesNotMatch(text, /HTTP\/1\.1 200/);
		});
	}
	const body = '{}';
	const lines = Object.entries(standardHeaders(secret, 'evt_1', body)).map(([name, value]) => `${name}: ${value}\r\n`).join('');
	const text = await raw(server,
		`POST /in/acme HTTP/1.1\r\nhost: x\r\n${lines}transfer-encoding: chunked\r\nconnection: close\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n`);
	assert.match(text, /^HTTP\/1\.1 200 /);
	assertStatus(await request(server, 'GET', '/health'), 'ok');
});

test('100 concurrent duplicates are recorded once', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{"type":"a.b"}';
	const headers = standardHeaders(secret, 'evt_1', body);
	const answers = await Promise.all(Array.from({ length: 100 }, () => post(server, headers, body)));
	assert.ok(answers.every((answer) => answer.status === 200));
	const statuses = answers.map((answer) => answer.json.status);
	assert.equal(statuses.filter((status) => status === 'accepted').length, 1);
	assert.equal(statuses.filter((status) => status === 'duplicate').length, 99);
	assert.equal((await journal(server)).length, 1);
});

test('what was answered survives a kill', async (t) => {
	const secret = standardSecret();
	const first = await receiver(t, { keys: [secret] });
	const ids = Array.from({ length: 50 }, () => randomUUID());
	const body = '{"type":"a.b"}';
	await Promise.all(ids.map(async (id) => assertStatus(await post(first, standardHeaders(secret, id, body), body), 'accepted')));
	await stop(first, 'SIGKILL');
	const second = await receiver(t, { keys: [secret], data: first.data });
	assert.deepEqual((await journal(second)).map((row) => row.id).sort(), [...ids].sort());
	for (const id of ids) assertStatus(await post(second, standardHeaders(secret, id, body), body), 'duplicate');
	const [status] = await stop(second);
	assert.equal(status, 0);
});

test('clients that leave without their answer', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{"type":"a.b"}';
	const gone = Array.from({ length: 40 }, (_, index) => {
		const headers = standardHeaders(secret, `evt_${index}`, body);
		const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
		const bytes = `POST /in/acme HTTP/1.1\r\nhost: x\r\n${lines}content-length: ${body.length}\r\n\r\n${body}`;
		return new Promise((resolve) => {
			const socket = net.connect(server.port, '127.0.0.1', () => socket.write(bytes, () => socket.destroy()));
			socket.on('error', () => {}).on('close', resolve);
		});
	});
	await Promise.all(gone);
	assertStatus(await request(server, 'GET', '/health'), 'ok');
	assertStatus(await post(server, standardHeaders(secret, 'after', body), body), 'accepted');
});

test('forwards verbatim, with retries, and conflicts never', async (t) => {
	const secret = standardSecret();
	const target = await sink(t, (_, number) => (number <= 2 ? 503 : 200));
	const env = { VAULTBELL_DELIVERY_SCHEDULE: '20ms,20ms,20ms,20ms,20ms' };
	const server = await receiver(t, { keys: [secret], extra: ['--forward', `${target.url}/events?a=b`], env });
	const body = '{ "type":"a.b",\t"amount" : 1.10 }\n';
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body), body), 'accepted');
	const received = await target.until(3);
	for (const entry of received) {
		assert.equal(entry.method, 'POST');
		assert.equal(entry.url, '/events?a=b');
		assert.equal(entry.body.toString(), body);
		assert.equal(entry.headers['webhook-id'], 'evt_1');
		assert.equal(entry.headers['content-type'], 'application/json');
	}
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', body), body), 'duplicate');
	assertStatus(await post(server, standardHeaders(secret, 'evt_1', '{}'), '{}'), 'conflict');
	const last = Buffer.from([0xff, 0x00]);
	assertStatus(await post(server, standardHeaders(secret, 'evt_2', last), last), 'accepted');
	await target.until(4);
	assert.equal(target.received.length, 4);
	assert.equal(target.received[3].headers['webhook-id'], 'evt_2');
	assert.deepEqual(target.received[3].body, last);
});

test('forwards what was accepted before a kill', async (t) => {
	const secret = standardSecret();
	let open = false;
	const target = await sink(t, () => (open ? 200 : 503));
	const options = { keys: [secret], extra: ['--forward', target.url], env: { VAULTBELL_DELIVERY_SCHEDULE: '50ms,50ms,1h' } };
	const first = await receiver(t, options);
	const body = '{"type":"a.b"}';
	assertStatus(await post(first, standardHeaders(secret, 'evt_1', body), body), 'accepted');
	await target.until(1);
	await stop(first, 'SIGKILL');
	open = true;
	const seen = target.received.length;
	await receiver(t, { ...options, data: first.data });
	await target.until(seen + 1);
	assert.equal(target.received.at(-1).headers['webhook-id'], 'evt_1');
	assert.equal(target.received.at(-1).body.toString(), body);
});
