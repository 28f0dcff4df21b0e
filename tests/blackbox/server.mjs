// Starts the real binary for a test and stops it. VAULTBELL names the binary.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import net from 'node:net';

const binary = process.env.VAULTBELL;
export const haveBinary = Boolean(binary);

export async function startServer(environment = {}) {
	const data = mkdtempSync(join(tmpdir(), 'vaultbell-'));
	let child, errors = '';
	const begin = (listen) => {
		child = spawn(binary, ['serve', '--data', data, '--listen', listen], {
			env: { ...process.env, VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', ...environment },
			stdio: ['ignore', 'pipe', 'pipe'],
		});
		child.stderr.on('data', (piece) => { errors += piece; });
		return new Promise((resolve, reject) => {
			createInterface({ input: child.stdout }).on('line', (line) => {
				const found = /^vaultbell: serving (http:\S+)/.exec(line);
				if (found) resolve(found[1]);
			});
			child.on('exit', (code) => reject(new Error(`the server ended with ${code}: ${errors}`)));
		});
	};
	const end = async (signal) => {
		const ended = new Promise((resolve) => child.on('exit', resolve));
		child.kill(signal);
		return ended;
	};
	const base = await begin('127.0.0.1:0');
	return {
		base,
		data,
		port: Number(new URL(base).port),
		token: (...more) => execFileSync(binary, ['token', 'create', '--data', data, ...more]).toString().trim(),
		/** Killed, and begun again on the same data and port. */
		restart: async () => {
			await end('SIGKILL');
			await begin(new URL(base).host);
		},
		stop: async () => {
			const code = await end('SIGTERM');
			rmSync(data, { recursive: true, force: true });
			return { code, errors };
		},
	};
}

/** Sends bytes as they are and resolves with everything that came back until the server closed or `ms` passed. */
export function raw(port, text, ms = 2000) {
	return new Promise((resolve) => {
		let answer = '';
		const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
		const finish = (closed) => { socket.destroy(); resolve({ answer, closed, status: Number(answer.split(' ')[1]) }); };
		socket.setTimeout(ms, () => finish(false));
		socket.on('data', (piece) => { answer += piece; });
		socket.on('end', () => finish(true));
		socket.on('error', () => finish(true));
	});
}

/** A caller of the API that returns status, headers and body. */
export function caller(base, token) {
	return async (method, path, body, headers = {}) => {
		const response = await fetch(base + path, {
			method,
			headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
			body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
		});
		const text = await response.text();
		let json;
		try { json = JSON.parse(text); } catch { json = undefined; }
		return { status: response.status, headers: response.headers, text, json };
	};
}
