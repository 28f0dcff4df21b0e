// The receiver's journal from outside: what was altered in the database file is found, what was refused is kept apart,
// secret files are read again. The file is altered by Python's sqlite3, which knows nothing of the program.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, sink, sql, start, stop, until } from './program.mjs';
import { legacyHeaders, standardHeaders, standardSecret } from './signing.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function receiver(t, { scheme = 'standard', keys, data = scratch(t), extra = [] }) {
	const file = join(data, 'keys');
	if (keys) writeFileSync(file, keys.join('\n') + '\n', { mode: 0o600 });
	const source = ['--source', 'acme', '--scheme', scheme, '--secret-file', file];
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...source, ...extra]);
	return Object.assign(server, { data, file });
}

const post = (server, headers, body, path = '/in/acme') => request(server, 'POST', path, headers, body);

async function lines(...args) {
	const result = await run([...args, '--json']);
	assert.equal(result.stderr, '');
	assert.equal(result.status, 0);
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

async function verify(data) {
	const result = await run(['journal', 'verify', '--data', data, '--json']);
	assert.equal(result.stderr, '');
	return { status: result.status, ...JSON.parse(result.stdout) };
}

/** A data directory whose journal has `rows` rows. */
async function journalled(t, rows) {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	for (let i = 1; i <= rows; i++) {
		const body = JSON.stringify({ type: 'wallet.created', n: i });
		const headers = { ...standardHeaders(secret, `evt_${i}`, body), 'content-type': 'application/json', 'vaultbell-sequence': String(i) };
		assert.equal((await post(server, headers, body)).json.status, 'accepted');
	}
	return { server, data: server.data, secret };
}

test('a journal that nobody touched', async (t) => {
	const { server, data } = await journalled(t, 5);
	await until('anchored', async () => (await verify(data)).anchor.seq === 5);
	const beside = await verify(data);
	assert.deepEqual([beside.status, beside.valid, beside.verified.seq], [0, true, 5]);
	assert.deepEqual(beside.verified, beside.anchor);
	await stop(server);
	const after = await run(['journal', 'verify', '--data', data]);
	assert.equal(after.status, 0);
	assert.match(after.stdout, /^seq 1 to 5: every row and body is as it was written/);
	const missing = await run(['journal', 'verify', '--data', join(data, 'nowhere')]);
	assert.deepEqual([missing.status, missing.stdout], [2, '']);
});

test('every column, every body, and every kind of change to the rows is found', async (t) => {
	const { server, data } = await journalled(t, 9);
	await stop(server);
	const [columns] = [await sql(data, 'SELECT name, type FROM pragma_table_info(\'journal\')')];
	const message = 'id = (SELECT message FROM journal WHERE seq = 4)';
	const others = columns.map(([name]) => name).filter((name) => name !== 'seq').join(', ');
	const changes = {
		'the body': [4, `UPDATE message SET payload = CAST(payload || ' ' AS BLOB) WHERE ${message}`],
		'the body gone': [4, `UPDATE message SET payload = NULL WHERE ${message}`],
		'the body\'s row gone': [4, `DELETE FROM message WHERE ${message}`],
		'the id that is forwarded': [4, `UPDATE message SET webhook_id = 'evt_x' WHERE ${message}`],
		'the type that is routed': [4, `UPDATE message SET type = 'x' WHERE ${message}`],
		'the first row gone': [1, 'DELETE FROM journal WHERE seq = 1'],
		'a row in the middle gone': [4, 'DELETE FROM journal WHERE seq = 4'],
		'the last row gone': [9, 'DELETE FROM journal WHERE seq = 9'],
		'the end gone': [5, 'DELETE FROM journal WHERE seq >= 5'],
		'everything gone': [1, 'DELETE FROM journal'],
		'two rows swapped': [4, 'UPDATE journal SET seq = -4 WHERE seq = 4', 'UPDATE journal SET seq = 4 WHERE seq = 5',
			'UPDATE journal SET seq = 5 WHERE seq = -4'],
		'a row inserted in the middle': [5, 'UPDATE journal SET seq = -seq - 1 WHERE seq >= 5', 'UPDATE journal SET seq = -seq WHERE seq < 0',
			`INSERT INTO journal (seq, ${others}) SELECT 5, ${others} FROM journal WHERE seq = 4`],
		'a row inserted before': [0, `INSERT INTO journal (seq, ${others}) SELECT 0, ${others} FROM journal WHERE seq = 4`],
		'a row inserted at the end': [10, `INSERT INTO journal (seq, ${others}) SELECT 10, ${others} FROM journal WHERE seq = 4`],
		'a row and all behind it renumbered': [4, 'DELETE FROM journal WHERE seq = 4', 'UPDATE journal SET seq = seq - 1 WHERE seq > 4'],
	};
	for (const [name, type] of columns) {
		const value = { INTEGER: `ifnull(${name}, 0) + 1000`, TEXT: `ifnull(${name}, '') || 'x'`, BLOB: 'zeroblob(32)' }[type];
		changes[`column ${name}`] = [4, `UPDATE journal SET ${name} = ${value} WHERE seq = 4`];
	}
	for (const [name, [seq, ...statements]] of Object.entries(changes)) {
		await t.test(name, async (t) => {
			const copy = scratch(t);
			cpSync(data, copy, { recursive: true });
			await sql(copy, ...statements);
			const result = await verify(copy);
			assert.deepEqual([result.status, result.valid, result.seq], [1, false, seq], result.reason);
			const text = await run(['journal', 'verify', '--data', copy]);
			assert.equal(text.status, 1);
			assert.ok(text.stdout.startsWith(`seq ${seq}: `), text.stdout);
			// Whatever it holds, it can still be listed.
			assert.equal((await run(['journal', 'list', '--data', copy, '--json'])).status, 0);
		});
	}
	assert.equal((await verify(data)).status, 0);
});

test('what was cut or written anew is still found after the receiver has run again', async (t) => {
	const { server, data, secret } = await journalled(t, 6);
	await stop(server);
	await sql(data, 'DELETE FROM journal WHERE seq >= 5');
	const again = await receiver(t, { data });
	const body = '{}';
	assert.equal((await post(again, standardHeaders(secret, 'evt_new', body), body)).json.status, 'accepted');
	assert.equal((await verify(data)).seq, 5);
	assert.match(again.log, /the journal's end was cut off/);
	const rows = await lines('journal', 'list', '--data', data);
	assert.deepEqual(rows.map((row) => row.seq), [1, 2, 3, 4, 7]);
	await stop(again);
	assert.equal((await verify(data)).seq, 5);
});

test('the anchor: gone, forged, of another key, and older than the journal', async (t) => {
	const { server, data } = await journalled(t, 3);
	const head = join(data, 'journal.head');
	await stop(server);
	const text = readFileSync(head, 'utf8');
	const cases = {
		'gone': () => rmSync(head),
		'another seq': () => writeFileSync(head, text.replace('end 3', 'end 2')),
		'another chain': () => writeFileSync(head, text.replace(/end 3 ./, 'end 3 x')),
		'empty': () => writeFileSync(head, ''),
		'another key': () => writeFileSync(join(data, 'master.key'), `${'0'.repeat(64)}\n`, { mode: 0o600 }),
		'no key': () => rmSync(join(data, 'master.key')),
	};
	const kept = scratch(t);
	cpSync(data, kept, { recursive: true });
	for (const [name, change] of Object.entries(cases)) {
		await t.test(name, async (t) => {
			change();
			const result = await verify(data);
			assert.deepEqual([result.status, result.seq], [1, 3], result.reason);
			if (name !== 'no key') {
				// A start writes a new one, and does not forget.
				const again = await receiver(t, { data });
				assert.match(again.log, /the journal is not as it was left/);
				await stop(again);
				assert.deepEqual([(await verify(data)).status, (await verify(data)).seq], [1, 3]);
			}
			rmSync(data, { recursive: true });
			cpSync(kept, data, { recursive: true });
		});
	}
	// Rows that came after the anchor, as after a crash, are no finding.
	const more = await receiver(t, { data });
	await stop(more);
	assert.equal((await verify(data)).status, 0);
});

test('the database of before the chain', async (t) => {
	const { server, data, secret } = await journalled(t, 4);
	await stop(server);
	const added = ['scheme', 'key_id', 'sent', 'sequence', 'content_type', 'content', 'chain'];
	const tables = (await sql(data, 'SELECT name FROM sqlite_master WHERE type = \'table\''))
		.map(([name]) => name).filter((name) => name.startsWith('refused'));
	await sql(data, ...added.map((name) => `ALTER TABLE journal DROP COLUMN ${name}`),
		...tables.map((name) => `DROP TABLE ${name}`), 'UPDATE journal SET lookup = 0', 'PRAGMA user_version = 1');
	rmSync(join(data, 'journal.head'));
	const again = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard',
		'--secret-file', join(data, 'keys')]).catch((error) => error);
	// Later migrations may not run twice on one file; then there is nothing to be seen here.
	if (again instanceof Error) return;
	const body = JSON.stringify({ type: 'wallet.created', n: 2 });
	assert.equal((await post(again, standardHeaders(secret, 'evt_2', body), body)).json.status, 'duplicate');
	const result = await verify(data);
	assert.deepEqual([result.status, result.verified.seq], [0, 4], result.reason);
});

test('show: headers, and the body only when it is asked for', async (t) => {
	const { server, data, secret } = await journalled(t, 2);
	const other = '{"another":"body"}';
	assert.equal((await post(server, standardHeaders(secret, 'evt_2', other), other)).json.status, 'conflict');
	const binary = Buffer.from([0xff, 0x00]);
	assert.equal((await post(server, standardHeaders(secret, 'evt_b', binary), binary)).json.status, 'accepted');
	const rows = await lines('journal', 'show', 'evt_2', '--data', data);
	assert.deepEqual(rows.map((row) => [row.seq, row.verdict, row.body]), [[2, 'verified', undefined], [3, 'conflict', undefined]]);
	const [first] = rows;
	assert.deepEqual([first.scheme, first.content_type, first.vaultbell_sequence, first.source, first.type],
		['standard', 'application/json', '2', 'acme', 'wallet.created']);
	assert.match(first.webhook_timestamp, /^\d{10}$/);
	assert.match(first.key, /^[0-9a-f]{16}$/);
	const [, conflict] = await lines('journal', 'show', 'evt_2', '--data', data, '--body');
	assert.equal(conflict.body, other);
	const [shown] = await lines('journal', 'show', 'evt_b', '--data', data, '--body', '--source', 'acme');
	assert.equal(Buffer.from(shown.body_base64, 'base64').compare(binary), 0);
	const text = await run(['journal', 'show', 'evt_1', '--data', data]);
	assert.match(text.stdout, /^seq +1\nid +evt_1\n/);
	assert.ok(!text.stdout.includes('"n"'));
	for (const args of [['evt_9'], ['evt_1', '--source', 'other']]) {
		const none = await run(['journal', 'show', ...args, '--data', data]);
		assert.deepEqual([none.status, none.stdout], [1, '']);
		assert.match(none.stderr, /there is no event/);
	}
});

test('refused requests are kept apart, with reason and claimed id', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{"type":"a.b"}';
	const forged = { ...standardHeaders(standardSecret(), 'evt_1', body) };
	for (let i = 0; i < 3; i++) assert.equal((await post(server, forged, body)).status, 401);
	assert.equal((await post(server, {}, body)).status, 401);
	const stale = standardHeaders(secret, 'evt_2', body, { timestamp: Math.floor(Date.now() / 1000) - 400 });
	assert.equal((await post(server, stale, body)).status, 401);
	assert.equal((await post(server, { ...forged, 'webhook-id': 'x'.repeat(1000) }, body)).status, 401);
	assert.equal((await post(server, standardHeaders(secret, 'evt_1', body), body)).json.status, 'accepted');
	const list = (...args) => lines('journal', 'list', '--refused', '--data', server.data, ...args);
	const rows = await until('6 rows', async () => ((await list()).length === 6 ? list() : null));
	assert.deepEqual(rows.map((row) => [row.reason, row.claimed_id?.slice(0, 5) ?? null]), [
		['wrong', 'evt_1'], ['wrong', 'evt_1'], ['wrong', 'evt_1'], ['missing', null], ['stale', 'evt_2'], [rows[5].reason, 'xxxxx'],
	]);
	for (const row of rows) {
		assert.equal(row.source, 'acme');
		assert.equal(row.body_sha256, sha256(body));
		assert.ok(Date.parse(row.received_at) <= Date.now() + 1);
		assert.ok((row.claimed_id ?? '').length <= 256);
	}
	const totals = await list('--totals');
	const claim = totals.find((row) => row.claimed_id === 'evt_1');
	assert.deepEqual([claim.reason, claim.count], ['wrong', 3]);
	assert.deepEqual(totals.filter((row) => row.reason === 'stale' && !('claimed_id' in row)).map((row) => row.count), [1]);
	assert.deepEqual((await lines('journal', 'list', '--data', server.data)).map((row) => row.id), ['evt_1']);
	const raw = await sql(server.data, 'SELECT * FROM refused');
	const signature = forged['webhook-signature'].slice(3);
	assert.ok(!JSON.stringify(raw).includes(signature) && !JSON.stringify(raw).includes('a.b'));
	const table = await run(['journal', 'list', '--refused', '--data', server.data]);
	assert.equal(table.stdout.trimEnd().split('\n').length, 7);
	const misuse = await run(['journal', 'list', '--totals', '--data', server.data]);
	assert.equal(misuse.status, 2);
});

test('a flood of refused requests: bounded rows, whole counts, a short log', async (t) => {
	const secret = standardSecret();
	const server = await receiver(t, { keys: [secret] });
	const body = '{}';
	const forged = standardHeaders(standardSecret(), 'evt_1', body);
	const total = 1500;
	for (let sent = 0; sent < total; sent += 100) await Promise.all(Array.from({ length: 100 }, () => post(server, forged, body)));
	assert.equal((await post(server, standardHeaders(secret, 'evt_1', body), body)).json.status, 'accepted');
	const list = (...args) => lines('journal', 'list', '--refused', '--data', server.data, ...args);
	await until('all counted', async () => (await list('--totals'))[0].count === total);
	assert.deepEqual((await list('--totals')).map((row) => row.count), [total, total]);
	assert.equal((await list()).length, 1000);
	await stop(server);
	const logged = server.log.split('\n').filter((line) => line.includes('"request refused"')).length;
	assert.ok(logged >= 10 && logged <= total / 5, `${logged} lines`);
	assert.match(server.log, /more requests refused in the last second/);
});

test('a rotated secret file counts without a restart; a broken or missing one changes nothing', async (t) => {
	const [first, second] = [standardSecret(), standardSecret()];
	const server = await receiver(t, { keys: [first] });
	const body = '{}';
	let number = 0;
	const accepted = async (secret) => (await post(server, standardHeaders(secret, `evt_${number++}`, body), body)).status === 200;
	assert.ok(await accepted(first));
	assert.ok(!(await accepted(second)));
	writeFileSync(server.file, `${first}\n${second}\n`);
	await until('both', () => accepted(second));
	assert.ok(await accepted(first));
	writeFileSync(server.file, 'whsec_broken\n');
	await until('said', () => /the keys that were read before stay/.test(server.log));
	assert.ok((await accepted(first)) && (await accepted(second)));
	rmSync(server.file);
	await until('said again', () => server.log.match(/the keys that were read before stay/g).length === 2);
	assert.ok((await accepted(first)) && (await accepted(second)));
	writeFileSync(server.file, `${second}\n`);
	server.child.kill('SIGHUP');
	await until('only the second', async () => !(await accepted(first)));
	assert.ok(await accepted(second));
	assert.ok(!server.log.includes(first) && !server.log.includes(second));
});

test('sources of the configuration, one of them without keys yet', async (t) => {
	const data = scratch(t);
	const secret = standardSecret();
	const target = await sink(t);
	const config = fileIn(data, 'config.yaml', `
sources:
  - name: custodian
    scheme: standard
    secret_file: ${fileIn(data, 'custodian.keys', secret)}
    forward: ${target.url}/events
  - {name: old, scheme: legacy, secret_file: ${join(data, 'old.keys')}}
`);
	const own = ['--source', 'acme', '--scheme', 'standard', '--secret-file', fileIn(data, 'acme.keys', secret)];
	const server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--config', config, ...own]);
	const body = '{"messageId":"m-1"}';
	assert.equal((await post(server, standardHeaders(secret, 'evt_1', body), body)).json.status, 'accepted');
	assert.equal((await post(server, standardHeaders(secret, 'evt_1', body), body, '/in/custodian')).json.status, 'accepted');
	await target.until(1);
	assert.equal((await post(server, legacyHeaders('word', body), body, '/in/old')).status, 503);
	fileIn(data, 'old.keys', 'word\n');
	await until('its keys came', async () => (await post(server, legacyHeaders('word', body), body, '/in/old')).status === 200);
	assert.deepEqual((await lines('journal', 'list', '--data', data)).map((row) => row.source), ['acme', 'custodian', 'old']);
	const wrong = {
		'sources: x': /config\.yaml:1: expected a list of sources/,
		'sources: [{name: a b, scheme: standard, secret_file: x}]': /config\.yaml:1: sources: name: expected a name of 1 to/,
		'sources: [{name: a, scheme: none, secret_file: x}]': /config\.yaml:1: sources: scheme: expected one of standard/,
		'sources: [{name: a, scheme: standard}]': /config\.yaml:1: sources: secret_file: expected the file/,
		'sources: [{name: a, name: b}]': /config\.yaml:1: expected this key once/,
		'sources: [{colour: a}]': /config\.yaml:1: expected name, scheme, secret_file, forward/,
		'log: {level: info}': /--source is missing: name the source .* or list sources in the configuration/,
	};
	for (const [text, message] of Object.entries(wrong)) {
		const result = await run(['receive', '--data', scratch(t), '--config', fileIn(scratch(t), 'config.yaml', text)]);
		assert.equal(result.status, 2);
		assert.match(result.stderr, message);
	}
	const twice = await run(['receive', '--data', scratch(t), '--config', config, '--source', 'old', ...own.slice(2)]);
	assert.match(twice.stderr, /sources: name: expected a name of its own, there is a source old already/);
});
