// Runs the program under test (its path is in VAULTBELL) and talks to it. Nothing here sleeps: it waits for a
// condition, up to a limit.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = process.env.VAULTBELL;
if (!program) throw new Error('set VAULTBELL to the path of the program');

const limitMs = 20000;

const serversOf = new WeakMap(); // by test

/** A directory that is removed when the test ends, after the servers that the test has started. */
export function scratch(t) {
	const path = mkdtempSync(join(tmpdir(), 'vaultbell-test-'));
	t.after(async () => {
		for (const server of serversOf.get(t) ?? []) await stop(server, 'SIGKILL');
		rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
	});
	return path;
}

/**
 * The environment in which the program's clock shows `second` of a minute now (clock.c), so that the minute is soon over;
 * and `now()`, which is that clock. Where the test is not told of the library, it is the real clock.
 */
export function minuteFrom(second) {
	const library = process.env.VAULTBELL_CLOCK_LIBRARY;
	const ahead = library ? (second * 1000 - (Date.now() % 60000) + 60000) % 60000 : 0;
	// What is loaded stands before the runtime of a sanitizer.
	const asan = [process.env.ASAN_OPTIONS, 'verify_asan_link_order=0'].filter(Boolean).join(':');
	const env = library ? { LD_PRELOAD: library, CLOCK_AHEAD_MS: String(ahead), ASAN_OPTIONS: asan } : {};
	return { env, now: () => Date.now() + ahead };
}

export function fileIn(directory, name, content) {
	const path = join(directory, name);
	writeFileSync(path, content, { mode: 0o600 });
	return path;
}

/** Runs a command to its end. */
export async function run(args, { input = '', env = {} } = {}) {
	const child = spawn(program, args, { env: { ...process.env, ...env } });
	const output = { stdout: '', stderr: '' };
	for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
	child.stdin.on('error', () => {});
	child.stdin.end(input);
	const [status, signal] = await once(child, 'close');
	return { status, signal, ...output };
}

/** Starts a server command and waits for the line that says its URL. `descriptors`: how many files it may have open. */
export async function start(t, args, { env = {}, descriptors, cwd } = {}) {
	const command = descriptors ? ['prlimit', `--nofile=${descriptors}`, program, ...args] : [program, ...args];
	const child = spawn(command[0], command.slice(1), { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
	const server = { child, log: '', ended: once(child, 'close') };
	child.stderr.setEncoding('utf8').on('data', (text) => (server.log += text));
	serversOf.set(t, [...(serversOf.get(t) ?? []), server]);
	t.after(() => stop(server, 'SIGKILL'));
	const lines = createInterface({ input: child.stdout });
	const [line] = await Promise.race([once(lines, 'line'), server.ended.then(() => [''])]);
	const match = /^vaultbell: \S+ (http:\/\/\S+)$/.exec(line);
	if (!match) throw new Error(`the server did not start: ${line}\n${server.log}`);
	server.url = match[1];
	server.authority = new URL(server.url).host;
	server.port = Number(new URL(server.url).port);
	return server;
}

export async function stop(server, signal = 'SIGTERM') {
	if (server.child.exitCode === null && server.child.signalCode === null) server.child.kill(signal);
	return server.ended;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 200 });

/** One request; resolves with status, headers, body text and, where it is JSON, its value. */
export function request(server, method, path, headers = {}, body = '') {
	return new Promise((resolve, reject) => {
		const bytes = Buffer.from(body);
		const options = { agent, host: '127.0.0.1', port: server.port, method, path };
		const call = http.request({ ...options, headers: { 'content-length': bytes.length, ...headers } }, (answer) => {
			const parts = [];
			answer.on('data', (part) => parts.push(part));
			answer.on('error', reject);
			answer.on('end', () => {
				const text = Buffer.concat(parts).toString();
				let json;
				try {
					json = JSON.parse(text);
				} catch {
					json = undefined;
				}
				resolve({ status: answer.statusCode, headers: answer.headers, text, json });
			});
		});
		call.on('error', reject);
		call.end(bytes);
	});
}

/** Writes bytes to a socket and resolves with everything that came until the other side closed. */
export function raw(server, bytes) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(server.port, '127.0.0.1');
		let text = '';
		socket.setTimeout(limitMs, () => socket.destroy(new Error(`still open after ${text}`)));
		socket.setEncoding('latin1').on('data', (part) => (text += part));
		socket.on('error', (error) => (error.code === 'ECONNRESET' && text ? resolve(text) : reject(error)));
		socket.on('end', () => resolve(text));
		socket.write(bytes);
	});
}

/** A server whose answers `answer(request, number)` decides: a status. Keeps what it was sent. */
export async function sink(t, answer = () => 200) {
	const received = [];
	const waiting = [];
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const entry = { method: call.method, url: call.url, headers: call.headers, body: Buffer.concat(parts) };
			received.push(entry);
			response.writeHead(answer(entry, received.length)).end();
			for (const wake of waiting.splice(0)) wake();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	const until = async (count) => {
		const late = AbortSignal.timeout(limitMs);
		while (received.length < count) {
			await new Promise((resolve, reject) => {
				waiting.push(resolve);
				late.addEventListener('abort', () => reject(new Error(`${received.length} of ${count} came`)), { once: true });
			});
		}
		return received;
	};
	return { received, until, url: `http://127.0.0.1:${server.address().port}` };
}

/** Runs SQL on the database of a data directory; resolves with the rows of the last statement. */
export async function sql(data, ...statements) {
	const program = `
import json, sqlite3, sys
data, statements = sys.argv[1], json.loads(sys.argv[2])
base = sqlite3.connect(data + '/vaultbell.db', isolation_level=None)
for statement in statements:
    rows = base.execute(statement).fetchall()
print(json.dumps(rows, default=lambda bytes: bytes.hex()))
`;
	const child = spawn('python3', ['-c', program, data, JSON.stringify(statements)], { stdio: ['ignore', 'pipe', 'inherit'] });
	let text = '';
	child.stdout.setEncoding('utf8').on('data', (part) => (text += part));
	const [status] = await once(child, 'close');
	assert.equal(status, 0, statements.join('; '));
	return JSON.parse(text);
}

/** Resolves with what `holds` comes to, once that is true. */
export async function until(what, holds) {
	for (const late = Date.now() + limitMs; ; ) {
		const value = await holds();
		if (value) return value;
		assert.ok(Date.now() < late, `still not: ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
