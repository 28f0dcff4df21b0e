// M6: a PostgreSQL table as a destination: effectively once, whatever is killed. A real server, on a Unix socket.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { begin, dead, destination, lines, program, receiver, replay, scratch, send, until } from './acting.mjs';
import { postgres } from './postgres.mjs';
import { fileIn, stop } from './program.mjs';
import { standardSecret } from './signing.mjs';

const everything = (...names) => [{ to: names }];

async function database(t) {
	const server = await postgres(t);
	if (!server) t.skip('PostgreSQL is not installed; script/setup does it');
	return server;
}

test('M6: events become rows, exactly, in a table that is made where it is asked for; no password is told', async (t) => {
	const db = await database(t);
	if (!db) return;
	const data = scratch(t);
	const server = await receiver(t, {
		destinations: [{ name: 'ledger', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'public.custody_event', create_table: true, redact: { mask: ['secret'] } }],
		rules: everything('ledger'),
	}, { data });
	const body = '{ "type": "a.b",\n "n": 1.0, "n": 2, "secret": "s3" }';
	await send(server, 'json', body);
	await send(server, 'nul', '{"type":"a\\u0000b"}');
	await until('one row, one given up', async () => (await destination(server, 'ledger')).pending === 0 && db.psql('SELECT count(*) FROM custody_event') === '1');
	assert.equal(db.psql("SELECT source, event_id, type, redacted, body_bytes IS NULL, received_at > now() - interval '1 minute' FROM custody_event"), 'acme|json|a.b|t|t|t');
	assert.equal(db.psql('SELECT body::text FROM custody_event'), '{"type":"a.b","n":1.0,"n":2,"secret":"[redacted]"}');
	const given = await dead(server, 'ledger');
	assert.equal(given.length, 1);
	assert.match(given[0].error, /holds a NUL/);
	assert.ok(!server.log.includes(db.password));
});

test('M6: bytes that are no JSON are kept, and the exact JSON text is', async (t) => {
	const db = await database(t);
	if (!db) return;
	const server = await receiver(t, {
		destinations: [{ name: 'ledger', type: 'postgresql', connection: db.connection, create_table: true }],
		rules: everything('ledger'),
	}, { env: { PGPASSWORD: db.password } });
	const body = '{ "type": "a.b",\r\n  "text": "\\u0000" }\n';
	await send(server, 'json', body);
	await send(server, 'bytes', Buffer.from([0xff, 0, 10]));
	await until('two', () => db.psql('SELECT count(*) FROM vaultbell_event') === '2');
	assert.equal(db.psql("SELECT encode(convert_to(body::text, 'UTF8'), 'hex') FROM vaultbell_event WHERE event_id = 'json'"), Buffer.from(body).toString('hex'));
	assert.equal(db.psql("SELECT body IS NULL, encode(body_bytes, 'hex'), type IS NULL FROM vaultbell_event WHERE event_id = 'bytes'"), 't|ff000a|t');
});

test('M6: effectively once: the receiver is killed under load again and again, and each event is one row', async (t) => {
	const db = await database(t);
	if (!db) return;
	const data = scratch(t);
	const config = {
		destinations: [
			{ name: 'table', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, create_table: true },
			{ name: 'books', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'done', create_table: true,
				statement: "INSERT INTO entry (id, amount) VALUES ($2, ($6 -> 'data' ->> 'amount')::numeric)" },
		],
		rules: everything('table', 'books'),
	};
	/* No key: what runs twice is there twice. */
	db.psql('CREATE TABLE entry (id text, amount numeric)');
	let server = await receiver(t, config, { data });
	let sent = 0;
	const kills = 6;
	for (let round = 0; round < kills; round++) {
		const burst = Array.from({ length: 60 }, () => send(server, `e${sent++}`, { type: 'a', data: { amount: '1000000000000000000001' } }));
		await Promise.all(burst);
		await stop(server, 'SIGKILL');
		server = await receiver(t, config, { data, secret: server.secret });
	}
	await until('all', async () => db.psql('SELECT count(*) FROM vaultbell_event') === String(sent) && db.psql('SELECT count(DISTINCT id) FROM entry') === String(sent));
	await until('nothing waits', async () => (await destination(server, 'books')).pending === 0 && (await destination(server, 'table')).pending === 0);
	assert.equal(db.psql('SELECT count(*), count(DISTINCT id), sum(amount) FROM entry'), `${sent}|${sent}|${BigInt(sent) * 1000000000000000000001n}`);
	/* Sent again by hand, all of it: only what is missing is written. */
	const last = `e${sent - 1}`;
	db.psql(`DELETE FROM vaultbell_event WHERE event_id = '${last}'; DELETE FROM done WHERE event_id = '${last}'; DELETE FROM entry WHERE id = '${last}'`);
	await replay(server, 'books', '--all');
	await replay(server, 'table', '--all');
	await until('the missing ones', () => db.psql('SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM vaultbell_event)') === String(2 * sent));
	await until('nothing waits', async () => (await destination(server, 'books')).pending === 0 && (await destination(server, 'table')).pending === 0);
	assert.equal(db.psql('SELECT count(*), count(DISTINCT id) FROM entry'), `${sent}|${sent}`);
	assert.equal(db.psql('SELECT count(*) FROM vaultbell_event'), String(sent));
});

test('M6: the database is killed and comes back; the receiver connects again and nothing is lost or doubled', async (t) => {
	const db = await database(t);
	if (!db) return;
	const server = await receiver(t, {
		'delivery.schedule': Array(60).fill('200ms').join(','),
		destinations: [{ name: 'ledger', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, create_table: true, order: 'resource' }],
		rules: everything('ledger'),
	});
	const event = (i) => ({ type: 'a', resource: { id: `t${i % 3}` }, i });
	for (let i = 0; i < 20; i++) await send(server, `e${i}`, event(i));
	await until('the first', () => db.psql('SELECT count(*) FROM vaultbell_event') === '20');
	for (let round = 1; round <= 3; round++) {
		const burst = Array.from({ length: 20 }, (_, i) => send(server, `e${round * 20 + i}`, event(i)));
		await db.stop();
		await Promise.all(burst);
		const down = await until('it is noticed', async () => {
			const one = await destination(server, 'ledger');
			return one.last_error && one.pending > 0 && one;
		});
		assert.match(down.last_error.error, /connection|database/);
		await db.start();
		await until('caught up', () => db.psql('SELECT count(*) FROM vaultbell_event') === String((round + 1) * 20));
	}
	assert.equal((await destination(server, 'ledger')).dead_lettered, 0);
});

test('M6: a row that the table refuses is given up, alone, without telling what is in it; a table that is not there is waited for', async (t) => {
	const db = await database(t);
	if (!db) return;
	db.psql('CREATE TABLE strict (id text PRIMARY KEY, amount integer CONSTRAINT amount_is_small CHECK (amount < 100))');
	const server = await receiver(t, {
		'delivery.schedule': Array(60).fill('100ms').join(','),
		destinations: [
			{ name: 'strict', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'done', create_table: true,
				statement: "INSERT INTO strict VALUES ($2, ($6 ->> 'amount')::integer)" },
			{ name: 'later', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'later' },
		],
		rules: everything('strict', 'later'),
	});
	await Promise.all([['a', 1], ['b', 777], ['c', 3], ['d', 'sesame'], ['e', 5]].map(([id, amount]) => send(server, id, { type: 'a', amount })));
	await until('three rows', () => db.psql('SELECT string_agg(id, \'\' ORDER BY id) FROM strict') === 'ace');
	const given = await until('two given up', async () => {
		const list = await dead(server, 'strict');
		return list.length === 2 && list;
	});
	const by = Object.fromEntries(given.map((one) => [one.event_id, one]));
	assert.match(by.b.error, /SQLSTATE 23514, table strict, constraint amount_is_small/);
	assert.match(by.d.error, /SQLSTATE 22P02/);
	for (const secret of ['777', 'sesame']) assert.ok(!(JSON.stringify(given) + server.log).includes(secret));
	assert.deepEqual([by.b.attempts, by.d.attempts], [1, 1]);
	assert.match((await destination(server, 'later')).last_error.error, /SQLSTATE 42P01/);
	db.psql('CREATE TABLE later (source text, event_id text, type text, received_at timestamptz, redacted boolean, body json, body_bytes bytea, PRIMARY KEY (source, event_id))');
	await until('five rows', () => db.psql('SELECT count(*) FROM later') === '5');
});

test('M6: a database that does not answer holds up nobody else, nor the end of the receiver', async (t) => {
	const db = await database(t);
	if (!db) return;
	const server = await receiver(t, {
		destinations: [
			{ name: 'stuck', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'stuck', create_table: true, timeout: '10m' },
			{ name: 'free', type: 'postgresql', connection: db.connection, password_file: db.passwordFile, table: 'free', create_table: true },
		],
		rules: everything('stuck', 'free'),
	});
	await send(server, 'one', { type: 'a' });
	await until('both', () => db.psql('SELECT (SELECT count(*) FROM stuck) + (SELECT count(*) FROM free)') === '2');
	db.child.kill('SIGSTOP');
	await send(server, 'two', { type: 'a' });
	db.child.kill('SIGCONT');
	await until('the free one', () => db.psql('SELECT count(*) FROM free') === '2');
	/* A lock that nobody lets go of. */
	const { spawn } = await import('node:child_process');
	const holder = spawn('psql', ['-X', '-q', '-d', db.connection], { env: { PATH: '/usr/bin:/bin', PGPASSWORD: db.password }, stdio: ['pipe', 'ignore', 'ignore'] });
	t.after(() => holder.kill('SIGKILL'));
	holder.stdin.write('BEGIN; LOCK TABLE stuck;\n');
	await until('locked', () => db.psql("SELECT count(*) FROM pg_locks WHERE relation = 'stuck'::regclass AND mode = 'AccessExclusiveLock' AND granted") === '1');
	await send(server, 'three', { type: 'a' });
	await until('the free one goes on', () => db.psql('SELECT count(*) FROM free') === '3');
	const begun = Date.now();
	await stop(server);
	assert.ok(Date.now() - begun < 15000);
	assert.equal((await destination(server, 'stuck')).pending, 1);
});

test('M6: the example of docs/acting.md, as it is written there', async (t) => {
	const db = await database(t);
	if (!db) return;
	const cwd = scratch(t);
	const page = readFileSync(new URL('../../docs/acting.md', import.meta.url), 'utf8');
	const example = /```yaml\n(# receiver\.yaml\n[\s\S]*?)```/.exec(page)[1];
	const secret = standardSecret();
	fileIn(cwd, 'receiver.yaml', example);
	fileIn(cwd, 'custodian.keys', `${secret}\n`);
	fileIn(cwd, 'ledger.password', `${db.password}\n`);
	fileIn(cwd, 'treasury.key', `${standardSecret()}\n`);
	mkdirSync(join(cwd, 'archive'));
	mkdirSync(join(cwd, 'bin'));
	program(join(cwd, 'bin'), 'on-large-movement', `cat > ${cwd}/desk.$VAULTBELL_EVENT_ID.$2`);
	db.psql('CREATE DATABASE treasury');
	const sockets = /host=(\S+)/.exec(db.connection)[1];
	const server = await begin(t, ['receive', '--data', 'vault', '--listen', '127.0.0.1:0', '--config', 'receiver.yaml'], { cwd, env: { PGHOST: sockets } });
	Object.assign(server, { secret, data: cwd });
	const amount = '1000000000000000000';
	await send(server, 'large', { type: 'transaction.deposit.completed', resource: { id: 't1' }, data: { amount_base_units: amount, from_address: 'x', client_reference: 'r' } }, 'custodian');
	await send(server, 'small', { type: 'transaction.deposit.completed', resource: { id: 't2' }, data: { amount_base_units: '999999999999999999' } }, 'custodian');
	await send(server, 'screened', { type: 'compliance.kyt.screening_completed', data: {} }, 'custodian');
	const archive = join(cwd, 'archive/events.jsonl');
	await until('the archive has all', () => lines(archive).length === 3);
	const treasury = (sql) => db.psql(sql, 'treasury');
	await until('the ledger has two', () => treasury('SELECT count(*) FROM custody_event') === '2');
	const desk = join(cwd, 'desk.large.treasury');
	await until('the desk was told', () => existsSync(desk) && readFileSync(desk, 'utf8').endsWith('}'));
	assert.deepEqual(JSON.parse(readFileSync(desk, 'utf8')).data, { amount_base_units: amount, client_reference: '[redacted]' });
	assert.ok(!existsSync(join(cwd, 'desk.small.treasury')));
	const stands = await destination(server, 'treasury');
	assert.deepEqual([stands.type, stands.routed], ['http', 2]);
});
