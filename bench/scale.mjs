// A million pending deliveries: how fast they are accepted, and how soon after a SIGKILL and a restart the first is sent.
//   node bench/scale.mjs PATH/vaultbell [--messages 10000] [--endpoints 100]
// Prints one line a figure. Loopback only; takes about half a minute; its data directory and processes go with it.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: { messages: { type: 'string', default: '10000' }, endpoints: { type: 'string', default: '100' } },
});
const [program] = positionals;
if (!program) throw new Error('give the path of the program');
const messages = Number(values.messages);
const endpoints = Number(values.endpoints);
const watchMs = 5000;
const data = mkdtempSync(join(tmpdir(), 'vaultbell-scale-'));
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const env = {
	...process.env,
	VAULTBELL_DELIVERY_ALLOW_HTTP: 'true',
	VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
	VAULTBELL_DELIVERY_SCHEDULE: '1h,1h,1h',
};

async function serve() {
	const child = spawn(program, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { env, stdio: ['ignore', 'pipe', 'inherit'] });
	const url = await new Promise((ready, failed) => {
		createInterface({ input: child.stdout }).once('line', (line) => ready(new URL(line.replace(/.*http/, 'http'))));
		child.once('exit', (status) => failed(new Error(`serve ended with ${status}`)));
	});
	const end = (signal) => new Promise((ended) => child.removeAllListeners('exit').once('exit', ended) && child.kill(signal));
	const memory = () => /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1] / 1024;
	return { url, end, memory };
}

const post = (server, token, path, body) =>
	new Promise((done, failed) => {
		const text = JSON.stringify(body);
		const headers = { authorization: `Bearer ${token}`, 'content-length': Buffer.byteLength(text) };
		const options = { agent, host: server.url.hostname, port: server.url.port, path: `/api/v1${path}`, method: 'POST', headers };
		const call = http.request(options, (answer) => {
			answer.resume().on('end', () => (answer.statusCode < 300 ? done() : failed(new Error(`${path}: ${answer.statusCode}`))));
		});
		call.on('error', failed);
		call.end(text);
	});

async function fill(server, token, port) {
	await post(server, token, '/app', { name: 'Scale', uid: 'scale' });
	for (let i = 0; i < endpoints; i++) await post(server, token, '/app/scale/endpoint', { url: `http://127.0.0.1:${port}/`, uid: `e${i}` });
	let next = 0;
	const begun = Date.now();
	const producer = async () => {
		while (next < messages) await post(server, token, '/app/scale/msg', { eventType: 'scale.test', payload: { number: next++, pad: 'x'.repeat(900) } });
	};
	await Promise.all(Array.from({ length: 64 }, producer));
	const seconds = (Date.now() - begun) / 1000;
	console.log(`accepted: ${messages} events, ${messages * endpoints} deliveries, in ${seconds.toFixed(1)} s`);
}

let count = 0;
let wake;
const first = new Promise((arrived) => (wake = arrived));
const sink = http.createServer((call, answer) => {
	call.resume().on('end', () => {
		if (count++ === 0) wake(Date.now());
		answer.end();
	});
});

try {
	// A port that nobody listens on while it fills, and the sink's afterwards.
	await new Promise((listening) => sink.listen(0, '127.0.0.1', listening));
	const { port } = sink.address();
	await new Promise((closed) => sink.close(closed));
	let server = await serve();
	const token = execFileSync(program, ['token', 'create', '--data', data, '--role', 'platform-admin']).toString().trim();
	await fill(server, token, port);
	console.log(`memory at most: ${server.memory().toFixed(0)} MiB`);
	await server.end('SIGKILL');
	await new Promise((listening) => sink.listen(port, '127.0.0.1', listening));
	const restarted = Date.now();
	server = await serve();
	console.log(`ready after the restart: ${((Date.now() - restarted) / 1000).toFixed(2)} s`);
	console.log(`first send after the restart: ${(((await first) - restarted) / 1000).toFixed(2)} s`);
	await new Promise((over) => setTimeout(over, watchMs));
	console.log(`received in the first ${watchMs / 1000} s: ${count}; memory at most: ${server.memory().toFixed(0)} MiB`);
	await server.end('SIGTERM');
} finally {
	sink.closeAllConnections();
	sink.close();
	agent.destroy();
	rmSync(data, { recursive: true, force: true });
}
