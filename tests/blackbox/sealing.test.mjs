// M15, M16: the key that secrets are sealed with is rotated while the server runs, and killed in the middle of it.
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHmac, createPublicKey, verify } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileIn, request, run, scratch, sink, start, stop } from './program.mjs';
import { caller } from './server.mjs';

async function until(ask, what) {
	for (const late = Date.now() + 40000; ;) {
		const answer = await ask();
		if (answer) return answer;
		assert.ok(Date.now() < late, `${what} does not come`);
		await pause(20);
	}
}

const env = { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', VAULTBELL_DELIVERY_SCHEDULE: '50ms,50ms,50ms,50ms,50ms' };
const next = (data) => join(data, 'master.key.next');
const key = (data) => readFileSync(join(data, 'master.key'), 'utf8');
const status = async (data) => JSON.parse((await run(['key', 'status', '--data', data, '--json'])).stdout);
const serve = (t, data) => start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env });

/** Standard Webhooks: is one of the signatures that of the endpoint's key? */
function signedWith(entry, secret) {
	const text = `${entry.headers['webhook-id']}.${entry.headers['webhook-timestamp']}.${entry.body}`;
	return entry.headers['webhook-signature'].split(' ').some((one) => {
		const [version, signature] = one.split(',');
		if (version === 'v1') return createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(text).digest('base64') === signature;
		const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), Buffer.from(secret.slice('whpk_'.length), 'base64')]);
		return verify(null, Buffer.from(text), createPublicKey({ key: spki, format: 'der', type: 'spki' }), Buffer.from(signature, 'base64'));
	});
}

describe('M15 the sealing key', () => {
	test('rotated under load: everything delivers, and the old key is gone at the end', async (t) => {
		const data = scratch(t);
		let server = await serve(t, data);
		const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
		let api = caller(`${server.url}/api/v1`, token);
		const app = (await api('POST', '/app', { name: 'Alpha' })).json.id;
		await api('POST', '/event-type', { name: 'my.type', description: '' });
		const target = await sink(t);
		const secrets = new Map();
		for (let i = 0; i < 200; i++) {
			const made = await api('POST', `/app/${app}/endpoint`, { url: `${target.url}/${i}`, channels: [`c${i}`], keyType: i % 2 ? 'ed25519' : 'hmac' });
			assert.equal(made.status, 201, made.text);
			if (i % 10 === 0) await api('PUT', `/app/${app}/endpoint/${made.json.id}/authentication`, { basic: { username: 'u', password: `p${i}` } });
			secrets.set(`/${i}`, (await api('GET', `/app/${app}/endpoint/${made.json.id}/secret`)).json.key);
		}
		const before = key(data);
		const send = async (count) => {
			const from = target.received.length;
			for (let i = 0; i < count; i++)
				await api('POST', `/app/${app}/msg`, { eventType: 'my.type', payload: { i }, channels: [`c${i}`] });
			await target.until(from + count);
			for (const entry of target.received.slice(from)) {
				assert.ok(signedWith(entry, secrets.get(entry.url)), entry.url);
				const number = Number(entry.url.slice(1));
				const expected = number % 10 === 0 ? `Basic ${Buffer.from(`u:p${number}`).toString('base64')}` : undefined;
				assert.equal(entry.headers.authorization, expected);
			}
		};
		await send(200);
		assert.equal((await run(['key', 'rotate', '--data', data])).status, 0);
		assert.equal(statSync(next(data)).mode & 0o777, 0o600);
		const again = await run(['key', 'rotate', '--data', data]);
		assert.equal(again.status, 2);
		assert.match(again.stderr, /under way already/);
		// Killed three times while it is at it; nothing is lost and it goes on.
		for (const share of [1, 60, 180]) {
			await until(async () => {
				const counts = await status(data);
				assert.equal(counts.unreadable, 0);
				return counts.newest_key >= share;
			}, `${share} values`);
			await stop(server, 'SIGKILL');
			assert.equal((await status(data)).unreadable, 0);
			server = await serve(t, data);
			api = caller(`${server.url}/api/v1`, token);
			await send(200);
			// What is made meanwhile is sealed with the next key.
			const made = await api('POST', `/app/${app}/endpoint`, { url: `${target.url}/more`, disabled: true });
			assert.equal(made.status, 201);
		}
		assert.equal((await run(['key', 'rotate', '--data', data, '--wait'])).status, 0);
		assert.ok(!existsSync(next(data)));
		assert.notEqual(key(data), before);
		const counts = await status(data);
		assert.deepEqual([counts.rotating, counts.older_key, counts.unreadable], [false, 0, 0]);
		assert.ok(counts.newest_key >= 220);
		// Who began it and that it ended, with ids that tell the keys apart and say nothing else of them.
		const log = (await run(['audit', 'list', '--data', data, '--json'])).stdout.trim().split('\n').map((line) => JSON.parse(line));
		const [asked, ...ended] = log.filter((row) => row.object === 'sealing-key').sort((a, b) => a.seq - b.seq);
		assert.deepEqual([asked.action, asked.actor, ended.length >= 1], ['key.rotate', 'cli', true]);
		assert.match(asked.before.keyId, /^[0-9a-f]{16}$/);
		assert.notEqual(asked.before.keyId, asked.after.keyId);
		for (const row of ended)
			assert.deepEqual([row.action, row.actor, row.before.keyId, row.after.keyId, row.after.unreadable], ['key.rotated', 'system', asked.before.keyId, asked.after.keyId, 0]);
		for (const text of [before.trim(), key(data).trim()]) assert.ok(!JSON.stringify(log).includes(text.slice(0, 16)));
		await send(200);
		for (const args of [[], ['-9']]) {
			await stop(server, args[0] ? 'SIGKILL' : 'SIGTERM');
			server = await serve(t, data);
			api = caller(`${server.url}/api/v1`, token);
			await send(200);
			const audit = await run(['audit', 'verify', '--data', data]);
			assert.equal(audit.status, 0, audit.stdout + audit.stderr);
			assert.ok(!/another master.key|cannot be opened|was not written under/.test(server.log), server.log);
		}
	});

	test('a receiver rotates too, and its journal verifies', async (t) => {
		const data = scratch(t);
		const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
		const file = fileIn(data, 'secret', secret);
		const receive = () => start(t, ['receive', '--data', join(data, 'in'), '--listen', '127.0.0.1:0', '--source', 'a', '--scheme', 'standard', '--secret-file', file]);
		let server = await receive();
		let number = 0;
		const post = async () => {
			const id = `evt-${++number}`, time = Math.floor(Date.now() / 1000), body = '{"type":"x"}';
			const signature = createHmac('sha256', Buffer.alloc(32, 7)).update(`${id}.${time}.${body}`).digest('base64');
			const answer = await request(server, 'POST', '/in/a', { 'webhook-id': id, 'webhook-timestamp': String(time), 'webhook-signature': `v1,${signature}` }, body);
			assert.equal(answer.status, 200, answer.text);
		};
		const good = async () => {
			const checked = await run(['journal', 'verify', '--data', join(data, 'in')]);
			assert.equal(checked.status, 0, checked.stdout + checked.stderr);
		};
		await post();
		const before = key(join(data, 'in'));
		assert.equal((await run(['key', 'rotate', '--data', join(data, 'in')])).status, 0);
		await until(() => /being rotated/.test(server.log), 'the rotation');
		await good();
		await stop(server, 'SIGKILL');
		await good();
		server = await receive();
		await post();
		assert.equal((await run(['key', 'rotate', '--data', join(data, 'in'), '--wait'])).status, 0);
		assert.notEqual(key(join(data, 'in')), before);
		await post();
		await good();
		await stop(server);
		server = await receive();
		await post();
		await good();
		assert.ok(!/not as it was left/.test(server.log), server.log);
		const log = (await run(['audit', 'list', '--data', join(data, 'in'), '--json'])).stdout;
		assert.ok(log.includes('"key.rotate"') && log.includes('"key.rotated"'), log);
		assert.equal((await run(['audit', 'verify', '--data', join(data, 'in')])).status, 0);
	});

	test('what cannot be: no directory, no key, a key that is missing beside the next one', async (t) => {
		const data = scratch(t);
		assert.equal((await run(['key', 'rotate', '--data', join(data, 'none')])).status, 2);
		const server = await serve(t, data);
		await stop(server);
		assert.equal((await run(['key', 'rotate', '--data', data])).status, 0);
		const { renameSync } = await import('node:fs');
		renameSync(join(data, 'master.key'), join(data, 'elsewhere'));
		await assert.rejects(serve(t, data), /put it back from a copy/);
		renameSync(join(data, 'elsewhere'), join(data, 'master.key'));
		await serve(t, data);
	});
});
