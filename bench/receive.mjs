#!/usr/bin/env node
// Measures the receiver as an organisation would load it: signed requests at a fixed rate over keep-alive connections to a
// receiver of its own, in a data directory of its own. Latency counts from when a request was due, so that a slow server
// cannot hide behind its own load. With --reading, so many clients of the API list the journal with its bodies meanwhile, page
// after page, in a process of their own. Prints percentiles; exit 1 when p99 is over the aim.
//   node bench/receive.mjs VAULTBELL [--rate N] [--seconds N] [--connections N] [--forged PERCENT] [--reading N] [--aim MS]
import { execFileSync, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		rate: { type: 'string', default: '2000' },
		seconds: { type: 'string', default: '10' },
		connections: { type: 'string', default: '64' },
		forged: { type: 'string', default: '0' },
		reading: { type: 'string', default: '0' },
		aim: { type: 'string', default: '20' },
	},
});
const [program] = positionals;
const [rate, seconds, connections, forged, reading, aim] = ['rate', 'seconds', 'connections', 'forged', 'reading', 'aim'].map((name) => Number(values[name]));
if (!program || !(rate > 0 && seconds > 0 && connections > 0)) {
	console.error('usage: node bench/receive.mjs VAULTBELL [--rate N] [--seconds N] [--connections N] [--forged PERCENT] [--reading N] [--aim MS]');
	process.exit(2);
}

const data = mkdtempSync(join(tmpdir(), 'vaultbell-bench-'));
const key = randomBytes(32);
writeFileSync(join(data, 'keys'), `whsec_${key.toString('base64')}\n`, { mode: 0o600 });
const source = ['--source', 'acme', '--scheme', 'standard', '--secret-file', join(data, 'keys')];
const server = spawn(program, ['receive', '--data', data, '--listen', '127.0.0.1:0', ...source], { stdio: ['ignore', 'pipe', 'ignore'] });
const [line] = await once(createInterface({ input: server.stdout }), 'line');
const port = Number(/:(\d+)$/.exec(line)[1]);

/** All requests are made beforehand: what is measured is the receiver, not this program's signing. */
function makeRequest(number) {
	const timestamp = Math.floor(Date.now() / 1000);
	const body = JSON.stringify({
		id: `evt_${number}`, type: 'transaction.deposit.completed', occurred_at: new Date().toISOString(),
		data: { transaction_id: `tx_${number}`, network: 'eip155:1', asset: 'native', amount_base_units: '1000000000000000000', filler: 'x'.repeat(400) },
	});
	const mac = createHmac('sha256', number % 100 < forged ? 'another' : key).update(`evt_${number}.${timestamp}.${body}`).digest('base64');
	return Buffer.from('POST /in/acme HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n' +
		`webhook-id: evt_${number}\r\nwebhook-timestamp: ${timestamp}\r\nwebhook-signature: v1,${mac}\r\n` +
		`content-length: ${body.length}\r\n\r\n${body}`);
}
const total = rate * seconds;
const requests = Array.from({ length: total }, (_, number) => makeRequest(number));

const latencies = new Float64Array(total);
const statuses = new Map();
let answered = 0;
const idle = [];
const waiting = [];
const finished = new Promise((resolve) => {
	for (let i = 0; i < connections; i++) {
		const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
		const connection = { socket, number: -1, due: 0 };
		idle.push(connection);
		socket.setEncoding('latin1');
		let text = '';
		socket.on('data', (part) => {
			text += part;
			const head = text.indexOf('\r\n\r\n');
			if (head < 0 || text.length < head + 4 + Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)) return;
			const status = text.slice(9, 12);
			text = '';
			statuses.set(status, (statuses.get(status) ?? 0) + 1);
			latencies[answered++] = performance.now() - connection.due;
			if (answered === total) resolve();
			const next = waiting.shift();
			if (next === undefined) idle.push(connection);
			else send(connection, next);
		});
		socket.on('error', (error) => {
			console.error(`receive: ${error.message}`);
			process.exit(2);
		});
	}
});

const start = performance.now() + 100;
const dueAt = (number) => start + (number * 1000) / rate;

function send(connection, number) {
	connection.due = dueAt(number);
	connection.socket.write(requests[number]);
}

let next = 0;
function turn() {
	const now = performance.now();
	while (next < total && dueAt(next) <= now) {
		const connection = idle.pop();
		if (connection === undefined) waiting.push(next);
		else send(connection, next);
		next++;
	}
	if (next < total) setTimeout(turn, 0);
}
/** What the readers run; on its end of input it says how many pages it has had. */
const readerProgram = `
const [port, token, count] = process.argv.slice(1);
let pages = 0, done = false;
process.stdin.on('end', () => { done = true; }).resume();
const read = async () => {
	for (let after = 0; !done;) {
		const answer = await fetch('http://127.0.0.1:' + port + '/api/v1/journal?limit=250&with_content=true&after=' + after, { headers: { authorization: 'Bearer ' + token } });
		const page = await answer.json();
		if (answer.status !== 200) throw new Error(JSON.stringify(page));
		after = page.done ? 0 : page.iterator;
		pages++;
	}
};
await Promise.all(Array.from({ length: Number(count) }, read));
console.log(pages);
`;
let readers;
if (reading > 0) {
	const token = execFileSync(program, ['token', 'create', '--data', data, '--role', 'internal-tooling']).toString().trim();
	// They stand for other machines: what they cost here must not count.
	readers = spawn('nice', ['-n', '15', process.execPath, '--input-type=module', '-e', readerProgram, String(port), token, String(reading)], { stdio: ['pipe', 'pipe', 'inherit'] });
}
turn();
await finished;
const took = (performance.now() - start) / 1000;
let pages = 0;
if (readers) {
	readers.stdin.end();
	[pages] = await once(createInterface({ input: readers.stdout }), 'line');
}
server.kill('SIGTERM');
await once(server, 'close');
rmSync(data, { recursive: true, force: true });

latencies.sort();
const at = (part) => latencies[Math.min(total - 1, Math.floor(total * part))].toFixed(2);
console.log(`${total} requests at ${rate} a second over ${connections} connections in ${took.toFixed(1)} s; load of the machine ${loadavg()[0].toFixed(1)}`);
if (readers) console.log(`${reading} clients of the API read ${pages} pages of at most 250 rows with their bodies meanwhile`);
console.log(`statuses ${[...statuses].map(([status, count]) => `${status}: ${count}`).join(', ')}`);
console.log(`latency from when it was due, ms: p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  max ${at(1)}`);
process.exit(Number(at(0.99)) <= aim ? 0 : 1);
