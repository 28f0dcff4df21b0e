// The command line: what is good, what is misuse, and that every error is one line that names the input.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, run, scratch } from './program.mjs';
import { ecdsaPair, legacyHeaders, rfc9421Headers, standardHeaders, standardSecret } from './signing.mjs';

async function fails(args, expected, { status = 2, ...options } = {}) {
	const result = await run(args, options);
	assert.equal(result.signal, null);
	assert.equal(result.status, status, result.stderr);
	assert.match(result.stderr, /^vaultbell[^\n]*: [^\n]+\n$/);
	assert.match(result.stderr, expected);
	if (status === 2) assert.equal(result.stdout, '');
	return result;
}

async function succeeds(args, options) {
	const result = await run(args, options);
	assert.equal(result.status, 0, result.stderr);
	assert.equal(result.stderr, '');
	return result.stdout;
}

const headerLines = (headers) => Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`).join('');

test('every command has its help', async () => {
	const overview = await succeeds(['help']);
	assert.equal(await succeeds(['--help']), overview);
	const names = [...overview.matchAll(/^ {2}(\w+(?: \w+)?) {2,}\S/gm)].map((match) => match[1]);
	for (const name of ['token create', 'journal list', 'verify', 'simulate', 'send', 'version', 'help'])
		assert.ok(names.includes(name), name);
	for (const name of names) {
		const help = await succeeds([...name.split(' '), '--help']);
		assert.match(help, new RegExp(`^vaultbell ${name}: .+\n\nUsage: vaultbell ${name}`));
		assert.match(help, /--help/);
	}
	assert.equal(await succeeds(['help', 'verify']), await succeeds(['verify', '--help']));
	assert.match(await succeeds(['version']), /^vaultbell \d+\.\d+\.\d+\n$/);
	assert.equal(await succeeds(['--version']), await succeeds(['version']));
});

test('misuse is told from the table', async (t) => {
	const data = scratch(t);
	await fails([], /expected a command; `vaultbell help` lists them/);
	await fails(['frobnicate'], /frobnicate: there is no such command/);
	await fails(['help', 'frobnicate'], /frobnicate: there is no such command/);
	await fails(['token'], /token: expected one of create, list, revoke behind it/);
	await fails(['token', 'destroy'], /token destroy: expected one of create/);
	await fails(['token', 'create', '--data', data], /--role ROLE is missing/);
	await fails(['token', 'create', '--role', 'admin', '--data'], /--data: expected a value, DIR/);
	await fails(['token', 'create', '--data', data, '--data', data], /--data: expected once/);
	await fails(['token', 'create', '--json=yes'], /--json: expected without a value/);
	await fails(['token', 'create', '--dta', data], /--dta: there is no such option; `vaultbell token create --help`/);
	await fails(['token', 'create', '--dta=secret'], /create: --dta: there is no such option/);
	await fails(['token', 'create', '-x'], /-x: there is no such option/);
	await fails(['token', 'create', 'stray'], /stray: expected options only/);
	await fails(['token', 'create', 'a\nb'], /a\?b: expected options only/);
	await fails(['version', '--json'], /--json: there is no such option/);
});

test('token create', async (t) => {
	const data = join(scratch(t), 'new');
	const create = ['token', 'create', '--data', data];
	assert.match(await succeeds([...create, '--role', 'platform-admin']), /^vbt_[A-Za-z0-9_-]{43}\n$/);
	assert.equal(statSync(data).mode & 0o777, 0o700);
	const before = Date.now();
	const token = JSON.parse(await succeeds([...create, '--role=platform-admin', '--expires', '1d', '--json']));
	assert.match(token.token, /^vbt_[A-Za-z0-9_-]{43}$/);
	assert.deepEqual([token.role, token.organisation], ['platform-admin', null]);
	assert.ok(Math.abs(Date.parse(token.expires) - before - 86400000) < 60000);
	assert.ok(!readFileSync(join(data, 'vaultbell.db')).includes(token.token));
	await fails([...create, '--role', 'boss'], /--role boss: expected one of platform-admin, admin, /);
	await fails([...create, '--role', 'admin'], /--organisation is missing: role admin/);
	await fails([...create, '--role', 'admin', '--organisation', 'nobody'], /--organisation nobody: there is none/);
	await fails([...create, '--role', 'platform-admin', '--organisation', 'x'], /--organisation: expected only with/);
	for (const duration of ['0s', 'soon', '-1d', '1w', '9999999999999d'])
		await fails([...create, '--role', 'platform-admin', '--expires', duration], /--expires .*expected a duration/);
	const file = fileIn(scratch(t), 'file', '');
	await fails(['token', 'create', '--data', file, '--role', 'platform-admin'], /--data .*: it is no directory/);
	await fails(['token', 'create', '--data', `${file}/x`, '--role', 'platform-admin'], /--data .*Not a directory/);
});

test('a standard output that cannot be written is an error', async (t) => {
	const full = openSync('/dev/full', 'w');
	t.after(() => closeSync(full));
	const child = spawn(process.env.VAULTBELL, ['help'], { stdio: ['ignore', full, 'pipe'] });
	let stderr = '';
	child.stderr.on('data', (text) => (stderr += text));
	const [status] = await once(child, 'close');
	assert.equal(status, 2);
	assert.match(stderr, /standard output: it cannot be written/);
});

test('journal list without a journal', async (t) => {
	const directory = scratch(t);
	await fails(['journal', 'list', '--data', directory], /--data .*: there is no vaultbell\.db in it/);
	await fails(['journal', 'list', '--data', join(directory, 'none'), '--json'], /there is no vaultbell\.db in it/);
	mkdirSync(join(directory, 'bad'));
	fileIn(join(directory, 'bad'), 'vaultbell.db', 'this is no database, but it is long enough to be looked at as one');
	await fails(['journal', 'list', '--data', join(directory, 'bad')], /--data /);
});

test('verify: standard', async (t) => {
	const directory = scratch(t);
	const [secret, other] = [standardSecret(), standardSecret()];
	const body = '{"type":"a.b"}';
	const keys = fileIn(directory, 'keys', `${other}\n${secret}\n`);
	const good = standardHeaders(secret, 'evt_1', body);
	const args = (headers, bytes = body) => [
		'verify', '--scheme', 'standard', '--secret-file', keys, '--headers', fileIn(directory, 'headers', headers),
		'--body', fileIn(directory, 'body', bytes),
	];
	assert.equal(await succeeds(args(headerLines(good))), 'verified: event id evt_1, signed by key 2 of 2\n');
	const whole = `POST /in/acme HTTP/1.1\r\nHost: x\r\n${headerLines(good).replaceAll('\n', '\r\n')}\r\n`;
	assert.deepEqual(JSON.parse(await succeeds([...args(whole), '--json'])),
		{ verdict: 'verified', id: 'evt_1', key: 2, reason: 'verified' });
	const fromInput = [...args(headerLines(good)).slice(0, -1), '-'];
	assert.match(await succeeds(fromInput, { input: body }), /^verified: /);

	const finding = async (given, expected) => {
		const result = await run(given);
		assert.deepEqual([result.status, result.stderr], [1, '']);
		assert.match(result.stdout, expected);
	};
	await finding(args(headerLines(good), `${body}\n`), /^wrong: .*it would fit without the line end/);
	await finding(args(headerLines(good), `${body} `), /^wrong: .*is it the body exactly as it came/);
	await finding(args('content-type: application/json\n'), /^missing: /);
	await finding(args(headerLines({ ...good, 'webhook-timestamp': 'x' })), /^malformed: /);
	await finding([...args(headerLines(good)), '--at', '2020-01-01T00:00:00Z'], /^stale: .*expected --at to be when/);
	const old = standardHeaders(secret, 'evt_1', body, { timestamp: 1577836800 });
	await finding(args(headerLines(old)), /^stale: .*give --at TIME/);
	assert.match(await succeeds([...args(headerLines(old)), '--at', '2020-01-01T00:00:30Z']), /^verified: /);
	assert.match(await succeeds([...args(headerLines(old)), '--at', '1577836830']), /^verified: /);
	await fails([...args(headerLines(old)), '--at', 'then'], /--at then: expected a time/);
});

test('verify: rfc9421 and legacy', async (t) => {
	const directory = scratch(t);
	const body = '{"messageId":"m-1"}';
	const pair = ecdsaPair('k1');
	const signed = rfc9421Headers(pair, 'evt_1', body, { authority: 'gateway.example', path: '/in/acme' });
	const files = (keys, headers) => [
		'--secret-file', fileIn(directory, 'keys', keys), '--headers', fileIn(directory, 'headers', headerLines(headers)),
		'--body', fileIn(directory, 'body', body),
	];
	const rfc = ['verify', '--scheme', 'rfc9421', ...files(`${pair.public}\n`, signed)];
	assert.match(await succeeds([...rfc, '--url', 'https://gateway.example/in/acme']), /^verified: event id evt_1/);
	assert.equal((await run([...rfc, '--url', 'https://gateway.example/in/other'])).status, 1);
	await fails([...rfc, '--url', 'gateway'], /--url: expected the http or https URL/);
	const legacy = ['verify', '--scheme', 'legacy', ...files('shared\n', legacyHeaders('shared', body))];
	assert.match(await succeeds(legacy), /^verified: event id m-1/);
});

test('verify: bad files', async (t) => {
	const directory = scratch(t);
	const file = fileIn(directory, 'file', 'whsec_short\n');
	const args = (scheme, keys, headers, body) =>
		['verify', '--scheme', scheme, '--secret-file', keys, '--headers', headers, '--body', body];
	await fails(args('none', file, file, file), /--scheme none: expected one of standard, rfc9421, legacy/);
	const missing = await fails(args('standard', `${file}x`, file, file), /--secret-file: .*filex: No such file or directory/);
	assert.ok(!missing.stderr.includes('whsec_short'));
	const short = await fails(args('standard', file, file, file), /--secret-file: .*file: line 1: /);
	assert.ok(!short.stderr.includes('whsec_short'));
	await fails(args('rfc9421', file, file, file), /line 1: /);
	await fails(args('legacy', directory, file, file), /it is a directory/);
	await fails(args('legacy', file, `${file}x`, file), /--headers: .*No such file/);
	await fails(args('legacy', file, file, file), /--headers: .*file:1: expected a header as in/);
	const headers = fileIn(directory, 'headers', 'x-sha2-signature: 00\n');
	await fails(args('legacy', file, headers, `${file}x`), /--body: .*No such file/);
	await fails(args('legacy', file, headers, directory), /--body: .*expected a readable file/);
});

// --- send and simulate, against a server that answers as it is told ----------------------------------------------

async function api(t, answer) {
	const posts = [];
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const text = Buffer.concat(parts).toString();
			posts.push({ method: call.method, url: call.url, headers: call.headers, text, json: JSON.parse(text) });
			const [status, body] = answer(posts.at(-1), posts.length);
			if (status === 0) call.socket.destroy();
			else response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { posts, url: `http://127.0.0.1:${server.address().port}` };
}

test('send', async (t) => {
	const directory = scratch(t);
	const server = await api(t, (post, number) => (number === 1 ? [503, {}] : [202, { id: 'msg_1', eventId: post.json.eventId }]));
	const payload = '{ "amount":1.10 }';
	const token = fileIn(directory, 'token', 'vbt_abc\n');
	const args = ['send', '--url', `${server.url}/`, '--organisation', 'acme', '--type', 'wallet.created'];
	const file = ['--payload', fileIn(directory, 'payload', payload)];
	assert.equal(await succeeds([...args, ...file, '--token-file', token, '--event-id', 'evt_1']), 'msg_1\n');
	assert.equal(server.posts.length, 2);
	for (const post of server.posts) {
		assert.deepEqual([post.method, post.url], ['POST', '/api/v1/app/acme/msg']);
		assert.equal(post.headers.authorization, 'Bearer vbt_abc');
		assert.equal(post.headers['idempotency-key'], 'evt_1');
		assert.equal(post.headers['content-type'], 'application/json');
		assert.deepEqual([post.json.eventType, post.json.eventId], ['wallet.created', 'evt_1']);
		assert.ok(post.text.includes(payload));
	}
	const answer = await succeeds([...args, '--payload', '-', '--token', 'vbt_x', '--json'], { input: payload });
	assert.deepEqual(JSON.parse(answer), { id: 'msg_1' });
	assert.match(server.posts[2].headers['idempotency-key'], /^send_[0-9a-f]{32}$/);
	assert.equal(await succeeds([...args, ...file], { env: { VAULTBELL_TOKEN: 'vbt_y' } }), 'msg_1\n');
	assert.equal(server.posts[3].headers.authorization, 'Bearer vbt_y');
});

test('send: what is wrong', async (t) => {
	const directory = scratch(t);
	const server = await api(t, () => [422, { detail: [] }]);
	const payload = fileIn(directory, 'payload', '{}');
	const args = (options) => {
		const all = { url: server.url, organisation: 'acme', type: 'a.b', payload, token: 'vbt_secret', ...options };
		return ['send', ...Object.entries(all).filter(([, value]) => value !== undefined).flatMap(([name, value]) => [`--${name}`, value])];
	};
	await fails(args({}), /not accepted: status 422: \{"detail":\[\]\}/, { status: 1 });
	assert.equal(server.posts.length, 1);
	await fails(args({ url: 'ftp://x' }), /--url ftp:\/\/x: expected the http or https URL/);
	await fails(args({ organisation: 'a/b' }), /--organisation a\/b: expected an id or uid/);
	await fails(args({ type: 'a b' }), /--type a b: expected letters/);
	await fails(args({ 'event-id': 'a b' }), /--event-id a b: expected/);
	await fails(args({ payload: `${payload}x` }), /--payload: .*No such file/);
	await fails(args({ payload: fileIn(directory, 'list', '[]') }), /expected a JSON object, it is/);
	await fails(args({ payload: fileIn(directory, 'broken', '{"a":') }), /expected a JSON object: /);
	await fails(args({ payload: fileIn(directory, 'large', `{"a":"${'x'.repeat(1 << 20)}"}`) }), /expected at most 1048576 bytes/);
	await fails(args({ token: undefined }), /--token-file FILE is missing/, { env: { VAULTBELL_TOKEN: undefined } });
	const spaced = await fails(args({ token: 'vbt secret' }), /--token: expected a token/);
	assert.ok(!spaced.stderr.includes('vbt secret'));
	await fails(args({ 'token-file': payload }), /--token, --token-file: expected one of them/);
	await fails(args({ token: undefined, 'token-file': `${payload}x` }), /--token-file: .*No such file/);
	assert.equal(server.posts.length, 1);
});

test('simulate: the same seed posts the same events, each until it is accepted', async (t) => {
	const server = await api(t, (_, number) => (number % 7 === 3 ? [500, {}] : number % 7 === 5 ? [0] : [202, {}]));
	const args = ['simulate', '--url', server.url, '--token', 'vbt_x', '--organisation', 'acme', '--count', '40'];
	const first = JSON.parse(await succeeds([...args, '--seed', '7', '--json']));
	assert.deepEqual([first.seed, first.posted, first.accepted, first.refused, first.problem], [7, 40, 40, 0, null]);
	const texts = new Map(server.posts.map((post) => [post.headers['idempotency-key'], post.text]));
	assert.equal(texts.size, 40);
	// A kept connection that was closed is opened anew below what counts as a try.
	assert.ok(first.tries > 40 && first.tries <= server.posts.length);
	for (const post of server.posts) {
		assert.equal(post.headers['idempotency-key'], post.json.eventId);
		assert.equal(post.json.payload.type, post.json.eventType);
	}
	const sequence = [...texts.values()].map((text) => JSON.parse(text).payload.stream_seq);
	assert.deepEqual(sequence, [...sequence].sort((a, b) => a - b));
	server.posts.length = 0;
	assert.match(await succeeds([...args, '--seed=7', '--parallel', '8']), /^posted 40 events .*: 40 accepted, 0 not, .*seed 7\n$/);
	assert.deepEqual(new Map(server.posts.map((post) => [post.headers['idempotency-key'], post.text]).sort()), new Map([...texts].sort()));
	server.posts.length = 0;
	await succeeds([...args, '--style', 'legacy']);
	assert.ok(server.posts.every((post) => post.json.eventId === post.json.payload.messageId));
});

test('simulate: what was not accepted is a finding', async (t) => {
	const server = await api(t, (_, number) => (number === 2 ? [409, { code: 'conflict', detail: 'taken' }] : [202, {}]));
	const args = ['simulate', '--url', server.url, '--token', 'vbt_x', '--organisation', 'acme', '--count', '5'];
	const result = await fails(args, /1 events were not accepted; the first: event \S+: status 409: \{"code":"conflict"/, { status: 1 });
	assert.match(result.stdout, /^posted 5 events .*: 4 accepted, 1 not/);
	await fails([...args, '--style', 'round'], /--style round: expected dotted or legacy/);
	await fails([...args, '--seed', '-1'], /--seed -1: expected a whole number from 0/);
	await fails([...args, '--rate', 'fast'], /--rate fast: expected a whole number/);
	await fails([...args, '--parallel', '0'], /--parallel 0: expected a whole number from 1 to 256/);
	await fails([...args, '--start', 'once'], /--start once: expected a time/);
});

test('simulate: keeps to its rate, and an interrupt ends it with a summary', async (t) => {
	let child;
	const server = await api(t, (_, number) => {
		if (number === 20) child.kill('SIGINT');
		return [202, {}];
	});
	const begun = Date.now();
	child = spawn(process.env.VAULTBELL, ['simulate', '--url', server.url, '--token', 'x', '--organisation', 'acme', '--count', '0', '--rate', '100']);
	let stdout = '';
	child.stdout.on('data', (text) => (stdout += text));
	await once(child, 'close');
	assert.ok(Date.now() - begun >= 180);
	assert.match(stdout, /^posted 2\d events in /);
});
