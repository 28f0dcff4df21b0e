// M14: how endpoints are authenticated to: basic credentials, OAuth2 client credentials, client certificates, private
// authorities, TLS versions, and certificates that are about to expire.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { run, scratch, sink, start, stop } from './program.mjs';
import { caller } from './server.mjs';
import { authority, secureSink } from './tls.mjs';

const limitMs = 20000;
async function until(ask, what = 'the condition') {
	for (const late = Date.now() + limitMs; ;) {
		const answer = await ask();
		if (answer) return answer;
		assert.ok(Date.now() < late, `${what} does not come`);
		await pause(15);
	}
}

/** A server with one organisation; `more` is its environment. */
async function world(t, more = {}) {
	const data = scratch(t);
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], {
		env: { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', VAULTBELL_DELIVERY_SCHEDULE: '50ms,50ms,50ms,50ms,50ms,50ms,50ms,50ms', ...more },
	});
	const token = async (...args) => (await run(['token', 'create', '--data', data, ...args])).stdout.trim();
	const platform = caller(`${server.url}/api/v1`, await token('--role', 'platform-admin'));
	const app = (await platform('POST', '/app', { name: 'Alpha', uid: 'alpha' })).json.id;
	await platform('POST', '/event-type', { name: 'my.type', description: '' });
	const endpoint = async (url, members = {}) => {
		const made = await platform('POST', `/app/${app}/endpoint`, { url, ...members });
		assert.equal(made.status, 201, made.text);
		return made.json.id;
	};
	const put = (id, body) => platform('PUT', `/app/${app}/endpoint/${id}/authentication`, body);
	const set = async (id, body) => {
		const answer = await put(id, body);
		assert.equal(answer.status, 200, answer.text);
		return answer.json;
	};
	const post = async () => (await platform('POST', `/app/${app}/msg`, { eventType: 'my.type', payload: { at: Date.now() } })).json.id;
	const attempts = async (message) => (await platform('GET', `/app/${app}/attempt/msg/${message}`)).json.data.reverse();
	const delivered = (message) => until(async () => (await attempts(message)).some((one) => one.status === 0), `delivery of ${message}`);
	const failed = (message, pattern) => until(async () => {
		const found = (await attempts(message)).find((one) => one.status === 2);
		if (found) assert.match(found.response, pattern);
		return found;
	}, `failure of ${message}`);
	return { data, server, token, platform, app, endpoint, put, set, post, attempts, delivered, failed };
}

let directory, ca, other;
before(() => {
	directory = mkdtempSync(join(tmpdir(), 'vaultbell-ca-'));
	ca = authority(directory);
	other = authority(directory, 'other');
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe('M14 basic', () => {
	test('the header is there, and goes before a custom one; the password is never shown', async (t) => {
		const w = await world(t);
		const endpoint = await sink(t);
		const id = await w.endpoint(endpoint.url, { headers: { Authorization: 'Bearer custom', 'x-more': 'yes' } });
		const shown = await w.set(id, { basic: { username: 'jane', password: 'pass:wörd-hidden' } });
		assert.deepEqual(shown.basic, { username: 'jane' });
		await w.delivered(await w.post());
		const [received] = await endpoint.until(1);
		assert.equal(received.headers.authorization, `Basic ${Buffer.from('jane:pass:wörd-hidden').toString('base64')}`);
		assert.equal(received.headers['x-more'], 'yes');
		for (const path of [`/app/${w.app}/endpoint/${id}/authentication`, `/app/${w.app}/endpoint/${id}`, '/audit'])
			assert.ok(!(await w.platform('GET', path)).text.includes('hidden'), path);
		assert.ok((await w.platform('GET', '/audit')).text.includes('endpoint.authentication.update'));
		assert.equal((await w.platform('DELETE', `/app/${w.app}/endpoint/${id}/authentication`)).status, 204);
		await w.delivered(await w.post());
		assert.equal((await endpoint.until(2))[1].headers.authorization, 'Bearer custom');
		assert.ok(!w.server.log.includes('hidden'));
	});

	test('what it must not be', async (t) => {
		const w = await world(t);
		const id = await w.endpoint('http://127.0.0.1:9/');
		for (const body of [{ basic: { username: 'a:b', password: 'c' } }, { basic: { username: 'a' } }, { basic: { username: 'a', password: 'b\nc' } },
			{ basic: 'a' }, { basic: { username: 'a', password: 'b' }, oauth2: { tokenUrl: 'http://127.0.0.1:1/', clientId: 'a', clientSecret: 'b' } },
			{ oauth2: { tokenUrl: 'ftp://x/', clientId: 'a', clientSecret: 'b' } }, { tls: { minimumVersion: '1.1' } }, { tls: { minimumVersion: '1.3' } }])
			assert.equal((await w.put(id, body)).status, 422, JSON.stringify(body));
	});

	test('other tenants and lesser roles see nothing', async (t) => {
		const w = await world(t);
		const id = await w.endpoint('http://127.0.0.1:9/');
		await w.set(id, { basic: { username: 'mark-of-alpha', password: 'x' } });
		const beta = (await w.platform('POST', '/app', { name: 'Beta' })).json.id;
		const stranger = caller(`${w.server.url}/api/v1`, await w.token('--role', 'admin', '--organisation', beta));
		const path = `/app/${w.app}/endpoint/${id}/authentication`;
		for (const [method, body] of [['GET'], ['PUT', {}], ['DELETE']]) {
			const answer = await stranger(method, path, body);
			assert.equal(answer.status, 404);
			assert.ok(!answer.text.includes('mark-of-alpha'));
			assert.equal((await stranger(method, `/app/${beta}/endpoint/${id}/authentication`, body)).status, 404);
		}
		const viewer = caller(`${w.server.url}/api/v1`, await w.token('--role', 'viewer', '--organisation', w.app));
		assert.equal((await viewer('GET', path)).status, 403);
		const security = caller(`${w.server.url}/api/v1`, await w.token('--role', 'security', '--organisation', w.app));
		assert.equal((await security('GET', path)).json.basic.username, 'mark-of-alpha');
		assert.equal((await security('PUT', path, {})).status, 403);
	});
});

for (const transport of ['own', 'curl']) {
	describe(`M14 TLS (${transport})`, () => {
		const env = { VAULTBELL_DELIVERY_TRANSPORT: transport };

		test('private authority, client certificate, and what is missing is named', async (t) => {
			const w = await world(t, env);
			const endpoint = await secureSink(t, { ...ca.issue('server'), ca: ca.cert, requestCert: true, rejectUnauthorized: true });
			const client = ca.issue('our client', { names: 'DNS:client' });
			const id = await w.endpoint(endpoint.url);
			await w.failed(await w.post(), /unknown authority/);
			await w.set(id, { tls: { authorities: ca.cert } });
			await w.failed(await w.post(), /client certificate|connection broke/);
			const shown = await w.set(id, { tls: { authorities: ca.cert, clientCertificate: client.cert, clientKey: client.key } });
			assert.equal(shown.tls.clientCertificateFacts.subject, 'CN=our client');
			assert.equal(shown.tls.clientCertificate, client.cert);
			assert.ok(!JSON.stringify(shown).includes('PRIVATE'));
			await w.delivered(await w.post());
			assert.equal(endpoint.received.at(-1).peer, 'our client');
			const seen = await w.platform('GET', `/app/${w.app}/endpoint/${id}/authentication`);
			const left = Date.parse(seen.json.serverCertificate.notAfter) - Date.now();
			assert.ok(left > 360 * 86400e3 && left <= 365 * 86400e3, seen.text);
			const metrics = await (await fetch(`${w.server.url}/metrics`)).text();
			for (const side of ['server', 'client'])
				assert.ok(Number(new RegExp(`expiry_timestamp_seconds{side="${side}"} (\\d+)`).exec(metrics)[1]) > Date.now() / 1000, metrics);
			// A stranger's certificate.
			const stranger = other.issue('stranger');
			await w.set(id, { tls: { authorities: ca.cert, clientCertificate: stranger.cert, clientKey: stranger.key } });
			await w.failed(await w.post(), /client certificate|authority|connection (broke|ended)/);
		});

		test('TLS 1.2 alone does not do where 1.3 is asked for', async (t) => {
			const w = await world(t, env);
			const endpoint = await secureSink(t, { ...ca.issue('server'), maxVersion: 'TLSv1.2' });
			const id = await w.endpoint(endpoint.url);
			await w.set(id, { tls: { authorities: ca.cert, minimumVersion: '1.3' } });
			await w.failed(await w.post(), /no version of TLS/);
			assert.equal(endpoint.received.length, 0);
			await w.set(id, { tls: { authorities: ca.cert, minimumVersion: '1.2' } });
			await w.delivered(await w.post());
			assert.equal(endpoint.received[0].version, 'TLSv1.2');
		});

		test('expired, and for another name', async (t) => {
			const w = await world(t, env);
			const expired = await secureSink(t, ca.issue('server', { ended: true }));
			await w.set(await w.endpoint(expired.url, { channels: ['one'] }), { tls: { authorities: ca.cert } });
			const named = await secureSink(t, ca.issue('server', { names: 'DNS:elsewhere.example' }));
			await w.set(await w.endpoint(named.url, { channels: ['two'] }), { tls: { authorities: ca.cert } });
			const post = async (channel) => (await w.platform('POST', `/app/${w.app}/msg`, { eventType: 'my.type', payload: {}, channels: [channel] })).json.id;
			await w.failed(await post('one'), /certificate has expired/);
			await w.failed(await post('two'), /for another/);
		});
	});
}

describe('M14 TLS', () => {
	test('what does not belong together, or has expired, is refused when it is set', async (t) => {
		const w = await world(t);
		const id = await w.endpoint('https://127.0.0.1:9/');
		const [one, two, old] = [ca.issue('one'), ca.issue('two'), ca.issue('old', { ended: true })];
		for (const [tls, why] of [
			[{ clientCertificate: one.cert, clientKey: two.key }, /not that of the client certificate/],
			[{ clientCertificate: one.cert }, /give both/],
			[{ clientCertificate: old.cert, clientKey: old.key }, /has expired/],
			[{ clientCertificate: 'hello', clientKey: one.key }, /PEM/],
			[{ authorities: 'hello' }, /PEM/],
		]) {
			const answer = await w.put(id, { tls });
			assert.equal(answer.status, 422, answer.text);
			assert.match(answer.text, why);
			assert.ok(!answer.text.includes('PRIVATE'));
		}
	});

	test('two organisations share no connection; a change closes idle ones', async (t) => {
		const w = await world(t);
		const endpoint = await secureSink(t, { ...ca.issue('server'), ca: ca.cert, requestCert: true, rejectUnauthorized: true });
		const client = ca.issue('client');
		const tls = { authorities: ca.cert, clientCertificate: client.cert, clientKey: client.key };
		const id = await w.endpoint(endpoint.url);
		await w.set(id, { tls });
		await w.delivered(await w.post());
		await w.delivered(await w.post());
		assert.equal(endpoint.connections, 1);
		const beta = (await w.platform('POST', '/app', { name: 'Beta' })).json.id;
		const twin = (await w.platform('POST', `/app/${beta}/endpoint`, { url: endpoint.url })).json.id;
		assert.equal((await w.platform('PUT', `/app/${beta}/endpoint/${twin}/authentication`, { tls })).status, 200);
		await w.platform('POST', `/app/${beta}/msg`, { eventType: 'my.type', payload: {} });
		await until(() => endpoint.received.length === 3, 'the event of Beta');
		assert.equal(endpoint.connections, 2);
		const renewed = ca.issue('renewed');
		await w.set(id, { tls: { ...tls, clientCertificate: renewed.cert, clientKey: renewed.key } });
		await until(() => endpoint.open === 1, 'the end of the idle connection');
		await w.delivered(await w.post());
		assert.equal(endpoint.received.at(-1).peer, 'renewed');
	});

	test('M19 certificates that are about to expire are warned of', async (t) => {
		const w = await world(t);
		const endpoint = await secureSink(t, ca.issue('server', { days: 5 }));
		const client = ca.issue('client', { days: 20 });
		const id = await w.endpoint(endpoint.url);
		await w.set(id, { tls: { authorities: ca.cert, clientCertificate: client.cert, clientKey: client.key } });
		await w.delivered(await w.post());
		const warning = (text) => new RegExp(`level="warn"[^\n]*${text}[^\n]*endpoint="${id}"`);
		await until(() => warning('client certificate of an endpoint expires soon').test(w.server.log), 'the warning of the client');
		await until(() => warning("certificate of an endpoint's server expires soon").test(w.server.log), 'the warning of the server');
		await w.delivered(await w.post());
		assert.equal(w.server.log.match(/expires soon/g).length, 2);
	});
});

/** A token server; `answer(form, number)` gives [status, body, headers]. */
async function tokenServer(t, answer) {
	const requests = [];
	const http = await import('node:http');
	const waiting = [];
	const server = http.createServer((call, response) => {
		let text = '';
		call.on('data', (part) => (text += part));
		call.on('end', async () => {
			const form = Object.fromEntries(new URLSearchParams(text));
			requests.push({ form, headers: call.headers });
			const given = await answer(form, requests.length, waiting);
			if (given === undefined) return;
			const [status, body] = given;
			response.writeHead(status, { 'content-type': 'application/json' }).end(typeof body === 'string' ? body : JSON.stringify(body));
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return { requests, url: `http://127.0.0.1:${server.address().port}/token` };
}

describe('M14 OAuth2', () => {
	const client = { clientId: 'an id', clientSecret: 'hidden&secret' };

	test('one token for many deliveries, asked for once; both ways to authenticate', async (t) => {
		const w = await world(t);
		const tokens = await tokenServer(t, (form, number) => [200, { access_token: `token-${number}`, token_type: 'Bearer', expires_in: 3600 }]);
		const endpoint = await sink(t);
		const id = await w.endpoint(endpoint.url);
		const shown = await w.set(id, { oauth2: { ...client, tokenUrl: tokens.url, scope: 'a b', audience: 'https://x/y?z' } });
		assert.ok(!JSON.stringify(shown).includes('hidden'));
		assert.equal(shown.oauth2.clientAuthentication, 'basic');
		await Promise.all(Array.from({ length: 30 }, () => w.post()));
		await endpoint.until(30);
		assert.ok(endpoint.received.every((one) => one.headers.authorization === 'Bearer token-1'));
		assert.equal(tokens.requests.length, 1);
		const [asked] = tokens.requests;
		assert.deepEqual(asked.form, { grant_type: 'client_credentials', scope: 'a b', audience: 'https://x/y?z' });
		assert.equal(asked.headers.authorization, `Basic ${Buffer.from('an+id:hidden%26secret').toString('base64')}`);
		assert.equal(asked.headers['content-type'], 'application/x-www-form-urlencoded');
		// Another change of the endpoint leaves the token alone; another client does not.
		await w.platform('PATCH', `/app/${w.app}/endpoint/${id}`, { description: 'changed' });
		await w.delivered(await w.post());
		assert.equal(tokens.requests.length, 1);
		await w.set(id, { oauth2: { ...client, tokenUrl: tokens.url, clientAuthentication: 'body' } });
		await w.delivered(await w.post());
		assert.equal(endpoint.received.at(-1).headers.authorization, 'Bearer token-2');
		assert.deepEqual(tokens.requests[1].form, { grant_type: 'client_credentials', client_id: 'an id', client_secret: 'hidden&secret' });
		assert.equal(tokens.requests[1].headers.authorization, undefined);
		assert.ok(!w.server.log.includes('token-') && !w.server.log.includes('hidden'));
	});

	test('a token that has expired is replaced; one without a time, and one that lives for a second, are used', async (t) => {
		const w = await world(t);
		const tokens = await tokenServer(t, (form, number) => [200, { access_token: `token-${number}`, token_type: 'bearer', ...(number === 1 ? { expires_in: '1' } : {}) }]);
		const endpoint = await sink(t);
		await w.set(await w.endpoint(endpoint.url), { oauth2: { ...client, tokenUrl: tokens.url } });
		await w.delivered(await w.post());
		assert.equal(endpoint.received[0].headers.authorization, 'Bearer token-1');
		await until(async () => {
			await w.delivered(await w.post());
			return endpoint.received.at(-1).headers.authorization === 'Bearer token-2';
		}, 'the second token');
		await w.delivered(await w.post());
		assert.equal(tokens.requests.length, 2);
	});

	test('401 of the endpoint: a new token, once, within the attempt', async (t) => {
		const w = await world(t);
		const tokens = await tokenServer(t, (form, number) => [200, { access_token: `token-${number}`, token_type: 'Bearer', expires_in: 3600 }]);
		let accepted = 'Bearer token-2';
		const endpoint = await sink(t, (entry) => (entry.headers.authorization === accepted ? 200 : 401));
		await w.set(await w.endpoint(endpoint.url), { oauth2: { ...client, tokenUrl: tokens.url } });
		const first = await w.post();
		await w.delivered(first);
		assert.deepEqual((await w.attempts(first)).map((one) => one.responseStatusCode), [200]);
		assert.equal(endpoint.received.length, 2);
		assert.equal(endpoint.received[0].headers['webhook-id'], endpoint.received[1].headers['webhook-id']);
		accepted = 'never';
		const second = await w.post();
		await w.failed(second, /^$/);
		const [attempt] = await w.attempts(second);
		assert.equal(attempt.responseStatusCode, 401);
	});

	test('a token server that answers badly fails the attempt, says why, and shows nothing secret', async (t) => {
		const w = await world(t);
		const cases = [
			[[400, { error: 'invalid_client', error_description: 'hidden-text' }], /^no access token: the token URL answered 400: invalid_client$/],
			[[500, 'hidden-text'], /^no access token: the token URL answered 500$/],
			[[200, 'hidden-text'], /not a JSON object/],
			[[200, '[]'], /not a JSON object/],
			[[200, { token_type: 'Bearer' }], /no access_token/],
			[[200, { access_token: 'hidden-text', token_type: 'mac' }], /not bearer/],
			[[200, { access_token: 'hidden\r\nx-evil: 1', token_type: 'Bearer' }], /not one that a header can carry/],
			[[200, { access_token: 'x'.repeat(9000), token_type: 'Bearer' }], /not one that a header can carry/],
			[[200, { access_token: 'x', token_type: 'Bearer', expires_in: -5 }], /not a positive number/],
			[[200, { access_token: 'x', token_type: 'Bearer', expires_in: 'soon' }], /not a positive number/],
			[[200, { access_token: 'x'.repeat(100000), token_type: 'Bearer' }], /too long/],
			[[302, ''], /answered 302/],
		];
		let current;
		const tokens = await tokenServer(t, () => current);
		const endpoint = await sink(t);
		const id = await w.endpoint(endpoint.url, { schedule: '1h' });
		await w.set(id, { oauth2: { ...client, tokenUrl: tokens.url } });
		for (const [answer, why] of cases) {
			current = answer;
			const message = await w.post();
			const failure = await w.failed(message, why);
			assert.ok(!failure.response.includes('hidden'), failure.response);
			assert.equal(failure.responseStatusCode, 0);
		}
		assert.equal(endpoint.received.length, 0);
		// Nothing listens, and an address that is not allowed.
		await w.set(id, { oauth2: { ...client, tokenUrl: 'http://127.0.0.1:1/' } });
		await w.failed(await w.post(), /no access token: of the token URL: no connection/);
		await w.set(id, { oauth2: { ...client, tokenUrl: 'http://10.1.1.1/' } });
		await w.failed(await w.post(), /no access token: of the token URL: the address is private/);
		assert.ok(!w.server.log.includes('hidden'));
	});

	test('one that hangs delays nobody else, and what waits goes out with the next configuration', async (t) => {
		const w = await world(t);
		const tokens = await tokenServer(t, () => undefined);
		const good = await tokenServer(t, () => [200, { access_token: 'good', token_type: 'Bearer', expires_in: 60 }]);
		const [slow, fast] = [await sink(t), await sink(t)];
		const id = await w.endpoint(slow.url);
		await w.endpoint(fast.url);
		await w.set(id, { oauth2: { ...client, tokenUrl: tokens.url } });
		const messages = [];
		for (let i = 0; i < 20; i++) messages.push(await w.post());
		await fast.until(20);
		assert.equal(tokens.requests.length, 1);
		assert.equal(slow.received.length, 0);
		await w.set(id, { oauth2: { ...client, tokenUrl: good.url } });
		await slow.until(20);
		assert.ok(slow.received.every((one) => one.headers.authorization === 'Bearer good'));
		for (const message of messages) await until(async () => (await w.attempts(message)).length === 2, 'one attempt at each endpoint');
		assert.equal((await stop(w.server))[0], 0);
	});

	test('the token server may want the endpoint\'s own TLS settings', async (t) => {
		const w = await world(t);
		const keys = ca.issue('server');
		const requests = [];
		const both = await secureSink(t, { ...keys, ca: ca.cert, requestCert: true, rejectUnauthorized: true }, (entry) => {
			requests.push(entry);
			return entry.url === '/token' ? [200, '{"access_token":"t","token_type":"Bearer"}'] : 200;
		});
		const own = ca.issue('client');
		const tls = { authorities: ca.cert, clientCertificate: own.cert, clientKey: own.key };
		const id = await w.endpoint(both.url);
		await w.set(id, { tls, oauth2: { ...client, tokenUrl: `${both.url}/token`, endpointTls: false } });
		await w.failed(await w.post(), /no access token: of the token URL: no TLS/);
		await w.set(id, { tls, oauth2: { ...client, tokenUrl: `${both.url}/token`, endpointTls: true } });
		await w.delivered(await w.post());
		assert.equal(both.received.at(-1).headers.authorization, 'Bearer t');
		assert.ok(requests.every((one) => one.peer === 'client'));
	});
});
