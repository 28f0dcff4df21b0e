// A real HTTP server that keeps what it was sent, byte for byte, and answers as it is told.
import { once } from 'node:events';
import http from 'node:http';
import { until } from './vaultbell.mjs';

/** `answer(request, number)` gives the status; numbers start at 1. */
export async function sink(t, answer = () => 200) {
	const received = [];
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const request = {
				method: call.method,
				url: `http://${call.headers.host}${call.url}`,
				headers: call.headers,
				rawHeaders: call.rawHeaders,
				body: Buffer.concat(parts),
			};
			received.push(request);
			response.writeHead(answer(request, received.length)).end();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.closeAllConnections();
		server.close();
	});
	return {
		url: `http://127.0.0.1:${server.address().port}`,
		received,
		/** Waits for at least so many requests. */
		until: (count) => until(`${count} requests`, () => received.length >= count && received),
	};
}
