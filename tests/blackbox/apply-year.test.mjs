// A year of configuration (M23): 365 days of changes from a seed, in the file and behind its back through the API. Every day's
// file is applied and then there is nothing to do; what is exported is applied again without a change; and a second,
// empty server made from the last export exports the same. YEAR_SEED runs another year.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';

const seed = Number(process.env.YEAR_SEED ?? 20250704);
const DAYS = 365;

/** Numbers from the seed (mulberry32). */
function random(from) {
	let state = from >>> 0;
	const next = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = (bound) => Math.floor(next() * bound);
	const pick = (list) => list[below(list.length)];
	const some = (list, most) => list.filter(() => next() < 0.4).slice(0, most);
	return { below, pick, some, chance: (of) => below(of) === 0 };
}

const SERVICES = ['transactions', 'workflows', 'governance', 'wallets', 'compliance', 'balances', 'staking', 'settlement', 'access'];
const ROLES = ['viewer', 'reconciliation', 'engineering', 'security'];
const DUTIES = ['configuration', 'monitoring', 'retryHandling', 'incidentResponse'];
const PATHS = ['data.amount', '**.address', 'data.*', 'payload.complianceInfo', 'a.b.c'];
const TEAMS = ['Treasury', 'Platform Operations', 'Security: on call', "it's 24/7", 'yes'];

async function server(t, name) {
	const directory = scratch(t);
	const data = join(directory, 'data');
	const one = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0']);
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const env = { VAULTBELL_TOKEN: token, YEAR_SECRET: 'a password' };
	const second = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const write = (content) => fileIn(directory, `${name}.yaml`, typeof content === 'string' ? content : JSON.stringify(content, null, 1));
	return {
		apply: (content, ...more) => run(['apply', '-f', write(content), '--url', one.url, ...more], { env }),
		/** The same, where the secrets that the export names are at hand. */
		applyExported: (content) => run(['apply', '-f', write(content), '--url', one.url],
			{ env: { ...env, ...Object.fromEntries([...content.matchAll(/ env: "?(\w+)/g)].map(([, name]) => [name, 'a password'])) } }),
		second: (method, path, body) => request(one, method, `/api/v1${path}`, { authorization: `Bearer ${second}`, 'content-type': 'application/json' },
			body === undefined ? '' : JSON.stringify(body)),
		export: async () => {
			const result = await run(['export', '--url', one.url], { env });
			assert.equal(result.status, 0, result.stderr);
			return result.stdout;
		},
		api: (method, path, body) => request(one, method, `/api/v1${path}`, { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
			body === undefined ? '' : JSON.stringify(body)),
	};
}

const set = (object, name, value) => { if (value === undefined) delete object[name]; else object[name] = value; };

/** What the file says on each day, changed by one to four edits. */
function changer(dice) {
	const state = { event_types: [], organisations: [] };
	let made = 0;
	const typesOf = (organisation) => {
		const own = state.event_types.filter(({ archived }) => !archived).map(({ name }) => name);
		const known = { transactions: 'transaction.deposit.confirmed', wallets: 'wallet.created', compliance: 'compliance.sanctions.hit' };
		const enabled = Object.keys(known).filter((service) => !organisation.services || organisation.services.includes(service));
		return [...own, ...enabled.map((service) => known[service]), 'webhook.test'];
	};
	const endpointEdits = {
		url: (e) => { e.url = `https://hooks.example.com/${dice.below(1000)}?q=${dice.below(9)}`; },
		description: (e) => set(e, 'description', dice.chance(4) ? undefined : dice.pick(['Desk: "A"', 'on', '1.0', '# not a comment', 'Über – ünïcode', 'two\nlines'])),
		eventTypes: (e, o) => { const types = dice.some(typesOf(o), 5); set(e, 'eventTypes', types.length ? types : undefined); },
		channels: (e) => { const list = dice.some(['eu', 'us', 'apac', '1'], 3); set(e, 'channels', list.length ? list : undefined); },
		disabled: (e) => set(e, 'disabled', dice.chance(2) ? true : undefined),
		throttleRate: (e) => set(e, 'throttleRate', dice.chance(3) ? undefined : 1 + dice.below(65535)),
		metadata: (e) => set(e, 'metadata', dice.chance(3) ? undefined : { desk: `d${dice.below(9)}`, 'cost centre': String(dice.below(999)) }),
		headers: (e) => set(e, 'headers', dice.chance(3) ? undefined : { 'X-Desk': `v${dice.below(9)}`, 'x-region': dice.pick(['eu', 'us']) }),
		version: (e) => set(e, 'version', dice.chance(3) ? undefined : 1 + dice.below(9)),
		payloadStyle: (e) => set(e, 'payloadStyle', dice.pick([undefined, 'envelope', 'thin', 'raw'])),
		ordering: (e) => set(e, 'ordering', dice.pick([undefined, 'resource', 'endpoint', 'none'])),
		schedule: (e) => set(e, 'schedule', dice.pick([undefined, 'legacy', ['5s', '1m', '1h'], '100ms,1s'])),
		owners: (e) => {
			const owners = Object.fromEntries(dice.some(DUTIES, 4).map((duty) =>
				[duty, { team: dice.pick(TEAMS), ...(dice.chance(2) ? { contact: dice.pick(['ops@bank.example', '+44 20 0000 0000']) } : {}) }]));
			set(e, 'owners', Object.keys(owners).length ? owners : undefined);
		},
		// `{}` takes away; a line that goes would leave it.
		authentication: (e) => {
			const secret = { env: 'YEAR_SECRET' };
			e.authentication = dice.pick([{}, { basic: { username: `desk-${dice.below(9)}`, password: secret } }, { tls: { minimumVersion: dice.pick(['1.2', '1.3']) } },
				{ oauth2: { tokenUrl: `https://ID.example.com/${dice.below(9)}`, clientId: 'desk', clientSecret: secret, ...(dice.chance(2) ? { scope: 'events: write', clientAuthentication: dice.pick(['basic', 'body']) } : {}) } }]);
		},
		keyScope: (e, o) => { if (o.signingKey && !e.keyType) set(e, 'keyScope', dice.pick([undefined, 'organisation', 'endpoint'])); },
	};
	const organisationEdits = {
		name: (o) => { o.name = `Bank ${dice.below(1000)}`; },
		throttleRate: (o) => set(o, 'throttleRate', dice.chance(3) ? undefined : 1 + dice.below(999)),
		metadata: (o) => set(o, 'metadata', dice.chance(3) ? undefined : { tier: String(dice.below(4)) }),
		payloadRetentionPeriod: (o) => set(o, 'payloadRetentionPeriod', dice.chance(3) ? undefined : 1 + dice.below(3650)),
		redactions: (o) => {
			const redactions = Object.fromEntries(dice.some(ROLES, 3).map((role) => [role, dice.some(PATHS, 4)]).filter(([, list]) => list.length));
			set(o, 'redactions', Object.keys(redactions).length ? redactions : undefined);
		},
		governance: (o) => {
			o.governance = dice.pick([{}, { securityContact: dice.pick(['security@bank.example', 'desk: 7']), notice: 'Call "first".' },
				{ governed: dice.some(['url', 'types', 'keys', 'roles', 'disabling'], 5), coolOffSeconds: 0 }, { governed: ['url'], securityContact: 'security@bank.example' }]);
		},
		services: (o) => {
			// What it subscribes to already may stay when its service goes.
			set(o, 'services', dice.pick([undefined, [], dice.some(SERVICES, 9)]));
			for (const e of o.endpoints) set(e, 'eventTypes', e.eventTypes?.some((type) => !typesOf(o).includes(type)) ? undefined : e.eventTypes);
		},
	};
	const edits = [
		() => { state.event_types.push({ name: `custody.made.n${made++}`, description: `Type ${made}` }); },
		() => { const type = dice.pick(state.event_types); if (type) set(type, 'deprecated', dice.chance(2) ? true : undefined); },
		() => { const type = dice.pick(state.event_types); if (type) set(type, 'schemas', dice.chance(2) ? undefined : { 1: { type: 'object', properties: { a: { type: 'string', maxLength: dice.below(99) } } } }); },
		() => {
			if (state.organisations.length < 6)
				state.organisations.push({ uid: `org-${made++}`, name: `Bank ${made}`, ...(dice.chance(3) ? { environment: 'sandbox' } : {}),
					...(dice.chance(2) ? { signingKey: 'ed25519' } : {}), endpoints: [] });
		},
		() => { if (state.organisations.length > 4 && dice.chance(4)) state.organisations.splice(dice.below(state.organisations.length), 1); },
		() => {
			const organisation = dice.pick(state.organisations);
			if (organisation && organisation.endpoints.length < 5)
				organisation.endpoints.push({ uid: `ep-${made++}`, url: `https://hooks.example.com/${made}`, 
					...(organisation.signingKey && dice.chance(2) ? { keyScope: 'organisation' } : dice.chance(4) ? { keyType: dice.pick(['ed25519', 'hmac']) } : {}) });
		},
		() => { const organisation = dice.pick(state.organisations); if (organisation && dice.chance(5)) organisation.endpoints.splice(0, 1); },
		...Array.from({ length: 2 }, () => () => { const organisation = dice.pick(state.organisations); if (organisation) dice.pick(Object.values(organisationEdits))(organisation); }),
		...Array.from({ length: 5 }, () => () => {
			const organisation = dice.pick(state.organisations), endpoint = organisation && dice.pick(organisation.endpoints);
			if (endpoint) dice.pick(Object.values(endpointEdits))(endpoint, organisation);
		}),
	];
	return { state, day: () => { for (let i = 1 + dice.below(4); i > 0; i--) dice.pick(edits)(); } };
}

/** Has somebody else approve what waits, until nothing does. It is asked for once, however often it is applied. */
async function approveAll(live, applied, file, seen, about) {
	for (let round = 0; applied.stderr !== ''; round++) {
		assert.match(applied.stderr, /^vaultbell apply: \d+ of the changes wait on the server for a second person to approve them\n$/, about);
		assert.equal(applied.status, 0, about);
		assert.ok(round < 6, `${about}: ${applied.stdout}`);
		const ids = async () => {
			const found = [];
			for (const { id } of (await live.api('GET', '/app?limit=250')).json.data)
				for (const change of (await live.api('GET', `/app/${id}/change?state=requested&limit=250`)).json.data) found.push([id, change.id]);
			return found;
		};
		const waiting = await ids();
		assert.match((await live.apply(file, '--prune')).stdout, /not applied yet: 0 asked for now, [1-9]/, about);
		assert.deepEqual(await ids(), waiting, about);
		for (const [app, change] of waiting) {
			const answer = await live.second('POST', `/app/${app}/change/${change}/approve`);
			// What a deletion of the organisation has taken along is gone.
			assert.ok(answer.status === 404 || answer.json.state === 'applied', `${about}: ${answer.text}`);
			seen.approved += answer.status === 200;
		}
		applied = await live.apply(file, '--prune');
	}
	return applied;
}

test(`M23: a year of configuration, applied, exported and applied again without a change (seed ${seed})`, { timeout: 900000 }, async (t) => {
	const dice = random(seed);
	const { state, day } = changer(dice);
	const live = await server(t, 'live');
	const seen = { exports: 0, behind: 0, changed: 0, services: 0, owners: 0, sandboxes: 0, approved: 0, credentials: 0, governed: 0, shared: 0 };
	for (let date = 1; date <= DAYS; date++) {
		day();
		const about = `seed ${seed}, day ${date}`;
		// Somebody changes something behind the file's back: the next apply takes it back.
		const organisation = dice.pick(state.organisations), endpoint = organisation && dice.pick(organisation.endpoints);
		if (endpoint && dice.chance(10)) {
			const answer = await live.api('PATCH', `/app/${organisation.uid}/endpoint/${endpoint.uid}`,
				dice.pick([{ description: 'by hand' }, { owners: { monitoring: { team: 'Nobody' } } }, { throttleRate: 7, ordering: 'endpoint' }]));
			seen.behind += answer.status === 200;
		}
		const first = await live.apply(state, '--prune');
		assert.equal(first.status, 0, `${about}: ${first.stderr}${first.stdout}`);
		seen.changed += first.stdout !== 'no changes\n';
		await approveAll(live, first, state, seen, about);
		if (date % 5 === 0 || date === DAYS) {
			const again = await live.apply(state, '--prune', '--dry-run');
			assert.deepEqual([again.status, again.stdout], [0, 'no changes\n'], about);
		}
		if (date % 15 === 0 || date === DAYS) {
			const exported = await live.export();
			const result = await live.apply(exported, '--prune'); // without the secrets that it names
			assert.deepEqual([result.stderr, result.stdout], ['', 'no changes\n'], `${about}\n${exported}`);
			assert.equal(await live.export(), exported, about);
			seen.exports++;
			seen.services += /\n {4}services:/.test(exported);
			seen.owners += exported.includes(' owners:');
			seen.credentials += /\n {14}env: \w+/.test(exported);
			seen.governed += exported.includes('governed:');
			seen.shared += exported.includes('keyScope: organisation');
			seen.sandboxes += exported.includes('environment: sandbox');
		}
	}
	t.diagnostic(JSON.stringify(seen));
	assert.ok(seen.exports >= 25 && seen.changed > 200 && seen.behind > 3, JSON.stringify(seen));
	assert.ok(Object.values(seen).every((count) => count > 0), JSON.stringify(seen));
	const copy = await server(t, 'copy');
	const exported = await live.export();
	const made = await copy.applyExported(exported);
	assert.deepEqual([made.stderr, made.status], ['', 0], exported);
	assert.equal(await copy.export(), exported, 'an empty server made from the export is the same');
});

test('M23: what is wrong with services, owners, environments and redactions is told with file, line and what was expected', async (t) => {
	const live = await server(t, 'wrong');
	const file = (organisation, endpoint = '') => `organisations:\n  - uid: acme\n    name: Acme\n${organisation}    endpoints:\n      - uid: main\n        url: https://example.com/\n${endpoint}`;
	const refused = async (text, expected) => {
		const result = await live.apply(text);
		assert.equal(result.status, 2, result.stdout);
		assert.match(result.stderr, expected);
	};
	await refused(file('    services: [transactions, nothing]\n'), /wrong\.yaml:4:30: services: found "nothing"; expected a list of the catalogue's services/);
	await refused(file('    services: transactions\n'), /wrong\.yaml:4:15: services: found "transactions"; expected a list/);
	await refused(file('    environment: moon\n'), /wrong\.yaml:4:18: environment: found "moon"; expected production or sandbox/);
	await refused(file('    payloadRetentionPeriod: 0\n'), /wrong\.yaml:4:29: payloadRetentionPeriod: found "0"; expected a whole number of days/);
	await refused(file('    redactions: {boss: [a]}\n'), /wrong\.yaml:4:18: redactions: found "boss"; expected a mapping of roles/);
	await refused(file('    redactions:\n      viewer: [a..b]\n'), /wrong\.yaml:5:16: redactions: found "a\.\.b"/);
	await refused(file('', '        owners: {monitor: {team: A}}\n'), /wrong\.yaml:7:18: owners: found "monitor"; expected a mapping of configuration/);
	await refused(file('', '        owners:\n          monitoring: {contact: a@b.example}\n'), /wrong\.yaml:8:23: owners: found a mapping/);
	await refused(file('', '        owners: {monitoring: {team: A, phone: 1}}\n'), /wrong\.yaml:7:40: owners: found "phone"/);
	assert.equal((await live.apply(file('    environment: sandbox\n'))).status, 0);
	await refused(file('    environment: production\n'), /wrong\.yaml:4:18: environment: found "production"; expected what it was created with, as that stays: "sandbox"/);
});
