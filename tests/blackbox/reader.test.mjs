// The receiver's API: tokens with scope for internal systems, reading the journal, tracking, alerts, metrics (M22, M4).
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

async function receiver(t) {
	const data = scratch(t);
	const keys = { desk: standardSecret(), vault: standardSecret() };
	const config = fileIn(data, 'c.yaml', `sources:\n${Object.entries(keys).map(([name, secret]) =>
		`  - {name: ${name}, scheme: standard, secret_file: ${fileIn(data, name, secret)}}`).join('\n')}\n`);
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--config', config]);
	const post = async (source, id, body) => {
		const answer = await request(server, 'POST', `/in/${source}`, standardHeaders(keys[source], id, body), body);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.status;
	};
	const token = async (...more) => {
		const made = await run(['token', 'create', '--data', data, '--json', ...more]);
		assert.equal(made.status, 0, made.stderr);
		return JSON.parse(made.stdout);
	};
	const get = (text, path, method = 'GET') =>
		request(server, method, path.startsWith('/metrics') ? path : `/api/v1/${path}`, text ? { authorization: `Bearer ${text}` } : {});
	return Object.assign(server, { data, post, makeToken: token, get });
}

const deposit = (number, type, extra = {}) => JSON.stringify({
	id: `evt_${number}`, type, organisation: 'org_1', stream_seq: number, occurred_at: `2025-01-09T12:0${number}:00Z`,
	resource: { type: 'transaction', id: 'tx_1' },
	data: { transaction_id: 'tx_1', direction: 'in', amount_base_units: '12300', from_address: 'secret-address',
		legs: [{ asset: 'native', note: 'private' }], ...extra },
});

test('nothing is read without a token, and a revoked one ends at once', async (t) => {
	const server = await receiver(t);
	assert.equal((await server.get(null, 'health')).status, 200);
	for (const path of ['journal', 'journal/x', 'refused', 'alerts', 'track/tx/tx_1']) {
		const answer = await server.get(null, path);
		assert.equal(answer.status, 401, path);
		assert.deepEqual(Object.keys(answer.json), ['code', 'detail']);
		assert.equal((await server.get('vbt_wrong', path)).status, 401);
	}
	const made = await server.makeToken('--role', 'internal-tooling', '--name', 'ledger');
	assert.equal((await server.get(made.token, 'journal')).status, 200);
	const listed = await run(['token', 'list', '--data', server.data, '--json']);
	assert.match(JSON.parse(listed.stdout.trim()).lastUsedAt, /^\d{4}-/);
	assert.equal((await run(['token', 'revoke', made.id, '--data', server.data])).status, 0);
	assert.equal((await server.get(made.token, 'journal')).status, 401);
	assert.equal((await server.get(made.token, 'nothing')).status, 404);
	const wrongMethod = await server.get(made.token, 'journal', 'DELETE');
	assert.equal(wrongMethod.status, 405);
	assert.equal(wrongMethod.headers.allow, 'GET, HEAD');
	// The text itself is nowhere on the disk.
	const expired = await server.makeToken('--role', 'viewer', '--expires', '1ms');
	assert.equal((await server.get(expired.token, 'journal')).status, 401);
});

test('the journal is listed in pages, shown exactly, and filtered', async (t) => {
	const server = await receiver(t);
	const bodies = {};
	for (let i = 1; i <= 7; i++) {
		bodies[i] = ` ${deposit(i, 'transaction.deposit.detected')}\n`;
		assert.equal(await server.post(i % 2 ? 'desk' : 'vault', `evt_${i}`, bodies[i]), 'accepted');
	}
	const { token } = await server.makeToken('--role', 'treasury-operations');
	const seen = [];
	for (let after = 0, done = false; !done;) {
		const page = (await server.get(token, `journal?limit=3&after=${after}`)).json;
		seen.push(...page.data.map((row) => row.id));
		({ iterator: after, done } = page);
	}
	assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7].map((i) => `evt_${i}`));
	const vault = (await server.get(token, 'journal?source=vault&with_content=true')).json;
	assert.deepEqual(vault.data.map((row) => row.source), ['vault', 'vault', 'vault']);
	assert.equal(vault.done, true);
	const shown = (await server.get(token, 'journal/evt_2')).json.data;
	assert.equal(shown.length, 1);
	assert.equal(Buffer.from(shown[0].body_base64, 'base64').toString(), bodies[2]);
	assert.deepEqual(shown[0].payload, JSON.parse(bodies[2]));
	assert.equal(shown[0].body_sha256, createHash('sha256').update(bodies[2]).digest('hex'));
	assert.equal((await server.get(token, 'journal/evt_9')).status, 404);
	assert.equal((await server.get(token, 'journal?limit=0')).status, 422);
	assert.equal((await server.get(token, 'journal?limit=251')).status, 422);
});

test('a token sees its sources, its types and its fields, and nothing tells it of the rest', async (t) => {
	const server = await receiver(t);
	await server.post('desk', 'evt_1', deposit(1, 'transaction.deposit.detected'));
	await server.post('vault', 'evt_2', deposit(2, 'transaction.deposit.confirmed'));
	await server.post('vault', 'evt_3', JSON.stringify({ id: 'evt_3', type: 'wallet.created', data: { name: 'x' } }));
	const bySource = (await server.makeToken('--role', 'internal-tooling', '--source', 'vault')).token;
	assert.deepEqual((await server.get(bySource, 'journal')).json.data.map((row) => row.id), ['evt_2', 'evt_3']);
	assert.equal((await server.get(bySource, 'journal/evt_1')).status, 404);
	assert.equal((await server.get(bySource, 'track/tx/tx_1')).json.state, 'confirmed');

	const byType = (await server.makeToken('--role', 'internal-tooling', '--type', 'wallet.*')).token;
	assert.deepEqual((await server.get(byType, 'journal')).json.data.map((row) => row.id), ['evt_3']);
	assert.equal((await server.get(byType, 'track/tx/tx_1')).status, 404);

	const byField = (await server.makeToken('--role', 'internal-tooling', '--field', 'id,data.amount_base_units,data.legs.asset')).token;
	for (const path of ['journal/evt_1', 'journal?with_content=true', 'journal']) {
		const answer = await server.get(byField, path);
		assert.equal(answer.status, 200);
		assert.doesNotMatch(answer.text, /secret-address|private|body_base64|body_sha256/);
	}
	assert.deepEqual((await server.get(byField, 'journal/evt_1')).json.data[0].payload,
		{ id: 'evt_1', data: { amount_base_units: '12300', legs: [{ asset: 'native' }] } });
	// Where something stands, and what it is called, comes from members that this token does not see.
	for (const path of ['track/tx', 'track/tx/tx_1']) {
		const answer = await server.get(byField, path);
		assert.equal(answer.status, 403, answer.text);
		assert.doesNotMatch(answer.text, /tx_1|detected/);
	}
	const refused = await run(['token', 'create', '--data', server.data, '--role', 'viewer', '--field', 'a,,b']);
	assert.equal(refused.status, 2);
	const listed = await run(['token', 'list', '--data', server.data, '--json']);
	assert.deepEqual(listed.stdout.trim().split('\n').map((line) => JSON.parse(line).scope),
		[{ sources: ['vault'] }, { types: ['wallet.*'] }, { fields: ['id', 'data.amount_base_units', 'data.legs.asset'] }]);
});

test('M7: compliance information inside of another payload is for those who may read it', async (t) => {
	const server = await receiver(t);
	const body = deposit(1, 'transaction.deposit.detected', { list: [{ complianceInfo: { decision: 'hidden-decision' } }] });
	await server.post('desk', 'evt_1', body);
	const legacy = JSON.stringify({ messageId: 'm1', type: 'SOMETHING_ELSE', payload: { complianceInfo: 'hidden-decision' }, complianceInfo: 1 });
	await server.post('desk', 'evt_2', legacy);
	for (const role of ['viewer', 'treasury-operations', 'reconciliation', 'internal-tooling', 'engineering']) {
		for (const scope of [[], ['--field', 'data,payload,complianceInfo']]) {
			const { token } = await server.makeToken('--role', role, ...scope);
			for (const path of ['journal/evt_1', 'journal/evt_2', 'journal?with_content=true']) {
				const shown = await server.get(token, path);
				assert.equal(shown.status, 200);
				const bytes = shown.json.data.map((row) => Buffer.from(row.body_base64 ?? '', 'base64').toString()).join();
				assert.doesNotMatch(shown.text + bytes, /hidden-decision/, `${role} ${path}`);
				assert.match(shown.text, /"complianceInfo":"\[redacted\]"/, `${role} ${path}`);
			}
		}
	}
	const { token } = await server.makeToken('--role', 'compliance-operations');
	const [row] = (await server.get(token, 'journal/evt_1')).json.data;
	assert.deepEqual(row.payload, JSON.parse(body));
	assert.equal(Buffer.from(row.body_base64, 'base64').toString(), body);
});

test('roles hold here too: who may not read payloads gets none', async (t) => {
	const server = await receiver(t);
	await server.post('desk', 'evt_1', JSON.stringify({ id: 'evt_1', type: 'compliance.kyt.alert_raised', data: { why: 'hidden' } }));
	const { token } = await server.makeToken('--role', 'viewer');
	const shown = await server.get(token, 'journal/evt_1');
	assert.equal(shown.json.data[0].payload, null);
	assert.equal(shown.json.data[0].withheld, 'role');
	assert.doesNotMatch(shown.text, /hidden/);
	assert.equal((await server.get(token, 'refused')).status, 403);
	assert.equal((await server.get(token, 'alerts/1/acknowledge', 'POST')).status, 403);
});

test('refused requests, alerts and metrics', async (t) => {
	const server = await receiver(t);
	const { token, id } = await server.makeToken('--role', 'platform-operations');
	const other = standardSecret();
	const body = '{"type":"a.b"}';
	for (let i = 0; i < 3; i++)
		assert.equal((await request(server, 'POST', '/in/desk', standardHeaders(other, 'forged', body), body)).status, 401);
	await server.post('desk', 'evt_1', '{"type":"a.b","n":1}');
	assert.equal(await server.post('desk', 'evt_1', '{"type":"a.b","n":2}'), 'conflict');
	const late = Date.now() + 10000;
	let refused;
	do refused = (await server.get(token, 'refused')).json; while (refused.data.length < 3 && Date.now() < late);
	assert.deepEqual(refused.data.map((row) => [row.source, row.reason, row.claimed_id]), Array(3).fill(['desk', 'wrong', 'forged']));
	assert.equal((await server.get(token, 'refused?kind=totals')).json.data[0].count, 3);

	// A conflict is an alert from its own commit on.
	const alerts = (await server.get(token, 'alerts?state=open')).json.data;
	assert.deepEqual(alerts.map((one) => [one.kind, one.severity, one.key, one.count]), [['conflict', 'critical', 'desk/evt_1', 1]]);
	const moved = await server.get(token, `alerts/${alerts[0].id}/acknowledge`, 'POST');
	assert.equal(moved.json.alert.state, 'acknowledged');
	assert.equal(moved.json.alert.by, id);
	assert.equal((await server.get(token, 'alerts/99/resolve', 'POST')).status, 404);
	const scoped = (await server.makeToken('--role', 'platform-operations', '--source', 'vault')).token;
	assert.deepEqual((await server.get(scoped, 'alerts')).json.data, []);
	assert.deepEqual((await server.get(scoped, 'refused')).json.data, []);
	assert.equal((await server.get(scoped, `alerts/${alerts[0].id}/resolve`, 'POST')).status, 403);

	const metrics = await server.get(null, '/metrics');
	assert.match(metrics.headers['content-type'], /^text\/plain/);
	assert.match(metrics.text, /^vaultbell_journal_accepted_total 1$/m);
	assert.match(metrics.text, /^vaultbell_journal_conflicts_total 1$/m);
	assert.match(metrics.text, /^vaultbell_refused_total\{reason="wrong"\} 3$/m);
	assert.match(metrics.text, /^vaultbell_alerts_open\{kind="conflict"\} 0$/m);
	assert.doesNotMatch(metrics.text, /evt_1|desk/);
	const described = [...metrics.text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |`);
	const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8').split('## Of the receiver')[1];
	assert.deepEqual(document.split('\n').filter((line) => line.startsWith('| `')), described);
	await stop(server);
});

test('an endpoint of the sender is tracked, in whatever order its events come', async (t) => {
	const server = await receiver(t);
	const { token } = await server.makeToken('--role', 'engineering');
	const told = (number, type, status) => JSON.stringify({
		id: `evt_${number}`, type, stream_seq: number, occurred_at: `2025-01-09T12:0${number}:00Z`,
		resource: { type: 'endpoint', id: 'ep_1' }, data: { endpoint_id: 'ep_1', status },
	});
	const events = [
		told(3, 'webhook.endpoint.suspended', 'suspended'), told(1, 'webhook.endpoint.updated', 'active'),
		told(4, 'webhook.endpoint.resumed', 'active'), told(2, 'webhook.endpoint.failing', 'failing'),
	];
	for (const body of events) await server.post('desk', JSON.parse(body).id, body);
	const shown = (await server.get(token, 'track/endpoint/ep_1')).json;
	assert.equal(shown.state, 'active');
	assert.equal(shown.stuck, false);
	assert.deepEqual(shown.timeline.map((one) => [one.event_id, one.moved]),
		[['evt_1', true], ['evt_2', true], ['evt_3', true], ['evt_4', true]]);
	const cli = await run(['track', 'endpoint', 'ep_1', '--data', server.data, '--json']);
	assert.equal(cli.status, 0, cli.stderr);
	assert.equal(JSON.parse(cli.stdout).state, 'active');
	assert.equal((await server.get(token, 'track/nothing/ep_1')).status, 404);
});
