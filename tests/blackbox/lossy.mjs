// A network between sender and receiver that loses, holds back, repeats and forges what passes, where a test says so.
import { once } from 'node:events';
import http from 'node:http';

/**
 * Stands in front of `target` (a URL). `fate(message, number)` says of each request what becomes of it: 'pass' (the
 * default), 'lose' (answered 200 and dropped), 'twice', or 'hold' (answered 200 and sent on by release()). `message` is the
 * body as JSON with `headers` and `path`.
 */
export async function network(t, target, fate = () => 'pass') {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
	const passed = [];
	const lost = [];
	const held = [];
	let released = 0;
	const send = ({ path, headers, body }) => new Promise((resolve, reject) => {
		const { hostname, port } = new URL(target);
		const { host, connection, ...rest } = headers;
		const call = http.request({ agent, hostname, port, path, method: 'POST', headers: { ...rest, 'content-length': body.length } }, (answer) => {
			answer.resume();
			answer.on('end', () => resolve(answer.statusCode));
		});
		call.on('error', reject);
		call.end(body);
	});
	let chosen = fate;
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', async () => {
			const entry = { path: call.url, headers: call.headers, body: Buffer.concat(parts) };
			entry.json = JSON.parse(entry.body);
			const what = chosen(entry.json, entry);
			let status = 200;
			if (what === 'lose') lost.push(entry);
			else if (what === 'hold') held.push(entry);
			else status = await send(entry).catch(() => 502);
			if (what === 'twice') await send(entry).catch(() => 502);
			if (what !== 'lose' && what !== 'hold' && status === 200) passed.push(entry);
			response.writeHead(status).end();
			server.emit('turn');
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
		agent.destroy();
	});
	return {
		url: `http://127.0.0.1:${server.address().port}`, passed, lost, held, send,
		set: (next) => { chosen = next; },
		/** Sends on what was held back, the last of it first. */
		release: async () => {
			for (const entry of held.splice(0).reverse()) {
				released++;
				await send(entry);
			}
		},
		/** Waits until so many requests have been seen. */
		seen: async (count) => {
			while (passed.length + lost.length + held.length + released < count) await once(server, 'turn', { signal: AbortSignal.timeout(60000) });
		},
	};
}
