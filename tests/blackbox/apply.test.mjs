// Configuration as code: a file becomes a server's state, twice changes nothing, and what is exported is read again
// without a change.
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import http from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';

/** A server, its token, and the two commands on it. `write` puts a configuration, text or value, into a file. */
async function setUp(t) {
	const directory = scratch(t);
	const data = join(directory, 'data');
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0']);
	const create = async (...more) => {
		const made = await run(['token', 'create', '--data', data, ...more]);
		assert.equal(made.status, 0, made.stderr);
		return made.stdout.trim();
	};
	const token = await create('--role', 'platform-admin');
	const common = ['--url', server.url];
	const options = (more) => ({ env: { VAULTBELL_TOKEN: token, ...more } });
	return {
		directory,
		server,
		create,
		token,
		/* JSON is YAML, but for characters that YAML wants escaped. */
		write: (content, name = 'configuration.yaml') => fileIn(directory, name, typeof content === 'string' ? content
			: JSON.stringify(content, null, 1).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)),
		apply: (file, more = [], env = {}) => run(['apply', '-f', file, ...common, ...more], options(env)),
		export: (more = [], env = {}) => run(['export', ...common, ...more], options(env)),
		api: async (method, path, body) =>
			request(server, method, `/api/v1${path}`, { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
				body === undefined ? '' : JSON.stringify(body)),
	};
}

function good(result) {
	assert.equal(result.stderr, '');
	assert.equal(result.status, 0, result.stdout);
	return result.stdout;
}

function refused(result, expected) {
	assert.equal(result.status, 2, result.stdout);
	assert.match(result.stderr, /^vaultbell (apply|export): [^\n]+\n$/);
	assert.match(result.stderr, expected);
}

async function changesNothing(fixture, file, more = []) {
	assert.equal(good(await fixture.apply(file, more)), 'no changes\n');
	const dry = await fixture.apply(file, [...more, '--dry-run']);
	assert.equal(good(dry), 'no changes\n');
}

/** Exports, applies what was exported, and sees that nothing changes and that the next export is the same. */
async function roundTrips(fixture) {
	const exported = good(await fixture.export());
	const file = fixture.write(exported, 'exported.yaml');
	const result = await fixture.apply(file, ['--prune']);
	assert.equal(result.stderr, '', exported);
	assert.equal(result.stdout, 'no changes\n', exported);
	assert.equal(good(await fixture.export()), exported);
	return exported;
}

const types = ['custody.transaction.created', 'custody.transaction.confirmed', 'custody.workflow.approved', 'custody.balance.changed'];

/** Three organisations with thirty endpoints. */
function sample() {
	const endpoint = (organisation, i) => ({
		uid: `endpoint-${i}`,
		url: `https://hooks.example.com/${organisation}/${i}`,
		description: `Number ${i}: "quoted", # no comment`,
		...(i % 2 === 0 ? { eventTypes: [types[i % 4], types[(i + 1) % 4]] } : {}),
		...(i % 3 === 0 ? { channels: ['desk-b', 'desk-a'], throttleRate: 10 + i } : {}),
		...(i % 4 === 0 ? { headers: { 'X-Desk': `desk ${i}`, 'x-trace': 'yes' }, metadata: { owner: 'treasury', 'null': 'true' } } : {}),
		...(i % 5 === 0 ? { schedule: '100ms,1s,5m', disabled: true, version: 2 } : {}),
		...(i % 5 === 1 ? { signatureScheme: 'rfc9421', keyType: 'ecdsa-p256' } : {}),
		...(i % 5 === 2 ? { payloadStyle: 'legacy' } : {}),
		...(i % 5 === 3 ? { payloadStyle: 'thin', keyType: 'ed25519' } : {}),
	});
	return {
		event_types: types.map((name, i) => ({
			name,
			description: `What ${name} says`,
			...(i === 0 ? { schemas: { 1: { type: 'object', properties: { amount: { type: 'string', pattern: '^[0-9]+\\.?[0-9]*$' }, fee: { type: ['number', 'null'], minimum: 0.5 } }, required: ['amount'] } } } : {}),
			...(i === 1 ? { deprecated: true, featureFlag: 'beta' } : {}),
		})),
		organisations: ['north', 'south', 'west'].map((uid, o) => ({
			uid,
			name: `The ${uid} organisation: Größe ✓`,
			...(o === 1 ? { throttleRate: 500, metadata: { tier: '1', note: 'line\nline\ttab \u0085\u2028 \\ "' } } : {}),
			endpoints: Array.from({ length: 10 }, (_, i) => endpoint(uid, i)),
		})),
	};
}

test('from nothing to three organisations and thirty endpoints; twice changes nothing', async (t) => {
	const fixture = await setUp(t);
	const file = fixture.write(sample());
	const dry = await fixture.apply(file, ['--dry-run']);
	assert.equal(dry.status, 1);
	assert.match(dry.stdout, /\nplan: 37 to create, 0 to change, 0 to delete\n$/);
	assert.equal((await fixture.api('GET', '/app')).json.data.length, 0);
	const applied = good(await fixture.apply(file));
	assert.match(applied, /^\+ event type custody\.balance\.changed\n {4}description: "What /);
	assert.match(applied, /\n\+ endpoint north\/endpoint-0\n {4}url: "https:\/\/hooks\.example\.com\/north\/0"\n/);
	assert.match(applied, /\napplied: 37 created, 0 changed, 0 deleted\n$/);
	await changesNothing(fixture, file);
	await changesNothing(fixture, file, ['--prune']);
	const list = (await fixture.api('GET', '/app/north/endpoint?limit=250')).json.data;
	assert.equal(list.length, 10);
	const zero = list.find((endpoint) => endpoint.uid === 'endpoint-0');
	assert.deepEqual([zero.disabled, zero.version, zero.schedule, zero.channels], [true, 2, '100ms,1s,5m', ['desk-a', 'desk-b']]);
	assert.deepEqual((await fixture.api('GET', '/app/north/endpoint/endpoint-0/headers')).json, { headers: { 'X-Desk': 'desk 0', 'x-trace': 'yes' }, sensitive: [] });
	assert.equal(list.find((endpoint) => endpoint.uid === 'endpoint-1').keyType, 'ecdsa-p256');
	await roundTrips(fixture);
});

test('an edit is shown member by member, and made', async (t) => {
	const fixture = await setUp(t);
	const configuration = sample();
	good(await fixture.apply(fixture.write(configuration)));
	const [first, second] = configuration.organisations[0].endpoints;
	first.url = 'HTTPS://Hooks.Example.com:443/moved#part';
	first.headers = { 'X-Desk': 'desk 0', 'X-New': 'n' };
	first.metadata = { owner: 'operations' };
	delete first.channels;
	delete first.disabled;
	second.payloadStyle = 'envelope';
	configuration.event_types[0].description = 'Another';
	configuration.organisations[1].name = 'South';
	const file = fixture.write(configuration);
	const dry = await fixture.apply(file, ['--dry-run']);
	assert.equal(dry.status, 1);
	assert.equal(dry.stdout, `~ event type custody.transaction.created
    description: "What custody.transaction.created says" → "Another"
~ organisation south
    name: "The south organisation: Größe ✓" → "South"
~ endpoint north/endpoint-0
    url: "https://hooks.example.com/north/0" → "https://hooks.example.com/moved"
    channels: ["desk-a","desk-b"] → null
    disabled: true → false
    metadata.null: "true" → none
    metadata.owner: "treasury" → "operations"
    headers.x-trace: "yes" → none
    headers.X-New: none → "n"
~ endpoint north/endpoint-1
    payloadStyle: "raw" → "envelope"
plan: 0 to create, 4 to change, 0 to delete
`);
	const json = JSON.parse((await fixture.apply(file, ['--dry-run', '--json'])).stdout);
	assert.deepEqual([json.dry_run, json.create, json.change, json.delete, json.done, json.problem], [true, 0, 4, 0, 0, null]);
	assert.deepEqual(json.steps[3], {
		action: 'change', kind: 'endpoint', organisation: 'north', name: 'endpoint-1',
		changes: [{ member: 'payloadStyle', from: 'raw', to: 'envelope' }], done: false, outcome: 'not applied', waiting: [],
	});
	const done = JSON.parse(good(await fixture.apply(file, ['--json'])));
	assert.deepEqual([done.dry_run, done.done, done.steps.every((step) => step.done)], [false, 4, true]);
	await changesNothing(fixture, file);
	assert.deepEqual((await fixture.api('GET', '/app/north/endpoint/endpoint-0/headers')).json.headers, { 'X-Desk': 'desk 0', 'X-New': 'n' });
});

test('what is not in the file is named, and deleted only with --prune', async (t) => {
	const fixture = await setUp(t);
	const configuration = sample();
	good(await fixture.apply(fixture.write(configuration)));
	const nameless = (await fixture.api('POST', '/app', { name: 'Without a uid' })).json.id;
	configuration.event_types.pop();
	configuration.organisations.pop();
	configuration.organisations[0].endpoints.splice(0, 2);
	delete configuration.organisations[1].endpoints;
	const file = fixture.write(configuration);
	const plain = good(await fixture.apply(file));
	assert.equal(plain, `? endpoint north/endpoint-0: not managed, it is not in the file
? endpoint north/endpoint-1: not managed, it is not in the file
? organisation west: not managed, it is not in the file
? organisation ${nameless}: not managed, it is not in the file and has no uid
? event type custody.balance.changed: not managed, it is not in the file
no changes
`);
	const pruned = good(await fixture.apply(file, ['--prune']));
	assert.match(pruned, /^- endpoint north\/endpoint-0\n- endpoint north\/endpoint-1\n- organisation west\n- event type custody\.balance\.changed\n/);
	assert.match(pruned, /\napplied: 0 created, 0 changed, 4 deleted\n$/);
	assert.equal((await fixture.api('GET', '/app/west')).status, 404);
	assert.equal((await fixture.api('GET', `/app/${nameless}`)).status, 200);
	assert.equal((await fixture.api('GET', '/app/south/endpoint')).json.data.length, 10);
	assert.match(good(await fixture.apply(file, ['--prune'])), /\nno changes\n$/);
	const exported = good(await fixture.export());
	assert.match(exported, new RegExp(`# left out, as it has no uid: organisation ${nameless}`));
	/* A file without a section leaves it alone. */
	const none = fixture.write('scope: listed\norganisations: []\n', 'none.yaml');
	await changesNothing(fixture, none, ['--prune']);
});

test('an export of one organisation is applied with its own token and touches no other', async (t) => {
	const fixture = await setUp(t);
	good(await fixture.apply(fixture.write(sample())));
	const own = await fixture.create('--role', 'admin', '--organisation', 'north');
	const path = join(fixture.directory, 'north.yaml');
	assert.equal(good(await fixture.export(['--organisation', 'north', '-o', path], { VAULTBELL_TOKEN: own })), '');
	assert.equal(statSync(path).mode & 0o777, 0o644);
	const text = readFileSync(path, 'utf8');
	assert.match(text, /\nscope: listed\norganisations:\n  - uid: north\n/);
	assert.doesNotMatch(text, /south|event_types/);
	assert.equal(good(await fixture.apply(path, ['--prune'], { VAULTBELL_TOKEN: own })), 'no changes\n');
	assert.equal(good(await fixture.apply(path, ['--prune'])), 'no changes\n');
	const edited = fixture.write(text.replace('/north/9', '/north/nine'), 'edited.yaml');
	assert.match(good(await fixture.apply(edited, [], { VAULTBELL_TOKEN: own })), /applied: 0 created, 1 changed/);
	refused(await fixture.apply(fixture.write(sample()), [], { VAULTBELL_TOKEN: own }), /insufficient|403/);
	refused(await fixture.export([], { VAULTBELL_TOKEN: own }), /the server answered 403/);
	refused(await fixture.export(['--organisation', 'nobody']), /the server answered 404/);
});

test('secrets and sensitive headers come from elsewhere and are shown nowhere', async (t) => {
	const fixture = await setUp(t);
	const secret = `whsec_${Buffer.from('an example key of 32 bytes......').toString('base64')}`;
	const secretFile = fileIn(fixture.directory, 'secret', `${secret}\n`);
	const configuration = {
		organisations: [{
			uid: 'acme', name: 'Acme', endpoints: [{
				uid: 'e', url: 'https://example.com/', secret: { file: secretFile },
				headers: { Authorization: { env: 'TEST_AUTHORIZATION' }, 'X-Region': { env: 'TEST_REGION' }, 'X-Plain': 'p' },
			}],
		}],
	};
	const file = fixture.write(configuration);
	refused(await fixture.apply(file), /configuration\.yaml:\d+:\d+: found no TEST_REGION in the environment; expected/);
	refused(await fixture.apply(file, [], { TEST_REGION: 'eu' }), /found no TEST_AUTHORIZATION in the environment/);
	assert.equal((await fixture.api('GET', '/app')).json.data.length, 0);
	const env = { TEST_REGION: 'eu', TEST_AUTHORIZATION: 'Bearer hidden-value' };
	const applied = good(await fixture.apply(file, [], env));
	assert.match(applied, /headers\.Authorization: "\(from env TEST_AUTHORIZATION\)"/);
	assert.match(applied, /secret: "\(from file .*secret\)"/);
	assert.doesNotMatch(applied, /hidden-value|whsec_|"eu"/);
	assert.equal((await fixture.api('GET', '/app/acme/endpoint/e/secret')).json.key, secret);
	assert.deepEqual((await fixture.api('GET', '/app/acme/endpoint/e/headers')).json, { headers: { 'X-Plain': 'p', 'X-Region': 'eu' }, sensitive: ['Authorization'] });
	/* What is there already needs no secret, and no value that cannot be compared. */
	assert.equal(good(await fixture.apply(file, [], { TEST_REGION: 'eu' })), 'no changes\n');
	assert.match(good(await fixture.apply(file, ['--rewrite-sensitive'], env)), /headers\.Authorization: "\(not shown\)" → "\(from env/);
	assert.match(good(await fixture.apply(file, [], { ...env, TEST_REGION: 'us' })), /headers\.X-Region: "\(not shown\)" → "\(from env TEST_REGION\)"/);
	assert.equal((await fixture.api('GET', '/app/acme/endpoint/e/headers')).json.headers['X-Region'], 'us');
	const exported = await roundTrips(fixture);
	assert.match(exported, /# left out, as their values are not shown: headers Authorization\n/);
	assert.doesNotMatch(exported, /hidden-value|whsec_/);
	/* Leaving it out lets it be; null takes it away. */
	delete configuration.organisations[0].endpoints[0].headers['X-Region'];
	configuration.organisations[0].endpoints[0].headers.Authorization = null;
	assert.match(good(await fixture.apply(fixture.write(configuration))), /headers\.X-Region: "us" → none\n {4}headers\.Authorization: "\(not shown\)" → none/);
	assert.deepEqual((await fixture.api('GET', '/app/acme/endpoint/e/headers')).json, { headers: { 'X-Plain': 'p' }, sensitive: [] });
});

test('archived types: made first, archived once their endpoints are there', async (t) => {
	const fixture = await setUp(t);
	const configuration = {
		event_types: [{ name: 'old.type', archived: true }],
		organisations: [{ uid: 'acme', name: 'Acme', endpoints: [{ uid: 'e', url: 'https://example.com/', eventTypes: ['old.type'] }] }],
	};
	const file = fixture.write(configuration);
	assert.match(good(await fixture.apply(file)), /\+ event type old\.type\n\+ organisation acme\n[^]*~ event type old\.type\n {4}archived: false → true\n/);
	await changesNothing(fixture, file, ['--prune']);
	await roundTrips(fixture);
	delete configuration.event_types[0].archived;
	assert.match(good(await fixture.apply(fixture.write(configuration))), /archived: true → false/);
});

test('wrong files are refused with line, column, what was found and what was expected', async (t) => {
	const fixture = await setUp(t);
	const cases = [
		['', /configuration\.yaml:1:1: found nothing; expected event_types or organisations/],
		['- a\n', /:1:1: found a list; expected event_types/],
		['organisation: []\n', /:1:1: found "organisation"; expected event_types, organisations or scope/],
		['organisations:\n', /:\d:\d+: found nothing; expected a list of organisations, or \[\]/],
		['organisations:\n  - name: Acme\n', /:2:5: found an organisation without uid; expected uid: 1 to 256/],
		['organisations:\n  - uid: acme\n    name: Acme\n    nmae: x\n', /:4:5: found "nmae"; expected one of uid, name, throttleRate, metadata, environment, services, payloadRetentionPeriod, redactions, signingKey, governance, endpoints/],
		['organisations:\n  - uid: acme\n    name: Acme\n    throttleRate: fast\n', /:4:19: throttleRate: found "fast"; expected a whole number from 1 to 65535/],
		['organisations:\n  - uid: acme\n    name: Acme\n    name: Again\n', /:4:5: found name twice; expected it once, it stands in line 3 already/],
		['organisations:\n  - {uid: acme, name: A}\n  - {uid: acme, name: B}\n', /:3:11: found the organisation acme twice; expected it once, it stands in line 2/],
		['organisations:\n  - uid: app_x\n    name: A\n', /:2:10: uid: found "app_x"; expected/],
		['organisations:\n  - uid: a\n    name: A\n    metadata: {a: [1]}\n', /:4:19: metadata: found a list; expected a mapping of names to texts/],
		['organisations:\n  - uid: a\n\tname: A\n', /:3:1: found a tab character that violates indentation; expected YAML/],
		['scope: all\norganisations: "a\u007f"\n', /:2:18: control characters are not allowed; expected YAML/],
		['a: &x 1\n', /:1:4: found an anchor or alias; expected the value itself/],
		['a: !!str 1\n', /:1:4: found a tag; expected a value without one/],
		['scope: some\n', /:1:8: scope: found "some"; expected all or listed/],
		['---\nscope: all\n---\nscope: all\n', /:3:1: found a second document; expected one document only/],
		['event_types:\n  - name: a b\n', /:2:11: name: found "a b"; expected 1 to 256 letters/],
		['event_types:\n  - name: a\n    schemas: {"1": text}\n', /:3:20: schemas: found "text"; expected a mapping of versions to JSON Schemas/],
	];
	const endpoint = (lines) => `organisations:\n  - uid: a\n    name: A\n    endpoints:\n      - uid: e\n        url: https://example.com\n${lines}`;
	cases.push(
		['organisations:\n  - uid: a\n    name: A\n    endpoints:\n      - uid: e\n', /:5:9: found an endpoint without url; expected url: a URL/],
		[endpoint('        eventTypes: []\n'), /:7:21: eventTypes: found an empty list; expected a list of 1 to 1024 names/],
		[endpoint('        disabled: "true"\n'), /:7:19: disabled: found "true"; expected true or false/],
		[endpoint('        payloadStyle: cooked\n'), /:7:23: payloadStyle: found "cooked"; expected raw, envelope, thin or legacy/],
		[endpoint('        schedule: [1s, soon]\n'), /:7:19: schedule: found a list; expected standard, legacy, svix, or a list/],
		[endpoint('        headers:\n          X-Api-Key: hunter2\n'), /:8:22: headers: found a text; expected \{env: NAME\} or \{file: PATH\}, as X-Api-Key is sensitive/],
		[endpoint('        headers: {a: b, A: c}\n'), /:7:25: headers: found A twice; expected it once/],
		[endpoint('        secret: whsec_hunter2\n'), /:7:17: secret: found a text; expected \{env: NAME\} or \{file: PATH\}/],
	);
	for (const [text, expected] of cases) {
		const result = await fixture.apply(fixture.write(text));
		refused(result, expected);
		assert.doesNotMatch(result.stderr, /hunter2/);
	}
	refused(await fixture.apply(join(fixture.directory, 'nowhere')), /nowhere: No such file/);
	refused(await fixture.apply(fixture.write(sample()), [], { VAULTBELL_TOKEN: 'wrong' }), /the server answered 401: Invalid token/);
	refused(await run(['apply', '-f', fixture.write('scope: all\norganisations: []\n'), '--url', 'ftp://x', '--token', 't']), /--url ftp:\/\/x: expected the http/);
	const result = await run(['apply', '-f', '-', '--url', fixture.server.url, '--token', fixture.token], { input: 'x: 1\n' });
	refused(result, /standard input:1:1: found "x"; expected/);
});

test('what the server refuses stops it, and it says what was done', async (t) => {
	const fixture = await setUp(t);
	const configuration = { organisations: [{ uid: 'acme', name: 'Acme', endpoints: [
		{ uid: 'a', url: 'https://example.com/' },
		{ uid: 'b', url: 'https://example.com/', eventTypes: ['not.there'] },
		{ uid: 'c', url: 'https://example.com/' },
	] }] };
	const result = await fixture.apply(fixture.write(configuration));
	refused(result, /create endpoint acme\/b: the server answered 422: body\.eventTypes.*; 2 of 4 steps are done/);
	assert.match(result.stdout, /applied 2 of 4; not applied:\n {2}create endpoint acme\/b\n {2}create endpoint acme\/c\n$/);
	const json = JSON.parse((await fixture.apply(fixture.write(configuration), ['--json'])).stdout);
	assert.deepEqual([json.done, json.steps.map((step) => step.done)], [0, [false, false]]);
	assert.match(json.problem, /422/);
	delete configuration.organisations[0].endpoints[1].eventTypes;
	assert.match(good(await fixture.apply(fixture.write(configuration))), /applied: 2 created/);
	configuration.organisations[0].endpoints[0].keyType = 'ed25519';
	refused(await fixture.apply(fixture.write(configuration)), /:\d+:\d+: keyType: found "ed25519"; expected what it was created with, .*: "hmac"/);
});

test('a lost answer makes nothing twice', async (t) => {
	const fixture = await setUp(t);
	/* Between: passes everything on, but the first answer to each POST is cut off. */
	const seen = new Set();
	const between = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', async () => {
			const answer = await request(fixture.server, call.method, call.url, call.headers, Buffer.concat(parts));
			const key = call.headers['idempotency-key'];
			if (call.method === 'POST' && !seen.has(key)) {
				assert.ok(key);
				seen.add(key);
				call.socket.destroy();
				return;
			}
			response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.text);
		});
	});
	between.listen(0, '127.0.0.1');
	await once(between, 'listening');
	t.after(() => between.close());
	const url = `http://127.0.0.1:${between.address().port}`;
	const configuration = { event_types: [{ name: 'a.b' }], organisations: [{ uid: 'acme', name: 'Acme', endpoints: [{ uid: 'e', url: 'https://example.com/' }] }] };
	const file = fixture.write(configuration);
	const result = await run(['apply', '-f', file, '--url', url, '--token', fixture.token]);
	assert.match(good(result), /applied: 3 created/);
	assert.equal(seen.size, 3);
	assert.equal((await fixture.api('GET', '/app')).json.data.length, 1);
	await changesNothing(fixture, file);
	/* What was deleted can be made again at once. */
	good(await fixture.apply(fixture.write({ organisations: [] }, 'none.yaml'), ['--prune']));
	assert.match(good(await fixture.apply(file)), /applied: 2 created/);
	await changesNothing(fixture, file);
});

/** A small generator with a seed (mulberry32). */
function generator(seed) {
	let state = seed;
	const next = () => {
		state = (state + 0x6d2b79f5) | 0;
		let z = Math.imul(state ^ (state >>> 15), 1 | state);
		z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
		return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
	};
	const below = (n) => Math.floor(next() * n);
	const pick = (list) => list[below(list.length)];
	return { below, pick, chance: (share) => next() < share };
}

const words = ['plain', 'two words', 'yes', '12', '0x1f', '', ' padded ', 'a: b', 'c #d', '- e', '{f}', "it's", 'say "no"', '\u00e9\u2028\ufeff', '100% ✓ 🔑', 'line\nline', 'tab\there', '@at', '*star', '~', 'null', '\u007f\u009f', '1e3', '.5', 'key: "v"'];

/* `ordered`: the server's endpoints have an order to set. */
function edit(random, configuration, number, ordered) {
	const { pick, below, chance } = random;
	const live = configuration.event_types.filter((type) => !type.archived);
	const organisation = pick(configuration.organisations);
	const endpoint = organisation.endpoints.length > 0 ? pick(organisation.endpoints) : undefined;
	const some = (list) => list.filter(() => chance(0.5));
	const moves = [
		() => configuration.organisations.push({ uid: `org-${number}`, name: `Organisation ${pick(words)}`, endpoints: [] }),
		() => configuration.organisations.length > 2 && configuration.organisations.splice(below(configuration.organisations.length), 1),
		() => configuration.event_types.push({ name: `added.type.${number}`, description: pick(words) }),
		() => configuration.event_types.length > 2 && configuration.event_types.splice(below(configuration.event_types.length), 1),
		() => { const type = pick(configuration.event_types); type.archived = !type.archived; },
		() => { pick(configuration.event_types).deprecated = chance(0.5); },
		() => { pick(configuration.event_types).schemas = { [below(3)]: { title: pick(words), enum: [pick(words), below(9), 1.5, null, true, [], {}, [[pick(words)]], { [pick(words)]: pick(words) }], properties: { [pick(words)]: { type: 'string' } } } }; },
		() => { organisation.metadata = { [`key ${pick(words)}`]: pick(words), other: pick(words) }; },
		() => { organisation.name = `Renamed ${pick(words)}`; },
		() => { organisation.throttleRate = chance(0.3) ? null : 1 + below(1000); },
	];
	const add = () => organisation.endpoints.push({ uid: `added-${number}`, url: `https://example.com/${number}`, ...(chance(0.3) ? { keyType: 'ed25519', signatureScheme: pick(['standard', 'rfc9421']) } : {}), ...(chance(0.5) ? { headers: { 'X-A': 'b' } } : {}) });
	moves.push(add, add);
	if (endpoint) {
		moves.push(
			() => organisation.endpoints.splice(organisation.endpoints.indexOf(endpoint), 1),
			() => { endpoint.url = `https://host-${below(100)}.example.com${pick(['', '/', '/p?q=1', ':8443/x', '/%7Ea/..'])}`; },
			() => { endpoint.description = pick(words); },
			() => { const chosen = some(live.map((type) => type.name)); if (chosen.length > 0) endpoint.eventTypes = chosen; else delete endpoint.eventTypes; },
			() => { endpoint.channels = chance(0.3) ? null : [`c-${below(5)}`, 'a']; },
			() => { endpoint.headers = Object.fromEntries(some(['X-A', 'X-B', 'x-c']).map((name) => [name, pick(['1', 'true', 'two words', '~', '#'])])); },
			() => { endpoint.metadata = { [pick(words) || 'k']: pick(words) }; },
			() => { endpoint.disabled = !endpoint.disabled; },
			() => { endpoint.version = 1 + below(9); },
			() => { endpoint.schedule = pick([null, 'standard', 'svix', '1s,2s', ['100ms', '5m']]); },
			() => { if (!endpoint.keyType && !endpoint.keyScope) { delete endpoint.signatureScheme; endpoint.payloadStyle = pick(['raw', 'envelope', 'thin', 'legacy']); } },
			() => { if (!endpoint.keyType && !endpoint.keyScope) { endpoint.payloadStyle = 'raw'; endpoint.signatureScheme = pick(['standard', 'rfc9421', 'legacy']); } },
			() => { endpoint.throttleRate = chance(0.3) ? null : 1 + below(50); },
			() => { endpoint.authentication = pick([{}, { basic: { username: pick(words.filter((word) => word && !/[:\n\t\u007f\u009f\u2028]/.test(word))), password: { env: 'EDIT_SECRET' } } }, { tls: {} }, { tls: { minimumVersion: '1.3' } },
				{ oauth2: { tokenUrl: 'https://id.example.com', clientId: pick(['a', '12', 'null']), clientSecret: { env: 'EDIT_SECRET' }, audience: 'https://desk.example' } }]); },
			() => { if (!endpoint.keyType && !endpoint.payloadStyle && !endpoint.signatureScheme) { organisation.signingKey = 'ed25519'; endpoint.keyScope = pick(['organisation', 'endpoint']); } },
			() => { organisation.governance = pick([{}, { securityContact: pick(words.filter(Boolean)) }, { notice: pick(words.filter(Boolean)) }]); },
			() => { if (ordered) endpoint.ordering = pick(['none', 'resource', 'endpoint']); },
		);
	}
	pick(moves)();
}

test('a year of configuration: 52 edits, each applied, exported and applied again without a change', async (t) => {
	const fixture = await setUp(t);
	const seed = Number(process.env.SEED ?? 20250131);
	t.diagnostic(`seed ${seed}`);
	const random = generator(seed);
	const configuration = sample();
	for (const organisation of configuration.organisations) organisation.endpoints.splice(5);
	good(await fixture.apply(fixture.write(configuration)));
	const ordered = 'ordering' in (await fixture.api('GET', '/app/north/endpoint/endpoint-0')).json;
	for (let week = 1; week <= 52; week++) {
		const edits = 1 + random.below(3);
		for (let i = 0; i < edits; i++) edit(random, configuration, week * 10 + i, ordered);
		const file = fixture.write(configuration);
		const applied = await fixture.apply(file, ['--prune'], { EDIT_SECRET: 'a password' });
		assert.equal(applied.status, 0, `week ${week}: ${applied.stderr}${applied.stdout}`);
		assert.equal(good(await fixture.apply(file, ['--prune'])), 'no changes\n', `week ${week}`);
		await roundTrips(fixture);
	}
	/* All of it on another server, from the last export. */
	const other = await setUp(t);
	const exported = good(await fixture.export());
	const named = Object.fromEntries([...exported.matchAll(/ env: "?(\w+)/g)].map(([, name]) => [name, 'a password']));
	good(await other.apply(other.write(exported), [], named));
	assert.equal(good(await other.export()), exported);
});
