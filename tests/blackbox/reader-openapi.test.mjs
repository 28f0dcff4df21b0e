// The description of the receiver's API against the receiver: every operation is called, rightly and wrongly, and every answer
// must be one that the description announces.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start, until } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

// The validator is installed beside the catalogue's check; without it there is nothing to compare with.
const Ajv = await import('../catalogue/node_modules/ajv/dist/2020.js').then((module) => module.default, () => undefined);
const header = 'id,direction,network,asset,amount_base_units,status,occurred_at';
const line = (id, amount) => `${id},in,eip155:1,native,${amount},completed,2025-01-09T12:00:00Z`;

/** A receiver that has something of everything. */
async function receiver(t) {
	const data = scratch(t), secret = standardSecret();
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard', '--secret-file', fileIn(data, 'keys', secret)]);
	const post = (id, body, headers = standardHeaders(secret, id, body)) => request(server, 'POST', '/in/acme', headers, body);
	const event = (id, type, resource) => JSON.stringify({ id, type, occurred_at: '2025-01-09T12:00:00Z', resource, data: { transaction_id: 'tx_1', workflow_id: 'wf_1', direction: 'in' } });
	await post('e1', event('e1', 'transaction.deposit.detected', { type: 'transaction', id: 'tx_1' }));
	await post('e1', event('e1', 'transaction.deposit.confirmed', { type: 'transaction', id: 'tx_1' }));
	await post('e2', event('e2', 'compliance.kyt.screening_started', { type: 'case', id: 'case_1' }));
	await post('e3', event('e3', 'workflow.approval.requested', { type: 'workflow', id: 'wf_1' }));
	await post('e4', 'no json');
	await post('e5', '{}', { 'webhook-id': 'e5' });
	await post('e6', '{}', standardHeaders(standardSecret(), 'e6', '{}'));
	const files = [[line('tx_1', 5), line('tx_2', 5)], [line('tx_1', 6), line('tx_2', 6)]].map((rows, side) => `csv:${fileIn(data, `side${side}.csv`, [header, ...rows].join('\n'))}`);
	assert.equal((await run(['reconcile', '--data', data, '--custodian', files[0], '--ledger', files[1], '--as-of', '2025-01-10T00:00:00Z', '--json', '--keep'])).status, 1);
	const token = async (...more) => JSON.parse((await run(['token', 'create', '--data', data, '--json', ...more])).stdout).token;
	const ask = (bearer, method, path, body = '') => request(server, method, path, { ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), 'content-type': 'application/json' }, body);
	return { data, token, ask };
}

test('every answer is announced', { skip: !Ajv }, async (t) => {
	const r = await receiver(t);
	const tokens = { admin: await r.token('--role', 'admin'), viewer: await r.token('--role', 'viewer'), restricted: await r.token('--role', 'admin', '--field', 'id') };
	const answer = await r.ask(undefined, 'GET', '/api/v1/openapi.json');
	assert.equal(answer.status, 200);
	const description = answer.json;
	assert.equal(description.openapi, '3.1.0');
	const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
	ajv.addSchema(description, 'api');
	for (const name of Object.keys(description.components.schemas)) ajv.compile({ $ref: `api#/components/schemas/${name}` });
	const operations = Object.entries(description.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })));
	assert.equal(new Set(operations.map((one) => one.operation.operationId)).size, operations.length);
	assert.ok(operations.length >= 14);

	const called = new Map();
	const check = async (one, target, { token = tokens.admin, body, expected }) => {
		const got = await r.ask(token, one.method, target, body);
		const where = `${one.method} ${target}: ${got.status} ${got.text.slice(0, 300)}`;
		const response = one.operation.responses[got.status];
		assert.ok(response, `not announced: ${where}`);
		assert.ok(ajv.validate({ $ref: `api${response.content['application/json'].schema.$ref}` }, got.json), `${where}\n${ajv.errorsText()}`);
		if (expected) assert.equal(got.status, expected, where);
		called.set(`${one.operation.operationId} ${got.status}`, true);
		return got;
	};
	await until('the index has them', async () => (await r.ask(tokens.admin, 'GET', '/api/v1/track/workflow')).json.data.length === 1);
	const alert = (await r.ask(tokens.admin, 'GET', '/api/v1/alerts')).json.data[0].id;
	const breaks = (await r.ask(tokens.admin, 'GET', '/api/v1/breaks')).json.data.map((one) => one.id);
	const values = { event_id: 'e1', kind: 'tx', id: 'tx_1', alert_id: alert, break_id: breaks[0] };
	const body = JSON.stringify({ to: 'investigating', reason: 'seen' });
	for (const one of operations) {
		const named = one.operation.parameters.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name);
		assert.deepEqual(named, [...one.path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]));
		const target = one.path.replace(/\{(\w+)\}/g, (_, name) => values[name]);
		const open = one.operation.security?.length === 0;
		const given = one.operation.requestBody ? body : undefined;
		await check(one, target, { body: given, expected: 200 });
		if (!open) {
			await check(one, target, { token: undefined, body: given, expected: one.method === 'GET' ? 200 : undefined });
			await check(one, target, { token: 'vbt_wrong', body: given, expected: 401 });
			await check(one, target, { token: tokens.restricted, body: given });
			await check(one, target, { token: tokens.viewer, body: given });
		}
		if (named.length > 0) await check(one, one.path.replace(/\{\w+\}/g, 'none'), { body: given, expected: 404 });
		// Every value of every parameter that the description names, and what it refuses.
		for (const parameter of one.operation.parameters.filter((found) => found.in === 'query')) {
			const { enum: choices, type, maximum } = parameter.schema;
			const good = choices ?? (type === 'boolean' ? ['true', 'false'] : type === 'integer' ? ['1', String(maximum ?? 3)] : parameter.name === 'state' && one.path.endsWith('breaks') ? ['all', 'open,matched'] : ['tx_1']);
			for (const value of good) await check(one, `${target}?${parameter.name}=${value}`, { expected: parameter.name === 'source' ? undefined : 200 });
			if (choices || type === 'integer' || type === 'boolean') await check(one, `${target}?${parameter.name}=nothing`, { expected: 422 });
		}
		await check(one, `${target}?limit=1&limit=2&x=%zz`, { body: given });
		if (given) for (const wrong of ['', 'text', '[]', '{}', '{"to":"matched","reason":"x"}', '{"to":"investigating"}', body, 'x'.repeat((1 << 20) + 1)]) await check(one, target, { body: wrong });
	}
	const tracked = operations.find((one) => one.operation.operationId === 'get-tracked'), list = operations.find((one) => one.operation.operationId === 'list-tracked');
	for (const [kind, id] of [['workflow', 'wf_1'], ['case', 'case_1']]) {
		await check(tracked, `/api/v1/track/${kind}/${id}`, { expected: 200 });
		await check(list, `/api/v1/track/${kind}`, { expected: 200 });
	}
	const journal = operations.find((one) => one.operation.operationId === 'list-journal');
	for (const token of Object.values(tokens)) await check(journal, '/api/v1/journal?with_content=true', { token, expected: 200 });
	// Two persons, and the second one's answer.
	const move = operations.find((one) => one.operation.operationId === 'move-break');
	const wish = JSON.stringify({ to: 'adjusted', reason: 'booked anew' }), target = `/api/v1/breaks/${breaks[1]}/move`;
	assert.ok(ajv.validate({ $ref: `api${move.operation.requestBody.content['application/json'].schema.$ref}` }, JSON.parse(wish)));
	assert.equal((await check(move, target, { body: wish, expected: 200 })).json.proposed, 'adjusted');
	await check(move, target, { body: wish, expected: 403 });
	assert.equal((await check(move, target, { token: await r.token('--role', 'reconciliation'), body: wish, expected: 200 })).json.state, 'adjusted');
	const shown = operations.find((one) => one.operation.operationId === 'get-break');
	assert.equal((await check(shown, `/api/v1/breaks/${breaks[1]}`, { expected: 200 })).json.history.length, 3);
	for (const seen of ['move-break 409', 'move-break 422', 'move-break 413', 'move-break 400', 'list-breaks 403', 'get-journal 404', 'list-journal 422'])
		assert.ok(called.has(seen), seen);
});
