// M6, M10: what the receiver does with what it has journalled. The real binary, with real programs, files and endpoints.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, statSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { dead, destination, lines, program, receiver, replay, scratch, send, until } from './acting.mjs';
import { fileIn, run, sink, stop } from './program.mjs';
import { standardSecret } from './signing.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const everything = (...names) => [{ to: names }];

/* --- rules ------------------------------------------------------------------------------------------ */

test('M6, M10: rules route by source, type, organisation and members; filters and redaction are each destination\'s own', async (t) => {
	const data = scratch(t);
	const file = (name, more = {}) => ({ name, type: 'file', path: join(data, `${name}.jsonl`), ...more });
	const server = await receiver(t, {
		destinations: [
			file('all'), file('large'), file('bank'), file('other'), file('open', { filter: { not: { member: 'data.status', equals: 'failed' } } }),
			file('redacted', { redact: { remove: ['data.address', 'data.outputs.*.to'], mask: ['data.reference'] } }),
			file('compliance', { compliance: true }),
		],
		rules: [
			{ to: ['all', 'compliance'] },
			{ name: 'large', when: { all: [{ type: 'transaction.*' }, { member: 'data.amount_base_units', at_least: '1000000000000000000000' }] }, to: ['large'] },
			{ when: { organisation: ['bank', 'fund'] }, to: ['bank'] },
			{ when: { source: 'other' }, to: ['other'] },
			{ when: { any: [{ type: 'transaction.deposit.confirmed' }, { member: '/data/a.b', exists: true }] }, to: ['open', 'redacted'] },
		],
	}, { data });
	const deposit = (more) => ({ type: 'transaction.deposit.confirmed', organisation: 'bank', data: { status: 'confirmed', address: 'bc1q', reference: 'r-1', outputs: [{ to: 'x', n: 1 }], ...more } });
	await send(server, 'e1', deposit({ amount_base_units: '1000000000000000000000' }));
	await send(server, 'e2', deposit({ amount_base_units: '999999999999999999999' }));
	await send(server, 'e3', deposit({ amount_base_units: 1e3, status: 'failed' }), 'other');
	await send(server, 'e4', { type: 'wallet.created', organisation: 'fund', data: { 'a.b': null } });
	await send(server, 'e5', { type: 'compliance.kyt.alert_raised', organisation: 'bank', data: {} });
	const ids = (name) => (existsSync(join(data, `${name}.jsonl`)) ? lines(join(data, `${name}.jsonl`)) : []).map((line) => line.event_id).sort();
	const expected = { compliance: 5, all: 4, redacted: 4, large: 1, bank: 4, other: 1, open: 3 };
	await until('all', () => Object.entries(expected).every(([name, count]) => ids(name).length === count));
	assert.deepEqual(ids('large'), ['e1']);
	assert.deepEqual(ids('bank'), ['e1', 'e2', 'e3', 'e4']);
	assert.deepEqual(ids('other'), ['e3']);
	assert.deepEqual(ids('open'), ['e1', 'e2', 'e4']);
	assert.deepEqual(ids('all'), ['e1', 'e2', 'e3', 'e4'], 'compliance events go only where the destination says so (M7)');
	const redacted = lines(join(data, 'redacted.jsonl')).find((line) => line.event_id === 'e1');
	assert.equal(redacted.redacted, true);
	assert.deepEqual(redacted.body.data, { status: 'confirmed', reference: '[redacted]', outputs: [{ n: 1 }], amount_base_units: '1000000000000000000000' });
	assert.equal(lines(join(data, 'all.jsonl'))[0].redacted, false);
	const stands = await until('recorded', async () => { const now = await destination(server, 'bank'); return now.pending === 0 && now; });
	assert.deepEqual([stands.state, stands.routed, stands.pending, stands.dead_lettered, stands.last_error], ['active', 4, 0, 0, null]);
});

test('M10: a conflict is never routed, a repeat is routed once', async (t) => {
	const data = scratch(t);
	const path = join(data, 'events.jsonl');
	const server = await receiver(t, { destinations: [{ name: 'file', type: 'file', path }], rules: everything('file') }, { data });
	assert.equal(await send(server, 'one', { type: 'a', n: 1 }), 'accepted');
	assert.equal(await send(server, 'one', { type: 'a', n: 1 }), 'duplicate');
	assert.equal(await send(server, 'one', { type: 'a', n: 2 }), 'conflict');
	assert.equal(await send(server, 'two', { type: 'a', n: 3 }), 'accepted');
	await until('two lines', () => lines(path).length === 2);
	assert.deepEqual(lines(path).map((line) => [line.event_id, line.body.n, line.sequence]), [['one', 1, 1], ['two', 3, 2]]);
});

test('errors of the configuration name file, line and what is expected', async (t) => {
	const data = scratch(t);
	const file = { name: 'a', type: 'file', path: join(data, 'a.jsonl') };
	const cases = [
		[{ destinations: [file] }, /destinations: a: expected a rule with "to: \[a\]" under rules/],
		[{ destinations: [file], rules: everything('b') }, /there is no destination b; expected the name of one/],
		[{ destinations: [{ ...file, type: 'ftp' }], rules: everything('a') }, /type: expected command, file, http or postgresql/],
		[{ destinations: [{ ...file, colour: 'red' }], rules: everything('a') }, /colour: expected one of name, type,/],
		[{ destinations: [{ name: 'a', type: 'file' }], rules: everything('a') }, /path is missing: expected the path of a file/],
		[{ destinations: [{ name: 'a', type: 'command', command: ['true'] }], rules: everything('a') }, /command: expected the path of a program/],
		[{ destinations: [file, file], rules: everything('a') }, /name: expected .*each destination its own/],
		[{ destinations: [file], rules: [{ when: { typ: 'a' }, to: ['a'] }] }, /expected source, type, organisation, member, all, any or not/],
		[{ destinations: [file], rules: [{ when: { member: 'a..b', equals: 'c' }, to: ['a'] }] }, /expected a path to a member/],
		[{ destinations: [file], rules: [{ when: { member: 'a', above: 'much' }, to: ['a'] }] }, /expected a decimal number/],
		[{ destinations: [file], rules: [{ when: { type: 'compliance.*' }, to: ['a'] }] }, /expected destination a to say "compliance: true"/],
		[{ destinations: [{ name: 'a', type: 'command', command: '/bin/true' }], rules: everything('a') }, /command: expected the path of a program and its arguments as a list/],
		[{ destinations: [{ name: 'a', type: 'command', command: ['/no/such'] }], rules: everything('a') }, /\/no\/such: No such file/],
		[{ destinations: [{ name: 'a', type: 'postgresql', connection: 'host=x password=hunter2' }], rules: everything('a') }, /connection: expected no password here/],
		[{ destinations: [{ name: 'a', type: 'http', url: 'ftp://x/' }], rules: everything('a') }, /url: expected an http or https URL/],
		[{ destinations: [{ ...file, redact: { hide: ['a'] } }], rules: everything('a') }, /hide: expected "remove" or "mask"/],
	];
	for (const [config, expected] of cases) {
		const result = await receiver(t, config, { data, wait: false });
		assert.equal(result.status, 2, JSON.stringify(config));
		assert.match(result.stderr, expected);
		assert.match(result.stderr, /receiver\.yaml:\d+: /);
		assert.equal(result.stderr.trimEnd().split('\n').length, 1);
		assert.ok(!result.stderr.includes('hunter2'));
	}
});

test('--print-config shows destinations and rules, and no header\'s value', async (t) => {
	const data = scratch(t);
	const config = fileIn(data, 'c.yaml', `destinations:
  - {name: desk, type: http, url: "https://desk.example/x", headers: {Authorization: "Bearer abcdef"}}
rules:
  - {when: {type: "transaction.*"}, to: [desk]}
`);
	const result = await run(['receive', '--data', data, '--config', config, '--print-config']);
	assert.equal(result.status, 0, result.stderr);
	assert.match(result.stdout, /destinations:\n {2}-\n {4}name: desk\n/);
	assert.match(result.stdout, /Authorization: "\[hidden\]"/);
	assert.match(result.stdout, /type: "transaction\.\*"/);
	assert.ok(!result.stdout.includes('abcdef'));
});

test('M25: --print-config shows no user name, password, token or path that opens a door in a URL', async (t) => {
	const data = scratch(t);
	const config = fileIn(data, 'c.yaml', `alerts:
  - {name: desk, kind: slack, url: "https://hooks.chat.example/services/T0/B0/hidden-1"}
  - {name: am, kind: alertmanager, url: "https://jane:hidden-2@am.example:9093/api/hidden-3?token=hidden-4"}
sources:
  - {name: acme, scheme: rfc9421, jwks_url: "https://custody.example/keys?code=hidden-5#ep_1", pull_url: "https://custody.example/pull"}
destinations:
  - {name: act, type: http, url: "https://desk.example/take?token=hidden-6"}
rules:
  - {to: [act]}
`);
	const result = await run(['receive', '--data', data, '--config', config, '--print-config']);
	assert.equal(result.status, 0, result.stderr);
	assert.doesNotMatch(result.stdout, /hidden-\d|jane/);
	for (const shown of ['"https://hooks.chat.example/[hidden]"', '"https://[hidden]@am.example:9093/[hidden]"', '"https://custody.example/keys?[hidden]#ep_1"',
		'"https://custody.example/pull"', '"https://desk.example/take?[hidden]"'])
		assert.ok(result.stdout.includes(shown), `${shown} in ${result.stdout}`);
});

/* --- commands --------------------------------------------------------------------------------------- */

test('M6: a command gets the exact bytes, a bounded environment, and says pass, fail or retry later by its exit', async (t) => {
	const data = scratch(t);
	const path = program(data, 'act', `
id=$VAULTBELL_EVENT_ID
cat > ${data}/body.$id
env > ${data}/env.$id
echo $VAULTBELL_ATTEMPT >> ${data}/attempts.$id
ls -l /proc/$$/fd 2>/dev/null | grep -c memfd > ${data}/inherited.$id
echo "arguments: $1 $2"
echo "token=abcdefghijk password: hunter22 $GIVEN" >&2
case $id in
fail) exit 65;;
later) [ $VAULTBELL_ATTEMPT -ge 3 ] || exit 75;;
broken) exit 1;;
esac`);
	const server = await receiver(t, {
		destinations: [{ name: 'act', type: 'command', command: [path, 'a b', '$HOME'], environment: ['GIVEN'] }],
		rules: everything('act'),
	}, { data, env: { GIVEN: 'sesame-open', SECRET_OF_THE_HOST: 'x' } });
	const body = '{ "type": "a.b",\n "n": 1.0 }\n';
	await send(server, 'pass', body);
	await send(server, 'fail', { type: 'a.b' });
	await send(server, 'later', { type: 'a.b' });
	await send(server, 'broken', { type: 'a.b' });
	const attempts = (id) => readFileSync(join(data, `attempts.${id}`), 'utf8').trim().split('\n').length;
	await until('two are given up', async () => (await destination(server, 'act')).dead_lettered === 2 && attempts('later') === 3);
	assert.equal(readFileSync(join(data, 'body.pass'), 'utf8'), body);
	const environment = Object.fromEntries(readFileSync(join(data, 'env.pass'), 'utf8').trim().split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)));
	for (const name of ['PWD', 'OLDPWD', 'SHLVL', '_']) delete environment[name];
	assert.match(environment.VAULTBELL_RECEIVED_AT, /^\d{4}-\d\d-\d\dT.*Z$/);
	delete environment.VAULTBELL_RECEIVED_AT;
	delete environment.VAULTBELL_SEQUENCE;
	assert.deepEqual(environment, {
		PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C.UTF-8', GIVEN: 'sesame-open', VAULTBELL_DESTINATION: 'act',
		VAULTBELL_SOURCE: 'acme', VAULTBELL_EVENT_ID: 'pass', VAULTBELL_EVENT_TYPE: 'a.b', VAULTBELL_ATTEMPT: '1', VAULTBELL_REDACTED: '0',
	});
	assert.equal(attempts('fail'), 1);
	assert.equal(attempts('broken'), 4);
	const given = await dead(server, 'act');
	assert.deepEqual(given.map((one) => [one.event_id, one.attempts]).sort(), [['broken', 4], ['fail', 1]]);
	const error = given.find((one) => one.event_id === 'fail').error;
	assert.match(error, /^exit status 65, given up: arguments: a b \$HOME token=\[hidden\] password: \[hidden\] \[hidden\]/);
	for (const secret of ['hunter22', 'abcdefghijk', 'sesame-open']) assert.ok(!(error + server.log).includes(secret));
});

test('M6: a command that hangs, and one that ignores SIGTERM, are ended at the limit with all that they started, and nothing waits for them', async (t) => {
	const data = scratch(t);
	const hang = program(data, 'hang', `[ "$VAULTBELL_EVENT_ID" = good ] && exit 0
trap '' TERM
sleep 1000 & echo $! > ${data}/child
echo $$ > ${data}/pid
while :; do sleep 1000; done`);
	const path = join(data, 'events.jsonl');
	const server = await receiver(t, {
		'delivery.schedule': '10m',
		destinations: [
			{ name: 'hang', type: 'command', command: [hang], timeout: '300ms', grace: '200ms', concurrency: '2' },
			{ name: 'file', type: 'file', path },
		],
		rules: everything('hang', 'file'),
	}, { data });
	await send(server, 'bad', { type: 'a' });
	await until('it hangs', () => existsSync(join(data, 'pid')));
	const begun = Date.now();
	await send(server, 'good', { type: 'a' });
	await until('the file got both', () => lines(path).length === 2);
	assert.ok(Date.now() - begun < 10000);
	const stands = await until('the limit', async () => {
		const one = await destination(server, 'hang');
		return one.last_error && one;
	});
	assert.match(stands.last_error.error, /did not end within its time limit/);
	const gone = (name) => {
		const pid = readFileSync(join(data, name), 'utf8').trim();
		return !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	};
	await until('the whole group is gone', () => gone('pid') && gone('child'));
});

test('M6: a receiver that is killed takes its running programs with it, and the event comes again', async (t) => {
	const data = scratch(t);
	const command = [program(data, 'act', `printf '%s\\n' $$ >> ${data}/pids; test -e ${data}/open || exec sleep 600`)];
	const config = { destinations: [{ name: 'act', type: 'command', command }], rules: everything('act') };
	const pids = () => readFileSync(join(data, 'pids'), 'utf8').trim().split('\n').map(Number);
	const runs = (pid) => existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
	let server = await receiver(t, config, { data });
	for (const id of ['e1', 'e2']) await send(server, id, { type: 'a' });
	await until('both run', () => pids().length === 2);
	const first = pids();
	assert.deepEqual(first.map(runs), [true, true]);
	await stop(server, 'SIGKILL');
	await until('they have ended', () => !first.some(runs));
	writeFileSync(join(data, 'open'), '');
	server = await receiver(t, config, { data, secret: server.secret });
	await until('both ran again', async () => pids().length === 4 && (await destination(server, 'act')).pending === 0);
});

test('M6: no more programs at a time than the destination says', async (t) => {
	const data = scratch(t);
	mkdirSync(join(data, 'now'));
	const path = program(data, 'act', `mkdir ${data}/now/$$; ls ${data}/now | wc -l >> ${data}/seen; sleep 0.05; rmdir ${data}/now/$$`);
	const server = await receiver(t, {
		destinations: [{ name: 'act', type: 'command', command: [path], concurrency: 3 }],
		rules: everything('act'),
	}, { data });
	await Promise.all(Array.from({ length: 30 }, (_, i) => send(server, `e${i}`, { type: 'a', i })));
	const seen = () => readFileSync(join(data, 'seen'), 'utf8').trim().split('\n').map(Number);
	await until('30 runs', () => seen().length === 30);
	assert.ok(Math.max(...seen()) <= 3);
	assert.ok(Math.max(...seen()) > 1);
});

test('M6: order is held for each transaction, past failures and a restart', async (t) => {
	const data = scratch(t);
	const act = program(data, 'act', `
[ -e ${data}/closed ] && [ "$VAULTBELL_EVENT_ID" = t1-1 ] && exit 75
echo $VAULTBELL_EVENT_ID >> ${data}/done`);
	fileIn(data, 'closed', '');
	const config = {
		'delivery.schedule': Array(40).fill('50ms').join(','),
		destinations: [{ name: 'act', type: 'command', command: [act], order: 'resource', concurrency: 8 }],
		rules: everything('act'),
	};
	let server = await receiver(t, config, { data });
	for (let i = 1; i <= 5; i++) {
		for (const id of ['t1', 't2']) await send(server, `${id}-${i}`, { type: 'a', resource: { type: 'transaction', id } });
	}
	const done = (id) => (existsSync(join(data, 'done')) ? readFileSync(join(data, 'done'), 'utf8').trim().split('\n').filter((line) => line.startsWith(id)) : []);
	await until('the other transaction', () => done('t2').length === 5);
	await until('recorded', async () => (await destination(server, 'act')).pending === 5);
	assert.deepEqual(done('t1'), []);
	await stop(server, 'SIGKILL');
	server = await receiver(t, config, { data, secret: server.secret });
	unlinkSync(join(data, 'closed'));
	await until('all', () => done('t1').length === 5);
	for (const id of ['t1', 't2']) assert.deepEqual(done(id), [1, 2, 3, 4, 5].map((i) => `${id}-${i}`));
});

/* --- files ------------------------------------------------------------------------------------------ */

test('M6: a file has each event on one line, exactly, whatever its bytes', async (t) => {
	const data = scratch(t);
	const one = join(data, 'json.jsonl');
	const two = join(data, 'base64.jsonl');
	const server = await receiver(t, {
		destinations: [{ name: 'json', type: 'file', path: one, mode: '0640' }, { name: 'base64', type: 'file', path: two, body: 'base64' }],
		rules: everything('json', 'base64'),
	}, { data });
	const bodies = { pretty: '{\r\n  "type": "a",\n  "text": "line\\nbreak \u2028"\n}\n', text: Buffer.from([0xff, 0, 10, 13, 34]), plain: '{"type":"a"}' };
	for (const [id, body] of Object.entries(bodies)) await send(server, id, body);
	await until('all', () => lines(one).length === 3 && lines(two).length === 3);
	for (const line of lines(two)) assert.deepEqual(Buffer.from(line.body_base64, 'base64'), Buffer.from(bodies[line.event_id]));
	const by = Object.fromEntries(lines(one).map((line) => [line.event_id, line]));
	assert.deepEqual(by.pretty.body, JSON.parse(bodies.pretty));
	assert.deepEqual(Buffer.from(by.text.body_base64, 'base64'), bodies.text);
	assert.equal(by.text.type, null);
	assert.deepEqual(Object.keys(by.plain), ['source', 'event_id', 'type', 'received_at', 'sequence', 'redacted', 'body']);
	assert.equal(statSync(one).mode & 0o777, 0o640);
	assert.equal(statSync(two).mode & 0o777, 0o600);
});

test('M6: a file is rotated by size and by age, and opened anew at SIGHUP; no line is torn or lost', async (t) => {
	const data = scratch(t);
	const path = join(data, 'events.jsonl');
	const server = await receiver(t, {
		destinations: [{ name: 'file', type: 'file', path, rotate_bytes: '4096', rotate_after: '1h' }, { name: 'aged', type: 'file', path: join(data, 'aged.jsonl'), rotate_after: '1s' }],
		rules: everything('file', 'aged'),
	}, { data });
	const total = 60;
	for (let i = 0; i < total; i++) await send(server, `e${i}`, { type: 'a', i, padding: 'x'.repeat(200) });
	const files = (name) => readdirSync(data).filter((one) => one.startsWith(name));
	const all = (name) => files(name).flatMap((one) => lines(join(data, one)).map((line) => line.event_id));
	await until('all', () => all('events.jsonl').length === total);
	assert.equal(new Set(all('events.jsonl')).size, total);
	assert.ok(files('events.jsonl').length >= 4);
	for (const one of files('events.jsonl')) assert.ok(statSync(join(data, one)).size <= 4096);
	for (const one of files('events.jsonl').filter((name) => name !== 'events.jsonl')) assert.match(one, /^events\.jsonl\.\d{8}T\d{6}\.\d{6}Z(\.\d+)?$/);
	renameSync(path, join(data, 'moved.jsonl'));
	const before = lines(join(data, 'moved.jsonl')).length;
	server.child.kill('SIGHUP');
	await until('made anew', () => existsSync(path));
	await send(server, 'after', { type: 'a' });
	await until('in the new one', () => lines(path).length === 1);
	assert.equal(lines(join(data, 'moved.jsonl')).length, before);
	await until('an older file was put aside', async () => {
		await send(server, `aged-${Math.random()}`, { type: 'a' });
		return files('aged.jsonl').length > 1;
	});
});

test('M6: what is torn at the end of a file is cut off at the start, and its event comes again', async (t) => {
	const data = scratch(t);
	const path = join(data, 'events.jsonl');
	const config = { destinations: [{ name: 'file', type: 'file', path }], rules: everything('file') };
	const first = await receiver(t, config, { data });
	await send(first, 'one', { type: 'a' });
	const recorded = (server) => until('recorded', async () => (await destination(server, 'file')).pending === 0);
	await until('one', () => lines(path).length === 1);
	await recorded(first);
	await stop(first, 'SIGKILL');
	appendFileSync(path, '{"source":"acme","event_id":"tor' + 'x'.repeat(200000));
	const second = await receiver(t, config, { data, secret: first.secret });
	await send(second, 'two', { type: 'a' });
	await until('two', () => lines(path).length === 2);
	assert.deepEqual(lines(path).map((line) => line.event_id), ['one', 'two']);
	await until('said', () => /torn and is cut off/.test(second.log));
	/* A file of which nothing is whole. */
	await recorded(second);
	await stop(second, 'SIGKILL');
	truncateSync(path, 5);
	const third = await receiver(t, config, { data, secret: first.secret });
	await send(third, 'three', { type: 'a' });
	await until('three', () => lines(path).length === 1);
	assert.equal(lines(path)[0].event_id, 'three');
});

test('M6: a full disk holds what comes, tears no line, and all is written once there is room', async (t) => {
	const disk = mkdtempSync(join(tmpdir(), 'vaultbell-disk-'));
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', disk], { stdio: 'ignore' });
	} catch {
		rmdirSync(disk);
		t.skip('no file system of its own can be mounted here');
		return;
	}
	t.after(() => {
		execFileSync('umount', ['-l', disk]);
		rmdirSync(disk);
	});
	const data = scratch(t);
	const path = join(disk, 'events.jsonl');
	execFileSync('dd', ['if=/dev/zero', `of=${disk}/ballast`, 'bs=1k', 'count=40'], { stdio: 'ignore' });
	const server = await receiver(t, {
		'delivery.schedule': Array(60).fill('100ms').join(','),
		destinations: [{ name: 'file', type: 'file', path }],
		rules: everything('file'),
	}, { data });
	const total = 40;
	for (let i = 0; i < total; i++) await send(server, `e${i}`, { type: 'a', padding: 'x'.repeat(1000) });
	const stands = await until('it is full', async () => {
		const one = await destination(server, 'file');
		return one.last_error && one;
	});
	assert.match(stands.last_error.error, /the file cannot be written: No space left on device/);
	assert.ok(readFileSync(path, 'utf8').endsWith('\n') || readFileSync(path).length === 0);
	execFileSync('mount', ['-o', 'remount,size=4m', disk]);
	await until('all', () => new Set(lines(path).map((line) => line.event_id)).size === total);
});

test('M6: killed again and again, the file gets every event at least once and no torn line', async (t) => {
	const data = scratch(t);
	const path = join(data, 'events.jsonl');
	const config = { destinations: [{ name: 'file', type: 'file', path, rotate_bytes: '20000' }], rules: everything('file') };
	let server = await receiver(t, config, { data });
	let sent = 0;
	for (let round = 0; round < 5; round++) {
		const batch = Array.from({ length: 40 }, () => send(server, `e${sent++}`, { type: 'a', padding: 'y'.repeat(100) }));
		await Promise.all(batch);
		await stop(server, 'SIGKILL');
		server = await receiver(t, config, { data, secret: server.secret });
	}
	const all = () => readdirSync(data).filter((one) => one.startsWith('events.jsonl')).flatMap((one) => lines(join(data, one)).map((line) => line.event_id));
	await until('all', () => new Set(all()).size === sent);
});

/* --- HTTP ------------------------------------------------------------------------------------------- */

test('M6: an HTTP destination gets the exact bytes, its headers, and a signature of the receiver\'s own', async (t) => {
	const data = scratch(t);
	const secret = standardSecret();
	const key = fileIn(data, 'sign.key', `${secret}\n`);
	const target = await sink(t);
	const server = await receiver(t, {
		destinations: [
			{ name: 'signed', type: 'http', url: `${target.url}/signed`, headers: { 'x-queue': 'custody' }, sign_key_file: key },
			{ name: 'bare', type: 'http', url: `${target.url}/bare`, redact: { remove: ['secret'] } },
		],
		rules: everything('signed', 'bare'),
	}, { data });
	const body = '{ "type": "a",  "secret": "s", "n": 1.0 }';
	await send(server, 'one', body);
	await target.until(2);
	const signed = target.received.find((one) => one.url === '/signed');
	const bare = target.received.find((one) => one.url === '/bare');
	assert.equal(signed.body.toString(), body);
	assert.equal(signed.headers['x-queue'], 'custody');
	assert.equal(signed.headers['vaultbell-source'], 'acme');
	assert.equal(signed.headers['vaultbell-redacted'], undefined);
	const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
		.update(`one.${signed.headers['webhook-timestamp']}.${body}`).digest('base64');
	assert.equal(signed.headers['webhook-id'], 'one');
	assert.equal(signed.headers['webhook-signature'], `v1,${mac}`);
	assert.equal(bare.headers['webhook-signature'], undefined);
	assert.equal(bare.headers['webhook-id'], 'one');
	assert.equal(bare.headers['vaultbell-redacted'], 'true');
	assert.deepEqual(JSON.parse(bare.body), { type: 'a', n: 1.0 });
	/* What cannot be redacted is not passed on in the open. */
	await send(server, 'two', 'not JSON, secret');
	const given = await until('given up', async () => (await dead(server, 'bare'))[0]);
	assert.deepEqual([given.event_id, given.attempts], ['two', 1]);
	assert.match(given.error, /not JSON cannot be redacted/);
});

test('M6: dead letters are listed with their reason, and sent again beside a running receiver', async (t) => {
	const data = scratch(t);
	let status = 422;
	const target = await sink(t, (entry) => (entry.url === '/final' ? status : entry.headers['webhook-id'] === 'good' ? 200 : status));
	const server = await receiver(t, {
		'delivery.suspend_after': '1d',
		destinations: [
			{ name: 'final', type: 'http', url: `${target.url}/final`, fail_statuses: [422] },
			{ name: 'patient', type: 'http', url: `${target.url}/patient` },
		],
		rules: everything('final', 'patient'),
	}, { data });
	await send(server, 'bad', { type: 'a' });
	await send(server, 'worse', { type: 'b' });
	await until('given up', async () => (await destination(server, 'final')).dead_lettered === 2 && (await destination(server, 'patient')).dead_lettered === 2);
	const count = (url, id) => target.received.filter((one) => one.url === url && one.headers['webhook-id'] === id).length;
	assert.equal(count('/final', 'bad'), 1);
	assert.equal(count('/patient', 'bad'), 4);
	assert.deepEqual((await dead(server, 'patient')).map((one) => [one.event_id, one.source, one.type, one.attempts, one.error]), [
		['bad', 'acme', 'a', 4, 'HTTP 422'], ['worse', 'acme', 'b', 4, 'HTTP 422'],
	]);
	const listed = await run(['destinations', '--data', join(data, 'vault')]);
	assert.equal(listed.status, 1, 'a finding: events were given up');
	status = 200;
	await replay(server, 'patient');
	await until('sent again', async () => (await destination(server, 'patient')).dead_lettered === 0);
	assert.equal(count('/patient', 'bad'), 5);
	await replay(server, 'final', '--event', 'worse');
	await until('one of them', async () => (await destination(server, 'final')).dead_lettered === 1);
	assert.deepEqual((await dead(server, 'final')).map((one) => one.event_id), ['bad']);
	await replay(server, 'final', '--all', '--since', '2020-01-01T00:00:00Z');
	await until('all of them', () => count('/final', 'worse') === 3 && count('/final', 'bad') === 2);
	const wrong = await run(['destinations', 'replay', 'none', '--data', join(data, 'vault')]);
	assert.equal(wrong.status, 2);
	assert.match(wrong.stderr, /the receiver has no such destination/);
});

test('M6: what is no longer configured is held, and goes on once it is again; sha256 of what arrives is that of what came', async (t) => {
	const data = scratch(t);
	let status = 503;
	const target = await sink(t, () => status);
	const http = { destinations: [{ name: 'desk', type: 'http', url: target.url }], rules: everything('desk') };
	const patient = { 'delivery.schedule': '10m' };
	let server = await receiver(t, { ...http, ...patient }, { data });
	const body = '{"type":"a","n":1}';
	await send(server, 'one', body);
	await target.until(1);
	await until('recorded', async () => (await destination(server, 'desk')).last_error);
	await stop(server);
	server = await receiver(t, patient, { data, secret: server.secret });
	const held = await destination(server, 'desk');
	assert.deepEqual([held.state, held.pending, held.held], ['disabled', 0, 1]);
	await stop(server);
	status = 200;
	server = await receiver(t, { ...http, ...patient }, { data, secret: server.secret });
	await replay(server, 'desk');
	await until('delivered', async () => (await destination(server, 'desk')).pending === 0);
	assert.equal(sha256(target.received.at(-1).body), sha256(body));
});
