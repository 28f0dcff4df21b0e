// What the tests of destinations share: a receiver with a configuration, events for it, and its own view of them.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { fileIn, request, run, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const limitMs = 30000;

const servers = new WeakMap(); // by test

/** A directory that is removed when the test ends, once nobody writes into it any more. */
export function scratch(t) {
	const path = mkdtempSync(join(tmpdir(), 'vaultbell-test-'));
	t.after(async () => {
		for (const server of servers.get(t) ?? []) await stop(server, 'SIGKILL');
		rmSync(path, { recursive: true, force: true });
	});
	return path;
}

/** Starts the program; it ends before the test's directories go. */
export async function begin(t, args, options) {
	const server = await start(t, args, options);
	servers.set(t, [...(servers.get(t) ?? []), server]);
	return server;
}

/** What `holds` returns, once it is true; it may throw until then. */
export async function until(what, holds) {
	const late = Date.now() + limitMs;
	let last = '';
	for (;;) {
		try {
			const value = await holds();
			if (value) return value;
		} catch (error) {
			last = error.message;
		}
		if (Date.now() > late) throw new Error(`${what}: not within ${limitMs} ms ${last}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** A program for a command destination. */
export function program(directory, name, text) {
	const path = join(directory, name);
	writeFileSync(path, `#!/bin/sh\n${text}\n`);
	chmodSync(path, 0o755);
	return path;
}

export const lines = (path) => readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** A receiver with one source, `acme`; `config` is JSON, which is YAML. */
export async function receiver(t, config, { data = scratch(t), secret = standardSecret(), env = {}, wait = true } = {}) {
	const keys = fileIn(data, 'keys', `${secret}\n`);
	const text = JSON.stringify({
		sources: ['acme', 'other'].map((name) => ({ name, scheme: 'standard', secret_file: keys })),
		'delivery.schedule': '50ms,100ms,100ms',
		'delivery.breaker_open_for': '50ms',
		...config,
	}, null, 1);
	const file = fileIn(data, 'receiver.yaml', text);
	const args = ['receive', '--data', join(data, 'vault'), '--listen', '127.0.0.1:0', '--config', file];
	if (!wait) return run(args, { env });
	const server = await begin(t, args, { env });
	return Object.assign(server, { data, secret });
}

export async function send(server, id, body, source = 'acme') {
	const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
	const answer = await request(server, 'POST', `/in/${source}`, standardHeaders(server.secret, id, text), text);
	assert.equal(answer.status, 200, answer.text);
	return answer.json.status;
}

/** How the destination stands. */
export async function destination(server, name) {
	const result = await run(['destinations', '--data', join(server.data, 'vault'), '--json']);
	assert.equal(result.stderr, '');
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((one) => one.name === name);
}

export async function dead(server, name) {
	const result = await run(['destinations', 'dead', name, '--data', join(server.data, 'vault'), '--json']);
	assert.equal(result.status, 0, result.stderr);
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

export async function replay(server, name, ...options) {
	const result = await run(['destinations', 'replay', name, '--data', join(server.data, 'vault'), ...options]);
	assert.equal(result.status, 0, result.stderr);
}
