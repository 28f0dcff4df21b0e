// Keys that are fetched: a set that changes, one that cannot be had, made-up key ids, and a real sender that rotates (M2, M10).
import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import http from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start, stop } from './program.mjs';

const quick = { VAULTBELL_RECEIVER_JWKS_RETRY: '200ms', VAULTBELL_RECEIVER_JWKS_REFRESH: '1h' };

/** Serves a JWK set that the test changes, and counts how often it was asked for. */
async function keyServer(t) {
	const state = { status: 200, keys: [], asked: 0, changed: () => {} };
	const server = http.createServer((call, answer) => {
		state.asked++;
		answer.writeHead(state.status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: state.keys }));
		state.changed();
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	state.url = `http://127.0.0.1:${server.address().port}/.well-known/jwks.json`;
	return state;
}

async function receiver(t, source, env = quick) {
	const data = scratch(t);
	const lines = Object.entries({ name: 'acme', ...source }).map(([key, value]) => `    ${key}: ${JSON.stringify(value)}`);
	const config = fileIn(data, 'config.yaml', `sources:\n  - ${lines.join('\n').trimStart()}\n`);
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--config', config], { env });
	return Object.assign(server, { data, config });
}

function rsa(kid) {
	const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
	return { kid, private: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS512' } };
}

function fireblocks(key, body) {
	const head = Buffer.from(JSON.stringify({ alg: 'RS512', kid: key.kid })).toString('base64url');
	const signed = createSign('sha512').update(`${head}.${Buffer.from(body).toString('base64url')}`).sign(key.private);
	return { 'content-type': 'application/json', 'fireblocks-webhook-signature': `${head}..${signed.toString('base64url')}` };
}

const post = (server, headers, body) => request(server, 'POST', '/in/acme', headers, body);

/** Asks again until the answer's status is this one. */
async function eventually(ask, status) {
	const late = Date.now() + 15000;
	for (;;) {
		const answer = await ask();
		if (answer.status === status) return answer;
		if (Date.now() > late) assert.fail(`still ${answer.status}: ${answer.text}`);
	}
}

test('a set that cannot be had means 503, never acceptance; a rotated key is fetched', async (t) => {
	const keys = await keyServer(t);
	keys.status = 500;
	const first = rsa('one');
	const second = rsa('two');
	const server = await receiver(t, { scheme: 'fireblocks', jwks_url: keys.url });
	const body = (id) => JSON.stringify({ id, type: 'transaction.created' });
	const ask = (key, id) => post(server, fireblocks(key, body(id)), body(id));
	assert.equal((await ask(first, 'e1')).status, 503);
	keys.keys = [first.jwk];
	keys.status = 200;
	assert.deepEqual((await eventually(() => ask(first, 'e1'), 200)).json, { status: 'accepted' });

	// A key that the sender has just begun to use: not yet known, then fetched because of it.
	keys.keys = [first.jwk, second.jwk];
	await eventually(() => ask(second, 'e2'), 200);
	// Taken out of the set, it is refused once the set was fetched again; a fetch that was on its way may still have had it.
	keys.keys = [second.jwk];
	const other = rsa('three');
	await eventually(() => ask(other, 'e3'), 401);
	await eventually(() => ask(first, 'e3'), 401);

	// While the set cannot be had the keys stay, and the alert says so.
	keys.status = 404;
	assert.equal((await ask(second, 'e4')).status, 200);
});

test('made-up key ids cause no more fetches than the limit', async (t) => {
	const keys = await keyServer(t);
	const good = rsa('good');
	keys.keys = [good.jwk];
	const server = await receiver(t, { scheme: 'fireblocks', jwks_url: keys.url },
		{ ...quick, VAULTBELL_RECEIVER_JWKS_RETRY: '1h' });
	const body = '{"id":"e1"}';
	await eventually(() => post(server, fireblocks(good, body), body), 200);
	const before = keys.asked;
	const forger = rsa('x');
	for (let i = 0; i < 300; i++) {
		const answer = await post(server, fireblocks({ ...forger, kid: `made-up-${i}` }, body), body);
		assert.equal(answer.status, 401);
	}
	assert.equal(keys.asked, before);
	// The record of a refusal is not waited for by its answer.
	const late = Date.now() + 15000;
	for (let kept = 0; kept !== 300;) {
		const refused = await run(['journal', 'list', '--refused', '--data', server.data, '--json']);
		kept = refused.stdout.split('\n').filter(Boolean).length;
		assert.ok(kept === 300 || Date.now() < late, `${kept} of 300 are kept`);
	}
});

test('keys that are too old are used no longer', async (t) => {
	const keys = await keyServer(t);
	const good = rsa('good');
	keys.keys = [good.jwk];
	const server = await receiver(t, { scheme: 'fireblocks', jwks_url: keys.url },
		{ ...quick, VAULTBELL_RECEIVER_JWKS_KEEP: '1s', VAULTBELL_RECEIVER_JWKS_REFRESH: '200ms' });
	const body = '{"id":"e1"}';
	await eventually(() => post(server, fireblocks(good, body), body), 200);
	keys.status = 503;
	await eventually(() => post(server, fireblocks(good, body), body), 503);
	keys.status = 200;
	await eventually(() => post(server, fireblocks(good, body), body), 200);
});

test('a shared secret in a set is never a key', async (t) => {
	const keys = await keyServer(t);
	keys.keys = [{ kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', kid: 'one', use: 'sig' }];
	const server = await receiver(t, { scheme: 'rfc9421', jwks_url: keys.url });
	while (keys.asked === 0) await new Promise((resolve) => { keys.changed = resolve; });
	assert.equal((await post(server, {}, '{}')).status, 503);
});

test('what a source may not have is said at the start', async (t) => {
	const data = scratch(t);
	const cases = [
		[{ scheme: 'bitgo', jwks_url: 'https://keys.example/jwks.json' }, /jwks_url: bitgo has secrets/],
		[{ scheme: 'fireblocks', jwks_url: 'http://keys.example/jwks.json' }, /jwks_url: expected an https URL/],
		[{ scheme: 'fireblocks' }, /secret_file: expected the file/],
	];
	for (const [source, expected] of cases) {
		const lines = Object.entries({ name: 'acme', ...source }).map(([key, value]) => `${key}: "${value}"`);
		const config = fileIn(data, 'config.yaml', `sources: [{${lines.join(', ')}}]\n`);
		const result = await run(['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config]);
		assert.equal(result.status, 2);
		assert.match(result.stderr, expected);
	}
});

// A real sender: its endpoints' keys are its JWK set, and a key is rotated while both run.
for (const [scheme, type] of [['standard', 'ed25519'], ['rfc9421', 'ecdsa-p256']]) {
	test(`a real sender rotates its ${type} key and nothing has to be touched (${scheme})`, async (t) => {
		const senderData = scratch(t);
		const sender = await start(t, ['serve', '--data', senderData, '--listen', '127.0.0.1:0'], {
			env: {
				VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
				VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
				VAULTBELL_DELIVERY_SCHEDULE: '100ms,100ms,100ms,100ms,100ms,200ms,200ms,500ms,500ms,1s,1s,1s',
			},
		});
		const created = await run(['token', 'create', '--data', senderData, '--role', 'platform-admin']);
		const authorization = `Bearer ${created.stdout.trim()}`;
		const api = async (method, path, body, status) => {
			const answer = await request(sender, method, `/api/v1${path}`,
				{ authorization, 'content-type': 'application/json' }, body === undefined ? '' : JSON.stringify(body));
			assert.equal(answer.status, status, answer.text);
			return answer.json;
		};
		await api('POST', '/app', { name: 'Bank', uid: 'bank' }, 201);
		const other = await api('POST', '/app/bank/endpoint',
			{ url: 'http://127.0.0.1:1/', uid: 'other', filterTypes: ['wallet.frozen'], signatureScheme: scheme, keyType: type }, 201);
		assert.ok(other.id);
		const endpoint = await api('POST', '/app/bank/endpoint',
			{ url: 'http://127.0.0.1:1/', uid: 'own', signatureScheme: scheme, keyType: type }, 201);
		const jwks = await request(sender, 'GET', '/.well-known/jwks.json');
		assert.equal(jwks.json.keys.filter((key) => key.vaultbell_endpoint === endpoint.id).length, 1);

		const server = await receiver(t, { scheme, jwks_url: `${sender.url}/.well-known/jwks.json#${endpoint.id}` });
		await api('PATCH', '/app/bank/endpoint/own', { url: `${server.url}/in/acme` }, 200);
		const accepted = async (count) => {
			const late = Date.now() + 20000;
			for (;;) {
				const list = await run(['journal', 'list', '--data', server.data, '--json']);
				const rows = list.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
				if (rows.length >= count) return rows;
				if (Date.now() > late) assert.fail(`${rows.length} of ${count} came\n${server.log}\n${sender.log}`);
			}
		};
		await api('POST', '/app/bank/msg', { eventType: 'wallet.created', payload: { n: 1 } }, 202);
		await accepted(1);
		await api('POST', '/app/bank/endpoint/own/secret/rotate', {}, 204);
		await api('POST', '/app/bank/msg', { eventType: 'wallet.created', payload: { n: 2 } }, 202);
		const rows = await accepted(2);
		assert.deepEqual(rows.map((row) => row.verdict), ['verified', 'verified']);
		await stop(sender);
		await stop(server);
	});
}
