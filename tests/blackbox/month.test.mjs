// A simulated month: a sender, a receiver and a ledger, with loss, repetition, reordering, reorganisations, a forged event, a
// tampered journal row and mistakes in the books, each at a known place (M5, M8, M11, M21). Reconciliation has to report
// exactly these, each with its class, and repair has to leave only those that a person must decide.
//
// What is virtual: the month. `occurred_at` of every event lies in January 2025, made by `vaultbell simulate` from a seed, a
// day at a time; `--as-of` is the first of February. The programs, their databases, sockets, signatures, retries and
// replays are real and run now. What is not final at the end of its day is left out, so that nothing is stuck by itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { api } from './list-api.mjs';
import { network } from './lossy.mjs';
import { fileIn, request, run, scratch, start } from './program.mjs';
import { caller, startServer } from './server.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const seed = 20250101;
const days = 31;
const eventsOfADay = 60;
const finals = new Set(['completed', 'rejected', 'failed', 'cancelled', 'expired', 'blocked', 'signing_failed', 'dropped']);
const asOf = '2025-02-01T00:00:00Z';

const transactionOf = ({ resource, data }) => data.transaction_id ?? (resource.type === 'transaction' ? resource.id : undefined);
/** Whether the event tells of the transaction's own state. */
const tells = ({ type }) => /^(transaction\.|compliance\.)/.test(type);

/** The month's envelopes in their order, with one stream of numbers. */
async function history(t) {
	const collected = [];
	const { url } = await api(t, ({ body }) => { collected.push(JSON.parse(body).payload); return { status: 202, json: { id: 'msg' } }; });
	for (let day = 0; day < days; day++) {
		const from = new Date(Date.UTC(2025, 0, 1 + day)).toISOString();
		const made = await run(['simulate', '--url', url, '--token', 'none', '--organisation', 'bank', '--seed', String(seed + day),
			'--count', String(eventsOfADay), '--start', from]);
		assert.equal(made.status, 0, made.stderr);
	}
	const last = new Map();
	for (const event of collected) if (tells(event) && transactionOf(event)) last.set(transactionOf(event), event.data.status);
	const kept = collected.filter((event) => !transactionOf(event) || finals.has(last.get(transactionOf(event))));
	return kept.map((event, index) => ({ ...event, stream_seq: index + 1 }));
}

/** The books of an organisation that acts on what it is told: every payment, and every credit that is completed. */
function books(events) {
	const entries = new Map();
	for (const event of events.filter((one) => tells(one) && transactionOf(one))) {
		const { status, ...data } = event.data;
		const known = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null && value !== undefined));
		const before = entries.get(transactionOf(event)) ?? {};
		entries.set(transactionOf(event), { ...before, ...known, id: transactionOf(event), status, occurred_at: event.occurred_at });
	}
	return [...entries.values()].filter(({ direction, status }) => direction === 'out' || status === 'completed');
}

const columns = ['id', 'client_reference', 'direction', 'network', 'asset', 'amount_base_units', 'fee_base_units', 'address', 'tx_hash',
	'output_index', 'status', 'occurred_at'];
const csv = (rows) => [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((row) => row.join()).join('\n');

/** Changes the body of an event where it lies in the receiver's database, as somebody with access to the file could. */
const tamper = (data, id, from, to) => Number(execFileSync('python3', ['-c', `import sqlite3, sys
base = sqlite3.connect(sys.argv[1] + '/vaultbell.db', timeout=20)
seq, message = base.execute("SELECT seq, message FROM journal WHERE event_id = ?", (sys.argv[2],)).fetchone()
(body,) = base.execute("SELECT payload FROM message WHERE id = ?", (message,)).fetchone()
changed = bytes(body).replace(sys.argv[3].encode(), sys.argv[4].encode())
assert changed != bytes(body)
base.execute("UPDATE message SET payload = ? WHERE id = ?", (changed, message))
base.commit()
print(seq)`, data, id, from, to]).toString());

test('M5, M21: a month with known faults: exactly these are found, and repair leaves a person\'s', { timeout: 170000 }, async (t) => {
	const events = await history(t);
	assert.ok(events.length > 700, `${events.length} events`);
	const ledger = books(events);
	const deposits = ledger.filter(({ direction, status }) => direction === 'in' && status === 'completed');
	const payments = ledger.filter(({ direction, status, fee_base_units: fee }) => direction === 'out' && status === 'completed' && fee);
	assert.ok(deposits.length > 12 && payments.length > 6, `${deposits.length} deposits, ${payments.length} payments`);
	assert.ok(events.some(({ type }) => /reorged$/.test(type)), 'the history has reorganisations of its own');
	const eventOf = ({ id }, status) => events.findLast((event) => transactionOf(event) === id && tells(event) && event.data.status === status);

	// --- the faults ---
	const [undone, changed, unbooked, twice, lostEnd, conflicting] = [2, 3, 5, 7, 9, 11].map((at) => deposits[at]);
	const [wrong, unasked, costly] = [1, 3, 5].map((at) => payments[at]);
	const end = eventOf(lostEnd, 'completed').stream_seq;
	const middle = [0.3, 0.5, 0.7].map((part) => Math.floor(events.length * part)).find((at) => Math.abs(at - end) > 20);
	const lost = new Set([middle, middle + 1, middle + 2, end]);
	const next = events.length + 1;
	const extra = (number, type, of, more = {}) => ({
		...eventOf(of, 'completed'), id: `extra_${number}`, type, stream_seq: number, occurred_at: `2025-01-31T2${number - next}:00:00Z`, ...more,
	});
	const reorganised = extra(next, 'transaction.deposit.reorged', undone, { data: { ...eventOf(undone, 'completed').data, status: 'detected' } });
	const tail = { ...undone, id: 'tx_tail', tx_hash: `0x${'7a'.repeat(32)}`, client_reference: '', status: 'completed', occurred_at: '2025-01-31T21:00:00Z' };
	const tailEvent = extra(next + 1, 'transaction.deposit.completed', undone, {
		resource: { type: 'transaction', id: tail.id },
		data: { ...eventOf(undone, 'completed').data, transaction_id: tail.id, tx_hash: tail.tx_hash },
	});
	lost.add(tailEvent.stream_seq);
	const booked = ledger.filter(({ id }) => id !== unbooked.id && id !== unasked.id).map((entry) => ({
		...entry,
		amount_base_units: entry.id === wrong.id ? `${entry.amount_base_units}0` : entry.amount_base_units,
		fee_base_units: entry.id === costly.id ? '1' : entry.fee_base_units,
	}));
	const nobody = { id: 'tx_nobody', direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: '1', status: 'completed', occurred_at: '2025-01-15T00:00:00Z' };
	const ledgerText = csv([...booked, { ...twice }, tail, nobody]);
	const forPerson = [
		['UNVERIFIED_SIGNATURE', 'evt_forged'], ['CONTENT_CONFLICT', conflicting.id], ['DUPLICATE', twice.id],
		['MISSING_AT_CUSTODIAN', 'tx_nobody'], ['MISSING_INSTRUCTION', unasked.id], ['MISSING_IN_LEDGER', unbooked.id],
		['REORGED', undone.id], ['AMOUNT_MISMATCH', wrong.id], ['AMOUNT_MISMATCH', changed.id], ['FEE_MISMATCH', costly.id],
	];
	const forMachine = [['SEQUENCE_GAP', `acme/bank ${middle}-${middle + 2}`], ['SEQUENCE_GAP', `acme/bank ${end}-${end}`], ['MISSING_EVENT', tail.id]];

	// --- sender, network, receiver ---
	const data = scratch(t);
	const secret = standardSecret();
	const receiver = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard',
		'--secret-file', fileIn(data, 'keys', `${secret}\n`)]);
	const sender = await startServer({ VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' });
	t.after(() => sender.stop());
	const wire = await network(t, receiver.url, ({ stream_seq: number }) => {
		if (lost.has(number)) return 'lose';
		if (number % 17 === 0) return 'twice';
		return number % 23 === 0 ? 'hold' : 'pass';
	});
	const token = sender.token('--role', 'platform-admin');
	const call = caller(`${sender.base}/api/v1`, token);
	assert.equal((await call('POST', '/app', { name: 'Bank', uid: 'bank' })).status, 201);
	assert.equal((await call('POST', '/app/bank/endpoint', { uid: 'main', url: `${wire.url}/in/acme`, secret })).status, 201);
	const all = [...events, reorganised, tailEvent];
	for (const event of all) {
		const posted = await call('POST', '/app/bank/msg', { eventType: event.type, eventId: event.id, payload: event });
		assert.equal(posted.status, 202, posted.text);
		// What was held back comes late, and the last of it first.
		if (event.stream_seq % 200 === 0) await wire.release();
	}
	await wire.seen(all.length);
	await wire.release();
	assert.deepEqual(wire.lost.map(({ json }) => json.stream_seq).sort((a, b) => a - b), [...lost].sort((a, b) => a - b));

	// --- somebody who has no key, one who has, and one who has the file ---
	const forged = JSON.stringify({ ...eventOf(wrong, 'completed'), id: 'evt_forged' });
	const refused = await request(receiver, 'POST', '/in/acme', standardHeaders(standardSecret(), 'evt_forged', forged), forged);
	assert.equal(refused.status, 401);
	const passed = wire.passed.find(({ json }) => json.id === eventOf(conflicting, 'completed').id) ?? assert.fail('it passed');
	const other = JSON.stringify({ ...passed.json, data: { ...passed.json.data, amount_base_units: '1' } });
	const answer = await request(receiver, 'POST', '/in/acme', standardHeaders(secret, passed.headers['webhook-id'], other), other);
	assert.deepEqual(answer.json, { status: 'conflict' });
	const target = eventOf(changed, 'completed');
	const arrived = [...wire.passed].find(({ json }) => json.id === target.id) ?? assert.fail('it passed');
	const seq = tamper(data, arrived.headers['webhook-id'], `"amount_base_units":"${target.data.amount_base_units}"`, '"amount_base_units":"7"');

	// --- the reconciliation ---
	const config = fileIn(data, 'vaultbell.yaml', `records:
  - name: custodian
    kind: vaultbell
    url: ${sender.base}
    organisation: bank
    token_file: ${fileIn(data, 'token', token)}
    endpoint: main
    source: acme
`);
	const args = ['reconcile', '--data', data, '--config', config, '--custodian', 'custodian', '--ledger', `csv:${fileIn(data, 'ledger.csv', ledgerText)}`,
		'--as-of', asOf, '--json', '--keep'];
	const reconcile = async (more = []) => {
		const result = await run([...args, ...more]);
		assert.ok(result.stdout, result.stderr);
		return { ...result, report: JSON.parse(result.stdout) };
	};
	const expect = (report, expected) => {
		const found = report.breaks.map(({ class: name, match_key: key }) => {
			const known = expected.find(([one, part]) => one === name && key.includes(part));
			return `${name} ${known ? known[1] : key}`;
		});
		assert.deepEqual(found.sort(), expected.map(([name, part]) => `${name} ${part}`).sort());
	};
	const first = await reconcile();
	expect(first.report, [...forPerson, ...forMachine]);
	const verified = await run(['journal', 'verify', '--data', data]);
	assert.equal(verified.status, 1);
	assert.match(verified.stdout, new RegExp(`seq ${seq}\\b`));

	// --- repair ---
	wire.set(() => 'pass');
	const repaired = await reconcile(['--repair']);
	assert.match(repaired.stderr, /1 transactions looked up and journalled, 5 events asked for again, 5 of them came/);
	expect(repaired.report, forPerson);
	assert.ok(repaired.report.matched > first.report.matched);
	const list = async (state) => (await run(['breaks', 'list', '--data', data, '--json', '--state', state])).stdout.split('\n').filter(Boolean).map(JSON.parse);
	assert.deepEqual((await list('matched')).map(({ class: name }) => name).sort(), ['MISSING_EVENT', 'SEQUENCE_GAP', 'SEQUENCE_GAP']);
	assert.equal((await list('open')).length, forPerson.length);
});
