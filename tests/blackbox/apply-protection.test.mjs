// Configuration as code of what protects: credentials, certificates, governance and the organisation's key. No secret is in
// a file, a plan or an export; what a second person has to approve is told apart from what is done, and asked for once.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';
import { authority } from './tls.mjs';

const secrets = { BASIC: 'hidden-password', OAUTH: 'hidden-client-secret' };

async function world(t, name = 'one') {
	const directory = scratch(t);
	const data = join(directory, 'data');
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0']);
	const create = async (...more) => (await run(['token', 'create', '--data', data, ...more])).stdout.trim();
	const token = await create('--role', 'platform-admin');
	const as = (holder) => (method, path, body) => request(server, method, `/api/v1${path}`,
		{ authorization: `Bearer ${holder}`, 'content-type': 'application/json' }, body === undefined ? '' : JSON.stringify(body));
	const write = (content) => fileIn(directory, `${name}.yaml`, typeof content === 'string' ? content : JSON.stringify(content, null, 1));
	return {
		directory, create, as, api: as(token),
		apply: (content, more = [], env = secrets) => run(['apply', '-f', write(content), '--url', server.url, ...more], { env: { VAULTBELL_TOKEN: token, ...env } }),
		export: async (env = {}) => {
			const result = await run(['export', '--url', server.url], { env: { VAULTBELL_TOKEN: token, ...env } });
			assert.equal(result.status, 0, result.stderr);
			return result.stdout;
		},
	};
}

const good = (result) => {
	assert.equal(result.stderr, '', result.stdout);
	assert.equal(result.status, 0, result.stdout);
	return result.stdout;
};
const refused = (result, expected) => {
	assert.equal(result.status, 2, result.stdout);
	assert.match(result.stderr, expected);
	for (const secret of Object.values(secrets)) assert.ok(!result.stderr.includes(secret));
};
const at = 'https://hooks.example.com/in';
const bank = (endpoint, more = {}) => ({ organisations: [{ uid: 'bank', name: 'Bank', ...more, endpoints: [{ uid: 'desk', url: at, ...endpoint }] }] });

test('M14: credentials and TLS, from a file to the server and back, without a secret on the way', async (t) => {
	const w = await world(t);
	const ca = authority(w.directory), client = ca.issue('our client');
	const [certificate, key] = [fileIn(w.directory, 'client.pem', client.cert), fileIn(w.directory, 'client.key', client.key)];
	const basic = { authentication: { basic: { username: 'vaultbell', password: { env: 'BASIC' } } } };
	const made = good(await w.apply(bank(basic)));
	assert.match(made, /\n {4}authentication\.basic\.username: "vaultbell"\n {4}authentication\.basic\.password: "\(from env BASIC\)"\n/);
	const shown = async () => (await w.api('GET', '/app/bank/endpoint/desk/authentication')).json;
	assert.deepEqual((await shown()).basic, { username: 'vaultbell' });
	const row = (await w.api('GET', '/app/bank/audit')).json.data.find((one) => one.action === 'endpoint.create');
	assert.deepEqual(row.after.authentication.basic, { username: 'vaultbell' }, 'it has them from its first moment');
	// The export names the secret without its value, and needs none where nothing is to be sent.
	const steps = [
		[basic, /authentication:\n {10}basic:\n {12}username: vaultbell\n {12}password:\n {14}env: BANK__DESK__PASSWORD\n/],
		[{ authentication: { oauth2: { tokenUrl: 'HTTPS://ID.example.com/token', clientId: 'desk', clientSecret: { env: 'OAUTH' }, scope: 'events:write', clientAuthentication: 'body' } } }, /clientSecret:\n {14}env: BANK__DESK__CLIENT_SECRET\n {12}scope: "?events:write"?\n {12}clientAuthentication: body\n/],
		[{ authentication: { tls: { clientCertificate: { file: certificate }, clientKey: { file: key }, authorities: ca.cert, minimumVersion: '1.3' } } }, /clientKey:\n {14}env: BANK__DESK__CLIENT_KEY\n/],
		[{ authentication: { tls: { authorities: ca.cert }, ...basic.authentication } }, /authorities: "-----BEGIN/],
		[{ authentication: { tls: {} } }, /tls: \{\}\n/],
	];
	for (const [endpoint, expected] of steps) {
		const applied = good(await w.apply(bank(endpoint)));
		assert.equal(good(await w.apply(bank(endpoint))), 'no changes\n');
		const exported = await w.export();
		assert.match(exported, expected);
		assert.equal(good(await w.apply(exported, ['--prune'], {})), 'no changes\n', exported);
		for (const text of [applied, exported])
			for (const secret of [...Object.values(secrets), client.key.split('\n')[1]]) assert.ok(!text.includes(secret));
	}
	assert.equal((await shown()).tls.minimumVersion, '1.2');
	// A line that goes takes nothing away; `{}` does.
	assert.equal(good(await w.apply(bank({}))), 'no changes\n');
	assert.match(good(await w.apply(bank({ authentication: {} }))), /authentication\.tls: \{\} → none\n/);
	assert.deepEqual([(await shown()).basic, (await shown()).tls], [null, null]);
	assert.doesNotMatch(await w.export(), /authentication/);
	// A secret cannot be compared: it is sent again when the rest differs, or when asked to.
	good(await w.apply(bank(basic)));
	assert.equal(good(await w.apply(bank(basic), [], { BASIC: 'another' })), 'no changes\n');
	assert.match(good(await w.apply(bank(basic), ['--rewrite-sensitive'], { BASIC: 'another' })), /password: "\(not shown\)" → "\(from env BASIC\)"\n/);
	const other = await world(t, 'other');
	const exported = await w.export();
	refused(await other.apply(exported, [], {}), /other\.yaml:\d+:\d+: found no BANK__DESK__PASSWORD in the environment; expected the value there/);
	good(await other.apply(exported, [], { BANK__DESK__PASSWORD: 'hidden-password' }));
	assert.equal(await other.export(), exported);
});

test('M14: what is wrong with authentication, keys and governance is told with its place', async (t) => {
	const w = await world(t);
	const key = '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----';
	const file = (text, organisation = '') => `organisations:\n  - uid: bank\n    name: Bank\n${organisation}    endpoints:\n      - uid: desk\n        url: ${at}\n${text}`;
	for (const [text, expected] of [
		['        authentication: basic\n', /:7:25: authentication: found "basic"; expected a mapping of basic, oauth2 and tls/],
		['        authentication: {bearer: x}\n', /:7:26: authentication: found "bearer"; expected basic, oauth2 or tls/],
		['        authentication: {basic: {username: a}}\n', /:7:33: authentication\.basic: found no password; expected one/],
		['        authentication: {basic: {username: a, password: hidden-password}}\n', /:7:57: authentication\.basic\.password: found a text; expected \{env: NAME\} or \{file: PATH\}/],
		['        authentication: {tls: {minimumVersion: "1.1"}}\n', /authentication\.tls\.minimumVersion: found "1\.1"; expected "1\.2" or "1\.3"/],
		['        authentication: {tls: {clientCertificate: {env: A}}}\n', /authentication\.tls: found one of clientCertificate and clientKey/],
		['        authentication: {tls: {pinned: a}}\n', /authentication\.tls: found "pinned"/],
		[`        authentication: {tls: {authorities: ${JSON.stringify(key)}}}\n`, /authentication\.tls\.authorities: found a private key; expected certificates only/],
		['        authentication: {tls: {authorities: {env: KEY}}}\n', /:7:25: authentication\.tls\.authorities: found a private key there; expected certificates only/],
		['        authentication: {oauth2: {tokenUrl: "https://x/", clientId: a, clientSecret: {env: A}, endpointTls: "yes"}}\n', /oauth2\.endpointTls: found "yes"; expected true or false/],
		['        authentication: {basic: {username: a, password: {env: A}}, oauth2: {tokenUrl: "https://x/", clientId: a, clientSecret: {env: A}}}\n', /found basic and oauth2; expected one of them/],
		['        keyScope: mine\n', /keyScope: found "mine"; expected endpoint or organisation/],
		['        keyScope: organisation\n        keyType: hmac\n', /:8:18: keyType: found one; expected none beside keyScope: organisation/],
	]) refused(await w.apply(file(text), [], { KEY: key }), expected);
	for (const [text, expected] of [
		['    governance: {governed: [everything]}\n', /:4:18: governance: found "governed"; expected a list of url, types, keys, roles and disabling/],
		['    governance: {coolOffSeconds: -1}\n', /:4:34: governance: found "-1"; expected a whole number of seconds, at most 30 days/],
		['    governance: {owner: a}\n', /governance: found "a"; expected governed, coolOffSeconds, securityContact or notice/],
		['    signingKey: hmac\n', /:4:17: signingKey: found "hmac"; expected ed25519 or ecdsa-p256/],
	]) refused(await w.apply(file('', text)), expected);
	const api = await w.api('POST', '/app', { name: 'x', uid: 'x' });
	assert.equal(api.status, 201);
	await w.api('POST', '/app/x/endpoint', { uid: 'e', url: at });
	const answer = await w.api('PUT', '/app/x/endpoint/e/authentication', { tls: { authorities: key } });
	assert.equal(answer.status, 422, 'nor does the server take a key for what it shows');
	assert.match(answer.text, /authorities must hold certificates only/);
});

test('M15: the organisation\'s key and who signs with it', async (t) => {
	const w = await world(t);
	const shared = bank({ keyScope: 'organisation', signatureScheme: 'rfc9421' }, { signingKey: 'ecdsa-p256' });
	assert.match(good(await w.apply(shared)), /signingKey: "ecdsa-p256"\n/);
	assert.equal(good(await w.apply(shared)), 'no changes\n');
	const scope = async () => { const { keyScope, keyType } = (await w.api('GET', '/app/bank/endpoint/desk')).json; return [keyScope, keyType]; };
	assert.deepEqual(await scope(), ['organisation', 'ecdsa-p256']);
	const exported = await w.export();
	assert.match(exported, /signingKey: ecdsa-p256\n/);
	assert.match(exported, /keyScope: organisation\n/);
	assert.doesNotMatch(exported, /keyType/);
	assert.equal(good(await w.apply(exported, ['--prune'])), 'no changes\n');
	const copy = await world(t, 'copy');
	good(await copy.apply(exported));
	assert.equal(await copy.export(), exported);
	refused(await w.apply(bank({ keyScope: 'organisation', signatureScheme: 'rfc9421' }, { signingKey: 'ed25519' })), /signingKey: found "ed25519"; expected what it was created with, as it changes only by rotating/);
	for (const [own, expected] of [[{}, 'hmac'], [{ keyType: 'ed25519' }, 'ed25519']]) {
		assert.match(good(await w.apply(bank(own))), /keyScope: "organisation" → "endpoint"\n/);
		assert.equal(good(await w.apply(bank(own))), 'no changes\n');
		assert.deepEqual(await scope(), ['endpoint', expected]);
		good(await w.apply(shared));
		assert.equal(good(await w.apply(shared)), 'no changes\n');
	}
	assert.match(good(await w.apply({ organisations: [{ uid: 'later', name: 'Later' }] })), /applied: 1 created/);
	assert.match(good(await w.apply({ organisations: [{ uid: 'later', name: 'Later', signingKey: 'ed25519' }] })), /signingKey: null → "ed25519"\n/);
});

test('M23: governance comes last, what it holds is told apart and asked for once', async (t) => {
	const w = await world(t);
	const governance = { governed: ['url', 'types', 'keys', 'disabling'], securityContact: 'security@bank.example', notice: 'Call first.' };
	const first = good(await w.apply(bank({}, { governance })));
	assert.match(first, /\+ organisation bank\n.*\+ endpoint bank\/desk\n.*~ organisation bank\n {4}governance\.governed: none → \["disabling","keys","types","url"\]\n/s);
	assert.match(first, /\napplied: 2 created, 1 changed, 0 deleted\n$/, 'also the endpoint, as it is made before');
	assert.equal(good(await w.apply(bank({}, { governance }))), 'no changes\n');
	assert.equal(good(await w.apply(bank({}))), 'no changes\n', 'a missing line takes no protection away');
	const exported = await w.export();
	assert.match(exported, /governance:\n {6}governed:\n/);
	assert.equal(good(await w.apply(exported, ['--prune'])), 'no changes\n');

	const edited = bank({ url: 'https://hooks.example.com/moved', description: 'moved', headers: { 'X-Desk': 'a' }, authentication: { basic: { username: 'u', password: { env: 'BASIC' } } } }, { governance });
	edited.organisations[0].endpoints.push({ uid: 'new', url: at, authentication: { basic: { username: 'n', password: { env: 'BASIC' } } } });
	const waiting = async () => (await w.api('GET', '/app/bank/change?state=requested&limit=250')).json.data;
	const asked = await w.apply(edited);
	assert.equal(asked.status, 0, asked.stderr);
	assert.match(asked.stderr, /^vaultbell apply: 4 of the changes wait on the server for a second person to approve them\n$/);
	assert.match(asked.stdout, /\napplied: 0 created, 0 changed, 0 deleted\n( {2}waits for a second person: change endpoint bank\/desk, chg_\w+ \(asked for now\)\n){3} {2}waits for a second person: create endpoint bank\/new, chg_\w+ \(asked for now\)\nnot applied yet: 4 asked for now, 0 asked for before\n$/);
	const requests = await waiting();
	assert.equal(requests.length, 4);
	// Again: the plan names what waits, and nothing is asked for twice.
	const plan = await w.apply(edited, ['--dry-run']);
	assert.equal(plan.status, 1);
	for (const one of requests) assert.match(plan.stdout, new RegExp(` {4}waits: ${one.id} \\(${one.operation}\\), requested since 20`));
	const again = await w.apply(edited);
	assert.match(again.stdout, /not applied yet: 0 asked for now, 4 asked for before\n$/);
	assert.deepEqual((await waiting()).map(({ id }) => id), requests.map(({ id }) => id));
	const json = JSON.parse((await w.apply(edited, ['--json'])).stdout);
	assert.deepEqual([json.requested, json.waiting], [0, 4]);
	assert.deepEqual(json.steps.map(({ outcome, waiting: ids }) => [outcome, ids.length]), [['waiting', 3], ['waiting', 1]]);
	const checker = w.as(await w.create('--role', 'admin', '--organisation', (await w.api('GET', '/app/bank')).json.id));
	const [out, ...in_] = await waiting();
	assert.equal((await checker('POST', `/app/bank/change/${out.id}/refuse`, { reason: 'not this one' })).status, 200);
	for (const one of in_) assert.equal((await checker('POST', `/app/bank/change/${one.id}/approve`)).json.state, 'applied');
	// What was refused is asked for anew, as the file still says it; the rest is as it should be.
	const rest = await w.apply(edited);
	assert.match(rest.stdout, /not applied yet: 1 asked for now, 0 asked for before\n$/);
	for (const one of await waiting()) assert.equal((await checker('POST', `/app/bank/change/${one.id}/approve`)).json.state, 'applied');
	assert.equal(good(await w.apply(edited)), 'no changes\n');
	// To ask for less waits itself, and so does deleting.
	const less = bank({}, { governance: {} });
	less.organisations[0].endpoints = [];
	const pruned = await w.apply(less, ['--prune']);
	assert.match(pruned.stdout, /delete endpoint bank\/desk, chg_\w+ \(asked for now\)\n.*change organisation bank, chg_\w+ \(asked for now\)\nnot applied yet: 3 asked for now/s);
	assert.match((await w.apply(less, ['--prune'])).stdout, /not applied yet: 0 asked for now, 3 asked for before\n$/);
	for (const one of await waiting()) assert.equal((await checker('POST', `/app/bank/change/${one.id}/approve`)).json.state, 'applied');
	assert.equal(good(await w.apply(less, ['--prune'])), 'no changes\n');
});
