// Starts the program under test (its path is in VAULTBELL) and speaks its API. Nothing here sleeps for a while and
// hopes: it waits for a condition, up to a limit.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = process.env.VAULTBELL ?? fileURLToPath(new URL('../../../build/src/app/vaultbell', import.meta.url));
const limitMs = 20000;

/** A directory that is removed when the tests have ended, and their servers with them. */
export function scratch() {
	const path = mkdtempSync(join(tmpdir(), 'vaultbell-interop-'));
	process.once('exit', () => rmSync(path, { recursive: true, force: true, maxRetries: 20 }));
	return path;
}

/** Asks again, each time a little later, until the answer is neither undefined nor false. */
export async function until(what, ask) {
	const late = Date.now() + limitMs;
	for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
		const answer = await ask();
		if (answer !== undefined && answer !== false) return answer;
		if (Date.now() > late) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, pause));
	}
}

/** Runs a command to its end; its standard output. */
export async function run(args) {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	const output = { stdout: '', stderr: '' };
	for (const name of ['stdout', 'stderr']) child[name].setEncoding('utf8').on('data', (text) => (output[name] += text));
	const [status] = await once(child, 'close');
	if (status !== 0) throw new Error(`vaultbell ${args.join(' ')} ended with ${status}: ${output.stderr}`);
	return output.stdout;
}

async function start(t, args, env = {}) {
	const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
	const ended = once(child, 'close');
	let log = '';
	child.stderr.setEncoding('utf8').on('data', (text) => (log += text));
	t.after(async () => {
		child.kill('SIGTERM');
		const [status, signal] = await ended;
		if (status !== 0) throw new Error(`vaultbell ${args[0]} ended with ${signal ?? status}:\n${log}`);
	});
	const lines = createInterface({ input: child.stdout });
	const [line] = await Promise.race([once(lines, 'line'), ended.then(() => [''])]);
	const url = /^vaultbell: \S+ (http:\/\/\S+)$/.exec(line)?.[1];
	if (!url) throw new Error(`vaultbell ${args[0]} did not start: ${line}\n${log}`);
	return url;
}

/** A sender that may deliver to this machine, and retries at once. */
export async function serve(t, env = {}) {
	const data = scratch();
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).trim();
	const url = await start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'], {
		VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
		VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
		VAULTBELL_DELIVERY_SCHEDULE: '50ms,100ms,200ms,500ms',
		...env,
	});

	/** One call of the API; `body` is sent as it is when it is a string. */
	async function call(method, path, body) {
		const answer = await fetch(`${url}/api/v1${path}`, {
			method,
			headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
			body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body),
		});
		const text = await answer.text();
		return { status: answer.status, text, json: text === '' ? undefined : JSON.parse(text) };
	}

	/** The same, for what must succeed; the value of its answer. */
	async function ask(method, path, body) {
		const answer = await call(method, path, body);
		if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
		return answer.json;
	}

	/** An organisation with one endpoint at `to`. */
	async function endpoint(to, members = {}) {
		const organisation = await ask('POST', '/app', { name: 'Interop' });
		const made = await ask('POST', `/app/${organisation.id}/endpoint`, { url: to, ...members });
		const { key } = await ask('GET', `/app/${organisation.id}/endpoint/${made.id}/secret`);
		return { organisation: organisation.id, id: made.id, key, out: made };
	}

	const post = (organisation, eventType, payload) =>
		ask('POST', `/app/${organisation}/msg`, `{"eventType":${JSON.stringify(eventType)},"payload":${typeof payload === 'string' ? payload : JSON.stringify(payload)}}`);

	return { url, token, data, call, ask, endpoint, post };
}

/** A receiver with one source, `platform`; `keys` are the lines of its secret file. */
export async function receive(t, scheme, keys, more = [], env = {}) {
	const data = scratch();
	const file = join(scratch(), 'keys');
	writeFileSync(file, keys.map((key) => `${key}\n`).join(''), { mode: 0o600 });
	const source = ['--source', 'platform', '--scheme', scheme, '--secret-file', file];
	const url = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...source, ...more], env);
	const journal = async () =>
		(await run(['journal', 'list', '--data', data, '--json'])).split('\n').filter(Boolean).map((line) => JSON.parse(line));
	return { url: `${url}/in/platform`, journal };
}
