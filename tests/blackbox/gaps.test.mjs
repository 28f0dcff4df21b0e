// M8, M11: a receiver learns that an event is missing without asking, and fills it from its sender by itself. Between
// sender and receiver stands a proxy that answers chosen pushes itself.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { fileIn, minuteFrom, request, run, scratch, sink, start } from './program.mjs';
import { caller } from './server.mjs';
import { standardHeaders } from './signing.mjs';

async function until(what, ask, good, ms = 30000) {
	for (const late = Date.now() + ms; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		assert.ok(Date.now() < late, `${what}: ${JSON.stringify(answer)}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** Hands on, unless `lose(call, body)` says that the push is to be lost: then it is answered here, as if it had come. */
async function lossy(t, lose) {
	const proxy = { target: 0, lost: [] };
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const body = Buffer.concat(parts);
			if (lose(call, body)) {
				proxy.lost.push(call.headers['vaultbell-sequence']);
				response.writeHead(200).end();
				return;
			}
			const on = http.request({ host: '127.0.0.1', port: proxy.target, method: call.method, path: call.url, headers: call.headers }, (answer) => {
				response.writeHead(answer.statusCode, answer.headers);
				answer.pipe(response);
			});
			on.on('error', () => response.writeHead(502).end());
			on.end(body);
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	proxy.url = `http://127.0.0.1:${server.address().port}/in/bank`;
	return proxy;
}

/** A sender, a receiver of its one endpoint, and the proxy between them. */
async function both(t, lose, { endpoint = {}, scheme = 'standard', role = 'admin', pull = true, env = {}, clock = {} } = {}) {
	const directory = scratch(t);
	const sender = await start(t, ['serve', '--data', `${directory}/sender`, '--listen', '127.0.0.1:0'],
		{ env: { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', ...env, ...clock } });
	const platform = (await run(['token', 'create', '--data', `${directory}/sender`, '--role', 'platform-admin'])).stdout.trim();
	const api = caller(`${sender.url}/api/v1`, platform);
	const proxy = await lossy(t, lose);
	await api('POST', '/app', { name: 'bank', uid: 'bank' });
	const made = await api('POST', '/app/bank/endpoint', { uid: 'main', url: proxy.url, ...endpoint });
	assert.equal(made.status, 201, made.text);
	const token = (await api('POST', '/app/bank/token', { role, name: 'feed' })).json.token;
	let secret = (await api('GET', '/app/bank/endpoint/main/secret')).json.key;
	if (scheme === 'rfc9421') {
		const { keys } = await (await fetch(`${sender.url}/.well-known/jwks.json`)).json();
		secret = keys.map((key) => JSON.stringify(key)).join('\n');
	}
	const target = await sink(t);
	fileIn(directory, 'token', token);
	const config = fileIn(directory, 'receive.yaml', `sources:
  - name: bank
    scheme: ${scheme}
    secret_file: ${fileIn(directory, 'secret', secret)}
    forward: ${target.url}
${pull ? `    pull_url: ${sender.url}/api/v1/app/bank/endpoint/main\n    pull_token_file: ${directory}/token\n` : ''}receiver:
  gap_check: 200ms
  gap_grace: 300ms
`);
	const receiver = await start(t, ['receive', '--data', `${directory}/receiver`, '--listen', '127.0.0.1:0', '--config', config],
		{ env: clock });
	proxy.target = receiver.port;
	const list = async () => (await run(['journal', 'list', '--data', `${directory}/receiver`, '--json'])).stdout
		.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((row) => row.type !== 'webhook.heartbeat');
	const gaps = async () => {
		const { stdout, status } = await run(['journal', 'gaps', '--data', `${directory}/receiver`, '--json']);
		return { status, streams: stdout.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line)) };
	};
	const post = async (n, type = 'transaction.deposit.completed') => {
		const answer = await api('POST', '/app/bank/msg', { eventType: type, payload: { type, n } });
		assert.equal(answer.status, 202, answer.text);
		return answer.json.id;
	};
	return { api, sender, proxy, target, receiver, directory, secret, list, gaps, post };
}

test('M8: dropped pushes are found by the next number and filled, exactly once', async (t) => {
	const dropped = new Set(['5', '6', '12']);
	let losing = true;
	const world = await both(t, (call) => losing && dropped.has(call.headers['vaultbell-sequence']));
	const ids = [];
	for (let n = 1; n <= 20; n++) ids.push(await world.post(n));
	const rows = await until('20 rows', world.list, (found) => found.length === 20);
	assert.deepEqual(rows.map((row) => row.id).sort(), [...ids].sort());
	assert.deepEqual(rows.filter((row) => row.verdict === 'reconciliation').map((row) => row.id).sort(), [ids[4], ids[5], ids[11]].sort());
	assert.equal(rows.filter((row) => row.verdict === 'verified').length, 17);
	await world.target.until(20);
	assert.equal(new Set(world.target.received.map((one) => one.headers['webhook-id'])).size, 20);
	assert.equal((await until('no gap', world.gaps, (found) => found.status === 0)).streams[0].highest, 20);
	assert.equal((await run(['journal', 'verify', '--data', `${world.directory}/receiver`])).status, 0);
	losing = false;
	assert.equal((await world.api('POST', `/app/bank/msg/${ids[4]}/endpoint/main/resend`)).status, 202);
	const resent = (await until('the resend', () => world.api('GET', `/app/bank/attempt/msg/${ids[4]}`), (answer) => answer.json.data.length === 2)).json.data;
	assert.match(resent.find((one) => one.triggerType === 1).response, /duplicate/);
	assert.equal((await world.list()).length, 20);
	assert.equal(world.target.received.length, 20);
	assert.deepEqual(world.proxy.lost.sort(), ['12', '5', '6']);
});

test('M8: a heartbeat tells that the last event is missing, with signed numbers', async (t) => {
	const world = await both(t, (call) => call.headers['vaultbell-sequence'] === '3',
		{ scheme: 'rfc9421', endpoint: { heartbeatSeconds: 1, signatureScheme: 'rfc9421', keyType: 'ecdsa-p256' } });
	for (let n = 1; n <= 3; n++) await world.post(n);
	const rows = await until('3 rows', world.list, (found) => found.length === 3);
	assert.equal(rows[2].verdict, 'reconciliation');
	await world.target.until(3);
	assert.ok(!world.target.received.some((one) => JSON.parse(one.body).type === 'webhook.heartbeat'), 'a heartbeat is not handed on');
	const { streams } = await until('no gap', world.gaps, (found) => found.status === 0);
	assert.ok(streams[0].last_heartbeat);
	assert.match(world.receiver.log, /events are missing/);
	await until('it is said', async () => world.receiver.log, (log) => /no event is missing any more/.test(log));
});

test('M8: a forged number makes the receiver look, and nothing else', async (t) => {
	const world = await both(t, () => false);
	await world.post(1);
	await until('a row', world.list, (found) => found.length === 1);
	const body = '{"type":"transaction.deposit.completed","n":"not of the sender"}';
	const forged = await request(world.receiver, 'POST', '/in/bank', { ...standardHeaders(world.secret, 'evt_forged', body), 'vaultbell-sequence': '999999999' }, body);
	assert.equal(forged.status, 200, 'the signature is right; only the number is not covered by it');
	await until('the number is not believed', world.gaps, (found) => found.status === 0 && found.streams[0].highest === 1);
	assert.doesNotMatch(world.receiver.log, /events are missing/);
	await world.post(2);
	const rows = await until('3 rows', world.list, (found) => found.length === 3);
	assert.equal(rows[2].verdict, 'verified');
});

test('M11: what a feed holds is not believed without the right signature', async (t) => {
	const world = await both(t, (call) => call.headers['vaultbell-sequence'] === '2');
	await world.post(1);
	await until('a row', world.list, (found) => found.length === 1);
	/* The receiver's key is another one from here on: neither a push nor what is pulled is authentic any more. */
	fileIn(world.directory, 'secret', `whsec_${Buffer.alloc(32, 7).toString('base64')}`);
	world.receiver.child.kill('SIGHUP');
	await until('the key is read', async () => world.receiver.log, (log) => /secret file read/.test(log));
	await world.post(2);
	const sent = standardHeaders(`whsec_${Buffer.alloc(32, 7).toString('base64')}`, 'evt_3', '{"type":"x"}');
	await request(world.receiver, 'POST', '/in/bank', { ...sent, 'vaultbell-sequence': '3' }, '{"type":"x"}');
	await until('it is refused', async () => world.receiver.log, (log) => /a pulled event is not authentic/.test(log));
	assert.equal((await world.list()).length, 2);
	const { streams } = await world.gaps();
	assert.deepEqual(streams[0].gaps.map((gap) => [gap.first, gap.last]), [[2, 2]]);
});

test('M8: what the sender no longer keeps is given up, and said', async (t) => {
	const world = await both(t, (call) => call.headers['vaultbell-sequence'] === '2');
	await world.post(1);
	const second = await world.post(2);
	await until('it was lost', async () => world.proxy.lost, (lost) => lost.length === 1);
	assert.equal((await world.api('DELETE', `/app/bank/msg/${second}/content`)).status, 204);
	await world.post(3);
	const { streams } = await until('given up', world.gaps, (found) => found.streams[0]?.given_up === 1);
	assert.equal(streams[0].missing, 0);
	assert.match(world.receiver.log, /no longer kept by its sender/);
	assert.equal((await world.list()).length, 2);
});

test('M11: compare finds the events in which the journal differs from what was sent', async (t) => {
	const clock = minuteFrom(46);
	const world = await both(t, (call) => call.headers['vaultbell-sequence'] === '7',
		{ endpoint: { payloadStyle: 'envelope' }, pull: false, clock: clock.env });
	const ids = [];
	for (let n = 1; n <= 30; n++) ids.push(await world.post(n));
	await until('29 rows', world.list, (found) => found.length === 29);
	const body = '{"type":"transaction.deposit.completed","n":"nobody sent it"}';
	for (const id of [ids[0], 'evt_without_time'])
		await request(world.receiver, 'POST', '/in/bank', standardHeaders(world.secret, id, body), body);
	const compare = async (...more) => {
		const answer = await run(['compare', '--data', `${world.directory}/receiver`, '--source', 'bank', '--json', '--token-file', `${world.directory}/token`,
			'--url', `${world.sender.url}/api/v1/app/bank/endpoint/main`, ...more], { env: clock.env });
		assert.ok(answer.status < 2, answer.stderr);
		return { status: answer.status, ...JSON.parse(answer.stdout) };
	};
	assert.equal((await compare()).status, 0, 'what is of the last two minutes is still under way');
	const later = new Date(clock.now() + 3600e3).toISOString();
	const done = await until('the minute is over', () => compare('--to', later), (answer) => answer.events_there === 30, 100000);
	assert.deepEqual(done.differences, [{ kind: 'missing_here', id: ids[6] }]);
	assert.equal(done.status, 1);
	assert.equal(done.events_here, 29, 'a conflict is not an event, and an id that tells no time is not in the tree');
	const { streams } = await world.gaps();
	assert.deepEqual(streams[0].gaps.map((gap) => [gap.first, gap.last, gap.signed]), [[7, 7, false]]);
	assert.match(world.receiver.log, /events are missing/, 'without a feed to ask, a hint is told as one');
	const viewer = (await world.api('POST', '/app/bank/token', { role: 'viewer', name: 'viewer' })).json.token;
	fileIn(world.directory, 'token', viewer);
	const refused = await run(['compare', '--data', `${world.directory}/receiver`, '--source', 'bank', '--token-file', `${world.directory}/token`,
		'--url', `${world.sender.url}/api/v1/app/bank/endpoint/main`]);
	assert.equal(refused.status, 2);
	assert.match(refused.stderr, /feed:read/);
});

test('M11: a manifest that does not fit the journal is told, with the types that differ, until it fits', async (t) => {
	let losing = true;
	const clock = minuteFrom(46);
	const world = await both(t, (call) => losing && call.headers['vaultbell-sequence'] === '2', { pull: false, clock: clock.env,
		env: { VAULTBELL_DELIVERY_MANIFEST_EVERY: 'minute' },
		endpoint: { eventTypes: ['transaction.deposit.completed', 'wallet.created', 'webhook.manifest.daily'] } });
	/* Not at the end of a minute, so that all are in one. */
	await until('a minute with room', async () => clock.now() % 60000, (ms) => ms < 55000, 15000);
	const ids = [await world.post(1), await world.post(2), await world.post(3), await world.post(4, 'wallet.created')];
	await until('it does not fit', async () => world.receiver.log, (log) => /a manifest does not fit.*(sent="4" received="3"|sent="5" received="4")/.test(log), 100000);
	const alerts = async (state) => (await run(['alerts', 'list', '--data', `${world.directory}/receiver`, '--json', ...(state ? ['--state', state] : [])])).stdout.trim().split('\n')
		.filter(Boolean).map((line) => JSON.parse(line)).filter((alert) => alert.kind === 'manifest');
	const [alert] = await until('the alert', alerts, (found) => found.length === 1);
	assert.match(alert.summary, /their digests differ: \w[\w.]*: \d+ sent, \d+ received$/, 'no type but the one that differs');
	assert.match(alert.summary, /transaction\.deposit\.completed: 3 sent, 2 received/);
	const row = (await run(['journal', 'list', '--data', `${world.directory}/receiver`, '--json'])).stdout.trim().split('\n')
		.map((line) => JSON.parse(line)).find((one) => one.type === 'webhook.manifest.daily');
	assert.equal(row.verdict, 'verified', 'a manifest is an event like any other');
	losing = false;
	assert.equal((await world.api('POST', `/app/bank/msg/${ids[1]}/endpoint/main/resend`)).status, 202);
	await until('it fits', async () => world.receiver.log, (log) => /a manifest fits.*(sent="4" received="4"|sent="5" received="5")/.test(log), 60000);
	/* The manifest of the minute before, where the endpoint was there already, is one of the four. */
	const { data } = world.target.received.map((one) => JSON.parse(one.body)).find((one) => one.type === 'webhook.manifest.daily' && one.data.count >= 4);
	assert.equal(data.last_sequence - data.first_sequence + 1, data.count);
	assert.deepEqual(data.types.filter((line) => line.type !== 'webhook.manifest.daily').map((line) => [line.type, line.count]),
		[['transaction.deposit.completed', 3], ['wallet.created', 1]]);
	/* One that is signed and whose types do not add up to what it says of all. */
	const types = data.types.map((line) => (line.type === 'wallet.created' ? { ...line, count: line.count + 1 } : line));
	const forged = JSON.stringify({ id: 'own-manifest', type: 'webhook.manifest.daily', data: { ...data, types } });
	const sent = await request(world.receiver, 'POST', '/in/bank', standardHeaders(world.secret, 'own-manifest', forged), forged);
	assert.equal(sent.json.status, 'accepted');
	const [again] = await until('the alert', alerts, (found) => found.some((one) => /do not add up/.test(one.summary)));
	assert.match(again.summary, /the counts of its types do not add up: wallet\.created: 2 sent, 1 received$/);
});
