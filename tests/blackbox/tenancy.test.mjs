// Every route with every role: what the tables say, and nothing of another organisation in any answer. The routes come
// from the server's own description, the roles from docs/roles.md, so a new route or role is tested without being named.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { caller, haveBinary, startServer } from './server.mjs';

const MARK = 'beta-marker';
const table = readFileSync(new URL('../../docs/roles.md', import.meta.url), 'utf8').split('\n')
	.filter((line) => line.startsWith('|')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
const ROLES = table[0].slice(2);
const may = (role, permission) => table.some((row) => row[0] === `\`${permission}\`` && row[2 + ROLES.indexOf(role)] === '●');

async function until(ask, good) {
	for (const late = Date.now() + 20000; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		assert.ok(Date.now() < late, answer.text);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

describe('tenancy', { skip: !haveBinary }, () => {
	let server, root, platform, operations;
	const tenants = {};
	const tokens = {};

	async function makeTenant(uid, mark) {
		const made = (await platform('POST', '/app', { name: `${mark} organisation`, uid })).json;
		const endpoint = (await platform('POST', `/app/${uid}/endpoint`, {
			uid: `${uid}-main`, url: `http://127.0.0.1:1/${mark}`, description: mark, metadata: { mark }, schedule: '1h',
			headers: { 'x-mark': mark },
		})).json;
		assert.ok(endpoint.id, JSON.stringify(endpoint));
		const message = (await platform('POST', `/app/${uid}/msg`, { eventType: 'my.type', eventId: `${uid}-event`, payload: { mark } })).json;
		const attempts = await until(() => platform('GET', `/app/${uid}/attempt/msg/${message.id}`), (answer) => answer.json.data.length > 0);
		const token = (await platform('POST', `/app/${uid}/token`, { role: 'viewer', name: mark })).json;
		const task = (await platform('POST', `/app/${uid}/endpoint/${uid}-main/recover`, { since: new Date(Date.now() - 60e3).toISOString() })).json;
		assert.ok(task.id && token.id, JSON.stringify([task, token]));
		assert.equal((await platform('POST', `/app/${uid}/signing-key/rotate`, {})).status, 204);
		await platform('PUT', `/app/${uid}/governance`, { governed: ['disabling'], securityContact: mark });
		const change = (await platform('DELETE', `/app/${uid}/endpoint/${uid}-main`)).json;
		assert.match(change.id, /^chg_/);
		return { app_id: [made.id, uid], endpoint_id: [endpoint.id, `${uid}-main`], msg_id: [message.id, `${uid}-event`],
			attempt_id: [attempts.json.data[0].id, attempts.json.data[0].id], token_id: [token.id, token.id], task_id: [task.id, task.id],
			change_id: [change.id, change.id],
			event_type_name: ['my.type', 'my.type'] };
	}

	before(async () => {
		server = await startServer({ VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' });
		root = `${server.base}/api/v1`;
		platform = caller(root, server.token('--role', 'platform-admin'));
		await platform('POST', '/event-type', { name: 'my.type', description: 'Ours' });
		tenants.alpha = await makeTenant('alpha', 'alpha');
		tenants.beta = await makeTenant('beta', MARK);
		for (const role of ROLES.filter((name) => name !== 'platform-admin'))
			tokens[role] = caller(root, (await platform('POST', '/app/alpha/token', { role, name: role })).json.token);
		const description = (await platform('GET', '/openapi.json')).json;
		operations = Object.entries(description.paths).flatMap(([path, methods]) =>
			Object.entries(methods).map(([method, operation]) => ({ path: path.slice('/api/v1'.length), method: method.toUpperCase(),
				access: operation['x-access'], permission: operation['x-permission'] })));
	});
	after(() => server?.stop());

	const fill = (path, choose) => path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(choose(name)));
	const body = ({ method }) => (method === 'GET' || method === 'DELETE' ? undefined : {});
	const allowed = (role, { access, permission }) => access === 'open' || (access !== 'platform' && may(role, permission));
	function assertNothingOfBeta(answer, what) {
		const own = new Set(['my.type']);
		for (const secret of [MARK, ...Object.values(tenants.beta).flat().filter((text) => !own.has(text))])
			assert.ok(!answer.text.includes(secret), `${what} shows ${secret}: ${answer.text}`);
	}
	const picture = async () => {
		const paths = ['', '/endpoint', '/endpoint/beta-main/headers', '/endpoint/beta-main/secret', '/msg', '/token', '/attempt/endpoint/beta-main', '/audit'];
		return Promise.all(paths.map(async (path) => (await platform('GET', `/app/beta${path}`)).text));
	};

	test('the description names an access and a permission of each route', () => {
		assert.ok(operations.length > 50 && ROLES.length === 10);
		for (const operation of operations) {
			assert.ok(['open', 'any', 'organisation', 'platform'].includes(operation.access), operation.path);
			assert.equal(operation.permission === null, operation.access === 'open', operation.path);
			if (operation.permission) assert.ok(may('platform-admin', operation.permission), operation.permission);
		}
	});

	test('what a role may do with its own organisation is what the table says', async () => {
		for (const operation of operations.filter(({ path }) => path !== '/auth/logout'))
			for (const [role, call] of Object.entries(tokens)) {
				// Whatever changes something is asked of things that are not there.
				const real = operation.method === 'GET';
				const path = fill(operation.path, (name) => (name === 'app_id' ? tenants.alpha.app_id[1] : real ? tenants.alpha[name][0] : `no-such-${name}`));
				const answer = await call(operation.method, path, body(operation));
				const what = `${role} ${operation.method} ${path}: ${answer.status} ${answer.text}`;
				if (!allowed(role, operation)) assert.equal(answer.status, 403, what);
				else assert.ok(![401, 403].includes(answer.status) && answer.status < 500, what);
				if (allowed(role, operation) && real) assert.ok(answer.status < 300, what);
				assertNothingOfBeta(answer, what);
			}
	});

	test('another organisation is not there, whatever it is called by', async () => {
		const earlier = await picture();
		for (const operation of operations.filter(({ path }) => path.includes('{app_id}')))
			for (const [role, call] of Object.entries(tokens))
				for (const by of [0, 1]) {
					const path = fill(operation.path, (name) => tenants.beta[name][by]);
					const answer = await call(operation.method, path, body(operation));
					assert.equal(answer.status, allowed(role, operation) ? 404 : 403, `${role} ${operation.method} ${path}: ${answer.text}`);
					assertNothingOfBeta(answer, `${role} ${operation.method} ${path}`);
				}
		assert.deepEqual(await picture(), earlier, 'nothing of it was changed');
	});

	test('its things are not there in another organisation either', async () => {
		const earlier = await picture();
		const within = operations.filter(({ path }) => /\{(endpoint|msg|attempt|token|task)_id\}/.test(path));
		for (const operation of within)
			for (const [role, call] of Object.entries(tokens))
				for (const by of [0, 1]) {
					const path = fill(operation.path, (name) => (name === 'app_id' ? 'alpha' : tenants.beta[name][by]));
					const answer = await call(operation.method, path, body(operation));
					// What the body is refused for may be told before what the path names is looked for.
					const expected = !allowed(role, operation) ? [403] : operation.method === 'GET' || operation.method === 'DELETE' ? [404] : [404, 422];
					assert.ok(expected.includes(answer.status), `${role} ${operation.method} ${path}: ${answer.status} ${answer.text}`);
					assertNothingOfBeta(answer, `${role} ${operation.method} ${path}`);
				}
		assert.deepEqual(await picture(), earlier, 'nothing of it was changed');
	});

	test('payloads are redacted for roles that may not read the type', async () => {
		const post = (eventType) => platform('POST', '/app/alpha/msg', { eventType, eventId: `e-${eventType}`, payload: { person: 'someone' } });
		const types = { 'compliance.sanctions.hit': 'compliance', 'compliance.own': 'own', 'access.login.failed': 'control', 'my.type2': 'free',
			'transaction.deposit.detected': 'everyone' };
		for (const type of Object.keys(types)) assert.equal((await post(type)).status, 202);
		await until(() => platform('GET', '/app/alpha/attempt/msg/e-compliance.sanctions.hit'), (answer) => answer.json.data.length > 0);
		const reads = (role, type) => ({
			compliance: ['admin', 'compliance-operations'].includes(role),
			own: ['admin', 'compliance-operations'].includes(role),
			control: ['admin', 'security'].includes(role),
			free: role !== 'security',
			everyone: true,
		})[types[type]];
		for (const [role, call] of Object.entries(tokens)) {
			const list = (await call('GET', '/app/alpha/msg')).json.data;
			const ofEndpoint = (await call('GET', '/app/alpha/endpoint/alpha-main/msg')).json.data;
			for (const type of Object.keys(types)) {
				const expected = reads(role, type) ? { person: 'someone' } : { redacted: true };
				const one = await call('GET', `/app/alpha/msg/e-${type}`);
				for (const message of [one.json, list.find((row) => row.eventType === type), ofEndpoint.find((row) => row.eventType === type)])
					assert.deepEqual(message.payload, expected, `${role} ${type}`);
				const attempts = (await call('GET', `/app/alpha/attempt/msg/e-${type}`)).json.data;
				for (const attempt of attempts) assert.equal(attempt.response !== '', reads(role, type), `${role} ${type} ${JSON.stringify(attempt)}`);
			}
		}
	});

	test('tokens: made, listed, used, revoked at once', async () => {
		const admin = tokens.admin;
		const made = await admin('POST', '/app/alpha/token', { role: 'treasury-operations', name: 'desk', expiresAt: '2099-01-01T00:00:00Z' });
		assert.equal(made.status, 201);
		assert.match(made.json.token, /^vbt_[A-Za-z0-9_-]{43}$/);
		const desk = caller(root, made.json.token);
		assert.equal((await desk('GET', '/app/alpha')).status, 200);
		const listed = await until(() => admin('GET', `/app/alpha/token/${made.json.id}`), (answer) => answer.json.lastUsedAt !== null);
		assert.deepEqual([listed.json.name, listed.json.role, listed.json.expiresAt], ['desk', 'treasury-operations', '2099-01-01T00:00:00.000000Z']);
		assert.ok(!(await admin('GET', '/app/alpha/token')).text.includes(made.json.token));
		for (const bad of [{}, { role: 'platform-admin' }, { role: 'boss' }, { role: 'viewer', expiresAt: 'soon' }, { role: 'viewer', expiresAt: '2001-01-01T00:00:00Z' }])
			assert.equal((await admin('POST', '/app/alpha/token', bad)).status, 422, JSON.stringify(bad));
		assert.equal((await tokens.security('DELETE', `/app/alpha/token/${made.json.id}`)).status, 204);
		assert.equal((await desk('GET', '/app/alpha')).status, 401, 'no cache outlives it');
		assert.equal((await admin('DELETE', `/app/alpha/token/${made.json.id}`)).status, 404);
	});

	test('tokens from a terminal, beside the server', async () => {
		const cli = (...args) => execFileSync(process.env.VAULTBELL, [...args, '--data', server.data], { encoding: 'utf8' });
		const made = JSON.parse(cli('token', 'create', '--role', 'viewer', '--organisation', 'alpha', '--name', 'shell', '--json'));
		const shell = caller(root, made.token);
		assert.equal((await shell('GET', '/app/alpha')).status, 200);
		const rows = cli('token', 'list', '--organisation', 'alpha', '--json').trim().split('\n').map((line) => JSON.parse(line));
		const row = rows.find(({ id }) => id === made.id);
		assert.deepEqual([row.name, row.role, row.expiresAt], ['shell', 'viewer', null]);
		assert.ok(!JSON.stringify(rows).includes(made.token));
		cli('token', 'revoke', made.id);
		await until(() => shell('GET', '/app/alpha'), (answer) => answer.status === 401);
	});

	test('deleting an organisation ends its tokens', async () => {
		await platform('POST', '/app', { name: 'Gamma', uid: 'gamma' });
		const gamma = caller(root, (await platform('POST', '/app/gamma/token', { role: 'admin' })).json.token);
		assert.equal((await gamma('GET', '/event-type')).status, 200);
		assert.equal((await platform('DELETE', '/app/gamma')).status, 204);
		assert.equal((await gamma('GET', '/event-type')).status, 401);
	});

	test('a uid that goes to another organisation while it is asked for opens nothing there', async () => {
		const make = async (name) => {
			const { id } = (await platform('POST', '/app', { name })).json;
			assert.equal((await platform('POST', `/app/${id}/endpoint`, { url: 'http://127.0.0.1:1/', description: `of ${name}`, disabled: true })).status, 201);
			return id;
		};
		const mine = await make('mine'), others = await make('others');
		const reader = caller(root, (await platform('POST', `/app/${mine}/token`, { role: 'viewer' })).json.token);
		let seen = 0;
		for (let round = 0; round < 40; round++) {
			await platform('PATCH', `/app/${others}`, { uid: null });
			await platform('PATCH', `/app/${mine}`, { uid: 'handed-on' });
			const read = () => Array.from({ length: 6 }, () => reader('GET', '/app/handed-on/endpoint'));
			const reads = read();
			const moves = [platform('PATCH', `/app/${mine}`, { uid: null }), platform('PATCH', `/app/${others}`, { uid: 'handed-on' })];
			reads.push(...read());
			for (const answer of await Promise.all(reads)) {
				assert.ok(!answer.text.includes('of others'), answer.text);
				seen += answer.text.includes('of mine');
			}
			await Promise.all(moves);
		}
		assert.ok(seen > 0);
		assert.equal((await reader('GET', '/app/handed-on/endpoint')).status, 404);
	});
});
