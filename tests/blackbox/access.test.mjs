// Who may send to a source: TLS in the receiver, client certificates, address lists, proxies (M10, M15).
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, readFileSync, renameSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { spawn } from 'node:child_process';
import tls from 'node:tls';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });

function authority(directory, name) {
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
		'-keyout', join(directory, `${name}.key`), '-out', join(directory, `${name}.pem`));
	return { directory, name, pem: join(directory, `${name}.pem`) };
}

/** A certificate of that authority: paths of certificate and key. */
function certificate(ca, name, { days = 1, usage = 'clientAuth', san = `DNS:${name}` } = {}) {
	const at = (end) => join(ca.directory, `${name}.${end}`);
	openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/O=Test/CN=${name}`,
		'-keyout', at('key'), '-out', at('csr'));
	fileIn(ca.directory, `${name}.ext`, `subjectAltName=${san}\nextendedKeyUsage=${usage}\n`);
	openssl('x509', '-req', '-in', at('csr'), '-CA', ca.pem, '-CAkey', join(ca.directory, `${ca.name}.key`), '-CAcreateserial',
		'-days', String(days), '-extfile', at('ext'), '-out', at('pem'));
	return { cert: at('pem'), key: at('key') };
}

/** Starts a server that speaks TLS; `start` waits for an http URL. */
async function startSecure(t, args, env = {}) {
	const child = spawn(process.env.VAULTBELL, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
	const server = { child, log: '', ended: once(child, 'close') };
	child.stderr.setEncoding('utf8').on('data', (text) => (server.log += text));
	t.after(() => stop(server, 'SIGKILL'));
	const [line] = await Promise.race([once(createInterface({ input: child.stdout }), 'line'), server.ended.then(() => [''])]);
	const match = /^vaultbell: \S+ (https:\/\/\S+)$/.exec(line);
	if (!match) throw new Error(`the server did not start: ${line}\n${server.log}`);
	server.url = match[1];
	server.port = Number(new URL(server.url).port);
	return server;
}

function ask(server, { ca, method = 'GET', path = '/health', headers = {}, body = '', client, keepAlive } = {}) {
	return new Promise((resolve, reject) => {
		const options = {
			host: '127.0.0.1', port: server.port, method, path, ca: readFileSync(ca), agent: keepAlive ?? false,
			servername: 'localhost', headers: { 'content-length': Buffer.byteLength(body), ...headers },
			...(client && { cert: readFileSync(client.cert), key: readFileSync(client.key) }),
		};
		const call = https.request(options, (answer) => {
			let text = '';
			const peer = answer.socket.getPeerCertificate()?.fingerprint256;
			answer.setEncoding('utf8').on('data', (piece) => (text += piece));
			answer.on('end', () => {
				let json;
				try { json = JSON.parse(text); } catch { json = undefined; }
				resolve({ status: answer.statusCode, text, json, peer });
			});
		});
		call.on('error', reject);
		call.end(body);
	});
}

async function secureReceiver(t, source, { clientCa = true } = {}) {
	const data = scratch(t);
	const ca = authority(data, 'ca');
	const own = certificate(ca, 'localhost', { usage: 'serverAuth' });
	const secret = standardSecret();
	const lines = Object.entries({ name: 'acme', scheme: 'standard', secret_file: fileIn(data, 'keys', secret + '\n'), ...source });
	const config = fileIn(data, 'config.yaml', `sources:\n  - ${lines.map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join('\n    ')}\n`);
	const server = await startSecure(t, ['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config,
		'--tls-cert', own.cert, '--tls-key', own.key, ...(clientCa ? ['--tls-client-ca', ca.pem] : [])]);
	const post = (id, more = {}) => {
		const body = `{"type":"a.b","id":"${id}"}`;
		return ask(server, { ca: ca.pem, method: 'POST', path: '/in/acme', body, ...more,
			headers: { 'content-type': 'application/json', ...standardHeaders(secret, id, body), ...more.headers } });
	};
	return Object.assign(server, { data: join(data, 'd'), ca, own, post });
}

async function refusals(server) {
	const list = await run(['journal', 'list', '--refused', '--data', server.data, '--json']);
	return list.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line).reason);
}

test('the receiver speaks TLS: many requests over few connections, and a new certificate without a restart', async (t) => {
	const server = await secureReceiver(t, {}, { clientCa: false });
	const keepAlive = new https.Agent({ keepAlive: true, maxSockets: 20 });
	t.after(() => keepAlive.destroy());
	const answers = await Promise.all(Array.from({ length: 400 }, (_, i) => server.post(`e${i}`, { keepAlive })));
	assert.ok(answers.every((answer) => answer.status === 200 && answer.json.status === 'accepted'));
	// A body that is larger than the connection's memory, and one that is too large.
	assert.equal((await ask(server, { ca: server.ca.pem, method: 'POST', path: '/in/acme', body: 'x'.repeat(900000) })).status, 401);
	assert.equal((await ask(server, { ca: server.ca.pem, method: 'POST', path: '/in/acme', body: 'x'.repeat(1048577) })).status, 413);
	await assert.rejects(request(server, 'GET', '/health')); // plain HTTP on this port is no request

	const before = (await ask(server, { ca: server.ca.pem })).peer;
	const fresh = certificate(server.ca, 'fresh', { usage: 'serverAuth', san: 'DNS:localhost' });
	copyFileSync(fresh.key, `${server.own.key}.new`);
	copyFileSync(fresh.cert, `${server.own.cert}.new`);
	renameSync(`${server.own.key}.new`, server.own.key);
	renameSync(`${server.own.cert}.new`, server.own.cert);
	server.child.kill('SIGHUP');
	const late = Date.now() + 15000;
	let after = before;
	while (after === before && Date.now() < late) after = (await ask(server, { ca: server.ca.pem })).peer;
	assert.equal(after, new X509Certificate(readFileSync(fresh.cert)).fingerprint256);

	// One that is broken changes nothing but the log.
	fileIn(server.ca.directory, 'localhost.pem', 'broken\n');
	server.child.kill('SIGHUP');
	while (!server.log.includes('cannot be read anew')) await once(server.child.stderr, 'data');
	assert.equal((await ask(server, { ca: server.ca.pem })).peer, after);
	await stop(server);
});

test('whoever does not come to the end of a handshake is not waited for', async (t) => {
	const server = await secureReceiver(t, {}, { clientCa: false });
	const begun = Date.now();
	const closed = (bytes) => new Promise((resolve) => {
		const socket = net.connect(server.port, '127.0.0.1', () => socket.write(bytes));
		socket.on('error', () => {}).on('close', resolve).resume();
	});
	await Promise.all([closed(''), closed(Buffer.from('160301', 'hex'))]);
	assert.ok(Date.now() - begun < 30000);
	assert.equal((await ask(server, { ca: server.ca.pem })).status, 200);
});

test('who offers protocols over TLS and not ours is refused, and one that offers ours gets it', async (t) => {
	const server = await secureReceiver(t, {}, { clientCa: false });
	const protocol = (offered) => new Promise((resolve, reject) => {
		const socket = tls.connect({ host: '127.0.0.1', port: server.port, ca: readFileSync(server.ca.pem), servername: 'localhost', ALPNProtocols: offered },
			() => resolve(socket.alpnProtocol) ?? socket.destroy());
		socket.on('error', reject);
	});
	assert.equal(await protocol(['h2', 'http/1.1']), 'http/1.1');
	await assert.rejects(protocol(['h2']));
});

test('older versions of TLS are refused', async (t) => {
	const server = await secureReceiver(t, {}, { clientCa: false });
	await assert.rejects(new Promise((resolve, reject) => {
		const socket = tls.connect({ host: '127.0.0.1', port: server.port, ca: readFileSync(server.ca.pem), servername: 'localhost',
			maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'ALL:@SECLEVEL=0' }, () => resolve(socket.destroy()));
		socket.on('error', reject);
	}));
});

test('a source that wants a client certificate gets it, by name or by fingerprint', async (t) => {
	const probe = scratch(t);
	const stranger = certificate(authority(probe, 'other-ca'), 'custodian');
	const server = await secureReceiver(t, { client_certificate: ['dns:custodian', 'uri:spiffe://custodian/hooks'] });
	const right = certificate(server.ca, 'custodian');
	const byUri = certificate(server.ca, 'by-uri', { san: 'URI:spiffe://custodian/hooks' });
	const wrongName = certificate(server.ca, 'another');
	const wrongUse = certificate(server.ca, 'use', { usage: 'serverAuth', san: 'DNS:custodian' });
	assert.equal((await server.post('e1', { client: right })).status, 200);
	assert.equal((await server.post('e2', { client: byUri })).status, 200);
	for (const client of [undefined, wrongName, wrongUse, stranger]) {
		const answer = await server.post('e3', { client });
		assert.equal(answer.status, 401, answer.text);
		assert.deepEqual(Object.keys(answer.json), ['code', 'detail']);
	}
	assert.equal((await ask(server, { ca: server.ca.pem })).status, 200); // health wants none
	const journal = await run(['journal', 'list', '--data', server.data, '--json']);
	assert.equal(journal.stdout.trim().split('\n').length, 2);
	assert.deepEqual(await refusals(server), ['certificate', 'certificate', 'certificate', 'certificate']);
});

test('a client certificate that nobody is asked for is said at the start', async (t) => {
	const data = scratch(t);
	const config = fileIn(data, 'c.yaml', `sources: [{name: a, scheme: standard, secret_file: ${fileIn(data, 'k', standardSecret())}, client_certificate: "dns:x"}]\n`);
	const result = await run(['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config]);
	assert.equal(result.status, 2);
	assert.match(result.stderr, /client_certificate: nobody is asked for one/);
});

for (const [name, source, env, headers, status] of [
	['not of the list', { allow: ['192.0.2.0/24'] }, {}, {}, 403],
	['of the list', { allow: ['192.0.2.0/24', '127.0.0.0/8'] }, {}, {}, 200],
	['a header from nobody who may say it', { allow: ['192.0.2.0/24'] }, {}, { 'x-forwarded-for': '192.0.2.1' }, 403],
	['a trusted proxy says it', { allow: ['192.0.2.0/24'] }, { proxies: '127.0.0.0/8' }, { 'x-forwarded-for': '203.0.113.9, 192.0.2.1' }, 200],
	['what stands before what the proxy says is not believed', { allow: ['192.0.2.0/24'] }, { proxies: '127.0.0.0/8' }, { 'x-forwarded-for': '192.0.2.1, 203.0.113.9' }, 403],
	['two proxies', { allow: ['2001:db8::/32'] }, { proxies: '127.0.0.0/8,10.0.0.0/8' }, { 'x-forwarded-for': '2001:db8::1, 10.1.1.1' }, 200],
	['a proxy that says nothing', { allow: ['127.0.0.0/8'] }, { proxies: '127.0.0.0/8' }, {}, 403],
	['a proxy that says nonsense', { allow: ['0.0.0.0/0'] }, { proxies: '127.0.0.0/8' }, { 'x-forwarded-for': 'unknown' }, 403],
]) {
	test(`addresses: ${name}`, async (t) => {
		const data = scratch(t);
		const secret = standardSecret();
		const config = fileIn(data, 'c.yaml',
			`sources: [{name: acme, scheme: standard, secret_file: ${fileIn(data, 'k', secret)}, allow: ${JSON.stringify(source.allow)}}]\n`);
		const server = await start(t, ['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config],
			{ env: env.proxies ? { VAULTBELL_RECEIVER_TRUSTED_PROXIES: env.proxies } : {} });
		const body = '{"type":"a.b"}';
		const answer = await request(server, 'POST', '/in/acme', { ...standardHeaders(secret, 'e1', body), ...headers }, body);
		assert.equal(answer.status, status, answer.text);
		if (status === 403) {
			assert.equal(answer.json.code, 'forbidden');
			await stop(server);
			server.data = join(data, 'd');
			assert.deepEqual(await refusals(server), ['address']);
		}
	});
}

test('the sender speaks TLS as well', async (t) => {
	const data = scratch(t);
	const ca = authority(data, 'ca');
	const own = certificate(ca, 'localhost', { usage: 'serverAuth' });
	const server = await startSecure(t, ['serve', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--tls-cert', own.cert, '--tls-key', own.key]);
	assert.equal((await ask(server, { ca: ca.pem, path: '/api/v1/health' })).status, 200);
	await stop(server);
	const other = await run(['serve', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--tls-cert', own.cert, '--tls-key', join(data, 'ca.key')]);
	assert.equal(other.status, 2);
	assert.match(other.stderr, /it is not the key of/);
});
