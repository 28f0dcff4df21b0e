// Reconciliation from outside: a journal that was made by posting signed events to the receiver, and records in files.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, start } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const columns = [
	'id', 'client_reference', 'direction', 'network', 'asset', 'amount_base_units', 'fee_base_units', 'address', 'tx_hash',
	'output_index', 'status', 'occurred_at',
];
const asOf = '2025-01-10T00:00:00Z';
const then = '2025-01-09T12:00:00Z';

const csv = (rows) => [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((row) => row.join()).join('\r\n');
const jsonl = (rows) => rows.map((row) => JSON.stringify(row)).join('\n');

function deposit(id, extra = {}) {
	return {
		id, direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: '1000000000000000000000000000001',
		address: '0xabcdefabcdefabcdefabcdefabcdefabcdefabcd', tx_hash: `0x${id.padEnd(64, '0').replace(/[^0-9a-f]/g, 'a')}`,
		output_index: '0', status: 'completed', occurred_at: then, ...extra,
	};
}

/** A receiver with a journal; `event` posts one event of a transaction. */
async function receiver(t) {
	const data = scratch(t);
	const secret = standardSecret();
	const args = ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard'];
	const server = await start(t, [...args, '--secret-file', fileIn(data, 'keys', `${secret}\n`)]);
	let number = 0;
	const post = async (id, event, headers = {}) => {
		const body = JSON.stringify({ id, organisation: 'org_1', ...event });
		return request(server, 'POST', '/in/acme', { ...standardHeaders(secret, id, body), ...headers }, body);
	};
	const event = async (type, record, { skip = 0, status = type.split('.').at(-1), at = then, extra = {} } = {}) => {
		number += 1 + skip;
		const { id, occurred_at, ...data } = record;
		const answer = await post(`evt_${number}`, {
			type, stream_seq: number, occurred_at: at, resource: { type: 'transaction', id },
			data: { transaction_id: id, ...data, status, ...extra },
		});
		assert.deepEqual(answer.json, { status: 'accepted' }, answer.text);
	};
	return { data, event, post };
}

async function reconcile(data, custodian, ledger, extra = []) {
	const files = [custodian, ledger].map((text, index) => {
		const form = text.startsWith('{') ? 'jsonl' : 'csv';
		return `${form}:${fileIn(data, `side${index}.${form}`, text)}`;
	});
	const args = ['reconcile', '--data', data, '--custodian', files[0], '--ledger', files[1], '--as-of', asOf, '--json'];
	const result = await run([...args, ...extra]);
	assert.equal(result.stderr, '');
	const report = JSON.parse(result.stdout);
	assert.deepEqual(Object.keys(report), ['as_of', 'matched', 'counts', 'breaks']);
	assert.equal(report.as_of, asOf);
	assert.equal(result.status, report.breaks.length > 0 ? 1 : 0);
	const counts = {};
	for (const found of report.breaks) {
		assert.deepEqual(Object.keys(found), [
			'class', 'severity', 'age_seconds', 'id', 'match_key', 'journal', 'custodian', 'ledger', 'detail',
		]);
		counts[found.class] = (counts[found.class] ?? 0) + 1;
	}
	assert.deepEqual(report.counts, counts);
	return report;
}

test('three sides that agree, in both forms', async (t) => {
	const { data, event } = await receiver(t);
	const rows = ['tx_1', 'tx_2', 'tx_3'].map((id) => deposit(id));
	for (const row of rows) {
		await event('transaction.deposit.detected', row);
		await event('transaction.deposit.completed', row);
	}
	for (const ledger of [csv(rows), jsonl(rows)]) {
		const report = await reconcile(data, csv(rows), ledger);
		assert.deepEqual(report.breaks, []);
		assert.equal(report.matched, 3);
	}
});

test('each side of a break shows what it says', async (t) => {
	const { data, event } = await receiver(t);
	const row = deposit('tx_1');
	await event('transaction.deposit.completed', row);
	const wrong = { ...row, id: '', amount_base_units: 1, desk: 'north' };
	const { breaks, matched } = await reconcile(data, csv([row]), jsonl([wrong]));
	assert.equal(matched, 0);
	assert.equal(breaks.length, 1);
	const [found] = breaks;
	assert.equal(found.class, 'AMOUNT_MISMATCH');
	assert.equal(found.severity, 'critical');
	assert.equal(found.age_seconds, 12 * 3600);
	assert.equal(found.match_key, `tx_1 (tx_hash eip155:1/${row.tx_hash}/0/in)`);
	assert.equal(found.custodian.amount_base_units, row.amount_base_units);
	assert.equal(found.journal.amount_base_units, row.amount_base_units);
	assert.equal(found.ledger.amount_base_units, '1');
	assert.equal(found.ledger.desk, 'north');
	const again = await reconcile(data, csv([row]), jsonl([wrong]), []);
	assert.equal(again.breaks[0].id, found.id);
});

test('M5: sums are exact, whatever the size of the amounts', async (t) => {
	const { data } = await receiver(t);
	let seed = 7;
	const random = (below) => {
		seed = (seed * 48271) % 2147483647;
		return seed % below;
	};
	const digits = (count) => Array.from({ length: count }, () => random(10)).join('');
	const ledger = [], custodian = [], sums = new Map();
	for (let account = 0; account < 60; account++) {
		let sum = 0n;
		for (let row = 0; row < 1 + random(6); row++) {
			const amount = digits([1, 17, 18, 19, 36, 37, 78, 300][random(8)]), fee = digits(1 + random(20));
			const direction = ['in', 'out', 'internal'][random(3)];
			ledger.push({ ...deposit(`tx_${account}_${row}`), direction, amount_base_units: amount, fee_base_units: fee,
				account: `a${account}`, tx_hash: '' });
			sum += direction === 'in' ? BigInt(amount) : -BigInt(fee) - (direction === 'out' ? BigInt(amount) : 0n);
		}
		sums.set(`a${account}`, sum);
		// Half of the statements are right, in a form that has to be made canonical; the others are off by one.
		const stated = account % 2 === 0 ? sum : sum + 1n;
		const text = stated < 0n ? `-00${-stated}` : `${['', '+', '000'][random(3)]}${stated}`;
		custodian.push({ network: 'eip155:1', asset: 'native', account: `a${account}`, balance_base_units: text, occurred_at: then });
	}
	const report = await reconcile(data, jsonl(custodian), jsonl(ledger));
	const found = report.breaks.filter((one) => one.class === 'BALANCE_BREAK');
	assert.equal(found.length, 30);
	for (const { custodian: stated, ledger: entries } of found) {
		const sum = sums.get(entries.account);
		assert.equal(entries.sum_base_units, String(sum));
		assert.equal(stated.balance_base_units, String(sum + 1n));
	}
});

test('what the journal alone can tell', async (t) => {
	const { data, event, post } = await receiver(t);
	const [one, two, held, back] = [deposit('tx_1'), deposit('tx_2'), deposit('tx_3'), deposit('tx_4')];
	await event('transaction.deposit.completed', one);
	await event('transaction.deposit.completed', two, { skip: 2 });
	await event('transaction.deposit.confirmed', held);
	await event('compliance.decision.quarantined', held, { extra: { case_id: 'c' } });
	await event('transaction.deposit.completed', back);
	await event('transaction.deposit.reorged', back, { status: 'detected' });
	const answer = await post('evt_1', { type: 'transaction.deposit.completed', data: { transaction_id: 'tx_1' } });
	assert.deepEqual(answer.json, { status: 'conflict' });
	const custodian = [one, two, { ...held, status: 'quarantined' }, { ...back, status: 'detected' }];
	const { breaks, counts, matched } = await reconcile(data, csv(custodian), csv([one, two, held, back]));
	assert.deepEqual(counts, { CONTENT_CONFLICT: 1, SEQUENCE_GAP: 1, REORGED: 1, COMPLIANCE_HOLD: 1 });
	assert.equal(breaks.find((found) => found.class === 'CONTENT_CONFLICT').journal.event_id, 'evt_1');
	const gap = breaks.find((found) => found.class === 'SEQUENCE_GAP').journal;
	assert.deepEqual(gap, { source: 'acme', organisation: 'org_1', first: 2, last: 3, count: 2 });
	assert.match(breaks.find((found) => found.class === 'REORGED').match_key, /^tx_4 /);
	assert.match(breaks.find((found) => found.class === 'COMPLIANCE_HOLD').match_key, /^tx_3 /);
	assert.equal(matched, 1);
});

test('what one side lacks', async (t) => {
	const { data, event } = await receiver(t);
	const payout = deposit('tx_4', { direction: 'out', status: 'SUBMITTED' });
	await event('transaction.deposit.completed', deposit('tx_2'));
	await event('transaction.deposit.completed', deposit('tx_3'));
	await event('transaction.request.submitted', payout);
	const custodian = [deposit('tx_1'), deposit('tx_3'), payout];
	const ledger = [deposit('tx_1'), deposit('tx_2')];
	const { breaks } = await reconcile(data, jsonl(custodian), csv(ledger));
	assert.deepEqual(breaks.map((found) => [found.class, found.match_key]), [
		['MISSING_EVENT', 'tx_1 (id)'],
		['MISSING_AT_CUSTODIAN', 'tx_2 (id)'],
		['MISSING_INSTRUCTION', 'tx_4 (id)'],
		['MISSING_IN_LEDGER', 'tx_3 (id)'],
	]);
	const young = await reconcile(data, jsonl(custodian), csv(ledger), ['--tolerance', '12h']);
	assert.deepEqual(young.breaks, []);
	const outside = await reconcile(data, jsonl(custodian), csv(ledger), ['--from', '2025-01-09T12:00:01Z']);
	assert.deepEqual(outside.breaks, []);
});

test('what is old without an end is stuck', async (t) => {
	const { data, event } = await receiver(t);
	const old = deposit('tx_1', { status: 'confirmed', occurred_at: '2025-01-08T00:00:00Z' });
	await event('transaction.deposit.confirmed', old, { at: old.occurred_at });
	assert.deepEqual((await reconcile(data, csv([old]), csv([old]))).counts, { STUCK: 1 });
	assert.deepEqual((await reconcile(data, csv([old]), csv([old]), ['--stuck-after', '3d'])).counts, {});
});

test('table, CSV and HTML', async (t) => {
	const { data } = await receiver(t);
	const row = deposit('tx_1', { client_reference: '<img src=x>' });
	const files = ['report.csv', 'report.html'].map((name) => join(data, name));
	const [custodian, ledger] = [fileIn(data, 'c.csv', csv([row])), fileIn(data, 'l.csv', csv([]))];
	const args = ['reconcile', '--data', data, '--custodian', `csv:${custodian}`, '--ledger', `csv:${ledger}`, '--as-of', asOf];
	const result = await run([...args, '--csv', files[0], '--html', files[1]]);
	assert.equal(result.status, 1, result.stderr);
	assert.match(result.stdout, /^As of 2025-01-10T00:00:00Z: 0 matched, 2 breaks\n/);
	assert.match(result.stdout, /\nMISSING_IN_LEDGER +high +1-24 h +tx_1 \(id\)/);
	const lines = readFileSync(files[0], 'utf8').trimEnd().split('\r\n');
	assert.equal(lines[0], 'class,severity,age_seconds,id,match_key,journal,custodian,ledger,detail');
	assert.equal(lines.length, 3);
	const html = readFileSync(files[1], 'utf8');
	assert.match(html, /&lt;img src=x&gt;/);
	assert.doesNotMatch(html, /<img|<script|https?:\/\//);
	// Ages and severities are counted, and can be filtered without a script.
	assert.match(html, /<th class="number">over 7 d<\/th>/);
	for (const severity of ['critical', 'high', 'medium', 'low']) {
		assert.match(html, new RegExp(`<input class="filter" type="checkbox" id="f-${severity}" checked>`));
		assert.ok(html.includes(`#f-${severity}:not(:checked)~.breaks tbody.${severity}{display:none}`));
	}
	assert.match(html, /@media print/);
});

test('misuse says what would be right', async (t) => {
	const { data } = await receiver(t);
	const good = `csv:${fileIn(data, 'good.csv', csv([]))}`;
	const bad = fileIn(data, 'bad.csv', 'id,status\n1,completed\n2,finished\n');
	const cases = [
		[['--custodian', 'acme', '--ledger', good], /acme: expected csv:FILE, jsonl:FILE, or with --config the name of a source of its `records`/],
		[['--custodian', good, '--ledger', 'csv:/nowhere'], /\/nowhere: .*expected a readable file/],
		[['--custodian', good, '--ledger', `csv:${bad}`], /bad\.csv:3: status "finished": expected a state/],
		[['--custodian', good, '--ledger', good, '--as-of', 'soon'], /--as-of soon: expected a time/],
		[['--custodian', good, '--ledger', good, '--tolerance', 'x'], /--tolerance/],
		[['--custodian', good, '--ledger', good, '--from', '2025-01-02T00:00:00Z', '--to', '2025-01-01T00:00:00Z'], /--from/],
		[['--custodian', good], /--ledger/],
	];
	for (const [args, expected] of cases) {
		const result = await run(['reconcile', '--data', data, ...args]);
		assert.equal(result.status, 2, result.stderr);
		assert.equal(result.stdout, '');
		assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
		assert.match(result.stderr, expected);
	}
	const nothing = await run(['reconcile', '--data', scratch(t), '--custodian', good, '--ledger', good]);
	assert.equal(nothing.status, 2);
	assert.match(nothing.stderr, /vaultbell\.db/);
});
