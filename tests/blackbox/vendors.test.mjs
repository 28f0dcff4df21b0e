// The receiver as other platforms meet it: for each scheme, requests signed by node:crypto are accepted once, and what is
// tampered with, signed by somebody else or late is not. Also `verify` with the same keys, and the sender, which must not
// sign in these schemes.
import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start, stop } from './program.mjs';

const seconds = () => Math.floor(Date.now() / 1000);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const mac = (secret, text, algorithm = 'sha256') => createHmac(algorithm, secret).update(text);
const pem = (pair) => pair.publicKey.export({ type: 'spki', format: 'pem' });
const der = (pair) => pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const jwk = (pair, more) => ({ ...pair.publicKey.export({ format: 'jwk' }), ...more });
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 });
const ecdsa = (pair, text, encoding = 'base64') => sign('sha256', Buffer.from(text), pair.privateKey).toString(encoding);
const twice = (text) => createHash('sha256').update(createHash('sha256').update(text).digest()).digest();

/** What a scheme needs: `keys` for the secret file, `headers(body, time)`, a body, its id, whether a time is signed. */
function schemes() {
	const [fordefi, copper, ripple, circle, cobo] = [ec(), ec(), ec(), ec(), generateKeyPairSync('ed25519')];
	const [current, older] = [rsa(), rsa()];
	const jws = (body) => {
		const header = Buffer.from(JSON.stringify({ alg: 'RS512', kid: 'key-2' })).toString('base64url');
		const content = `${header}.${Buffer.from(body).toString('base64url')}`;
		return `${header}..${sign('sha512', Buffer.from(content), current.privateKey).toString('base64url')}`;
	};
	const payload = Buffer.from('{"id":"tx-1","status":"CONFIRMED"}').toString('base64');
	return [
		{
			name: 'fireblocks v2', scheme: 'fireblocks', body: '{"id":"n-1","eventType":"transaction.created"}', id: 'n-1',
			keys: JSON.stringify({ keys: [jwk(older, { kid: 'key-1' }), jwk(current, { kid: 'key-2', alg: 'RS512', use: 'sig' })] }),
			headers: (body) => ({ 'Fireblocks-Webhook-Signature': jws(body) }),
		},
		{
			name: 'fireblocks v1', scheme: 'fireblocks', body: '{"type":"TRANSACTION_CREATED"}', keys: pem(older) + pem(current),
			headers: (body) => ({ 'Fireblocks-Signature': sign('sha512', Buffer.from(body), current.privateKey).toString('base64') }),
		},
		{
			scheme: 'bitgo', body: '{"type":"transfer","hash":"ab"}', keys: 'first\nsecond secret\n',
			headers: (body) => ({ 'x-signature-sha256': mac('second secret', body).digest('hex') }),
		},
		{
			scheme: 'dfns', body: `{"id":"whe-1","kind":"wallet.created","data":{},"timestampSent":${seconds()}}`, id: 'whe-1',
			keys: 'dfns', headers: (body) => ({ 'X-DFNS-WEBHOOK-SIGNATURE': `sha256=${mac('dfns', body).digest('hex')}` }),
		},
		{
			scheme: 'fordefi', body: '{"event_id":"e-1","event":{"type":"x"}}', id: 'e-1', keys: `${pem(ec())}\n${pem(fordefi)}`,
			headers: (body) => ({ 'X-Signature': ecdsa(fordefi, body) }),
		},
		{
			name: 'copper, HMAC', scheme: 'copper', body: '{"eventId":"c-1","event":"deposit-created"}', id: 'c-1', timed: true,
			keys: `${pem(copper)}\ncopper secret`,
			headers: (body, time) => ({
				'X-Signature': mac('copper secret', `${time}000c-1${body}`).digest('hex'), 'X-Timestamp': `${time}000`,
			}),
		},
		{
			name: 'copper, ECDSA', scheme: 'copper', body: '{"eventId":"c-2","event":"deposit-created"}', id: 'c-2', timed: true,
			keys: pem(copper),
			headers: (body, time) => ({ 'X-Signature': ecdsa(copper, `${time}000c-2${body}`, 'hex'), 'X-Timestamp': `${time}000` }),
		},
		{
			scheme: 'cobo', body: '{"event_id":"b-1","type":"x"}', id: 'b-1', timed: true,
			keys: Buffer.from(jwk(cobo).x, 'base64url').toString('hex'),
			headers: (body, time) => ({
				'BIZ_TIMESTAMP': `${time}000`,
				'BIZ_RESP_SIGNATURE': sign(null, twice(`${body}|${time}000`), cobo.privateKey).toString('hex'),
			}),
		},
		{
			scheme: 'ripple', body: `{"domain":"TRANSACTION","payload":"${payload}"}`, id: sha256(payload), keys: der(ripple),
			headers: () => ({ Signature: ecdsa(ripple, payload) }), tampered: `{"payload":"A${payload}"}`,
		},
		{
			scheme: 'circle', body: '{"notificationId":"o-1","notification":{}}', id: 'o-1', keys: `old ${der(ec())}\nkey-7 ${der(circle)}`,
			headers: (body) => ({ 'X-Circle-Key-Id': 'key-7', 'X-Circle-Signature': ecdsa(circle, body) }),
		},
		{
			name: 'coinbase, v1', scheme: 'coinbase', body: '{"id":"evt"}', timed: true, keys: 'coinbase',
			headers: (body, time) => ({
				'Content-Type': 'application/json', 'X-Event-Id': 'evt-1',
				'X-Hook0-Signature': `t=${time},h=content-type x-event-id,v1=${mac('coinbase',
					`${time}.content-type x-event-id.application/json.evt-1.${body}`).digest('hex')}`,
			}),
		},
		{
			name: 'coinbase, v0', scheme: 'coinbase', body: '{"id":"evt"}', timed: true, keys: 'coinbase',
			headers: (body, time) => ({ 'X-Hook0-Signature': `t=${time},v0=${mac('coinbase', `${time}.${body}`).digest('hex')}` }),
		},
		{
			scheme: 'hmac', body: '{"event":{"id":"h-1"}}', id: 'h-1', timed: true,
			keys: '#hmac header=X-Sig encoding=base64 algorithm=sha512 signed={timestamp}.{body} timestamp=X-At id=body:event.id\nold\nnew\n',
			headers: (body, time) => ({ 'X-Sig': mac('new', `${time}.${body}`, 'sha512').digest('base64'), 'X-At': `${time}` }),
		},
	];
}

async function receiver(t, scheme, keys) {
	// Hooks run in the order in which they are set: the receiver must have ended before its directory goes.
	let server;
	t.after(() => server && stop(server));
	const data = scratch(t);
	const secretFile = fileIn(data, 'keys', keys);
	const source = ['--source', 'acme', '--scheme', scheme, '--secret-file', secretFile];
	server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...source]);
	return Object.assign(server, { data, secretFile });
}

const post = (server, headers, body) => request(server, 'POST', '/in/acme', headers, body);

async function journal(server) {
	const result = await run(['journal', 'list', '--data', server.data, '--json']);
	assert.equal(result.status, 0, result.stderr);
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

async function assertVerifies(server, scheme, headers, body) {
	const headerFile = fileIn(server.data, 'headers', Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`).join(''));
	const files = ['--headers', headerFile, '--body', fileIn(server.data, 'body', body)];
	const result = await run(['verify', '--scheme', scheme, '--secret-file', server.secretFile, ...files, '--json']);
	assert.equal(result.status, 0, result.stdout + result.stderr);
	return JSON.parse(result.stdout).id;
}

for (const scheme of schemes()) {
	test(`${scheme.name ?? scheme.scheme}: accepted once, and nothing else`, async (t) => {
		const server = await receiver(t, scheme.scheme, scheme.keys);
		const id = scheme.id ?? sha256(scheme.body);
		const headers = scheme.headers(scheme.body, seconds());
		const statuses = [];
		for (let i = 0; i < 2; i++) {
			const answer = await post(server, headers, scheme.body);
			assert.equal(answer.status, 200, answer.text);
			statuses.push(answer.json.status);
		}
		assert.deepEqual(statuses, ['accepted', 'duplicate']);

		const refused = {
			'another body': [headers, scheme.tampered ?? scheme.body.replace('{', '{ ')],
			'no headers': [{}, scheme.body],
		};
		for (const name of Object.keys(headers).filter((header) => header !== 'Content-Type')) {
			refused[`a changed ${name}`] = [{ ...headers, [name]: `0${headers[name]}` }, scheme.body];
			refused[`without ${name}`] = [Object.fromEntries(Object.entries(headers).filter(([other]) => other !== name)), scheme.body];
		}
		if (scheme.timed) {
			refused.late = [scheme.headers(scheme.body, seconds() - 310), scheme.body];
			refused.early = [scheme.headers(scheme.body, seconds() + 310), scheme.body];
		}
		for (const [name, [otherHeaders, body]] of Object.entries(refused)) {
			const answer = await post(server, otherHeaders, body);
			assert.equal(answer.status, 401, `${name}: ${answer.text}`);
			assert.equal(answer.json.code, 'authentication_failed');
		}

		const rows = await journal(server);
		assert.deepEqual(rows.map((row) => [row.id, row.verdict, row.body_sha256]), [[id, 'verified', sha256(scheme.body)]]);
		assert.equal(await assertVerifies(server, scheme.scheme, headers, scheme.body), id);

		const stranger = schemes().find((other) => other.scheme === scheme.scheme && other.name === scheme.name);
		const keys = stranger.keys.replace(/(secret|dfns|coinbase|new)$/m, 'of somebody else');
		assert.equal((await post(await receiver(t, scheme.scheme, keys), headers, scheme.body)).status, 401);
	});
}

test('dfns: an attempt with an id of its own is the event that it repeats', async (t) => {
	const server = await receiver(t, 'dfns', 'dfns');
	const attempt = (members) => {
		const body = JSON.stringify({ kind: 'wallet.created', data: { id: 'wa-1' }, timestampSent: seconds(), ...members });
		return post(server, { 'X-DFNS-WEBHOOK-SIGNATURE': `sha256=${mac('dfns', body).digest('hex')}` }, body);
	};
	assert.equal((await attempt({ id: 'whe-1', deliveryAttempt: 1 })).json.status, 'accepted');
	assert.equal((await attempt({ id: 'whe-2', deliveryAttempt: 2, retryOf: 'whe-1' })).json.status, 'duplicate');
	assert.equal((await attempt({ id: 'whe-5', retryOf: 'whe-1', data: { id: 'wa-2' } })).json.status, 'conflict');
	assert.equal((await attempt({ id: 'whe-3' })).json.status, 'accepted');
	assert.deepEqual([...new Set((await journal(server)).map((row) => row.id))], ['whe-1', 'whe-3']);
	assert.equal((await attempt({ id: 'whe-4', timestampSent: seconds() - 310 })).status, 401);
});

test('ripple: what is not signed makes no new event', async (t) => {
	const pair = ec();
	const server = await receiver(t, 'ripple', pem(pair));
	const payload = Buffer.from('{"id":"tx-1"}').toString('base64');
	const send = (envelope) => post(server, { Signature: ecdsa(pair, payload) }, JSON.stringify({ ...envelope, payload }));
	assert.equal((await send({ timestamp: '2024-11-01T17:37:55Z' })).json.status, 'accepted');
	assert.equal((await send({ timestamp: '2024-11-01T17:37:56Z' })).json.status, 'duplicate');
});

test('verified bytes that are not JSON: 400, but for a signed id', async (t) => {
	const bitgo = await receiver(t, 'bitgo', 'secret');
	const answer = await post(bitgo, { 'x-signature-sha256': mac('secret', 'text').digest('hex') }, 'text');
	assert.equal(answer.status, 400);
	assert.equal(answer.json.code, 'no_event_id');
	const named = await receiver(t, 'hmac', '#hmac header=X-Sig signed={id}.{body} id=header:X-Id\nsecret');
	const headers = { 'X-Sig': mac('secret', 'evt_1.text').digest('hex'), 'X-Id': 'evt_1' };
	assert.equal((await post(named, headers, 'text')).json.status, 'accepted');
	assert.equal((await journal(named))[0].id, 'evt_1');
});

test('a secret file that will not do says so and shows no secret', async (t) => {
	const data = scratch(t);
	const cases = {
		hmac: ['topsecret\n', /line 1.*#hmac header=X-Signature/],
		circle: [`${der(ec())}\n`, /line 1.*id/],
		fireblocks: ['topsecret\n', /line 1.*public key/],
		nobody: ['topsecret\n', /--scheme/],
	};
	for (const [scheme, [keys, message]] of Object.entries(cases)) {
		const args = ['--source', 'acme', '--scheme', scheme, '--secret-file', fileIn(data, 'keys', keys)];
		const result = await run(['receive', '--data', data, '--listen', '127.0.0.1:0', ...args]);
		assert.equal(result.status, 2);
		assert.match(result.stderr, message);
		assert.ok(!result.stderr.includes('topsecret'));
	}
});

test('the sender signs in none of them', async (t) => {
	let server;
	t.after(() => server && stop(server));
	const data = scratch(t);
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0']);
	const call = (path, body) => request(server, 'POST', path,
		{ authorization: `Bearer ${token}`, 'content-type': 'application/json' }, JSON.stringify(body));
	const application = await call('/api/v1/app', { name: 'acme' });
	assert.equal(application.status, 201, application.text);
	const path = `/api/v1/app/${application.json.id}/endpoint`;
	for (const signatureScheme of new Set(schemes().map((scheme) => scheme.scheme))) {
		const answer = await call(path, { url: 'https://gateway.example/in', signatureScheme });
		assert.equal(answer.status, 422, `${signatureScheme}: ${answer.text}`);
	}
	assert.equal((await call(path, { url: 'https://gateway.example/in', signatureScheme: 'legacy' })).status, 201);
});
