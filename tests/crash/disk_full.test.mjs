// A full disk (M1, M17): nothing acknowledged is lost, the error says what is wrong, the server stays up and goes on
// when there is room again. The disk is a small tmpfs of its own, so this needs the right to mount; else it is skipped.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { request, run, sink, start, stop } from '../blackbox/program.mjs';

const DISK_BYTES = 12 << 20;
const BALLAST_BYTES = 6 << 20;

function mountDisk(t) {
	const path = mkdtempSync(join(tmpdir(), 'vaultbell-disk-'));
	try {
		execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', path], { stdio: 'ignore' });
	} catch {
		rmSync(path, { recursive: true });
		return undefined;
	}
	t.after(() => {
		execFileSync('umount', ['-l', path]);
		rmSync(path, { recursive: true });
	});
	return path;
}

const isSubset = (some, all) => [...some].every((one) => all.has(one));

/** Asks again and again, each time after a round trip to the server, until the condition holds. */
async function until(server, condition, what) {
	const late = Date.now() + 30000;
	while (!(await condition())) {
		assert.ok(Date.now() < late, `never: ${what}`);
		await request(server, 'GET', '/api/v1/health');
	}
}

test('a full disk refuses, loses nothing, and is over when there is room', { timeout: 120000 }, async (t) => {
	const disk = mountDisk(t);
	if (disk === undefined) return t.skip('a tmpfs cannot be mounted here');
	const ballast = join(disk, 'ballast');
	const data = join(disk, 'data');
	const receiver = await sink(t);
	const env = {
		VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
		VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
		VAULTBELL_DELIVERY_SCHEDULE: '100ms,200ms,500ms,1s,1s,1s,1s,1s,1s,1s',
		VAULTBELL_DELIVERY_BREAKER_OPEN_FOR: '200ms',
	};
	const server = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
	const post = (path, body) => request(server, 'POST', `/api/v1${path}`, headers, JSON.stringify(body));
	assert.equal((await post('/app', { name: 'Full', uid: 'full' })).status, 201);
	assert.equal((await post('/app/full/endpoint', { url: `${receiver.url}/` })).status, 201);
	writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES));

	const accepted = new Set();
	let number = 0;
	const next = async () => {
		const mine = number++;
		const answer = await post('/app/full/msg', { eventType: 'disk.test', payload: { number: mine, pad: 'x'.repeat(4000) } });
		if (answer.status === 202) accepted.add(mine);
		return answer;
	};
	let refused;
	for (let tries = 0; tries < 20000 && refused === undefined; tries++) {
		const answer = await next();
		if (answer.status !== 202) refused = answer;
	}
	assert.ok(refused, 'the disk never filled');
	assert.equal(refused.status, 503);
	// Whichever is met first: the floor, or a write that finds no room.
	assert.match(refused.json.code, /^(insufficient_storage|storage_full)$/);
	assert.match(refused.json.detail, /room|free/);
	assert.equal((await request(server, 'GET', '/api/v1/health')).status, 200, 'it is still up');

	rmSync(ballast);
	await until(server, async () => (await next()).status === 202, 'it takes events again when there is room');
	const arrived = () => new Set(receiver.received.map((one) => JSON.parse(one.body).number));
	await until(server, () => isSubset(accepted, arrived()), 'everything accepted arrives');
	await stop(server);
	const again = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });
	assert.equal((await request(again, 'GET', '/api/v1/app/full', headers)).status, 200, 'and it is all there after a restart');
});
