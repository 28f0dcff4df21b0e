// Makes tests/vectors/vendors.h: requests as other platforms sign them, by node:crypto, from their public documents and
// nothing of this repository. The keys and the signatures of elliptic curves are random, so a new run gives new vectors.
//   node tests/vectors/vendors.mjs [CORPUS] > tests/vectors/vendors.h
// CORPUS: a directory that takes each request as an input of tests/fuzz/fuzz_vendors.c.
import { createHash, createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TIME = 1730482675; // when each request is sent
const out = [];
const text = (value) => `"${value.replace(/[\\"]/g, '\\$&').replace(/\n/g, '\\n')}"`;

// A long literal is cut, so that the lines stay short.
const literal = (value) => (value.match(/[^]{1,90}/g) ?? ['']).map(text).join('\n\t      ');

const pem = (key) => key.export({ type: 'spki', format: 'pem' });
const der = (key) => key.export({ type: 'spki', format: 'der' }).toString('base64');
const jwk = (key, more) => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });
const mac = (secret, ...parts) => {
	const hmac = createHmac('sha256', secret);
	for (const part of parts) hmac.update(part);
	return hmac.digest('hex');
};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ecdsa = (pair, bytes, encoding = 'base64') => sign('sha256', Buffer.from(bytes), pair.privateKey).toString(encoding);

/** One request. `signed_time`: whether it can be stale. */
function vector(name, scheme, keys, headers, body, id, { time = false, key = 0 } = {}) {
	const lines = Object.entries(headers).map(([header, value]) => `${header}: ${value}\n`).join('');
	if (process.argv[2]) {
		const file = join(process.argv[2], `request-${name.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}`);
		writeFileSync(file, `r${String.fromCharCode(65 + out.length)}${lines}\n${body}`);
	}
	out.push(`    {
	.name = ${text(name)},
	.scheme = SCHEME_${scheme.toUpperCase()},
	.keys = ${literal(keys)},
	.headers = ${literal(lines)},
	.body = ${literal(body)},
	.id = ${text(id)},
	.signed_time = ${time},
	.key = ${key},
    },`);
}

// --- Fireblocks
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaOther = generateKeyPairSync('rsa', { modulusLength: 4096 });
const fireblocksBody = '{"id":"3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80","eventType":"transaction.created","data":{"id":"tx"}}';
const jws = (pair, kid, body, more = {}) => {
	const header = Buffer.from(JSON.stringify({ alg: 'RS512', kid, ...more })).toString('base64url');
	const signed = `${header}.${Buffer.from(body).toString('base64url')}`;
	return `${header}..${sign('sha512', Buffer.from(signed), pair.privateKey).toString('base64url')}`;
};
const plain = (pair, body) => sign('sha512', Buffer.from(body), pair.privateKey).toString('base64');
const set = JSON.stringify({ keys: [
	{ ...rsaOther.publicKey.export({ format: 'jwk' }), kid: 'webhook-2', use: 'sig', alg: 'RS512' },
	{ kty: 'OKP', crv: 'X25519', x: 'AA', kid: 'for something else' },
	{ ...rsa.publicKey.export({ format: 'jwk' }), kid: 'webhook-1', use: 'sig', alg: 'RS512' },
] }, null, 2);
const fireblocksId = '3f9d2d2e-9d0c-4c0f-8f3c-0a4b5f6d7e80';
vector('fireblocks v2, a key set', 'fireblocks', set,
	{ 'Fireblocks-Webhook-Signature': jws(rsa, 'webhook-1', fireblocksBody) }, fireblocksBody, fireblocksId, { key: 1 });
vector('fireblocks v2, a key a line', 'fireblocks', jwk(rsa.publicKey, { kid: 'webhook-1' }),
	{ 'Fireblocks-Webhook-Signature': jws(rsa, 'webhook-1', fireblocksBody, { typ: 'JOSE' }) }, fireblocksBody, fireblocksId);
const v1Body = '{"type":"TRANSACTION_STATUS_UPDATED","tenantId":"t","timestamp":1730482675000,"data":{"id":"tx"}}';
vector('fireblocks v1', 'fireblocks', pem(rsaOther.publicKey) + pem(rsa.publicKey),
	{ 'Fireblocks-Signature': plain(rsa, v1Body) }, v1Body, sha256(v1Body), { key: 1 });
vector('fireblocks, both headers and the fixed key', 'fireblocks', pem(rsaOther.publicKey), {
	'Fireblocks-Webhook-Signature': jws(rsa, 'webhook-1', fireblocksBody),
	'Fireblocks-Signature': plain(rsaOther, fireblocksBody),
}, fireblocksBody, fireblocksId);

// --- BitGo
const bitgoBody = '{"type":"transfer","wallet":"59cd72485007a239fb00282ed480da1f","hash":"ab","state":"confirmed"}';
vector('bitgo', 'bitgo', 'an older secret\nwebhook secret 1\n',
	{ 'x-signature-sha256': mac('webhook secret 1', bitgoBody) }, bitgoBody, sha256(bitgoBody), { key: 1 });

// --- Dfns
const dfns = (event) => JSON.stringify({ kind: 'wallet.transfer.confirmed', data: { id: 'xfr-1' }, ...event });
const dfnsFirst = dfns({ id: 'whe-1', timestampSent: TIME, deliveryAttempt: 1 });
const dfnsRetry = dfns({ id: 'whe-2', timestampSent: TIME, deliveryAttempt: 2, retryOf: 'whe-1' });
for (const [name, body] of [['dfns', dfnsFirst], ['dfns, tried again', dfnsRetry]])
	vector(name, 'dfns', 'dfns-secret', { 'X-DFNS-WEBHOOK-SIGNATURE': `sha256=${mac('dfns-secret', body)}` }, body, 'whe-1',
		{ time: true });

// --- Fordefi
const fordefi = ec();
const fordefiBody = '{"webhook_id":"w","event_id":"15e0062c-be33","attempt":1,"sent_at":"2024-11-01T00:00:00Z","event":{"id":"t"}}';
vector('fordefi, PEM', 'fordefi', `# the platform's key\n${pem(ec().publicKey)}\n${pem(fordefi.publicKey)}`,
	{ 'X-Signature': ecdsa(fordefi, fordefiBody) }, fordefiBody, '15e0062c-be33', { key: 1 });
vector('fordefi, JWK', 'fordefi', jwk(fordefi.publicKey), { 'X-Signature': ecdsa(fordefi, fordefiBody) }, fordefiBody, '15e0062c-be33');

// --- Copper
const copper = ec();
const copperBody = '{"eventId": "b17c862a961fbba3", "event": "deposit-created", "payload": {"baseCurrency": "BTC"}}';
const copperSigned = `${TIME}123b17c862a961fbba3${copperBody}`;
vector('copper, HMAC', 'copper', `${pem(copper.publicKey)}api secret`,
	{ 'X-Signature': mac('api secret', copperSigned), 'X-Timestamp': `${TIME}123` }, copperBody, 'b17c862a961fbba3',
	{ time: true, key: 1 });
vector('copper, ECDSA', 'copper', `${pem(copper.publicKey)}api secret`,
	{ 'X-Signature': ecdsa(copper, copperSigned, 'hex'), 'X-Timestamp': `${TIME}123` }, copperBody, 'b17c862a961fbba3',
	{ time: true });

// --- Cobo
const cobo = generateKeyPairSync('ed25519');
const coboRaw = Buffer.from(cobo.publicKey.export({ format: 'jwk' }).x, 'base64url').toString('hex');
const twice = (bytes) => createHash('sha256').update(createHash('sha256').update(bytes).digest()).digest();
const coboBody = '{"event_id":"fa1e5a4c","url":"https://gateway.example","type":"wallets.transaction.updated","data":{}}';
const coboSigned = (body) => sign(null, twice(`${body}|${TIME}999`), cobo.privateKey).toString('hex');
vector('cobo', 'cobo', coboRaw, { 'Biz-Timestamp': `${TIME}999`, 'Biz-Resp-Signature': coboSigned(coboBody) }, coboBody,
	'fa1e5a4c', { time: true });
vector('cobo, both spellings', 'cobo', jwk(cobo.publicKey), {
	BIZ_TIMESTAMP: `${TIME}999`, 'Biz-Timestamp': `${TIME}999`,
	BIZ_RESP_SIGNATURE: coboSigned(coboBody), 'Biz-Resp-Signature': coboSigned(coboBody),
}, coboBody, 'fa1e5a4c', { time: true });
const callback = '{"transaction_id":"1"}';
vector('cobo, a callback without an id', 'cobo', pem(cobo.publicKey),
	{ BIZ_TIMESTAMP: `${TIME}999`, BIZ_RESP_SIGNATURE: coboSigned(callback) }, callback, sha256(callback), { time: true });

// --- Ripple
const ripple = ec();
const payload = Buffer.from('{"id":"tx_1","status":"CONFIRMED","updatedAt":"2024-11-01T17:37:55Z"}').toString('base64');
const rippleBody = JSON.stringify({ domain: 'TRANSACTION', timestamp: '2024-11-01T17:37:55Z', payload });
vector('ripple', 'ripple', `${der(ec().publicKey)}\n${der(ripple.publicKey)}\n`, { Signature: ecdsa(ripple, payload) }, rippleBody,
	sha256(payload), { key: 1 });

// --- Circle
const circle = ec();
const circleId = '879dc113-5ca4-4ff7-a6b7-54652083fcf8';
const circleBody = '{"subscriptionId":"s","notificationId":"n-1","notificationType":"transactions.inbound","notification":{}}';
const circleHeaders = { 'X-Circle-Key-Id': circleId, 'X-Circle-Signature': ecdsa(circle, circleBody) };
vector('circle, as the API has the key', 'circle', `11111111-5ca4-4ff7-a6b7-54652083fcf8 ${der(ec().publicKey)}\n${circleId} ${der(circle.publicKey)}\n`,
	circleHeaders, circleBody, 'n-1', { key: 1 });
vector('circle, PEM', 'circle', `${circleId} ${pem(circle.publicKey)}`, circleHeaders, circleBody, 'n-1');
vector('circle, JWK', 'circle', jwk(circle.publicKey, { kid: circleId }), circleHeaders, circleBody, 'n-1');

// --- Coinbase
const coinbaseBody = '{"id":"evt","type":"onchain.activity.detected","amount":"1.5"}';
const hook0 = (...parts) => mac('coinbase-secret', parts.join('.'));
const names = 'content-type x-event-id';
const v0 = hook0(TIME, coinbaseBody);
const v1 = hook0(TIME, names, 'application/json', 'evt-1', coinbaseBody);
const covered = { 'Content-Type': 'application/json', 'X-Event-Id': 'evt-1' };
vector('coinbase, v0', 'coinbase', 'coinbase-secret', { 'X-Hook0-Signature': `t=${TIME},v0=${v0}` }, coinbaseBody,
	sha256(coinbaseBody), { time: true });
vector('coinbase, v1', 'coinbase', 'old\ncoinbase-secret', { ...covered, 'X-Hook0-Signature': `t=${TIME},h=${names},v1=${v1}` },
	coinbaseBody, sha256(coinbaseBody), { time: true, key: 1 });
vector('coinbase, v0 and v1', 'coinbase', 'coinbase-secret',
	{ ...covered, 'X-Hook0-Signature': `t=${TIME},v0=${v0},h=${names},v1=${v1}` }, coinbaseBody, sha256(coinbaseBody), { time: true });

// --- hmac, configured
const body = '{"event":{"id":"e-1"},"n":7}';
vector('hmac, the body alone', 'hmac', '#hmac header=X-Sig\nsecret', { 'X-Sig': mac('secret', body) }, body, sha256(body));
vector('hmac, time, id in the body, base64, sha512', 'hmac',
	'# rotated in May\n#hmac header=X-Sig encoding=base64 algorithm=sha512 prefix=v1%3D signed={timestamp}.{body} timestamp=X-Time id=body:event.id\nold\nsecret\n',
	{ 'X-Sig': `v1=${createHmac('sha512', 'secret').update(`${TIME}.${body}`).digest('base64')}`, 'X-Time': `${TIME}` }, body, 'e-1',
	{ time: true, key: 1 });
vector('hmac, a signed id header', 'hmac',
	'#hmac header=X-Sig signed={id}%20{timestamp}%20{body} timestamp=X-Time id=header:X-Id secret=base64\nc2VjcmV0',
	{ 'X-Sig': mac('secret', `evt_7 ${TIME} not JSON`), 'X-Time': `${TIME}`, 'X-Id': 'evt_7' }, 'not JSON', 'evt_7', { time: true });

console.log(`/* Written by tests/vectors/vendors.mjs. Requests that node:crypto signed, as other platforms do. */
#ifndef VECTORS_VENDORS_H
#define VECTORS_VENDORS_H

#include "sign/sign.h"

enum { VECTOR_TIME = ${TIME} };

struct vendor_vector {
	const char *name;
	enum sign_scheme scheme;
	const char *keys;    /* a secret file */
	const char *headers; /* a \`name: value\` a line */
	const char *body;
	const char *id;	  /* the event id that must come out */
	bool signed_time; /* whether it can be stale */
	size_t key;	  /* the index of the key that fits */
};

static const struct vendor_vector vendor_vectors[] = {
${out.join('\n')}
};

#endif`);
