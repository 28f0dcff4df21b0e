// M15: signing keys are rotated with overlap, and a verifier that follows the published keys verifies before, during and
// after, with Node's WebCrypto and RFC 9421 read anew.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { run, scratch, sink, start, stop } from './program.mjs';
import { caller } from './server.mjs';

const algorithms = {
	'ecdsa-p256': { key: { name: 'ECDSA', namedCurve: 'P-256' }, verify: { name: 'ECDSA', hash: 'SHA-256' }, alg: 'ES256' },
	ed25519: { key: { name: 'Ed25519' }, verify: { name: 'Ed25519' }, alg: 'EdDSA' },
};

/** The signatures of a request by label: key id, base and bytes. */
function signatures(entry, authority) {
	const labels = new Map();
	for (const part of entry.headers['signature-input'].split(/,\s*(?=sig\d+=\()/)) {
		const [, label, parameters, list] = /^(sig\d+)=(\((.*?)\).*)$/.exec(part);
		const covered = [...list.matchAll(/"([^"]+)"/g)].map((found) => found[1]);
		const derived = { '@method': 'POST', '@authority': authority, '@path': entry.url };
		const lines = covered.map((name) => `"${name}": ${derived[name] ?? entry.headers[name]}`);
		labels.set(label, { keyid: /keyid="([^"]+)"/.exec(parameters)[1], covered, base: [...lines, `"@signature-params": ${parameters}`].join('\n') });
	}
	for (const [, label, text] of entry.headers.signature.matchAll(/(sig\d+)=:([^:]+):/g)) labels.get(label).bytes = Buffer.from(text, 'base64');
	return [...labels.values()];
}

async function world(t) {
	const data = scratch(t);
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], {
		env: { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' },
	});
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const api = caller(`${server.url}/api/v1`, token);
	const app = (await api('POST', '/app', { name: 'Alpha' })).json.id;
	await api('POST', '/event-type', { name: 'my.type', description: '' });
	const target = await sink(t);
	const made = await (async (members) => (await api('POST', `/app/${app}/endpoint`, { url: `${target.url}/in`, ...members })).json);
	const jwks = async () => (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()).keys;
	const send = async () => {
		const before = target.received.length;
		await api('POST', `/app/${app}/msg`, { eventType: 'my.type', payload: { at: before } });
		return (await target.until(before + 1))[before];
	};
	const rotate = (id, body = {}) => api('POST', `/app/${app}/endpoint/${id}/secret/rotate`, body);
	return { api, app, target, made, jwks, send, rotate, authority: new URL(target.url).host };
}

describe('M15 rotation', () => {
	for (const keyType of Object.keys(algorithms)) {
		test(`${keyType}: a verifier that follows the published keys verifies before, during and after`, async (t) => {
			const w = await world(t);
			const endpoint = await w.made({ keyType, signatureScheme: 'rfc9421' });
			const { key: algorithm, verify, alg } = algorithms[keyType];
			/** Every signature whose key is published verifies; returns the key ids, newest first. */
			async function verified(entry, published) {
				assert.equal(entry.headers['content-digest'], `sha-256=:${createHash('sha256').update(entry.body).digest('base64')}:`);
				const ids = [];
				for (const one of signatures(entry, w.authority)) {
					assert.ok(['@method', '@authority', '@path', 'content-digest', 'webhook-id'].every((name) => one.covered.includes(name)));
					const jwk = published.find((each) => each.kid === one.keyid);
					assert.ok(jwk, `${one.keyid} is not published`);
					assert.equal(jwk.alg, alg);
					assert.equal(jwk.d, undefined);
					const key = await webcrypto.subtle.importKey('jwk', { ...jwk, alg: undefined, use: undefined }, algorithm, false, ['verify']);
					assert.ok(await webcrypto.subtle.verify(verify, key, one.bytes, Buffer.from(one.base)), one.base);
					assert.ok(!(await webcrypto.subtle.verify(verify, key, one.bytes, Buffer.from(`${one.base}x`))));
					ids.push(one.keyid);
				}
				return ids;
			}
			const old = await w.jwks();
			assert.equal(old.length, 1);
			const before = await verified(await w.send(), old);
			assert.equal(before.length, 1);
			assert.equal((await w.rotate(endpoint.id)).status, 204);
			const both = await w.jwks();
			assert.deepEqual(both.map((one) => one.kid).sort(), [...new Set([...before, both.find((one) => one.kid !== before[0]).kid])].sort());
			const during = await w.send();
			const ids = await verified(during, both);
			assert.equal(ids.length, 2);
			assert.equal(ids[1], before[0]);
			// Who has only seen the old keys still finds a signature that fits.
			assert.ok(signatures(during, w.authority).some((one) => old.some((key) => key.kid === one.keyid)));
			// Without grace the old ones end at once, and are published no longer.
			assert.equal((await w.rotate(endpoint.id, { gracePeriodSeconds: 0 })).status, 204);
			const after = await verified(await w.send(), await w.jwks());
			assert.ok(!after.includes(ids[0]) && after.length === 2 && after[1] === before[0]);
		});
	}

	for (const [keyType, signatureScheme] of [['hmac', 'standard'], ['ed25519', 'standard'], ['ecdsa-p256', 'rfc9421']]) {
		test(`${keyType}: ten old keys sign beside the live one, and an eleventh is refused`, async (t) => {
			const w = await world(t);
			const endpoint = await w.made({ keyType, signatureScheme });
			for (let i = 0; i < 10; i++) assert.equal((await w.rotate(endpoint.id, { gracePeriodSeconds: 3600 })).status, 204);
			const { headers } = await w.send();
			const count = signatureScheme === 'standard' ? headers['webhook-signature'].split(' ').length : headers.signature.match(/sig\d+=/g).length;
			assert.equal(count, 11);
			assert.equal((await w.jwks()).length, keyType === 'hmac' ? 0 : 11);
			const refused = await w.rotate(endpoint.id);
			assert.equal(refused.status, 400, refused.text);
			assert.match(refused.json.detail, /10 old keys are still valid/);
			assert.equal((await w.send()).headers['webhook-id'].startsWith('msg_'), true);
		});
	}
});

/** Whether a request verifies by one of these published keys; the ids of those that it names or fits, newest first. */
async function verifiedBy(entry, authority, published) {
	const ids = [];
	const check = async (jwk, bytes, base) => {
		const { key, verify } = algorithms[jwk.crv === 'P-256' ? 'ecdsa-p256' : 'ed25519'];
		const imported = await webcrypto.subtle.importKey('jwk', { ...jwk, alg: undefined, use: undefined }, key, false, ['verify']);
		return webcrypto.subtle.verify(verify, imported, bytes, Buffer.from(base));
	};
	if (entry.headers.signature === undefined) {
		const base = `${entry.headers['webhook-id']}.${entry.headers['webhook-timestamp']}.${entry.body}`;
		for (const part of entry.headers['webhook-signature'].split(' ')) {
			if (!part.startsWith('v1a,')) continue;
			for (const jwk of published) if (await check(jwk, Buffer.from(part.slice(4), 'base64'), base)) ids.push(jwk.kid);
		}
		return ids;
	}
	for (const one of signatures(entry, authority)) {
		const jwk = published.find((each) => each.kid === one.keyid);
		if (jwk && await check(jwk, one.bytes, one.base)) ids.push(jwk.kid);
	}
	return ids;
}

describe("M15 an organisation's key", () => {
	async function place(t) {
		const data = scratch(t);
		const env = { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' };
		const begin = () => start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });
		let server = await begin();
		const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
		const target = await sink(t);
		const w = {
			api: (...call) => caller(`${server.url}/api/v1`, token)(...call),
			jwks: async () => (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()).keys,
			base: () => `${server.url}/api/v1`,
			authority: new URL(target.url).host,
			restart: async () => {
				await stop(server);
				server = await begin();
			},
		};
		await w.api('POST', '/event-type', { name: 'my.type', description: '' });
		for (const uid of ['bank', 'other']) await w.api('POST', '/app', { name: uid, uid });
		w.make = (app, uid, more) => w.api('POST', `/app/${app}/endpoint`, { url: `${target.url}/${uid}`, uid, keyScope: 'organisation', ...more });
		w.rotate = (app, body = {}) => w.api('POST', `/app/${app}/signing-key/rotate`, body);
		w.key = async (app) => (await w.api('GET', `/app/${app}/signing-key`)).json;
		/** Sends one event and returns what each of the organisation's endpoints got, by path. */
		w.send = async (app, count) => {
			const before = target.received.length;
			assert.equal((await w.api('POST', `/app/${app}/msg`, { eventType: 'my.type', payload: { at: before } })).status, 202);
			return new Map((await target.until(before + count)).slice(before).map((entry) => [entry.url, entry]));
		};
		return w;
	}

	for (const [keyType, schemes] of [['ed25519', ['standard', 'rfc9421']], ['ecdsa-p256', ['rfc9421', 'rfc9421']]]) {
		test(`${keyType}: several endpoints verify by its one key, before, during and after a rotation and a restart`, async (t) => {
			const w = await place(t);
			assert.equal((await w.api('GET', '/app/bank/signing-key')).status, 404);
			const early = await w.make('bank', 'early', {});
			assert.equal(early.status, 422, early.text);
			assert.match(early.text, /no signing key/);
			for (const app of ['bank', 'other']) assert.equal((await w.rotate(app, { keyType })).status, 204);
			for (const [i, signatureScheme] of schemes.entries()) {
				const made = await w.make('bank', `e${i}`, { signatureScheme });
				assert.equal(made.status, 201, made.text);
				assert.deepEqual([made.json.keyScope, made.json.keyType], ['organisation', keyType]);
			}
			await w.make('other', 'foreign', { signatureScheme: 'rfc9421' });
			assert.equal((await w.make('bank', 'own', { keyScope: 'endpoint', keyType: 'ed25519' })).status, 201);
			const first = await w.key('bank');
			const foreign = await w.key('other');
			const listed = await w.jwks();
			assert.equal(listed.length, 3);
			const owned = (keys) => keys.filter((one) => one.vaultbell_organisation !== undefined && one.kid !== foreign.kid);
			assert.deepEqual(owned(listed).map((one) => one.kid), [first.kid]);
			assert.ok(!JSON.stringify(first).includes('whsk_') && !JSON.stringify(first).includes('"d"'));

			const each = async (kids, published) => {
				const got = await w.send('bank', 3);
				for (const path of ['/e0', '/e1']) assert.deepEqual(await verifiedBy(got.get(path), w.authority, owned(published)), kids, path);
				assert.deepEqual(await verifiedBy(got.get('/own'), w.authority, owned(published)), []);
				assert.equal((await verifiedBy(got.get('/own'), w.authority, published)).length, 1);
				const strange = await w.send('other', 1);
				assert.deepEqual(await verifiedBy(strange.get('/foreign'), w.authority, owned(published)), []);
				assert.deepEqual(await verifiedBy(strange.get('/foreign'), w.authority, published), [foreign.kid]);
			};
			await each([first.kid], listed);
			assert.equal((await w.rotate('bank')).status, 204);
			const second = await w.key('bank');
			assert.deepEqual([second.keyType, second.previous.map((one) => one.kid)], [keyType, [first.kid]]);
			await each([second.kid, first.kid], await w.jwks());
			await w.restart();
			assert.deepEqual(await w.key('bank'), second);
			await each([second.kid, first.kid], await w.jwks());
			await w.rotate('bank', { gracePeriodSeconds: 0 });
			const third = await w.key('bank');
			await each([third.kid, first.kid], await w.jwks());
			assert.ok(!(await w.jwks()).some((one) => one.kid === second.kid));

			const feed = await w.api('GET', '/app/bank/endpoint/e0/events');
			assert.equal(feed.status, 200, feed.text);
			if (schemes[0] === 'standard')
				for (const { headers, body } of feed.json.data) assert.deepEqual(await verifiedBy({ headers, body: Buffer.from(body, 'base64') }, '', owned(await w.jwks())), [third.kid, first.kid]);
			const shown = await w.api('GET', '/app/bank/endpoint/e0/secret');
			assert.equal(shown.json.key, third.publicKey);
			const refused = await w.api('POST', '/app/bank/endpoint/e0/secret/rotate', {});
			assert.equal(refused.status, 422, refused.text);
			assert.match(refused.text, /signing-key\/rotate/);
			const log = await w.api('GET', '/app/bank/audit?limit=250');
			assert.equal(log.json.data.filter((row) => row.action === 'organisation.key.rotate').length, 3);
			assert.ok(!log.text.includes('sealed'));
		});
	}

	test('what an endpoint cannot sign with is refused; an endpoint may change to its own key and back', async (t) => {
		const w = await place(t);
		await w.rotate('bank');
		assert.equal((await w.make('bank', 'e', {})).status, 201);
		assert.equal((await w.make('bank', 'secret', { keyType: 'hmac' })).status, 422);
		for (const keyType of ['ecdsa-p256', 'hmac']) assert.equal((await w.rotate('bank', { keyType })).status, 422);
		const key = await w.key('bank');
		assert.deepEqual([key.keyType, key.previous], ['ed25519', []]);
		const put = await w.api('PUT', '/app/bank/endpoint/e', { uid: 'e', url: `http://${w.authority}/e` });
		assert.equal(put.json.keyScope, 'organisation', put.text);
		const own = await w.api('PATCH', '/app/bank/endpoint/e', { keyScope: 'endpoint', keyType: 'ed25519' });
		assert.deepEqual([own.status, own.json.keyScope], [200, 'endpoint'], own.text);
		assert.deepEqual(await verifiedBy((await w.send('bank', 1)).get('/e'), w.authority, (await w.jwks()).filter((one) => one.kid === key.kid)), []);
		assert.equal((await w.api('PATCH', '/app/bank/endpoint/e', { keyScope: 'organisation' })).status, 200);
		assert.deepEqual(await verifiedBy((await w.send('bank', 1)).get('/e'), w.authority, await w.jwks()), [key.kid]);

		// A second person for keys: what is asked for waits, for the key as for the scope.
		const admin = async () => caller(w.base(), (await w.api('POST', '/app/bank/token', { role: 'admin' })).json.token);
		const [maker, checker] = [await admin(), await admin()];
		assert.equal((await w.api('PUT', '/app/bank/governance', { governed: ['keys'] })).status, 200);
		for (const [method, path, body, operation] of [
			['POST', '/app/bank/signing-key/rotate', {}, 'organisation.key.rotate'],
			['PATCH', '/app/bank/endpoint/e', { keyScope: 'endpoint' }, 'endpoint.update'],
		]) {
			const held = await maker(method, path, body);
			const change = held.json.change ?? held.json;
			assert.deepEqual([held.status, change.operation, change.governed], [202, operation, ['keys']], held.text);
			assert.ok(!held.text.includes('sealed'));
			assert.equal((await w.key('bank')).kid, key.kid);
			if (method === 'POST') {
				const done = await checker('POST', `/app/bank/change/${held.json.id}/approve`, {});
				assert.equal(done.json.state, 'applied', done.text);
				const fresh = await w.key('bank');
				assert.deepEqual(fresh.previous.map((one) => one.kid), [key.kid]);
				assert.deepEqual(await verifiedBy((await w.send('bank', 1)).get('/e'), w.authority, await w.jwks()), [fresh.kid, key.kid]);
				key.kid = fresh.kid;
			}
		}
	});
});
