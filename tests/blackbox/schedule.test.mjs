// M5: the receiver reconciles by itself: reports that are replaced whole, breaks that are kept, alerts, and a receiver that
// goes on whatever happens to a run.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { api } from './list-api.mjs';
import { fileIn, request, run, scratch, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const header = 'id,direction,network,asset,amount_base_units,status,occurred_at\n';
const row = (id, amount) => `${id},in,eip155:1,native,${amount},completed,2025-01-09T12:00:00Z\n`;

async function until(what, ask) {
	for (const late = Date.now() + 30000; ;) {
		const answer = await ask();
		if (answer) return answer;
		assert.ok(Date.now() < late, `not in time: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

async function breaks(data, extra = []) {
	const result = await run(['breaks', 'list', '--data', data, '--json', ...extra]);
	assert.equal(result.status, 0, result.stderr);
	return result.stdout.split('\n').filter(Boolean).map(JSON.parse);
}

function setting(t, text) {
	const data = scratch(t);
	const secret = standardSecret();
	const keys = fileIn(data, 'keys', `${secret}\n`);
	const config = fileIn(data, 'vaultbell.yaml', `sources:\n  - name: acme\n    scheme: standard\n    secret_file: ${keys}\n${text(data)}`);
	return { data, secret, args: ['receive', '--data', data, '--listen', '127.0.0.1:0', '--config', config] };
}

test('M5: a receiver reconciles by schedule, keeps what it finds and closes what is gone', async (t) => {
	const { data, args, secret } = setting(t, (directory) => `reconcile:
  every: 1s
  custodian: custodian
  ledger: csv:${directory}/ledger.csv
records:
  - name: custodian
    kind: csv
    path: ${directory}/custodian.csv
`);
	fileIn(data, 'custodian.csv', header + row('tx_1', 5));
	fileIn(data, 'ledger.csv', header + row('tx_1', 5));
	const server = await start(t, args);
	const report = join(data, 'reconciliation', 'reconciliation.json');
	const [found] = await until('the first run', async () => { const kept = await breaks(data); return kept.length === 1 && existsSync(report) && kept; });
	assert.equal(found.class, 'MISSING_EVENT');
	assert.equal(JSON.parse(readFileSync(report)).counts.MISSING_EVENT, 1);
	for (const form of ['csv', 'html']) assert.ok(statSync(join(data, 'reconciliation', `reconciliation.${form}`)).size > 0);
	const metrics = async () => (await request(server, 'GET', '/metrics')).text;
	assert.match(await metrics(), /^vaultbell_breaks_open\{class="MISSING_EVENT",severity="high",age="under_1h"\} 1$/m);
	assert.ok(Number(/^vaultbell_reconcile_last_run_timestamp_seconds (\d+)$/m.exec(await metrics())[1]) > 1.7e9);
	const alerted = async () => /^vaultbell_alerts_open\{kind="break"\} (\d+)$/m.exec(await metrics())?.[1];
	assert.equal(await alerted(), '1');
	// The event comes after all, and the break closes by itself.
	const body = JSON.stringify({
		id: 'evt_1', type: 'transaction.deposit.completed', organisation: 'org', occurred_at: '2025-01-09T12:00:00Z',
		resource: { type: 'transaction', id: 'tx_1' }, data: { transaction_id: 'tx_1', direction: 'in', amount_base_units: '5', status: 'completed' },
	});
	assert.equal((await request(server, 'POST', '/in/acme', standardHeaders(secret, 'evt_1', body), body)).status, 200);
	await until('the break closes', async () => (await breaks(data, ['--state', 'matched'])).length === 1);
	assert.equal((await breaks(data)).length, 0);
	await until('the alert is resolved', async () => (await alerted()) === '0');
	assert.doesNotMatch(await metrics(), /vaultbell_breaks_open\{/);
	await until('the report follows', async () => JSON.parse(readFileSync(report)).matched === 1);
	assert.equal((await request(server, 'GET', '/health')).status, 200);
});

test('M5: a run that fails is told of, closes nothing, and the next one that succeeds goes on', async (t) => {
	let good = false;
	const { url } = await api(t, () => (good ? { json: { rows: [] } } : { status: 403 }));
	const { data, args } = setting(t, (directory) => `reconcile:
  every: 1s
  custodian: custodian
  ledger: csv:${directory}/ledger.csv
records:
  - name: custodian
    kind: rest
    url: ${url}
    mapping: ${fileIn(directory, 'm.yaml', 'retries: 0\nlists:\n  - path: /x\n    items: rows\n    record: {id: id}\n')}
`);
	fileIn(data, 'ledger.csv', header);
	const server = await start(t, args);
	await until('the failure is logged', async () => /the reconciliation failed/.test(server.log));
	assert.match(server.log, /custodian: answered 403; expected a token that may read it/);
	assert.ok(!existsSync(join(data, 'reconciliation', 'reconciliation.json')));
	assert.equal((await request(server, 'GET', '/health')).status, 200);
	good = true;
	// A start looks at once, and not a minute after the failure.
	await stop(server);
	const again = await start(t, args);
	await until('a run that succeeds', async () => /reconciled/.test(again.log));
	rmSync(join(data, 'ledger.csv'));
	await until('the next failure', async () => /ledger\.csv: .*expected a readable file/.test(again.log));
});

test('what the schedule wants is checked at the start', async (t) => {
	for (const [text, expected] of [
		['reconcile:\n  every: 1h\n', /reconcile\.custodian is missing: reconcile\.every wants it/],
		['reconcile:\n  every: 1h\n  custodian: csv:a\n  ledger: nobody\n', /reconcile\.ledger: nobody: it is no source of `records`/],
		['reconcile:\n  every: soon\n', /reconcile\.every: expected a duration from 1s to 31d, or 0s for never/],
		['reconcile:\n  at: 25:00\n', /reconcile\.at: expected a time of day in UTC, as in 06:30, or nothing/],
		['records:\n  - name: a\n    kind: rest\n', /records a: url is missing; a rest source wants url mapping/],
	]) {
		const { args } = setting(t, () => text);
		const result = await run(args);
		assert.equal(result.status, 2, result.stderr);
		assert.match(result.stderr, expected);
	}
});

test('a receiver that stops ends its run', async (t) => {
	let asked = 0;
	const { url } = await api(t, () => { asked++; return { status: 429, headers: { 'retry-after': '60' } }; });
	const { data, args } = setting(t, (directory) => `reconcile:
  every: 1s
  custodian: custodian
  ledger: csv:${directory}/ledger.csv
records:
  - name: custodian
    kind: rest
    url: ${url}
    mapping: ${fileIn(directory, 'm.yaml', 'lists:\n  - path: /x\n    items: rows\n    record: {id: id}\n')}
`);
	fileIn(data, 'ledger.csv', header);
	const server = await start(t, args);
	await until('a run is under way', async () => asked > 0);
	const begun = Date.now();
	const [status] = await stop(server);
	assert.equal(status, 0);
	assert.ok(Date.now() - begun < 10000);
});
