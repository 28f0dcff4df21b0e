// The life of breaks from outside: kept over runs, moved by people, two of them where it takes two, beside a receiver that runs.
import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';

import { fileIn, run, scratch, start } from './program.mjs';
import { standardSecret } from './signing.mjs';

const header = 'id,direction,network,asset,amount_base_units,status,occurred_at';
const row = (id, amount) => `${id},in,eip155:1,native,${amount},completed,2025-01-09T12:00:00Z`;
const asOf = '2025-01-10T00:00:00Z';

async function receiver(t) {
	const data = scratch(t);
	const args = ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard'];
	await start(t, [...args, '--secret-file', fileIn(data, 'keys', `${standardSecret()}\n`)]);
	return data;
}

async function reconcile(data, custodian, ledger, extra = ['--keep']) {
	const files = [custodian, ledger].map((rows, side) => `csv:${fileIn(data, `side${side}.csv`, [header, ...rows].join('\n'))}`);
	const args = ['reconcile', '--data', data, '--custodian', files[0], '--ledger', files[1], '--as-of', asOf, '--json', ...extra];
	const result = await run(args);
	assert.equal(result.stderr, '');
	return JSON.parse(result.stdout);
}

async function list(data, extra = []) {
	const result = await run(['breaks', 'list', '--data', data, '--json', ...extra]);
	assert.equal(result.status, 0, result.stderr);
	return result.stdout.split('\n').filter(Boolean).map(JSON.parse);
}

async function show(data, id) {
	const result = await run(['breaks', 'show', id, '--data', data, '--json']);
	assert.equal(result.status, 0, result.stderr);
	return JSON.parse(result.stdout);
}

const move = (data, id, to, extra = []) => run(['breaks', 'move', id, '--data', data, '--to', to, '--reason', 'seen', ...extra]);

async function tokenFile(data, name, role) {
	const made = await run(['token', 'create', '--data', data, '--role', role, '--json', '--name', name]);
	assert.equal(made.status, 0, made.stderr);
	const { token, id } = JSON.parse(made.stdout);
	return { id, file: fileIn(data, `${name}.token`, `${token}\n`) };
}

test('M21: a break keeps its identity over runs, and is matched when it is gone', async (t) => {
	const data = await receiver(t);
	const report = await reconcile(data, [row('tx_1', 5)], [row('tx_1', 6)]);
	assert.deepEqual(report.breaks.map((found) => found.class).sort(), ['AMOUNT_MISMATCH', 'MISSING_EVENT']);
	const first = await list(data);
	assert.deepEqual(first.map(({ id, state }) => [id, state]).sort(), report.breaks.map(({ id }) => [id, 'open']).sort());
	await reconcile(data, [row('tx_1', 5)], [row('tx_1', 6)]);
	const again = await list(data);
	assert.deepEqual(again.map(({ first_seen, id }) => [id, first_seen]), first.map(({ first_seen, id }) => [id, first_seen]));
	// A run that keeps nothing, and one that looks at a window, close nothing.
	await reconcile(data, [], [], []);
	await reconcile(data, [], [], ['--keep', '--from', '2025-01-01T00:00:00Z']);
	assert.equal((await list(data)).length, 2);
	await reconcile(data, [row('tx_1', 5)], [row('tx_1', 5)]);
	const { id } = report.breaks.find((found) => found.class === 'AMOUNT_MISMATCH');
	assert.deepEqual((await list(data)).map((kept) => kept.class), ['MISSING_EVENT']);
	const gone = await show(data, id);
	assert.equal(gone.state, 'matched');
	assert.deepEqual(gone.history.map(({ act, actor }) => [act, actor]), [['found', 'reconciliation'], ['gone', 'reconciliation']]);
	await reconcile(data, [row('tx_1', 5)], [row('tx_1', 6)]);
	const back = await show(data, id);
	assert.equal(back.state, 'open');
	assert.equal(back.first_seen, gone.first_seen);
	assert.deepEqual(back.history.map(({ act }) => act), ['found', 'gone', 'found_again']);
});

test('M21: writing off takes two persons, and stays in history and audit log', async (t) => {
	const data = await receiver(t);
	const { breaks } = await reconcile(data, [row('tx_1', 5)], [row('tx_1', 6)]);
	const { id } = breaks.find((found) => found.class === 'AMOUNT_MISMATCH');
	const ada = await tokenFile(data, 'ada', 'platform-admin');
	const proposed = await move(data, id, 'written_off');
	assert.equal(proposed.status, 0, proposed.stderr);
	assert.match(proposed.stdout, /is open; written_off is proposed, and another person has to confirm it/);
	const alone = await move(data, id, 'written_off');
	assert.equal(alone.status, 2);
	assert.match(alone.stderr, /^vaultbell breaks move: brk_\w+: user:\S+ proposed written_off; expected another person to confirm it\n$/);
	assert.equal((await show(data, id)).state, 'open');
	const confirmed = await move(data, id, 'written_off', ['--token-file', ada.file, '--json']);
	assert.equal(confirmed.status, 0, confirmed.stderr);
	assert.equal(JSON.parse(confirmed.stdout).state, 'written_off');
	const me = `user:${userInfo().username}`;
	const { history } = await show(data, id);
	assert.deepEqual(history.map(({ act, actor, reason }) => [act, actor, reason]).slice(1), [
		['proposed', me, 'seen'], ['confirmed', ada.id, 'seen'],
	]);
	assert.equal((await list(data, ['--state', 'written_off'])).length, 1);
	// What was accepted stays closed while nothing about it changes.
	await reconcile(data, [row('tx_1', 5)], [row('tx_1', 6)]);
	assert.equal((await show(data, id)).state, 'written_off');
	await reconcile(data, [row('tx_1', 5)], [row('tx_1', 7)]);
	assert.equal((await show(data, id)).state, 'open');
	const audit = await run(['audit', 'list', '--data', data, '--json']);
	const rows = audit.stdout.split('\n').filter(Boolean).map(JSON.parse).filter(({ action }) => action === 'break.move');
	assert.deepEqual(rows.map(({ object, after }) => [object, after.act, after.by]), [[id, 'proposed', me], [id, 'confirmed', ada.id]]);
	assert.equal((await run(['audit', 'verify', '--data', data])).status, 0);
});

test('what may not be moved is not', async (t) => {
	const data = await receiver(t);
	const { breaks } = await reconcile(data, [row('tx_1', 5)], [row('tx_1', 5)]);
	const [{ id }] = breaks;
	for (const [args, status, says] of [
		[[id, 'matched'], 2, /--to matched: expected open, investigating, adjusted, written_off or false_positive/],
		[[id, 'open'], 2, /a break that is open cannot become open/],
		[['brk_none', 'investigating'], 2, /brk_none: there is no such break/],
		[[id, 'investigating', ['--token-file', fileIn(data, 'bad', 'vbt_nobody\n')]], 2, /is not, or no longer, a token of this receiver/],
	]) {
		const result = await move(data, ...args);
		assert.equal(result.status, status);
		assert.match(result.stderr, says);
	}
	assert.equal((await show(data, id)).history.length, 1);
	const empty = await run(['breaks', 'move', id, '--data', data, '--to', 'investigating', '--reason', ' ']);
	assert.equal(empty.status, 2);
	assert.equal((await run(['breaks', 'list', '--data', `${data}/none`])).status, 2);
});

test('two proposals at once make one, and both persons are seen', async (t) => {
	const data = await receiver(t);
	const { breaks } = await reconcile(data, [row('tx_1', 5)], [row('tx_1', 5)]);
	const [{ id }] = breaks;
	const ada = await tokenFile(data, 'ada', 'platform-admin');
	const grace = await tokenFile(data, 'grace', 'platform-admin');
	const both = await Promise.all([ada, grace].map(({ file }) => move(data, id, 'adjusted', ['--token-file', file])));
	assert.deepEqual(both.map(({ status }) => status), [0, 0]);
	const kept = await show(data, id);
	assert.equal(kept.state, 'adjusted');
	assert.deepEqual(kept.history.map(({ act }) => act), ['found', 'proposed', 'confirmed']);
	assert.equal(new Set(kept.history.slice(1).map(({ actor }) => actor)).size, 2);
});
