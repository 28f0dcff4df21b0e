// What this server adds to organisations and endpoints (services, environment, owners), and the audit log of it all.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { caller, haveBinary, startServer } from './server.mjs';

// Python's sqlite3 knows nothing of the program.
const python = (data, statement) => execFileSync('python3', ['-c', `import sqlite3, sys
base = sqlite3.connect(sys.argv[1] + '/vaultbell.db', isolation_level=None)
base.execute(sys.argv[2])`, data, statement]);

describe('governance', { skip: !haveBinary }, () => {
	let server, call, admin, cli;
	before(async () => {
		server = await startServer();
		const root = `${server.base}/api/v1`;
		call = caller(root, server.token('--role', 'platform-admin'));
		cli = (...args) => spawnSync(process.env.VAULTBELL, [...args, '--data', server.data], { encoding: 'utf8' });
		await call('POST', '/app', { name: 'Bank', uid: 'bank' });
		admin = caller(root, (await call('POST', '/app/bank/token', { role: 'admin', name: 'office' })).json.token);
	});
	after(() => server?.stop());

	const fault = (answer, loc, text) => {
		assert.equal(answer.status, 422, answer.text);
		assert.deepEqual(answer.json.detail.map((item) => item.loc.join('.')), [loc]);
		assert.match(answer.json.detail[0].msg, text);
	};

	test('services', async () => {
		const url = 'https://example.com/';
		const post = (eventType) => call('POST', '/app/bank/msg', { eventType, payload: { a: 1 } });
		const staking = 'staking.reward.received';
		const known = (await call('GET', '/openapi.json')).json.components.schemas.Service.enum;
		assert.ok(known.includes('transactions') && known.includes('compliance'));
		assert.deepEqual([(await call('GET', '/app/bank')).json.services, (await call('GET', '/app/bank')).json.environment], [null, 'production']);
		assert.equal((await call('PATCH', '/app/bank', { services: ['transactions', 'wallets'] })).status, 200);
		const limited = (await call('PUT', '/app/bank', { name: 'Bank', uid: 'bank' })).json;
		assert.deepEqual([limited.services, limited.environment], [['transactions', 'wallets'], 'production'], 'a client that does not know of them lifts no limit');
		fault(await post('compliance.sanctions.hit'), 'body.eventType', /compliance/);
		fault(await admin('POST', '/app/bank/endpoint', { url, eventTypes: ['compliance.sanctions.hit'] }), 'body.eventTypes', /compliance/);
		assert.equal((await post('transaction.deposit.detected')).status, 202);
		assert.equal((await post('my.own')).status, 202, 'a type that belongs to no service');
		assert.equal((await admin('POST', '/app/bank/endpoint', { url, uid: 'main', eventTypes: ['transaction.deposit.detected'] })).status, 201);
		fault(await admin('PATCH', '/app/bank/endpoint/main', { eventTypes: ['compliance.sanctions.hit'] }), 'body.eventTypes', /compliance/);
		assert.equal((await call('PATCH', '/app/bank', { services: [] })).status, 200);
		assert.deepEqual((await call('GET', '/app/bank')).json.services, []);
		fault(await post('transaction.deposit.detected'), 'body.eventType', /transactions/);
		assert.equal((await admin('PATCH', '/app/bank/endpoint/main', { description: 'still' })).status, 200, 'what it has, it may keep');
		fault(await call('PATCH', '/app/bank', { services: ['nothing'] }), 'body.services', /catalogue/);
		fault(await call('PATCH', '/app/bank', { environment: 'moon' }), 'body.environment', /sandbox/);
		assert.equal((await admin('PATCH', '/app/bank', { services: null })).status, 403);
		assert.equal((await call('PATCH', '/app/bank', { services: null })).json.services, null);
		assert.equal((await post(staking)).status, 202);
	});

	test('owners', async () => {
		const made = (await admin('POST', '/app/bank/endpoint', { url: 'https://example.com/o', uid: 'owned' })).json;
		assert.deepEqual([made.owners, made.ownersMissing], [{}, ['configuration', 'monitoring', 'retryHandling', 'incidentResponse']]);
		const owners = { configuration: { team: 'Platform', contact: 'platform@bank.example' }, monitoring: { team: 'Operations' },
			retryHandling: { team: 'Operations' }, incidentResponse: { team: 'Security', contact: '+44 20 0000 0000' } };
		const some = (await admin('PATCH', '/app/bank/endpoint/owned', { owners: { configuration: owners.configuration } })).json;
		assert.deepEqual(some.ownersMissing, ['monitoring', 'retryHandling', 'incidentResponse']);
		const all = (await admin('PATCH', '/app/bank/endpoint/owned', { owners })).json;
		assert.deepEqual(all.ownersMissing, []);
		assert.deepEqual(all.owners.monitoring, { team: 'Operations', contact: null });
		const put = (await admin('PUT', '/app/bank/endpoint/owned', { url: 'https://example.com/o2', uid: 'owned' })).json;
		assert.deepEqual([put.url, put.ownersMissing], ['https://example.com/o2', []]);
		assert.deepEqual((await admin('GET', '/app/bank/endpoint?owners_missing=true')).json.data.filter(({ uid }) => uid === 'owned'), []);
		const unowned = async () => Number(/^vaultbell_endpoints_without_owners (\d+)$/m.exec((await caller(server.base)('GET', '/metrics')).text)[1]);
		const few = await unowned();
		assert.equal((await admin('POST', '/app/bank/endpoint', { url: 'https://example.com/nobody', uid: 'nobody' })).status, 201);
		assert.ok((await admin('GET', '/app/bank/endpoint?owners_missing=true')).json.data.some(({ uid }) => uid === 'nobody'));
		assert.equal(await unowned(), few + 1);
		assert.equal((await admin('GET', '/app/bank/endpoint?owners_missing=maybe')).status, 400);
		fault(await admin('PATCH', '/app/bank/endpoint/owned', { owners: { monitoring: {} } }), 'body.owners.monitoring', /team/);
		fault(await admin('PATCH', '/app/bank/endpoint/owned', { owners: 'me' }), 'body.owners', /object/);
		assert.deepEqual((await admin('PATCH', '/app/bank/endpoint/owned', { owners: null })).json.owners, {});
	});

	test('the log tells who changed what, and holds no secret', async () => {
		const made = (await admin('POST', '/app/bank/endpoint', { url: 'https://example.com/a', uid: 'audited',
			headers: { authorization: 'Bearer hidden-value', 'x-desk': 'shown' } })).json;
		await admin('PATCH', '/app/bank/endpoint/audited', { url: 'https://example.com/b' });
		await admin('PATCH', '/app/bank/endpoint/audited/headers', { headers: { 'x-api-key': 'hidden-value-2' } });
		const secret = (await admin('GET', '/app/bank/endpoint/audited/secret')).json.key;
		await admin('POST', '/app/bank/endpoint/audited/secret/rotate', {});
		await admin('PATCH', '/app/bank/endpoint/audited', { url: 'not a url' });
		await admin('DELETE', '/app/bank/endpoint/audited');
		const log = await admin('GET', '/app/bank/audit?limit=250&order=ascending');
		assert.equal(log.status, 200, log.text);
		const rows = log.json.data.filter((row) => row.object === made.id);
		assert.deepEqual(rows.map((row) => row.action),
			['endpoint.create', 'endpoint.update', 'endpoint.headers.update', 'endpoint.key.rotate', 'endpoint.delete']);
		assert.deepEqual([rows[1].before.url, rows[1].after.url], ['https://example.com/a', 'https://example.com/b']);
		assert.deepEqual([rows[0].before, rows[4].after], [null, null]);
		assert.deepEqual([rows[3].before.keys.length, rows[3].after.keys.length], [1, 2]);
		const own = (await admin('GET', '/app/bank/token')).json.data.find((token) => token.name === 'office');
		for (const row of rows) assert.deepEqual([row.actor, row.role], [own.id, 'admin']);
		assert.ok(log.text.includes('(secret)') && log.text.includes('shown'));
		for (const hidden of ['hidden-value', 'sealed', secret.split('_')[1]]) assert.ok(!log.text.includes(hidden), hidden);
		const everything = (await call('GET', '/audit?limit=250&order=ascending')).json.data;
		assert.deepEqual(everything.map((row) => row.seq), everything.map((_, index) => index + 1));
		assert.deepEqual([everything[0].action, everything[0].actor, everything[0].role], ['token.create', 'cli', null]);
		const listed = cli('audit', 'list', '--json').stdout.trim().split('\n').map((line) => JSON.parse(line));
		assert.deepEqual(listed.map((row) => [row.seq, row.action, row.object]), everything.map((row) => [row.seq, row.action, row.object]));
	});

	test('what was altered or cut off is found, beside the server', async () => {
		const good = cli('audit', 'verify', '--json');
		assert.equal(good.status, 0, good.stdout + good.stderr);
		const last = JSON.parse(good.stdout).verified;
		assert.ok(last > 10);
		for (const late = Date.now() + 20000; !readFileSync(join(server.data, 'audit.head'), 'utf8').includes(`\nend ${last} `);) {
			assert.ok(Date.now() < late, 'the head is not written');
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
		python(server.data, `DELETE FROM audit WHERE seq = ${last}`);
		const cut = cli('audit', 'verify');
		assert.equal(cut.status, 1);
		assert.match(cut.stdout, new RegExp(`^seq ${last}: it is missing: the end was cut off`));
		assert.equal((await call('PATCH', '/app/bank', { name: 'Bank again' })).status, 200);
		assert.match(cli('audit', 'verify').stdout, new RegExp(`^seq ${last}: it is missing`), 'and stays a gap');
		python(server.data, "UPDATE audit SET after = replace(after, 'Bank', 'Bonk') WHERE seq = 2");
		const altered = cli('audit', 'verify', '--json');
		assert.deepEqual([altered.status, JSON.parse(altered.stdout).seq], [1, 2]);
	});
});
