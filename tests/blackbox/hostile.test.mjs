// Hostile requests on raw sockets (M10, M15): what is answered, what is not journalled, and that others are served.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

async function receiver(t) {
	const data = scratch(t);
	const secret = standardSecret();
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard',
		'--secret-file', fileIn(data, 'keys', `${secret}\n`)]);
	const lines = (id, body) => Object.entries(standardHeaders(secret, id, body)).map(([name, value]) => `${name}: ${value}\r\n`).join('');
	const good = (id) => request(server, 'POST', '/in/acme', standardHeaders(secret, id, '{"type":"a.b"}'), '{"type":"a.b"}');
	const ids = async () => {
		const list = await run(['journal', 'list', '--data', data, '--json']);
		return list.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).id);
	};
	return Object.assign(server, { data, lines, good, ids });
}

/** Everything that came back until the other side closed, or nothing came for a while. */
function exchange(server, bytes, quietMs = 700) {
	return new Promise((resolve) => {
		let text = '';
		const socket = net.connect(server.port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
		const finish = (closed) => { socket.destroy(); resolve({ text, closed, statuses: [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => Number(m[1])) }); };
		socket.setTimeout(quietMs, () => finish(false));
		socket.setEncoding('latin1').on('data', (piece) => (text += piece));
		socket.on('end', () => finish(true)).on('error', () => finish(true));
	});
}

/** A well signed request whose end two readers would see in different places, and another one behind it. */
async function smuggles(server, name, head, between, status) {
	const body = '{"type":"a.b"}';
	const inner = `POST /in/acme HTTP/1.1\r\nhost: x\r\n${server.lines('smuggled', body)}content-length: ${body.length}\r\n\r\n${body}`;
	const answer = await exchange(server, `POST /in/acme HTTP/1.1\r\nhost: x\r\n${server.lines('outer', '{}')}${head}\r\n${between}${inner}`);
	assert.ok(answer.statuses.every((one) => one === status), `${name}: ${answer.text}`);
	assert.ok(answer.closed, `${name}: still open after ${answer.text}`);
	assert.ok(!(await server.ids()).includes('smuggled'), name);
}

test('a request inside another is never read as one', async (t) => {
	const server = await receiver(t);
	const begun = Date.now();
	await smuggles(server, 'two lengths', 'content-length: 2\r\ncontent-length: 0\r\n', '{}', 400);
	await smuggles(server, 'the same length twice', 'content-length: 2\r\ncontent-length: 2\r\n', '{}', 400);
	await smuggles(server, 'two lengths in one', 'content-length: 2, 0\r\n', '{}', 400);
	await smuggles(server, 'a signed length', 'content-length: +2\r\n', '{}', 400);
	await smuggles(server, 'a length that is no number', 'content-length: two\r\n', '', 400);
	await smuggles(server, 'length beside chunked', 'content-length: 2\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'chunked beside length', 'transfer-encoding: chunked\r\ncontent-length: 2\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'two codings', 'transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'another coding', 'transfer-encoding: gzip, chunked\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'a coding that looks like chunked', 'transfer-encoding: xchunked\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'a space before the colon', 'content-length : 2\r\n', '{}', 400);
	await smuggles(server, 'a tab before the colon', 'transfer-encoding\t: chunked\r\n', '0\r\n\r\n', 400);
	await smuggles(server, 'a name with a space', 'content length: 2\r\n', '', 400);
	await smuggles(server, 'two hosts', 'host: y\r\ncontent-length: 2\r\n', '{}', 400);
	await smuggles(server, 'a chunk size that is none', 'transfer-encoding: chunked\r\n', 'zz\r\n', 400);
	await smuggles(server, 'a chunk size below nothing', 'transfer-encoding: chunked\r\n', '-1\r\n', 400);
	await smuggles(server, 'a chunk size with 0x', 'transfer-encoding: chunked\r\n', '0x2\r\n{}\r\n0\r\n\r\n', 400);
	await smuggles(server, 'a chunk that is longer than it says', 'transfer-encoding: chunked\r\n', '2\r\n{}X\r\n0\r\n\r\n', 400);
	await smuggles(server, 'a chunk size beyond all numbers', 'transfer-encoding: chunked\r\n', 'ffffffffffffffffff\r\n', 413);
	assert.equal((await server.good('after')).status, 200);
	assert.deepEqual(await server.ids(), ['after']);
	assert.ok(Date.now() - begun < 60000);
});

test('what is one request is one: pipelined, chunked with extensions and trailers, a body that is a request', async (t) => {
	const server = await receiver(t);
	const body = '{"type":"a.b"}';
	const one = (id) => `POST /in/acme HTTP/1.1\r\nhost: x\r\n${server.lines(id, body)}content-length: ${body.length}\r\n\r\n${body}`;
	const pipelined = await exchange(server, one('p1') + one('p2') + one('p1') + 'GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
	assert.deepEqual(pipelined.statuses, [200, 200, 200, 200]);
	assert.deepEqual([...pipelined.text.matchAll(/"status":"(\w+)"/g)].map((m) => m[1]), ['accepted', 'accepted', 'duplicate', 'ok']);
	const inner = one('inner');
	const outer = await exchange(server, `POST /in/acme HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${server.lines('outer', inner)}content-length: ${inner.length}\r\n\r\n${inner}`);
	assert.deepEqual(outer.statuses, [200]);
	const chunked = await exchange(server, `POST /in/acme HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${server.lines('chunked', body)}`
		+ `transfer-encoding: chunked\r\n\r\n2;name="value"\r\n${body.slice(0, 2)}\r\n${(body.length - 2).toString(16)}\r\n${body.slice(2)}\r\n0\r\nwebhook-id: other\r\n\r\n`);
	assert.deepEqual(chunked.statuses, [200]);
	assert.deepEqual(await server.ids(), ['p1', 'p2', 'outer', 'chunked']);
});

test('odd targets, versions and heads', async (t) => {
	const server = await receiver(t);
	const body = '{"type":"a.b"}';
	const to = (target, version = 'HTTP/1.1') => exchange(server,
		`POST ${target} ${version}\r\nhost: x\r\nconnection: close\r\n${server.lines('odd', body)}content-length: ${body.length}\r\n\r\n${body}`);
	for (const target of ['/in/%61cme', '/in/acme/', '/in//acme', '//in/acme', '/in/../in/acme', '/in/./acme', 'http://x/in/acme', '/IN/acme', '/in/acme%00', '/in/acme#x', '*'])
		assert.deepEqual((await to(target)).statuses, [404], target);
	// A blank in it makes it a matter of opinion where the target ends.
	assert.deepEqual((await to('/in/a cme')).statuses, [400]);
	assert.deepEqual(await server.ids(), []);
	assert.deepEqual((await to('/in/acme', 'HTTP/1.0')).statuses, [200]);
	for (const head of [
		'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'GET /health HTTP/2.0\r\nhost: x\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 'hello\nthere\n\n', '\0\0\0\0\r\n\r\n',
		'GET /health HTTP/1.1\r\n\r\n', 'GET /health HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n',
		`GET /health HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(9000)}\r\n\r\n`, `GET /${'a'.repeat(9000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
		`GET /health HTTP/1.1\r\nhost: x\r\n${'a: b\r\n'.repeat(2000)}\r\n`,
	]) {
		const answer = await exchange(server, head);
		assert.ok(answer.statuses.length === 1 && answer.statuses[0] >= 400, `${head.slice(0, 40)}: ${answer.text}`);
		assert.ok(answer.closed, JSON.stringify(head.slice(0, 40)));
	}
	const many = `GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${Array.from({ length: 100 }, (_, i) => `x-${i}: y\r\n`).join('')}\r\n`;
	assert.deepEqual((await exchange(server, many)).statuses, [200]);
	assert.equal((await server.good('after')).status, 200);
});

/** What is refused in front of everything else: [what is sent, status, code]. */
const line = 'POST /in/acme HTTP/1.1\r\nhost: x\r\n';
const chunked = `${line}transfer-encoding: chunked\r\n\r\n`;
const refusals = {
	'HTTP/2': ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505, 'version_not_supported'],
	'HTTP/0.9': ['GET /health\r\n', 400, 'bad_request'],
	'TLS to a plain port': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n', 400, 'bad_request'],
	'lines that end with a line feed': ['GET /health HTTP/1.1\nhost: x\n\n', 400, 'bad_request'],
	'a header that ends with a line feed': [`${line}x: y\ncontent-length: 0\r\n\r\n`, 400, 'bad_request'],
	'a carriage return in a header': [`${line}x: a\rcontent-length: 2\r\n\r\n`, 400, 'bad_request'],
	'a NUL in a header': [`${line}x: a\0b\r\n\r\n`, 400, 'bad_request'],
	'a NUL in the target': ['GET /he\0alth HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'bad_request'],
	'a folded header': [`${line}x: a\r\n content-length: 2\r\n\r\n`, 400, 'bad_request'],
	'no colon': [`${line}no colon\r\n\r\n`, 400, 'bad_request'],
	'no host': ['GET /health HTTP/1.1\r\n\r\n', 400, 'bad_request'],
	'a host that is none': ['GET /health HTTP/1.1\r\nhost: a/b\r\n\r\n', 400, 'bad_request'],
	'two hosts': ['GET /health HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n', 400, 'bad_request'],
	'a length that is no number': [`${line}content-length: two\r\n\r\n`, 400, 'bad_request'],
	'a length below nothing': [`${line}content-length: -1\r\n\r\n`, 400, 'bad_request'],
	'a length beyond all numbers': [`${line}content-length: 99999999999999999999\r\n\r\n`, 413, 'payload_too_large'],
	'a coding in HTTP/1.0': ['POST /in/acme HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 400, 'bad_request'],
	'a chunk that is none': [`${chunked}zz\r\n`, 400, 'bad_request'],
	'a chunk that is longer than it says': [`${chunked}2\r\n{}X\r\n0\r\n\r\n`, 400, 'bad_request'],
	'a chunk that ends with a line feed': [`${chunked}2\n{}\r\n0\r\n\r\n`, 400, 'bad_request'],
	'chunks that are too much together': [`${chunked}${`80000\r\n${'a'.repeat(0x80000)}\r\n`.repeat(2)}1\r\n`, 413, 'payload_too_large'],
	'an endless extension': [`${chunked}1;${'x'.repeat(9000)}`, 431, 'headers_too_large'],
	'endless trailers': [`${chunked}0\r\n${'x: y\r\n'.repeat(2000)}`, 431, 'headers_too_large'],
	'a trailer that is none': [`${chunked}0\r\nno colon\r\n\r\n`, 400, 'bad_request'],
	'an endless target': [`GET /${'a'.repeat(9000)}`, 414, 'uri_too_long'],
	'an endless header': [`${line}x: ${'a'.repeat(9000)}`, 431, 'headers_too_large'],
	'endless headers': [`${line}${'a: b\r\n'.repeat(200)}\r\n`, 431, 'headers_too_large'],
};

test('whatever cannot be read is refused as JSON, and the connection ends', async (t) => {
	const server = await receiver(t);
	for (const [name, [bytes, status, code]] of Object.entries(refusals)) {
		// Whole, and so that the server sees it come to its end a byte at a time.
		for (const cut of [bytes.length, bytes.length - 3]) {
			const answer = await new Promise((resolve) => {
				let text = '';
				const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () => {
					socket.setNoDelay(true);
					socket.write(Buffer.from(bytes.slice(0, cut), 'latin1'));
					for (const byte of bytes.slice(cut)) socket.write(Buffer.from(byte, 'latin1'));
				});
				socket.setEncoding('latin1').on('data', (piece) => (text += piece)).on('error', () => {});
				socket.on('end', () => { socket.destroy(); resolve(text); });
			});
			const [head, body] = answer.split('\r\n\r\n');
			assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`), `${name}: ${answer}`);
			assert.match(head, /\r\ncontent-type: application\/json\r\n/, name);
			assert.match(head, /\r\nconnection: close$/, name);
			assert.equal(head.match(/content-length: (\d+)/)[1], String(body.length), name);
			const refusal = JSON.parse(body);
			assert.deepEqual(Object.keys(refusal), ['code', 'detail'], name);
			assert.equal(refusal.code, code, name);
		}
	}
	assert.equal((await server.good('after')).status, 200);
	assert.deepEqual(await server.ids(), ['after']);
});

test('a client that sends no more with its request, HTTP/1.0 with and without keep-alive, HEAD, 100-continue', async (t) => {
	const server = await receiver(t);
	const get = 'GET /health HTTP/1.1\r\nhost: x\r\n\r\n';
	const begun = Date.now();
	const half = await new Promise((resolve) => {
		let text = '';
		const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(get));
		socket.setEncoding('latin1').on('data', (piece) => (text += piece)).on('end', () => resolve(text));
	});
	assert.match(half, /^HTTP\/1\.1 200 OK\r\ndate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
	assert.ok(Date.now() - begun < 10000, 'its end was seen');
	const old = await exchange(server, 'GET /health HTTP/1.0\r\n\r\n' + get);
	assert.ok(old.closed && old.statuses.length === 1, old.text);
	const kept = await exchange(server, 'GET /health HTTP/1.0\r\nconnection: keep-alive\r\n\r\n' + get);
	assert.deepEqual(kept.statuses, [200, 200]);
	assert.match(kept.text, /connection: keep-alive/);
	const head = await exchange(server, 'HEAD /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
	assert.match(head.text, /content-length: [1-9]\d*\r\n[^{]*\r\n\r\n$/);
	const waits = await exchange(server, 'POST /in/none HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n', 300);
	assert.equal(waits.text, 'HTTP/1.1 100 Continue\r\n\r\n');
});

test('50 slow bodies and 50 slow heads hold up nobody', async (t) => {
	const server = await receiver(t);
	const sockets = [];
	for (let i = 0; i < 100; i++) {
		const socket = net.connect(server.port, '127.0.0.1');
		socket.on('error', () => {});
		await new Promise((resolve) => socket.on('connect', resolve));
		socket.write(i % 2 ? 'POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{' : 'POST /in/acme HTTP/1.1\r\nhost');
		sockets.push(socket);
	}
	const drip = setInterval(() => sockets.forEach((socket) => socket.write('a')), 50);
	t.after(() => { clearInterval(drip); sockets.forEach((socket) => socket.destroy()); });
	for (let i = 0; i < 30; i++) {
		const begun = Date.now();
		assert.equal((await server.good(`good-${i}`)).status, 200);
		assert.ok(Date.now() - begun < 2000, `${Date.now() - begun} ms`);
	}
	// A client that leaves within its body leaves nothing behind.
	sockets.forEach((socket) => socket.destroy());
	assert.equal((await server.ids()).length, 30);
});
