// A journal that does not fit its anchor, as after an older copy was restored, and the two persons who say that this is known.
import assert from 'node:assert/strict';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, sql, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const bodyOf = (n) => JSON.stringify({ type: 'wallet.created', n });

async function receiver(t) {
	const data = scratch(t), secret = standardSecret(), file = fileIn(data, 'keys', `${secret}\n`);
	const self = { data };
	self.open = async () => (self.server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'acme', '--scheme', 'standard', '--secret-file', file]));
	self.close = () => stop(self.server);
	self.post = async (...numbers) => {
		for (const n of numbers) {
			const answer = await request(self.server, 'POST', '/in/acme', standardHeaders(secret, `evt_${n}`, bodyOf(n)), bodyOf(n));
			assert.equal(answer.json.status, 'accepted');
		}
	};
	self.person = async (name, role = 'security') => {
		const made = await run(['token', 'create', '--data', data, '--role', role, '--name', name, '--json']);
		assert.equal(made.status, 0, made.stderr);
		const { id, token } = JSON.parse(made.stdout);
		return { id, file: fileIn(data, `${name}.token`, token) };
	};
	self.accept = (person, ...more) => run(['journal', 'accept-anchor', '--data', data, ...(person ? ['--token-file', person.file] : []), '--reason', 'restored after the disk failed', ...more]);
	self.verify = async () => {
		const result = await run(['journal', 'verify', '--data', data, '--json']);
		assert.equal(result.stderr, '');
		return { status: result.status, ...JSON.parse(result.stdout) };
	};
	await self.open();
	return self;
}

/** Journals 1 to 6, and puts the database of after the third one back. */
async function rolledBack(t) {
	const r = await receiver(t);
	r.ada = await r.person('ada');
	r.ben = await r.person('ben');
	await r.post(1, 2, 3);
	await r.close();
	const copy = scratch(t);
	const files = ['vaultbell.db', 'vaultbell.db-wal'];
	for (const file of files) if (existsSync(join(r.data, file))) cpSync(join(r.data, file), join(copy, file));
	await r.open();
	await r.post(4, 5, 6);
	await r.close();
	for (const file of [...files, 'vaultbell.db-shm']) rmSync(join(r.data, file), { force: true });
	for (const file of files) if (existsSync(join(copy, file))) cpSync(join(copy, file), join(r.data, file));
	return r;
}

test('a database that was rolled back: two persons accept it, and what is written then is checked as ever', async (t) => {
	const r = await rolledBack(t);
	const before = await r.verify();
	assert.deepEqual([before.status, before.seq, before.findings], [1, 4, []]);
	// Nothing is noted yet.
	const early = await r.accept(r.ada);
	assert.deepEqual([early.status, early.stdout], [2, '']);
	assert.match(early.stderr, /a receiver notes at its start what does not fit the anchor, so start it once/);

	await r.open();
	let found = await r.verify();
	assert.deepEqual([found.status, found.seq], [1, 4]);
	assert.equal(found.findings.length, 1);
	assert.deepEqual([found.findings[0].kind, found.findings[0].state, found.findings[0].missing_from, found.findings[0].missing_to], ['cut', 'open', 4, 6]);
	await r.post(7, 8);
	assert.equal((await r.verify()).seq, 4);

	const proposed = await r.accept(r.ada, '--json');
	assert.equal(proposed.status, 0, proposed.stderr);
	assert.deepEqual([JSON.parse(proposed.stdout).state, JSON.parse(proposed.stdout).proposed.by], ['proposed', r.ada.id]);
	assert.deepEqual([(await r.verify()).status, (await r.verify()).findings[0].state], [1, 'proposed']);
	const same = await r.accept(r.ada);
	assert.equal(same.status, 2);
	assert.match(same.stderr, /finding 1: .* proposed to accept it; expected another person to confirm/);
	const accepted = await r.accept(r.ben);
	assert.equal(accepted.status, 0, accepted.stderr);
	assert.match(accepted.stdout, /^finding 1, accepted: seq 4 to 6 were cut off/);

	const after = await r.verify();
	assert.deepEqual([after.status, after.valid, after.verified.seq], [0, true, 8]);
	assert.deepEqual([after.findings[0].state, after.findings[0].accepted.by, after.findings[0].accepted.reason], ['accepted', r.ben.id, 'restored after the disk failed']);
	const again = await r.accept(r.ada, '--finding', '1');
	assert.match(again.stderr, /finding 1: it was accepted already/);

	// The audit log has both, and holds together.
	const audit = (await run(['audit', 'list', '--data', r.data, '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.deepEqual(audit.filter((row) => row.action.startsWith('journal.')).map((row) => [row.action, row.actor]),
		[['journal.propose_accept_anchor', r.ada.id], ['journal.accept_anchor', r.ben.id]]);
	assert.equal((await run(['audit', 'verify', '--data', r.data])).status, 0);

	await r.post(9);
	await r.close();
	assert.equal((await r.verify()).status, 0);
	// An alteration behind it, or before it, shows as ever.
	for (const seq of [2, 7, 9]) {
		const copy = scratch(t);
		cpSync(r.data, copy, { recursive: true });
		await sql(copy, `UPDATE journal SET type = 'x' WHERE seq = ${seq}`);
		assert.equal((await run(['journal', 'verify', '--data', copy])).stdout.split('\n')[0].startsWith(`seq ${seq}: `), true);
	}
	// What is cut now is another finding.
	await sql(r.data, 'DELETE FROM journal WHERE seq >= 8');
	assert.equal((await r.verify()).seq, 8);
	await r.open();
	assert.deepEqual((await r.verify()).findings.map((finding) => [finding.state, finding.missing_from ?? null, finding.missing_to ?? null]),
		[['accepted', 4, 6], ['open', 8, 9]]);
	assert.equal((await r.verify()).status, 1);
	// It can be accepted before another row has come.
	for (const person of [r.ben, r.ada]) assert.equal((await r.accept(person)).status, 0);
	assert.equal((await r.verify()).status, 0);
	await r.post(10);
	const end = await r.verify();
	assert.deepEqual([end.status, end.verified.seq], [0, 10]);
});

test('a head that was lost is accepted, and an altered row is not', async (t) => {
	const r = await receiver(t);
	const ada = await r.person('ada'), ben = await r.person('ben'), viewer = await r.person('vic', 'viewer');
	await r.post(1, 2, 3);
	await r.close();
	rmSync(join(r.data, 'journal.head'));
	await r.open();
	await r.post(4);
	assert.deepEqual([(await r.verify()).status, (await r.verify()).seq, (await r.verify()).findings[0].kind], [1, 3, 'disputed']);
	const refused = await r.accept(viewer);
	assert.equal(refused.status, 2);
	assert.match(refused.stderr, /the role viewer may not accept an anchor/);
	assert.equal((await r.accept(ada)).status, 0);
	assert.equal((await r.verify()).status, 1);
	assert.equal((await r.accept(ben)).status, 0);
	assert.equal((await r.verify()).status, 0);
	await r.close();
	await r.open();
	assert.equal((await r.verify()).status, 0);
	await r.close();
	await sql(r.data, 'UPDATE journal SET source = \'other\' WHERE seq = 2');
	await r.open();
	assert.equal((await r.verify()).seq, 2);
	const none = await r.accept(ada);
	assert.equal(none.status, 2);
	assert.match(none.stderr, /an altered row or body cannot be accepted/);
});

test('what was accepted once does not excuse the same from happening again', async (t) => {
	const r = await receiver(t);
	const ada = await r.person('ada'), ben = await r.person('ben');
	await r.post(1, 2, 3);
	await r.close();
	rmSync(join(r.data, 'journal.head'));
	await r.open();
	for (const person of [ada, ben]) assert.equal((await r.accept(person)).status, 0);
	await r.post(4, 5);
	await r.close();
	assert.equal((await r.verify()).status, 0);
	// Somebody without master.key takes the newest rows away, and the head that knows of them.
	await sql(r.data, 'DELETE FROM journal WHERE seq > 3');
	rmSync(join(r.data, 'journal.head'));
	await r.open();
	const found = await r.verify();
	assert.deepEqual([found.status, found.findings.map((finding) => finding.state)], [1, ['accepted', 'open']]);
	await r.close();
	await r.open();
	assert.equal((await r.verify()).findings.length, 2);
	for (const person of [ben, ada]) assert.equal((await r.accept(person)).status, 0);
	assert.equal((await r.verify()).status, 0);
});

test('findings that somebody else wrote accept nothing', async (t) => {
	const r = await rolledBack(t);
	await r.open();
	await r.post(7);
	const file = join(r.data, 'journal.findings');
	const open = readFileSync(file, 'utf8');
	assert.equal((await r.accept(r.ada)).status, 0);
	const proposed = readFileSync(file, 'utf8');
	const step = '{"by":"tok_x","reason":"y","at":1}';
	for (const forged of [
		open.replace('"state":"open"', `"state":"accepted","proposed":${step},"accepted":${step}`),
		proposed.replace('"state":"proposed"', `"state":"accepted","accepted":${step}`),
		open.split('\n')[0], 'seal x\n', '',
	]) {
		writeFileSync(file, forged);
		assert.deepEqual([(await r.verify()).status, (await r.verify()).seq], [1, 4]);
		if (forged !== open) assert.equal((await r.accept(r.ben)).status, 2);
	}
	// An older state of the file is a state in which less is accepted.
	writeFileSync(file, open);
	assert.equal((await r.accept(r.ben)).status, 0);
	assert.equal((await r.verify()).status, 1);
});

test('what was accepted stays so when the sealing key is rotated', async (t) => {
	const r = await rolledBack(t);
	await r.open();
	for (const person of [r.ada, r.ben]) assert.equal((await r.accept(person)).status, 0);
	assert.equal((await run(['key', 'rotate', '--data', r.data, '--wait'])).status, 0);
	assert.equal(existsSync(join(r.data, 'master.key.next')), false);
	assert.equal((await r.verify()).status, 0);
	await r.post(7);
	await r.close();
	assert.deepEqual([(await r.verify()).status, (await r.verify()).findings[0].state], [0, 'accepted']);
});
