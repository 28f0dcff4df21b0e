// Breaks over HTTP (M21, M22): listed, shown with their history, moved by two tokens where it takes two, and the runs; the same
// rules and the same persons as at the terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileIn, request, run, scratch, sql, start } from './program.mjs';
import { standardSecret } from './signing.mjs';

const header = 'id,direction,network,asset,amount_base_units,status,occurred_at';
const row = (id, amount) => `${id},in,eip155:1,native,${amount},completed,2025-01-09T12:00:00Z`;

async function receiver(t) {
	const data = scratch(t);
	const args = ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard'];
	const server = await start(t, [...args, '--secret-file', fileIn(data, 'keys', `${standardSecret()}\n`)]);
	const self = { data, server };
	self.reconcile = async (custodian, ledger) => {
		const files = [custodian, ledger].map((rows, side) => `csv:${fileIn(data, `side${side}.csv`, [header, ...rows].join('\n'))}`);
		const result = await run(['reconcile', '--data', data, '--custodian', files[0], '--ledger', files[1], '--as-of', '2025-01-10T00:00:00Z', '--json', '--keep']);
		assert.equal(result.stderr, '');
		return JSON.parse(result.stdout);
	};
	self.token = async (role, ...more) => {
		const made = await run(['token', 'create', '--data', data, '--json', '--role', role, ...more]);
		assert.equal(made.status, 0, made.stderr);
		return JSON.parse(made.stdout);
	};
	self.ask = (person, method, path, body) => request(server, method, `/api/v1/${path}`,
		{ authorization: `Bearer ${person.token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }, body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body));
	self.move = (person, id, to, reason = 'seen') => self.ask(person, 'POST', `breaks/${id}/move`, { to, reason });
	return self;
}

test('M21: two tokens write off, the same token is one person here and at the terminal, and it is in the audit log', async (t) => {
	const r = await receiver(t);
	const { breaks } = await r.reconcile([row('tx_1', 5)], [row('tx_1', 6)]);
	const { id } = breaks.find((found) => found.class === 'AMOUNT_MISMATCH');
	const ada = await r.token('reconciliation', '--name', 'ada'), ben = await r.token('treasury-operations', '--name', 'ben');
	const file = fileIn(r.data, 'ada.token', ada.token);

	const listed = await r.ask(ada, 'GET', 'breaks');
	assert.equal(listed.status, 200);
	assert.deepEqual(listed.json.data.map((one) => one.id).sort(), breaks.map((one) => one.id).sort());
	const cli = (await run(['breaks', 'show', id, '--data', r.data, '--json'])).stdout;
	const shown = (await r.ask(ada, 'GET', `breaks/${id}`)).json;
	const { age_seconds, ...same } = shown, { age_seconds: age, ...expected } = JSON.parse(cli);
	assert.ok(age_seconds >= 0 && age >= 0);
	assert.deepEqual(same, expected);

	const investigating = await r.move(ada, id, 'investigating');
	assert.deepEqual([investigating.status, investigating.json.state], [200, 'investigating']);
	const proposed = await r.move(ada, id, 'written_off', 'not worth it');
	assert.deepEqual([proposed.status, proposed.json.state, proposed.json.proposed, proposed.json.proposed_by], [200, 'investigating', 'written_off', ada.id]);
	const alone = await r.move(ada, id, 'written_off');
	assert.deepEqual([alone.status, alone.json.code], [403, 'second_person']);
	assert.match(alone.json.detail, new RegExp(`${ada.id} proposed written_off; expected another person to confirm it`));
	const elsewhere = await run(['breaks', 'move', id, '--data', r.data, '--to', 'written_off', '--reason', 'x', '--token-file', file]);
	assert.equal(elsewhere.status, 2);
	assert.match(elsewhere.stderr, /expected another person to confirm it/);
	const alerts = async (state) => (await r.ask(ada, 'GET', `alerts?state=${state}`)).json.data.filter((alert) => alert.kind === 'break' && alert.key === id);
	assert.equal((await alerts('open')).length, 1);
	const confirmed = await r.move(ben, id, 'written_off', 'agreed');
	assert.deepEqual([confirmed.status, confirmed.json.state, confirmed.json.proposed], [200, 'written_off', null]);
	assert.deepEqual([(await alerts('open')).length, (await alerts('resolved')).length], [0, 1]);

	const after = (await r.ask(ben, 'GET', `breaks/${id}`)).json;
	assert.deepEqual(after.history.map(({ act, to, actor, reason }) => [act, to, actor, reason]).slice(1), [
		['moved', 'investigating', ada.id, 'seen'], ['proposed', 'written_off', ada.id, 'not worth it'], ['confirmed', 'written_off', ben.id, 'agreed']]);
	assert.deepEqual((await r.ask(ada, 'GET', 'breaks')).json.data.map((one) => one.class), ['MISSING_EVENT']);
	assert.deepEqual((await r.ask(ada, 'GET', 'breaks?state=closed')).json.data.map((one) => one.id), [id]);

	const audit = (await run(['audit', 'list', '--data', r.data, '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.deepEqual(audit.filter((one) => one.action === 'break.move').map((one) => [one.actor, one.object]), [[ada.id, id], [ada.id, id], [ben.id, id]]);
	// What the receiver wrote is anchored: an end that is cut off shows.
	assert.equal((await run(['audit', 'verify', '--data', r.data])).status, 0);
	await sql(r.data, `DELETE FROM audit WHERE seq = ${audit.at(-1).seq}`);
	assert.match((await run(['audit', 'verify', '--data', r.data])).stdout, new RegExp(`^seq ${audit.at(-1).seq}: it is missing`));
});

test('what cannot be done is said, and changes nothing', async (t) => {
	const r = await receiver(t);
	const { breaks } = await r.reconcile([row('tx_1', 5)], [row('tx_1', 6)]);
	const id = breaks[0].id, ada = await r.token('admin'), viewer = await r.token('viewer'), security = await r.token('security');
	const restricted = await r.token('admin', '--source', 'acme');
	for (const [answer, status, detail] of [
		[await r.move(ada, 'brk_none', 'investigating'), 404, /no such break/],
		[await r.move(ada, id, 'matched'), 422, /^to matched: expected open, investigating/],
		[await r.move(ada, id, ''), 422, /^to : expected/],
		[await r.move(ada, id, 'investigating', ' '), 422, /^reason: expected a text of 1 to 1000 bytes/],
		[await r.move(ada, id, 'investigating', 'x'.repeat(1001)), 422, /^reason:/],
		[await r.ask(ada, 'POST', `breaks/${id}/move`, 'to: open'), 400, /no JSON object/],
		[await r.ask(ada, 'POST', `breaks/${id}/move`, '[]'), 400, /no JSON object/],
		[await r.ask(ada, 'POST', `breaks/${id}/move`, { to: 5, reason: {} }), 422, /^to /],
		[await r.ask(ada, 'POST', `breaks/${id}/move`, 'x'.repeat((1 << 20) + 1)), 413, /./],
		[await r.move(ada, id, 'open'), 409, /cannot become open/],
		[await r.move(viewer, id, 'investigating'), 403, /role may not/],
		[await r.ask(security, 'GET', 'breaks'), 403, /role may not/],
		[await r.ask(restricted, 'GET', 'breaks'), 403, /restricted/],
		[await r.ask(restricted, 'GET', `breaks/${id}`), 403, /restricted/],
		[await r.ask(restricted, 'GET', 'runs'), 403, /restricted/],
		[await r.move(restricted, id, 'investigating'), 403, /restricted/],
		[await r.ask(ada, 'GET', 'breaks?state=none'), 422, /^state none: expected all, closed/],
		[await r.ask(ada, 'GET', 'breaks?order=up'), 422, /order/],
		[await r.ask(ada, 'GET', 'breaks?limit=0'), 422, /limit/],
		[await r.ask(ada, 'DELETE', `breaks/${id}`), 405, /method/],
	]) {
		assert.equal(answer.status, status, answer.text);
		assert.match(answer.json.detail, detail);
	}
	const file = fileIn(r.data, 'restricted.token', restricted.token);
	const cli = await run(['breaks', 'move', id, '--data', r.data, '--to', 'investigating', '--reason', 'x', '--token-file', file]);
	assert.equal(cli.status, 2);
	assert.match(cli.stderr, /the token is restricted/);
	const shown = (await r.ask(viewer, 'GET', `breaks/${id}`)).json;
	assert.deepEqual([shown.state, shown.history.length], ['open', 1]);
});

test('breaks and runs by pages', async (t) => {
	const r = await receiver(t);
	const names = Array.from({ length: 12 }, (_, i) => `tx_${i}`);
	const token = await r.token('internal-tooling');
	await r.reconcile(names.map((name) => row(name, 5)), names.map((name) => row(name, 6)));
	await r.reconcile(names.map((name) => row(name, 5)), names.map((name, i) => row(name, i < 6 ? 5 : 6)));
	async function pages(path) {
		const items = [];
		for (let after = 0; ;) {
			const page = (await r.ask(token, 'GET', `${path}&limit=5&after=${after}`)).json;
			assert.ok(page.data.length <= 5);
			items.push(...page.data);
			after = page.iterator;
			if (page.done) return items;
		}
	}
	const cli = (await run(['breaks', 'list', '--data', r.data, '--json', '--state', 'all'])).stdout.trim().split('\n').map((line) => JSON.parse(line).id);
	assert.equal(cli.length, 24);
	assert.deepEqual((await pages('breaks?state=all')).map((one) => one.id), cli);
	assert.deepEqual((await pages('breaks?state=all&order=descending')).map((one) => one.id), [...cli].reverse());
	const mismatches = await pages('breaks?class=AMOUNT_MISMATCH');
	assert.equal(mismatches.length, 6);
	assert.ok(mismatches.every((one) => one.class === 'AMOUNT_MISMATCH' && one.state === 'open'));
	const runs = await pages('runs?');
	assert.deepEqual(runs.map(({ found, opened, closed }) => [found, opened, closed]), [[18, 0, 6], [24, 24, 0]]);
	assert.ok(runs[0].run > runs[1].run);
	assert.equal(runs[0].as_of, '2025-01-10T00:00:00Z');
});
