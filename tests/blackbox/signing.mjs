// What a sender does, written from the specifications alone, so that it shares no mistake with the program.
import { createHash, createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const seconds = () => Math.floor(Date.now() / 1000);

export function standardSecret() {
	return `whsec_${randomBytes(32).toString('base64')}`;
}

/** Standard Webhooks, v1: HMAC-SHA256 over id.timestamp.body. */
export function standardHeaders(secret, id, body, { timestamp = seconds(), prefix = 'webhook' } = {}) {
	const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
	const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
	return {
		[`${prefix}-id`]: id,
		[`${prefix}-timestamp`]: String(timestamp),
		[`${prefix}-signature`]: `v1,${mac}`,
	};
}

/** An Ed25519 pair; `public` is the line of the secret file. */
export function ed25519Pair() {
	const pair = generateKeyPairSync('ed25519');
	const raw = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x, 'base64url');
	return { private: pair.privateKey, public: `whpk_${raw.toString('base64')}` };
}

/** Standard Webhooks, v1a: Ed25519 over the same bytes. */
export function ed25519Headers(privateKey, id, body, { timestamp = seconds() } = {}) {
	const content = Buffer.concat([Buffer.from(`${id}.${timestamp}.`), Buffer.from(body)]);
	return {
		'webhook-id': id,
		'webhook-timestamp': String(timestamp),
		'webhook-signature': `v1a,${sign(null, content, privateKey).toString('base64')}`,
	};
}

/** The first generation: lower-case hex of HMAC-SHA256 over the body alone. */
export function legacyHeaders(secret, body) {
	return { 'x-sha2-signature': createHmac('sha256', secret).update(body).digest('hex') };
}

/** A P-256 pair for RFC 9421; `public` is the line of the secret file. */
export function ecdsaPair(kid) {
	const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	return { kid, private: pair.privateKey, public: JSON.stringify({ ...pair.publicKey.export({ format: 'jwk' }), kid }) };
}

const defaultComponents = [
	'@method', '@authority', '@path', 'content-digest', 'content-type', 'webhook-id', 'webhook-timestamp',
];

/** RFC 9421 with ecdsa-p256-sha256 (raw r and s) and RFC 9530's Content-Digest. */
export function rfc9421Headers(pair, id, body, { authority, path, timestamp = seconds(), components = defaultComponents } = {}) {
	const headers = {
		'content-type': 'application/json',
		'content-digest': `sha-256=:${createHash('sha256').update(body).digest('base64')}:`,
		'webhook-id': id,
		'webhook-timestamp': String(timestamp),
	};
	const derived = { '@method': 'POST', '@authority': authority, '@path': path };
	const list = `(${components.map((name) => `"${name}"`).join(' ')})`;
	const parameters = `${list};created=${timestamp};keyid="${pair.kid}";alg="ecdsa-p256-sha256"`;
	const lines = components.map((name) => `"${name}": ${derived[name] ?? headers[name]}`);
	const base = [...lines, `"@signature-params": ${parameters}`].join('\n');
	const signature = sign('sha256', Buffer.from(base), { key: pair.private, dsaEncoding: 'ieee-p1363' });
	headers['signature-input'] = `sig1=${parameters}`;
	headers.signature = `sig1=:${signature.toString('base64')}:`;
	return headers;
}

