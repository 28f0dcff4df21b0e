// Certificates of a test's own authority (made with the openssl command), and HTTPS servers that use them.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { join } from 'node:path';

/** An authority in `directory`; `issue` makes a key and a certificate under it. Times in days from now; `ended`: it ended yesterday. */
export function authority(directory, name = 'authority') {
	const at = (file) => join(directory, `${name}-${file}`);
	const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe', cwd: directory });
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at('key.pem'), '-out', at('cert.pem'),
		'-days', '3650', '-subj', `/CN=${name}`, '-addext', 'basicConstraints=critical,CA:TRUE');
	let serial = 0;
	const issue = (subject, { days = 365, ended = false, names = 'IP:127.0.0.1,DNS:localhost' } = {}) => {
		const file = (end) => at(`${++serial}-${end}`);
		const [key, request, certificate, extensions] = ['key', 'csr', 'cert', 'ext'].map(file);
		openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request, '-subj', `/CN=${subject}`);
		writeFileSync(extensions, `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
		if (ended) {
			// `openssl x509` cannot date back, `openssl ca` can.
			const database = at(`${serial}-index`), configuration = at(`${serial}-conf`);
			writeFileSync(database, '');
			writeFileSync(configuration, `[ca]\ndefault_ca=d\n[d]\ndatabase=${database}\nnew_certs_dir=${directory}\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n`);
			openssl('ca', '-batch', '-notext', '-config', configuration, '-cert', at('cert.pem'), '-keyfile', at('key.pem'), '-in', request, '-out', certificate,
				'-extfile', extensions, '-startdate', '20200101000000Z', '-enddate', '20200201000000Z');
		} else {
			openssl('x509', '-req', '-in', request, '-CA', at('cert.pem'), '-CAkey', at('key.pem'), '-set_serial', String(1000 + serial), '-days', String(days),
				'-out', certificate, '-extfile', extensions);
		}
		return { key: readFileSync(key, 'utf8'), cert: readFileSync(certificate, 'utf8') };
	};
	return { cert: readFileSync(at('cert.pem'), 'utf8'), issue };
}

/** An HTTPS server; `answer(request)` gives a status or [status, body]. Counts connections and keeps what it was sent. */
export async function secureSink(t, options, answer = () => 200) {
	const received = [];
	const sockets = new Set();
	let connections = 0;
	const server = https.createServer(options, (call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const peer = call.socket.getPeerCertificate();
			const entry = { url: call.url, headers: call.headers, body: Buffer.concat(parts).toString(), peer: peer?.subject?.CN, version: call.socket.getProtocol() };
			received.push(entry);
			const [status, body] = [answer(entry, received.length)].flat();
			response.writeHead(status).end(body);
		});
	});
	server.on('secureConnection', () => connections++);
	server.on('connection', (socket) => {
		sockets.add(socket);
		socket.on('close', () => sockets.delete(socket));
	});
	server.on('tlsClientError', () => {});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => {
		server.close();
		for (const socket of sockets) socket.destroy();
	});
	return { received, server, get connections() { return connections; }, get open() { return sockets.size; }, url: `https://127.0.0.1:${server.address().port}` };
}
