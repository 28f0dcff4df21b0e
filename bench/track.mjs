#!/usr/bin/env node
// Measures what it costs to ask the receiver's API where a transaction stands, as its journal grows: signed events of
// transactions of five events each are posted until the journal has each of these sizes, and then so many transactions,
// chosen at random, are looked up one after another over one connection, and pages of 50 listed. Prints percentiles.
//   node bench/track.mjs VAULTBELL [--sizes 2000,20000,200000] [--lookups N]
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { sizes: { type: 'string', default: '2000,20000,200000' }, lookups: { type: 'string', default: '1000' } },
});
const [program] = positionals;
const sizes = values.sizes.split(',').map(Number), lookups = Number(values.lookups);
if (!program || !sizes.every((size) => size > 0) || !(lookups > 0)) {
	console.error('usage: node bench/track.mjs VAULTBELL [--sizes N,N,N] [--lookups N]');
	process.exit(2);
}

const data = mkdtempSync(join(tmpdir(), 'vaultbell-bench-'));
const key = randomBytes(32);
writeFileSync(join(data, 'keys'), `whsec_${key.toString('base64')}\n`, { mode: 0o600 });
const source = ['--source', 'acme', '--scheme', 'standard', '--secret-file', join(data, 'keys')];
const server = spawn(program, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...source], { stdio: ['ignore', 'pipe', 'ignore'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const port = Number(/:(\d+)$/.exec(line)[1]);
const token = execFileSync(program, ['token', 'create', '--data', data, '--role', 'internal-tooling']).toString().trim();

const steps = ['created', 'approved', 'signed', 'submitted', 'completed'];
// The events of a transaction lie far apart, as they do where many are under way at once.
const transactionOf = (number, size) => `tx_${size}_${number % Math.ceil(size / steps.length)}`;
function makeRequest(number, size) {
	const timestamp = Math.floor(Date.now() / 1000), id = `evt_${size}_${number}`;
	const step = Math.floor(number / Math.ceil(size / steps.length));
	const transaction = transactionOf(number, size);
	const body = JSON.stringify({
		id, type: `transaction.request.${steps[step]}`, organisation: 'org_1', stream_seq: number + 1,
		occurred_at: new Date().toISOString(), resource: { type: 'transaction', id: transaction },
		data: { transaction_id: transaction, direction: 'out', network: 'eip155:1', asset: 'native', amount_base_units: '1000000000000000000', filler: 'x'.repeat(400) },
	});
	const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
	return Buffer.from('POST /in/acme HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n' +
		`webhook-id: ${id}\r\nwebhook-timestamp: ${timestamp}\r\nwebhook-signature: v1,${mac}\r\n` +
		`content-length: ${body.length}\r\n\r\n${body}`);
}

/** Posts this many over 64 connections, each with one request at a time. */
async function fill(count, size) {
	let next = 0, answered = 0;
	await Promise.all(Array.from({ length: 64 }, () => new Promise((resolve, reject) => {
		const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }).setEncoding('latin1');
		const send = () => (next < count ? socket.write(makeRequest(next++, size)) : socket.end());
		let text = '';
		socket.on('connect', send).on('close', resolve).on('error', reject).on('data', (part) => {
			text += part;
			const head = text.indexOf('\r\n\r\n');
			if (head < 0 || text.length < head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)) return;
			if (text.slice(9, 12) !== '200') reject(new Error(text));
			text = '';
			answered++;
			send();
		});
	})));
	if (answered !== count) throw new Error(`${answered} of ${count} were answered`);
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const get = (path) => new Promise((resolve, reject) => {
	http.get({ port, agent, path: `/api/v1/${path}`, headers: { authorization: `Bearer ${token}` } }, (answer) => {
		let text = '';
		answer.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve({ status: answer.statusCode, json: JSON.parse(text) }));
	}).on('error', reject);
});

async function percentiles(count, path, fits) {
	const took = [];
	for (let i = 0; i < count; i++) {
		const at = path();
		const begin = performance.now();
		const answer = await get(at);
		took.push(performance.now() - begin);
		if (answer.status !== 200 || !fits(answer.json)) throw new Error(`${at}: ${JSON.stringify(answer)}`);
	}
	took.sort((a, b) => a - b);
	return [0.5, 0.99].map((share) => took[Math.floor(took.length * share)].toFixed(2).padStart(8)).join('');
}

console.log(`load ${loadavg()[0].toFixed(1)}; milliseconds`);
console.log('  events   lookup: p50     p99   page of 50: p50     p99   indexed after   database');
let had = 0;
for (const size of sizes) {
	await fill(size - had, size);
	const begin = performance.now(), last = transactionOf(size - had - 1, size);
	// Answered at once or not, it is in the list once the index has it.
	for (let after = 0, found = false; !found;) {
		const page = (await get(`track/tx?limit=250&after=${after}`)).json;
		if (!page.data) continue;
		after = page.iterator;
		found = page.data.some((item) => item.id === last);
	}
	const indexed = ((performance.now() - begin) / 1000).toFixed(1);
	const distinct = Math.ceil(size / steps.length);
	const one = await percentiles(lookups, () => `track/tx/${transactionOf(Math.floor(Math.random() * Math.min(distinct, size - had)), size)}`, (json) => json.timeline.length > 0);
	const page = await percentiles(Math.ceil(lookups / 20), () => `track/tx?limit=50&after=${Math.floor((Math.random() * had) / steps.length)}`, (json) => json.data.length === 50);
	console.log(`${String(size).padStart(8)}  ${one}         ${page}   ${indexed.padStart(9)} s   ${(statSync(join(data, 'vaultbell.db')).size / 1048576).toFixed(0)} MiB`);
	had = size;
}
agent.destroy();
server.kill('SIGTERM');
await once(server, 'exit');
rmSync(data, { recursive: true });
