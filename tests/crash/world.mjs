// A sender, a receiver, producers between them, and a ledger of what they were told: what crash.mjs and disk.mjs share.
//
//   producers ──POST, key──▶ vaultbell serve ──deliveries──▶ vaultbell receive ──▶ journal
//                                              to one of three endpoints,
//                                              a source of the receiver each
//
// A producer repeats a post with the same idempotency key until it is answered 202, and sometimes once more after that.
// Promises, which `judge` holds against the evidence:
//   1. An event that was answered 202 is there, and every answer to its key names the same message.
//   2. A key has made one message, however often it was posted.
//   3. Every message has a delivery, and in the end it succeeded.
//   4. The receiver's journal holds every message once, with the bytes that were posted, and nothing else.
//   5. The journal and the sender's audit log are chained to their ends.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const program = process.env.VAULTBELL;

const living = new Set(); // processes to take along when this one ends
const producerCount = 8;
const endpoints = ['first', 'second', 'third']; // each takes a third of the events, by channel; the second one in order
const backlogMax = 2000; // events that may be on their way, so that the end is near
const limitMs = 60000;

/** Ends with everything that it has started, and without what it has written. */
export function endWith(directory) {
	process.on('exit', () => {
		for (const child of living) child.kill('SIGKILL');
		rmSync(directory, { recursive: true, force: true });
	});
	for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
}

/** Numbers in [0, 1) from a seed (mulberry32). */
export function numbers(state) {
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

export const sha256 = (text) => createHash('sha256').update(text).digest('hex');
export const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(what, ask) {
	const late = Date.now() + limitMs;
	for (let pause = 5; ; pause = Math.min(pause * 2, 200)) {
		const answer = await ask();
		if (answer) return answer;
		if (Date.now() > late) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
		await after(pause);
	}
}

async function run(args) {
	const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	const parts = { stdout: [], stderr: [] };
	for (const name of ['stdout', 'stderr']) child[name].on('data', (part) => parts[name].push(part));
	const [status] = await once(child, 'close');
	if (status !== 0) throw new Error(`vaultbell ${args.slice(0, 2).join(' ')} ended with ${status}: ${Buffer.concat(parts.stdout)}${Buffer.concat(parts.stderr)}`);
	return Buffer.concat(parts.stdout).toString();
}

// --- a server that dies ------------------------------------------------------------------------------------------

/** One of the two commands on one data directory, through all its lives; `life`: the environment of the next one alone. */
export class Server {
	constructor(command, data, options, env) {
		Object.assign(this, { command, data, options, env, life: {}, port: 0, readyMs: [], log: '' });
		this.agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
		this.close();
	}

	/** Callers of `up` wait from now on; those that wait already go on waiting. */
	close() {
		if (this.isDown) return;
		this.isDown = true;
		this.up = new Promise((resolve) => {
			this.open = () => {
				this.isDown = false;
				resolve();
			};
		});
	}

	/** Starts a life; `ready` resolves to whether it came to serve. */
	start() {
		const begun = performance.now();
		const args = [this.command, '--data', this.data, '--listen', `127.0.0.1:${this.port}`, ...this.options];
		const child = spawn(program, args, { env: { ...process.env, ...this.env, ...this.life }, stdio: ['ignore', 'pipe', 'pipe'] });
		child.stderr.setEncoding('utf8').on('data', (text) => (this.log = (this.log + text).slice(-4000)));
		this.child = child;
		living.add(child);
		child.once('close', () => living.delete(child));
		this.ended = once(child, 'close');
		const line = once(createInterface({ input: child.stdout }), 'line');
		this.ready = Promise.race([line, this.ended.then(() => [''])]).then(([text]) => {
			const port = /^vaultbell: \S+ http:\/\/127\.0\.0\.1:(\d+)$/.exec(text)?.[1];
			if (port === undefined || this.dying) return false;
			this.readyMs.push(performance.now() - begun);
			this.port = Number(port);
			this.open();
			return true;
		});
	}

	async begin() {
		this.dying = false;
		this.start();
		if (!(await this.ready)) throw new Error(`vaultbell ${this.command} did not start:\n${this.log}`);
	}

	/** The end without warning, and the next life. */
	async kill() {
		this.dying = true;
		this.close();
		if (this.child.exitCode !== null) throw new Error(`vaultbell ${this.command} had ended by itself:\n${this.log}`);
		this.child.kill('SIGKILL');
		await this.ended;
		this.agent.destroy();
	}

	async stop() {
		this.dying = true;
		this.child.kill('SIGTERM');
		const [status, signal] = await this.ended;
		if (status !== 0) throw new Error(`vaultbell ${this.command} ended with ${signal ?? status}:\n${this.log}`);
	}

	/** One request to this life; status 0 where no whole answer came. */
	call(method, path, headers = {}, body = '') {
		return new Promise((resolve) => {
			const lost = () => resolve({ status: 0, text: '' });
			const options = { agent: this.agent, host: '127.0.0.1', port: this.port, method, path };
			const call = http.request({ ...options, headers: { ...headers, 'content-length': Buffer.byteLength(body) } }, (answer) => {
				const parts = [];
				answer.on('data', (part) => parts.push(part));
				answer.on('error', lost);
				answer.on('aborted', lost);
				answer.on('end', () => resolve({ status: answer.complete ? answer.statusCode : 0, text: Buffer.concat(parts).toString() }));
			});
			call.on('error', lost);
			call.end(body);
		});
	}
}

// --- load --------------------------------------------------------------------------------------------------------

const payloadOf = (number, padMax) => `{"n":${number},"amount":1.0,"pad":"${'x'.repeat((number * 97) % padMax)}"}`;

/** Posts events until told to stop; every one that is begun is brought to its 202. */
async function produce(load, random) {
	while (!load.stopping) {
		if (load.backlog > backlogMax) {
			await after(5);
			continue;
		}
		const number = load.next++;
		const payload = payloadOf(number, load.padMax);
		const body = `{"eventType":"crash.test","channels":["${endpoints[number % endpoints.length]}"],"payload":${payload}}`;
		const answers = [];
		const wanted = random() < 0.1 ? 2 : 1; // one in ten behaves as if the first 202 had been lost on the way
		for (let failures = 0; answers.length < wanted; ) {
			await load.server.up;
			load.posts++;
			const { status, text } = await load.server.call('POST', load.path, { ...load.headers, 'idempotency-key': `key-${number}` }, body);
			if (status === 202) answers.push(JSON.parse(text).id);
			else if (status === 0 || status >= 500) failures++;
			else throw new Error(`event ${number} was answered ${status}: ${text}`);
			if (failures > 1000) throw new Error(`event ${number} failed ${failures} times:\n${load.server.log}`);
			if (status >= 500) await after(5);
		}
		load.acknowledged.push({ number, ids: answers, sha256: sha256(payload) });
	}
}

// --- evidence ----------------------------------------------------------------------------------------------------

async function listAll(load, path) {
	const items = [];
	for (let iterator = ''; ; ) {
		const { status, text } = await load.server.call('GET', `${path}?limit=250${iterator}`, load.headers);
		if (status !== 200) throw new Error(`GET ${path} was answered ${status}: ${text}`);
		const page = JSON.parse(text);
		items.push(...page.data);
		if (page.done) return items;
		iterator = `&iterator=${page.iterator}`;
	}
}

async function deliveriesOf(load) {
	const lists = [];
	for (const path of load.deliveries) lists.push(...(await listAll(load, path)));
	return lists;
}

/** What `journal verify` and `audit verify` find. */
async function unchainedOf(sender, receiver) {
	const findings = [];
	for (const [command, { data }] of [['journal', receiver], ['audit', sender]]) {
		await run([command, 'verify', '--data', data]).catch((error) => findings.push(error.message));
	}
	return findings;
}

async function journalOf(receiver) {
	const text = await run(['journal', 'list', '--data', receiver.data, '--json']);
	return text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** What does not fit the promises; a list of sentences. */
export function judge({ acknowledged, messages, deliveries, journal, unchained }) {
	const faults = [...unchained];
	const byId = new Map(messages.map((message) => [message.id, message]));
	const idsOf = new Map();
	for (const { id, payload } of messages) idsOf.set(payload.n, [...(idsOf.get(payload.n) ?? []), id]);
	for (const [number, ids] of idsOf) {
		if (ids.length > 1) faults.push(`key-${number} made ${ids.length} messages: ${ids.join(', ')}`);
	}
	for (const { number, ids } of acknowledged) {
		if (new Set(ids).size > 1) faults.push(`key-${number} was answered with different messages: ${ids.join(', ')}`);
		for (const id of ids) if (!byId.has(id)) faults.push(`event ${number} was answered 202 as ${id} and is lost`);
	}
	const states = new Map(deliveries.map((delivery) => [delivery.id, delivery.statusText]));
	for (const { id } of messages) {
		const state = states.get(id) ?? 'none';
		if (state !== 'success') faults.push(`the delivery of ${id}: ${state}`);
	}
	const rows = new Map();
	for (const row of journal) {
		rows.set(row.id, [...(rows.get(row.id) ?? []), row]);
		if (!byId.has(row.id)) faults.push(`the receiver has ${row.id}, which was never committed`);
	}
	const shaOf = new Map(acknowledged.map(({ number, sha256 }) => [number, sha256]));
	for (const { id, payload } of messages) {
		const found = rows.get(id) ?? [];
		if (found.length !== 1) faults.push(`the journal has ${id} ${found.length} times`);
		for (const row of found) {
			if (row.verdict !== 'verified') faults.push(`the journal has ${id} as ${row.verdict}`);
			if (row.body_sha256 !== shaOf.get(payload.n)) faults.push(`the journal has other bytes for ${id}`);
		}
	}
	return faults;
}

// --- a scenario --------------------------------------------------------------------------------------------------

/** `lifeOf` gives the environment of the first life of each of the two. */
async function setUp(directory, seed, lifeOf) {
	const secretOf = (name) => `whsec_${createHash('sha256').update(`crash ${seed} ${name}`).digest('base64')}`;
	const config = join(directory, 'receiver.yaml');
	let sources = 'sources:\n';
	for (const name of endpoints) {
		const file = join(directory, `secret-${name}`);
		writeFileSync(file, `${secretOf(name)}\n`, { mode: 0o600 });
		sources += `  - name: ${name}\n    scheme: standard\n    secret_file: ${file}\n`;
	}
	writeFileSync(config, sources);
	const receiver = new Server('receive', join(directory, 'receiver'), ['--config', config], {});
	const sender = new Server('serve', join(directory, 'sender'), [], {
		VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
		VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
		VAULTBELL_DELIVERY_SCHEDULE: ['20ms', '50ms', ...Array(22).fill('100ms'), ...Array(40).fill('500ms')].join(),
		VAULTBELL_DELIVERY_BREAKER_OPEN_FOR: '50ms',
	});
	for (const server of [receiver, sender]) {
		server.life = lifeOf(server);
		await server.begin();
	}
	const token = (await run(['token', 'create', '--data', sender.data, '--role', 'platform-admin'])).trim();
	const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
	const ask = async (path, body) => {
		const { status, text } = await sender.call('POST', path, headers, JSON.stringify(body));
		if (status !== 201) throw new Error(`POST ${path} was answered ${status}: ${text}`);
		return JSON.parse(text).id;
	};
	const organisation = await ask('/api/v1/app', { name: 'Crash' });
	const root = `/api/v1/app/${organisation}`;
	const deliveries = [];
	for (const name of endpoints) {
		const order = name === 'second' ? 'endpoint' : 'none';
		const url = `http://127.0.0.1:${receiver.port}/in/${name}`;
		deliveries.push(`${root}/endpoint/${await ask(`${root}/endpoint`, { url, secret: secretOf(name), channels: [name], ordering: order })}/msg`);
	}
	const load = { server: sender, headers, path: `${root}/msg`, deliveries };
	return { receiver, sender, load: { ...load, next: 0, backlog: 0, posts: 0, acknowledged: [], stopping: false } };
}

/** How many events have not arrived: as the journal says, or as the sender does, which leaves the receiver's files alone. */
async function backlogOf(load, receiver, asksSender) {
	if (!asksSender) return load.next - (await journalOf(receiver)).length;
	const { status, text } = await load.server.call('GET', '/metrics');
	return status === 200 ? Number(/^vaultbell_deliveries_pending (\d+)$/m.exec(text)[1]) : load.backlog;
}

/**
 * Load, while `slaughter(victim, failed)` ends one of the two, `serve` or `receive`, again and again; then the evidence.
 * What slaughter resolves to is a part of the row.
 */
export async function play({ name, directory, seed, random, slaughter, lifeOf = () => ({}), asksSender = false, padMax = 700 }) {
	const begun = performance.now();
	const { receiver, sender, load } = await setUp(directory, seed, lifeOf);
	const victim = name === 'serve' ? sender : receiver;
	load.padMax = padMax;
	const failed = new AbortController();
	const watch = async () => {
		while (!load.stopping && !failed.signal.aborted) {
			const asked = performance.now();
			load.backlog = await backlogOf(load, receiver, asksSender);
			await after(200 + 5 * (performance.now() - asked)); // it grows, and must not become the load
		}
	};
	const work = [watch(), ...Array.from({ length: producerCount }, () => produce(load, random))];
	for (const one of work) one.catch(() => failed.abort());
	const deaths = slaughter(victim, failed.signal).finally(() => (load.stopping = true));
	await Promise.all([deaths, ...work]);

	const messages = await listAll(load, load.path);
	let deliveries, journal;
	await until('nothing is pending', async () => {
		journal = await journalOf(receiver);
		if (journal.length < messages.length) return false;
		deliveries = await deliveriesOf(load);
		return deliveries.length >= messages.length && deliveries.every((delivery) => delivery.status !== 1 && delivery.status !== 3);
	}).catch((error) => console.error(`${name}: ${error.message}`));
	deliveries ??= await deliveriesOf(load);
	await sender.stop();
	await receiver.stop();
	const unchained = await unchainedOf(sender, receiver);
	const evidence = { acknowledged: load.acknowledged, messages, deliveries, journal, unchained };
	return {
		evidence,
		row: {
			...(await deaths),
			events: load.acknowledged.length,
			posts: load.posts,
			messages: messages.length,
			journal: journal.length,
			'ready ms (median)': Math.round(victim.readyMs.toSorted((a, b) => a - b)[Math.floor(victim.readyMs.length / 2)]),
			'ready ms (most)': Math.round(Math.max(...victim.readyMs)),
			seconds: Math.round((performance.now() - begun) / 1000),
		},
	};
}
