// Tracking from outside: signed events posted to a receiver, in a wrong order and more than once, and asked for beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const at = (minute) => `2025-01-09T12:${String(minute).padStart(2, '0')}:00Z`;
const soon = '2025-01-09T13:00:00Z';

/** A receiver; `post` answers what it said of the event. */
async function receiver(t) {
	const data = scratch(t);
	const secret = standardSecret();
	const args = ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard'];
	const server = await start(t, [...args, '--secret-file', fileIn(data, 'keys', `${secret}\n`)]);
	const post = async ({ id, ...event }) => {
		const body = JSON.stringify({ id, organisation: 'org_1', ...event });
		const answer = await request(server, 'POST', '/in/acme', standardHeaders(secret, id, body), body);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.status;
	};
	return { data, post };
}

const event = (number, type, resource, data) => ({
	id: `evt_${number}`, type, stream_seq: number, occurred_at: at(number), resource, data,
});
const transaction = (number, type, data = {}) =>
	event(number, type, { type: 'transaction', id: 'tx_1' }, { transaction_id: 'tx_1', direction: 'in', ...data });
const screening = (number, type, data = {}) =>
	event(number, type, { type: 'case', id: 'case_1' }, { transaction_id: 'tx_1', case_id: 'case_1', direction: 'in', ...data });
const approval = (number, type, data = {}) =>
	event(number, type, { type: 'workflow', id: 'wf_1' }, { transaction_id: 'tx_2', workflow_id: 'wf_1', ...data });

async function track(kind, id, data, extra = []) {
	const result = await run(['track', kind, id, '--data', data, '--json', ...extra]);
	assert.equal(result.stderr, '');
	const shown = JSON.parse(result.stdout);
	assert.deepEqual(Object.keys(shown), ['id', 'state', 'since', 'stuck', 'timeline']);
	for (const entry of shown.timeline) assert.deepEqual(Object.keys(entry), ['at', 'type', 'event_id', 'moved']);
	assert.equal(shown.id, id);
	assert.equal(result.status, shown.stuck ? 1 : 0);
	return shown;
}

test('a deposit and its screening, whatever came first', async (t) => {
	const { data, post } = await receiver(t);
	const events = [
		transaction(6, 'transaction.deposit.completed'),
		screening(3, 'compliance.kyt.screening_started', { case_status: 'pending' }),
		transaction(2, 'transaction.deposit.confirmed'),
		screening(5, 'compliance.decision.allowed', { case_status: 'completed' }),
		transaction(1, 'transaction.deposit.detected'),
		screening(4, 'compliance.kyt.screening_completed', { case_status: 'completed' }),
		transaction(7, 'transaction.deposit.confirmed'),
		approval(8, 'workflow.approval.requested'),
	];
	for (const one of events) assert.equal(await post(one), 'accepted');
	for (const one of events) assert.equal(await post(one), 'duplicate');
	assert.equal(await post({ ...events[4], type: 'transaction.deposit.reorged', stream_seq: 9 }), 'conflict');

	const shown = await track('tx', 'tx_1', data);
	assert.equal(shown.state, 'completed');
	assert.equal(shown.since, at(6));
	assert.equal(shown.stuck, false);
	assert.deepEqual(shown.timeline.map((entry) => [entry.at, entry.type, entry.event_id, entry.moved]), [
		[at(1), 'transaction.deposit.detected', 'evt_1', true],
		[at(2), 'transaction.deposit.confirmed', 'evt_2', true],
		[at(3), 'compliance.kyt.screening_started', 'evt_3', false],
		[at(4), 'compliance.kyt.screening_completed', 'evt_4', true],
		[at(5), 'compliance.decision.allowed', 'evt_5', false],
		[at(6), 'transaction.deposit.completed', 'evt_6', true],
		[at(7), 'transaction.deposit.confirmed', 'evt_7', false],
	]);

	const held = await track('case', 'case_1', data);
	assert.deepEqual([held.state, held.since, held.stuck], ['completed', at(4), false]);
	assert.deepEqual(held.timeline.map((entry) => [entry.event_id, entry.moved]), [['evt_3', true], ['evt_4', true], ['evt_5', false]]);

	assert.equal(await post(transaction(10, 'transaction.deposit.reorged')), 'accepted');
	const back = await track('tx', 'tx_1', data, ['--as-of', soon]);
	assert.deepEqual([back.state, back.since, back.stuck], ['detected', at(10), false]);
	assert.deepEqual(back.timeline.at(-1), { at: at(10), type: 'transaction.deposit.reorged', event_id: 'evt_10', moved: true });
});

test('an approval is stuck until it ends', async (t) => {
	const { data, post } = await receiver(t);
	await post(approval(2, 'workflow.approval.vote_recorded', { vote: 'approve' }));
	await post(approval(1, 'workflow.approval.requested'));
	assert.equal((await track('workflow', 'wf_1', data)).stuck, true);
	assert.equal((await track('workflow', 'wf_1', data, ['--as-of', soon])).stuck, false);
	const waiting = await track('workflow', 'wf_1', data, ['--as-of', soon, '--stuck-after', '57m']);
	assert.deepEqual([waiting.state, waiting.since, waiting.stuck], ['votes', at(2), true]);
	assert.equal((await track('workflow', 'wf_1', data, ['--as-of', soon, '--stuck-after', '58m'])).stuck, false);
	await post(approval(3, 'workflow.approval.approved'));
	assert.deepEqual((await track('workflow', 'wf_1', data)).state, 'approved');
});

test('a state that is never said', async (t) => {
	const { data, post } = await receiver(t);
	await post(transaction(1, 'transaction.deposit.unattributed'));
	const shown = await track('tx', 'tx_1', data);
	assert.deepEqual([shown.state, shown.since, shown.stuck, shown.timeline.length], [null, null, false, 1]);
	const result = await run(['track', 'tx', 'tx_1', '--data', data]);
	assert.equal(result.status, 0);
	assert.match(result.stdout, /^tx_1: no event says its state\n/);
});

test('more than a page, fractions of a second, and a table', async (t) => {
	const { data, post } = await receiver(t);
	const precise = { ...transaction(1, 'transaction.deposit.detected'), occurred_at: '2025-01-09T13:00:00.250+01:00' };
	await post(precise);
	const others = Array.from({ length: 600 }, (_, index) => ({
		...event(index + 10, 'wallet.created', { type: 'wallet', id: `wal_${index}` }, {}), occurred_at: at(1),
	}));
	await Promise.all(others.map(post));
	await post(transaction(2, 'transaction.deposit.confirmed'));
	const shown = await track('tx', 'tx_1', data, ['--as-of', soon]);
	assert.deepEqual(shown.timeline.map((entry) => entry.at), ['2025-01-09T12:00:00.250Z', at(2)]);
	const table = await run(['track', 'tx', 'tx_1', '--data', data]);
	assert.equal(table.status, 1, table.stderr);
	const lines = table.stdout.trimEnd().split('\n');
	assert.equal(lines[0], `tx_1: confirmed since ${at(2)}, stuck`);
	assert.match(lines[2], /^AT +MOVED +TYPE +EVENT$/);
	assert.match(lines[3], /^2025-01-09T12:00:00\.250Z +yes +transaction\.deposit\.detected +evt_1$/);
	assert.equal(lines.length, 5);
});

test('misuse and what is not known', async (t) => {
	const { data, post } = await receiver(t);
	await post(transaction(1, 'transaction.deposit.detected'));
	const cases = [
		[['tx', 'tx_2', '--data', data], /tx_2: no event in the journal is of it/],
		[['case', 'tx_1', '--data', data], /tx_1: no event in the journal is of it; expected the id of a case/],
		[['tx', '', '--data', data], /the ID is empty/],
		[['tx', '--data', data], /ID/],
		[['tx', 'tx_1'], /--data/],
		[['tx', 'tx_1', '--data', scratch(t)], /vaultbell\.db/],
		[['tx', 'tx_1', '--data', data, '--as-of', 'soon'], /--as-of soon: expected a time/],
		[['tx', 'tx_1', '--data', data, '--stuck-after', 'x'], /--stuck-after/],
		[['endpoint', 'ep_1', '--data', data], /track/],
	];
	for (const [args, expected] of cases) {
		const result = await run(['track', ...args, '--json']);
		assert.equal(result.status, 2, result.stderr);
		assert.equal(result.stdout, '');
		assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
		assert.match(result.stderr, expected);
	}
});
