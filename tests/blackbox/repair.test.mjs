// M5, M8: what was lost between a sender and a receiver is found, looked up, journalled as what it is, and sent again.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { api, platform } from './list-api.mjs';
import { network } from './lossy.mjs';
import { fileIn, request, run, scratch, start } from './program.mjs';
import { caller, startServer } from './server.mjs';
import { standardSecret } from './signing.mjs';

const then = '2025-01-09T12:00:00Z';
const asOf = '2025-01-10T00:00:00Z';
const columns = ['id', 'direction', 'network', 'asset', 'amount_base_units', 'status', 'occurred_at'];
const csv = (rows) => [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((row) => row.join()).join('\n');
const record = (id, status = 'completed') => ({
	id, direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: '5', status, occurred_at: then,
});

async function journal(data) {
	const listed = await run(['journal', 'list', '--data', data, '--json']);
	return listed.stdout.split('\n').filter(Boolean).map(JSON.parse);
}

async function reconcile(data, args) {
	const result = await run(['reconcile', '--data', data, '--as-of', asOf, '--json', ...args]);
	return { ...result, report: result.stdout.startsWith('{') ? JSON.parse(result.stdout) : undefined };
}

/** A sender and a receiver with a network between them that a test can make lose. */
async function pair(t) {
	const data = scratch(t);
	const secret = standardSecret();
	const receiver = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard',
		'--secret-file', fileIn(data, 'keys', `${secret}\n`)]);
	const wire = await network(t, receiver.url);
	const sender = await startServer({ VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' });
	t.after(() => sender.stop());
	const token = sender.token('--role', 'platform-admin');
	const call = caller(`${sender.base}/api/v1`, token);
	assert.equal((await call('POST', '/app', { name: 'Bank', uid: 'bank' })).status, 201);
	const made = await call('POST', '/app/bank/endpoint', { uid: 'main', url: `${wire.url}/in/acme`, secret });
	assert.equal(made.status, 201, made.text);
	const post = async (id, status = 'completed', at = then) => {
		const type = `transaction.deposit.${status}`;
		const posted = await call('POST', '/app/bank/msg', {
			eventType: type, payload: {
				type, organisation: 'bank', occurred_at: at, resource: { type: 'transaction', id },
				data: { transaction_id: id, direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: '5', status },
			},
		});
		assert.equal(posted.status, 202, posted.text);
	};
	const config = fileIn(data, 'vaultbell.yaml', `records:
  - name: custodian
    kind: vaultbell
    url: ${sender.base}
    organisation: bank
    token_file: ${fileIn(data, 'token', token)}
    endpoint: main
    source: acme
`);
	return { data, wire, post, config, receiver };
}

test('M8: numbers that are missing are asked for again, and the gap closes', async (t) => {
	const { data, wire, post, config } = await pair(t);
	wire.set(({ resource }) => (['tx_2', 'tx_3'].includes(resource.id) ? 'lose' : 'pass'));
	for (const id of ['tx_1', 'tx_2', 'tx_3', 'tx_4']) await post(id);
	await wire.seen(4);
	const ledger = `csv:${fileIn(data, 'ledger.csv', csv(['tx_1', 'tx_2', 'tx_3', 'tx_4'].map((id) => record(id))))}`;
	const args = ['--config', config, '--custodian', 'custodian', '--ledger', ledger];
	const before = await reconcile(data, args);
	const gap = before.report.breaks.filter((found) => found.class === 'SEQUENCE_GAP');
	assert.ok(gap.length >= 1, before.stdout);
	const dry = await reconcile(data, [...args, '--repair', '--dry-run']);
	assert.equal(dry.status, 1, dry.stderr);
	assert.match(dry.stdout, /^would ask custodian for a replay: SEQUENCE_GAP acme \d-\d \(vaultbell-sequence\)$/m);
	assert.equal((await journal(data)).length, 2);
	wire.set(() => 'pass');
	const after = await reconcile(data, [...args, '--repair']);
	assert.equal(after.status, 0, after.stdout + after.stderr);
	assert.match(after.stderr, /2 events asked for again, 2 of them came/);
	assert.deepEqual(after.report.breaks, []);
	assert.equal(after.report.matched, 4);
	// They came as genuine webhooks.
	const rows = await journal(data);
	assert.deepEqual(rows.filter(({ source }) => source === 'acme').map(({ verdict }) => verdict), Array(4).fill('verified'));
	assert.equal((await run(['journal', 'verify', '--data', data])).status, 0);
});

test('M8: what was lost at the end, where no number shows it', async (t) => {
	const { data, wire, post, config } = await pair(t);
	wire.set(({ resource }) => (resource.id === 'tx_2' ? 'lose' : 'pass'));
	for (const id of ['tx_1', 'tx_2']) await post(id);
	await wire.seen(2);
	wire.set(() => 'pass');
	const ledger = `csv:${fileIn(data, 'ledger.csv', csv(['tx_1', 'tx_2'].map((id) => record(id))))}`;
	const args = ['--config', config, '--custodian', 'custodian', '--ledger', ledger];
	assert.deepEqual((await reconcile(data, args)).report.counts, { MISSING_EVENT: 1 });
	const after = await reconcile(data, [...args, '--repair']);
	assert.match(after.stderr, /1 transactions looked up and journalled, 1 events asked for again, 1 of them came/);
	assert.deepEqual(after.report.counts, {});
	const rows = await journal(data);
	assert.deepEqual(rows.map(({ source, verdict }) => [source, verdict]).sort(), [
		['acme', 'verified'], ['acme', 'verified'], ['reconciliation', 'reconciliation'],
	]);
	assert.equal((await run(['journal', 'verify', '--data', data])).status, 0);
});

test('M5: without a sender to ask, what was looked up stands in the journal as what it is', async (t) => {
	const { data, receiver, wire, post } = await pair(t);
	await post('tx_1');
	await wire.seen(1);
	const custodian = `csv:${fileIn(data, 'c.csv', csv([record('tx_1'), record('tx_2'), record('tx_3', 'ERROR'), { ...record('tx_4'), id: '' }]))}`;
	const ledger = `csv:${fileIn(data, 'l.csv', csv([record('tx_1'), record('tx_2'), record('tx_3', 'failed')]))}`;
	const args = ['--custodian', custodian, '--ledger', ledger];
	const before = await reconcile(data, args);
	assert.deepEqual(before.report.counts, { MISSING_EVENT: 3, MISSING_IN_LEDGER: 1 });
	const dry = await reconcile(data, [...args, '--repair', '--dry-run']);
	assert.deepEqual(dry.stdout.split('\n').filter(Boolean).map((line) => line.split(':')[0]).sort(), [
		'for a person', 'for a person', 'would look up and journal', 'would look up and journal',
	]);
	const after = await reconcile(data, [...args, '--repair', '--keep']);
	// The one without an id, and the entry that the ledger lacks, are a person's.
	assert.deepEqual(after.report.counts, { MISSING_EVENT: 1, MISSING_IN_LEDGER: 1 });
	const rows = await journal(data);
	const made = rows.filter(({ verdict }) => verdict === 'reconciliation');
	assert.deepEqual(made.map(({ type, source }) => [type, source]), Array(2).fill(['reconciliation.record', 'reconciliation']));
	const shown = await run(['journal', 'show', made[0].id, '--data', data]);
	assert.match(shown.stdout, /^source +reconciliation$/m);
	// Again changes nothing, and the receiver that runs beside goes on in the same chain.
	const again = await reconcile(data, [...args, '--repair']);
	assert.deepEqual(again.report.counts, after.report.counts);
	assert.equal((await journal(data)).length, rows.length);
	await post('tx_9');
	await wire.seen(2);
	assert.equal((await journal(data)).length, rows.length + 1);
	assert.equal((await run(['journal', 'verify', '--data', data])).status, 0);
	assert.equal((await request(receiver, 'GET', '/health')).status, 200);
});

test('M11: the platform is asked for each transaction by its id', async (t) => {
	const data = scratch(t);
	assert.equal((await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).status, 0);
	const entry = (requestId, status) => ({ requestId, status, type: 'TRANSFER', direction: 'OUTBOUND', chain: 'ETHEREUM', amount: '5', updatedAt: then });
	const requests = [entry('req_1', 'BLOCKED'), entry('req_2', 'ERROR')];
	const { url, asked } = await platform(t, { requests });
	const config = fileIn(data, 'vaultbell.yaml', `records:
  - name: custodian
    kind: graphql
    url: ${url}
    token_file: ${fileIn(data, 'token', 'secret-token')}
`);
	const ledger = `csv:${fileIn(data, 'l.csv', csv([]))}`;
	const args = ['--config', config, '--custodian', 'custodian', '--ledger', ledger];
	assert.deepEqual((await reconcile(data, args)).report.counts, { MISSING_EVENT: 2 });
	const after = await reconcile(data, [...args, '--repair']);
	assert.deepEqual(after.report.counts, {}, after.stderr);
	assert.deepEqual(asked.map(({ body }) => JSON.parse(body).variables.requestId).filter(Boolean), ['req_1', 'req_2']);
});

test('a repair that cannot be done is an error, and says so', async (t) => {
	const { data, config } = await pair(t);
	const ledger = `csv:${fileIn(data, 'l.csv', csv([]))}`;
	const base = ['--config', config, '--custodian', ledger, '--ledger', ledger];
	for (const [args, expected] of [
		[['--dry-run'], /--dry-run goes with --repair/],
		[['--sender', 'custodian'], /--sender goes with --repair/],
		[['--repair', '--sender', 'nobody'], /--sender nobody: nobody: it is no source of `records`/],
	]) {
		const result = await reconcile(data, [...base, ...args]);
		assert.equal(result.status, 2);
		assert.match(result.stderr, expected);
	}
	const { url } = await api(t, () => ({ status: 404 }));
	const broken = fileIn(data, 'broken.yaml', `records:
  - name: other
    kind: vaultbell
    url: ${url}
    organisation: bank
    token_file: ${fileIn(data, 'token', 'x')}
    endpoint: main
    source: acme
`);
	const custodian = `csv:${fileIn(data, 'c.csv', csv([record('tx_1')]))}`;
	const result = await reconcile(data, ['--config', broken, '--custodian', custodian, '--ledger', ledger, '--repair', '--sender', 'other']);
	assert.equal(result.status, 2);
	assert.match(result.stderr, /--repair: other: answered 404/);
	assert.equal(result.stdout, '');
});
