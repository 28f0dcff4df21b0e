// What the sender sends is accepted by verifiers that other people wrote, from a real HTTP server's hands; and what
// they sign is accepted by the receiver.
import assert from 'node:assert/strict';
import { createHash, createPublicKey, generateKeyPairSync, verify as verifyBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { need } from './lib/packages.mjs';
import { sink } from './lib/sink.mjs';
import { receive, serve, until } from './lib/vaultbell.mjs';

const { Webhook } = await need('standardwebhooks');
const { TrustVault } = await need('@bitpandacustody/trustvault-nodejs-sdk');
const { createSigner, createVerifier, httpbis } = await need('http-message-signatures');

const nowSeconds = () => Math.floor(Date.now() / 1000);

describe('Standard Webhooks', () => {
	test('the reference library verifies HMAC deliveries, each attempt of them', async (t) => {
		const server = await serve(t);
		const target = await sink(t, (_request, number) => (number === 1 ? 500 : 200));
		const endpoint = await server.endpoint(`${target.url}/hook?tenant=7`);
		const message = await server.post(endpoint.organisation, 'deposit.seen', { amount: '1.0' });
		const [first, second] = await target.until(2);
		const webhook = new Webhook(endpoint.key);
		for (const request of [first, second]) {
			assert.equal(request.method, 'POST');
			assert.equal(request.url, `${target.url}/hook?tenant=7`);
			assert.equal(request.headers['content-type'], 'application/json');
			assert.match(request.headers['user-agent'], /^Vaultbell\//);
			assert.equal(request.headers['webhook-id'], message.id);
			assert.deepEqual(webhook.verify(request.body, request.headers), { amount: '1.0' });
			assert.throws(() => webhook.verify(Buffer.concat([request.body, Buffer.from(' ')]), request.headers));
			assert.throws(() => webhook.verify(request.body, { ...request.headers, 'webhook-id': 'msg_other' }));
		}
		assert.deepEqual([first, second].map((request) => request.headers['vaultbell-attempt']), ['1', '2']);
		assert.equal(first.headers['vaultbell-sequence'], second.headers['vaultbell-sequence']);
	});

	test('while keys overlap, holders of the old and of the new one verify', async (t) => {
		const server = await serve(t);
		const target = await sink(t);
		const endpoint = await server.endpoint(target.url);
		const path = `/app/${endpoint.organisation}/endpoint/${endpoint.id}/secret`;
		await server.ask('POST', `${path}/rotate`, {});
		const { key } = await server.ask('GET', path);
		await server.post(endpoint.organisation, 'deposit.seen', { a: 1 });
		const [request] = await target.until(1);
		assert.equal(request.headers['webhook-signature'].split(' ').length, 2);
		new Webhook(endpoint.key).verify(request.body, request.headers);
		new Webhook(key).verify(request.body, request.headers);
		const newest = { ...request.headers, 'webhook-signature': request.headers['webhook-signature'].split(' ')[0] };
		new Webhook(key).verify(request.body, newest);

		await server.ask('POST', `${path}/rotate`, { gracePeriodSeconds: 0 });
		const { key: last } = await server.ask('GET', path);
		await server.post(endpoint.organisation, 'deposit.seen', { a: 2 });
		const later = (await target.until(2))[1];
		new Webhook(last).verify(later.body, later.headers);
		assert.throws(() => new Webhook(key).verify(later.body, later.headers), 'without grace the key ends at once');
	});

	test('an Ed25519 delivery verifies with the public key alone', async (t) => {
		const server = await serve(t);
		const target = await sink(t);
		const endpoint = await server.endpoint(target.url, { keyType: 'ed25519' });
		assert.match(endpoint.key, /^whpk_[A-Za-z0-9+/]{43}=$/);
		await server.post(endpoint.organisation, 'deposit.seen', { a: 1 });
		const [{ headers, body }] = await target.until(1);
		const [version, signature] = headers['webhook-signature'].split(',');
		assert.equal(version, 'v1a');
		const raw = Buffer.from(endpoint.key.slice('whpk_'.length), 'base64');
		const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') }, format: 'jwk' });
		const signed = (bytes) => Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), bytes]);
		assert.ok(verifyBytes(null, signed(body), key, Buffer.from(signature, 'base64')));
		assert.ok(!verifyBytes(null, signed(Buffer.from('{"a":2}')), key, Buffer.from(signature, 'base64')));
		assert.ok(Math.abs(Number(headers['webhook-timestamp']) - nowSeconds()) < 60);
	});

	test('the receiver takes what the reference library signs, and refuses what it did not', async (t) => {
		const key = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
		const receiver = await receive(t, 'standard', [key]);
		const body = '{"type":"deposit.seen","data":{"a":1.0}}';
		const post = async (id, text, at = new Date()) => {
			const headers = {
				'content-type': 'application/json',
				'webhook-id': id,
				'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
				'webhook-signature': new Webhook(key).sign(id, at, body),
			};
			return (await fetch(receiver.url, { method: 'POST', headers, body: text })).status;
		};
		assert.equal(await post('msg_1', body), 200);
		assert.equal(await post('msg_2', `${body} `), 401);
		assert.equal(await post('msg_3', body, new Date(Date.now() - 301000)), 401);
		const rows = await receiver.journal();
		assert.deepEqual(rows.map((row) => [row.id, row.type, row.verdict, row.body_sha256]),
			[['msg_1', 'deposit.seen', 'verified', createHash('sha256').update(body).digest('hex')]]);
	});
});

describe("the first generation's deliveries", () => {
	test("the platform's own SDK verifies them", async (t) => {
		const server = await serve(t);
		const target = await sink(t, (_request, number) => (number === 1 ? 500 : 200));
		const endpoint = await server.endpoint(target.url, { payloadStyle: 'legacy' });
		const payload = { trustId: 't', subWalletIdString: 'é/BTC/0', transactionAmount: '100' };
		await server.post(endpoint.organisation, 'BITCOIN_TRANSACTION_RECEIVED', payload);
		const [first, second] = await target.until(2);
		const header = first.headers['x-sha2-signature'];
		assert.match(header, /^[0-9a-f]{64}$/);
		assert.equal(TrustVault.validateWebhookSignature(first.body.toString(), endpoint.key, header), true);
		assert.notEqual(accepted(`${first.body} `, endpoint.key, header), true);
		assert.deepEqual(first.body, second.body, 'the same bytes on every attempt');
		assert.equal(second.headers['x-sha2-signature'], header);

		assert.equal(first.headers['user-agent'], 'TrustVaultWebHook');
		const ours = Object.keys(first.headers).filter((name) => /^(webhook|vaultbell|svix|signature|content-digest)/.test(name));
		assert.deepEqual(ours, [], 'the old contract has one header only');
		const body = JSON.parse(first.body);
		assert.deepEqual(Object.keys(body).sort(), ['isoTimestamp', 'messageId', 'payload', 'timestamp', 'type', 'version']);
		assert.match(body.messageId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
		assert.deepEqual([body.version, body.type, body.payload], ['1.0.0', 'BITCOIN_TRANSACTION_RECEIVED', payload]);
		assert.equal(new Date(body.isoTimestamp).getTime(), body.timestamp);
	});

	test('a secret that an organisation has had for years is kept', async (t) => {
		const server = await serve(t);
		const target = await sink(t);
		const endpoint = await server.endpoint(target.url, { payloadStyle: 'legacy', secret: 'not base64: an old secret' });
		assert.equal(endpoint.key, 'not base64: an old secret');
		await server.post(endpoint.organisation, 'ETHEREUM_TRANSACTION_RECEIVED', { a: 1 });
		const [request] = await target.until(1);
		assert.equal(TrustVault.validateWebhookSignature(request.body.toString(), endpoint.key, request.headers['x-sha2-signature']), true);
	});

	test('from our sender to our receiver, an event is what its body says it is', async (t) => {
		const server = await serve(t);
		const secret = 'the same on both sides';
		const receiver = await receive(t, 'legacy', [secret]);
		const endpoint = await server.endpoint(receiver.url, { payloadStyle: 'legacy', secret });
		await server.post(endpoint.organisation, 'BITCOIN_TRANSACTION_RECEIVED', { trustId: 't' });
		const rows = await journalOf(receiver, 1);
		assert.deepEqual([rows[0].type, rows[0].verdict], ['BITCOIN_TRANSACTION_RECEIVED', 'verified']);
		assert.match(rows[0].id, /^[0-9a-f-]{36}$/);
	});
});

describe('HTTP message signatures', () => {
	const fields = ['@method', '@authority', '@path', 'content-digest', 'content-type', 'webhook-id', 'webhook-timestamp'];
	const digestOf = (body) => `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

	test('an independent library verifies ECDSA P-256 deliveries with the published key', async (t) => {
		const server = await serve(t);
		const target = await sink(t, (_request, number) => (number === 1 ? 500 : 200));
		const endpoint = await server.endpoint(`${target.url}/a%20b/c?x=1`, { keyType: 'ecdsa-p256', signatureScheme: 'rfc9421' });
		await server.post(endpoint.organisation, 'deposit.seen', { a: '1.0' });
		const { keys } = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
		for (const key of keys) assert.ok(!('d' in key), 'no private key is published');
		const check = (request) =>
			httpbis.verifyMessage({
				requiredFields: fields,
				requiredParams: ['created', 'keyid', 'alg'],
				maxAge: 300,
				tolerance: 5,
				keyLookup: async ({ keyid }) => {
					const jwk = keys.find((key) => key.kid === keyid);
					const verify = createVerifier(createPublicKey({ key: jwk, format: 'jwk' }), 'ecdsa-p256-sha256');
					return { id: keyid, algs: ['ecdsa-p256-sha256'], verify };
				},
			}, request);
		for (const request of await target.until(2)) {
			assert.equal(request.headers['content-digest'], digestOf(request.body));
			assert.equal(await check(request), true);
			const { headers } = request;
			await assert.rejects(async () => assert.equal(await check({ ...request, headers: { ...headers, 'webhook-id': 'msg_other' } }), true));
			await assert.rejects(async () => assert.equal(await check({ ...request, url: request.url.replace('/c', '/d') }), true));
			assert.ok(headers['webhook-id'] && headers['webhook-timestamp']);
		}
	});

	/** A receiver of what `signer` signs over `covered`; its answer. */
	async function posted(t, covered, change = () => {}) {
		const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
		const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'platform-1' };
		const receiver = await receive(t, 'rfc9421', [JSON.stringify(jwk)]);
		const body = '{"type":"deposit.seen","n":1e400}';
		const request = {
			method: 'POST',
			url: receiver.url,
			headers: {
				'content-type': 'application/json',
				'content-digest': digestOf(body),
				'webhook-id': 'evt-1',
				'webhook-timestamp': String(nowSeconds()),
			},
		};
		const signed = await httpbis.signMessage({
			key: { id: 'platform-1', alg: 'ecdsa-p256-sha256', sign: createSigner(privateKey, 'ecdsa-p256-sha256').sign },
			fields: covered,
			params: ['created', 'keyid', 'alg'],
		}, request);
		const sent = { url: receiver.url, headers: signed.headers, body };
		change(sent);
		const answer = await fetch(sent.url, { method: 'POST', headers: sent.headers, body: sent.body });
		return { status: answer.status, answer: await answer.json(), rows: await receiver.journal(), body };
	}

	test('the receiver takes what that library signs', async (t) => {
		const { status, answer, rows, body } = await posted(t, fields);
		assert.equal(status, 200, JSON.stringify(answer));
		assert.deepEqual(answer, { status: 'accepted' });
		assert.deepEqual(rows.map((row) => [row.id, row.type, row.verdict]), [['evt-1', 'deposit.seen', 'verified']]);
		assert.equal(rows[0].body_sha256, createHash('sha256').update(body).digest('hex'));
	});

	for (const [what, covered, change] of [
		['a signature that does not cover content-digest', fields.filter((field) => field !== 'content-digest')],
		['a signature that does not cover webhook-id', fields.filter((field) => field !== 'webhook-id')],
		['another body under the signed digest', fields, (sent) => (sent.body = sent.body.replace('400', '401'))],
		['another body under a new digest', fields, (sent) => {
			sent.body = sent.body.replace('400', '401');
			sent.headers['content-digest'] = digestOf(sent.body);
		}],
		['another event id', fields, (sent) => (sent.headers['webhook-id'] = 'evt-2')],
	]) {
		test(`the receiver refuses ${what}`, async (t) => {
			const { status, answer, rows } = await posted(t, covered, change);
			assert.equal(status, 401);
			assert.equal(typeof answer.detail, 'string');
			assert.deepEqual(rows, []);
		});
	}

	test('from our sender to our receiver, by the published key', async (t) => {
		const server = await serve(t);
		const organisation = await server.ask('POST', '/app', { name: 'Interop' });
		const made = await server.ask('POST', `/app/${organisation.id}/endpoint`, { url: 'http://127.0.0.1:9/', keyType: 'ecdsa-p256' });
		const { keys } = await (await fetch(`${server.url}/.well-known/jwks.json`)).json();
		const receiver = await receive(t, 'rfc9421', keys.map((key) => JSON.stringify(key)));
		await server.ask('PATCH', `/app/${organisation.id}/endpoint/${made.id}`, { url: receiver.url });
		const message = await server.post(organisation.id, 'deposit.seen', { a: 1 });
		const rows = await journalOf(receiver, 1);
		assert.deepEqual([rows[0].id, rows[0].verdict], [message.id, 'verified']);
	});
});

/** Whether the SDK's verifier accepts; it may say no or throw. */
function accepted(...input) {
	try {
		return TrustVault.validateWebhookSignature(...input);
	} catch {
		return false;
	}
}

async function journalOf(receiver, count) {
	return until(`${count} rows in the journal`, async () => {
		const rows = await receiver.journal();
		return rows.length >= count && rows;
	});
}
