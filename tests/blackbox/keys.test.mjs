// M15: signing keys are rotated with overlap, and a verifier that follows the published keys verifies before, during and
// after, with Node's WebCrypto and RFC 9421 read anew.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash, webcrypto } from 'node:crypto';
import { run, scratch, sink, start } from './program.mjs';
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
