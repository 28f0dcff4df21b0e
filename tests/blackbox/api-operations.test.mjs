// What can be asked beyond keeping things: counts, examples, replay as tasks, content that goes, tokens that end,
// the platform's own endpoints, and the metrics.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { run, scratch, start, stop } from './program.mjs';
import { caller, haveBinary, startServer } from './server.mjs';

const limitMs = 20000;
const ago = (ms) => new Date(Date.now() - ms).toISOString();

async function until(ask, good) {
	for (const end = Date.now() + limitMs; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		await new Promise(setImmediate);
		assert.ok(Date.now() < end, `it did not come to be: ${JSON.stringify(answer.json ?? answer)}`);
	}
}

describe('operations', { skip: !haveBinary }, () => {
	let server, call, sink, received, status;
	before(async () => {
		received = [];
		status = 200;
		sink = http.createServer((request, response) => {
			const parts = [];
			request.on('data', (part) => parts.push(part));
			request.on('end', () => {
				received.push({ path: request.url, id: request.headers['webhook-id'], body: Buffer.concat(parts).toString() });
				response.writeHead(status).end('answered');
			});
		}).listen(0, '127.0.0.1');
		await once(sink, 'listening');
		server = await startServer({
			VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8',
			VAULTBELL_DELIVERY_SCHEDULE: '1ms',
		});
		call = caller(`${server.base}/api/v1`, server.token('--role', 'platform-admin'));
	});
	after(async () => {
		sink.closeAllConnections();
		sink.close();
		await server.stop();
	});

	const url = (path) => `http://127.0.0.1:${sink.address().port}${path}`;
	const sent = (path) => received.filter((one) => one.path === path);
	const finished = (id) => until(() => call('GET', `/background-task/${id}`), (answer) => answer.json.status !== 'running');
	let serial = 0;
	async function organisation(path) {
		const uid = `org-${++serial}`;
		await call('POST', '/app', { name: uid, uid });
		const endpoint = path && (await call('POST', `/app/${uid}/endpoint`, { url: url(path), uid: 'main' })).json;
		return { uid, endpoint };
	}
	const standing = (uid, state) => until(() => call('GET', `/app/${uid}/endpoint/main/msg`),
		(answer) => answer.json.data.every((one) => one.statusText === state));

	test('recover sends what failed again: the same id, the same bytes', async () => {
		const { uid } = await organisation('/recover');
		status = 500;
		const payload = '{ "amount": 1.0, "b":[1e2] }';
		for (let i = 0; i < 3; i++) await call('POST', `/app/${uid}/msg`, `{"eventType":"a.b","payload":${payload}}`);
		await standing(uid, 'fail');
		const before = sent('/recover');
		status = 200;
		const started = await call('POST', `/app/${uid}/endpoint/main/recover`, { since: ago(60e3) });
		assert.equal(started.status, 202);
		assert.match(started.json.id, /^qtask_[A-Za-z0-9]{27}$/);
		assert.deepEqual([started.json.status, started.json.task], ['running', 'endpoint.recover']);
		const task = await finished(started.json.id);
		assert.equal(task.json.status, 'finished');
		assert.deepEqual([task.json.data.examined, task.json.data.done], [3, 3]);
		await standing(uid, 'success');
		const after = sent('/recover').slice(before.length);
		assert.deepEqual(after.map((one) => one.id).sort(), [...new Set(before.map((one) => one.id))].sort());
		for (const one of after) assert.equal(one.body, payload);
		const stats = await call('GET', `/app/${uid}/endpoint/main/stats`);
		assert.deepEqual(stats.json, { success: 3, pending: 0, sending: 0, fail: 6, canceled: 0 });
		const none = await call('GET', `/app/${uid}/endpoint/main/stats?since=${ago(7200e3)}&until=${ago(3600e3)}`);
		assert.deepEqual(none.json, { success: 0, pending: 0, sending: 0, fail: 0, canceled: 0 });
		for (const range of ['since=2020-01-01T00:00:00Z', `until=${new Date(Date.now() + 3600e3).toISOString()}`]) {
			const refused = await call('GET', `/app/${uid}/endpoint/main/stats?${range}`);
			assert.deepEqual([refused.status, refused.json.code], [400, 'invalid_range']);
		}
		for (const body of [{}, { since: '2020-01-01T00:00:00Z' }, { since: 'yesterday' }, { since: ago(60e3), until: ago(90e3) }])
			assert.equal((await call('POST', `/app/${uid}/endpoint/main/recover`, body)).status, 422);
	});

	test('replay of what is missing, in bulk, and again with the same key', async () => {
		const { uid } = await organisation();
		for (const type of ['a.a', 'b.b']) await call('POST', `/app/${uid}/msg`, { eventType: type, payload: { type } });
		await call('POST', `/app/${uid}/endpoint`, { url: url('/missing'), uid: 'main' });
		const key = { 'idempotency-key': `replay-${uid}` };
		const body = { since: ago(60e3) };
		const first = await call('POST', `/app/${uid}/endpoint/main/replay-missing`, body, key);
		const again = await call('POST', `/app/${uid}/endpoint/main/replay-missing`, body, key);
		assert.equal(first.json.id, again.json.id);
		assert.equal((await finished(first.json.id)).json.data.done, 2);
		await standing(uid, 'success');
		const second = await call('POST', `/app/${uid}/endpoint/main/replay-missing`, body);
		assert.equal((await finished(second.json.id)).json.data.done, 0);
		assert.equal(sent('/missing').length, 2);
		const bulk = await call('POST', `/app/${uid}/endpoint/main/bulk-replay`, { ...body, eventTypes: ['a.a'], status: 0, statusCodeClass: 200 });
		assert.equal((await finished(bulk.json.id)).json.data.done, 1);
		await until(() => sent('/missing'), (all) => all.length === 3);
		assert.equal(sent('/missing')[2].body, '{"type":"a.a"}');
		const tasks = await call('GET', '/background-task?task=endpoint.bulk-replay&status=finished&limit=1');
		assert.equal(tasks.json.data[0].id, bulk.json.id);
		assert.equal((await call('GET', '/background-task?status=walking')).status, 400);
		assert.equal((await call('GET', '/background-task/qtask_none')).status, 404);
		const cancelled = await call('POST', `/background-task/${bulk.json.id}/cancel`);
		assert.equal(cancelled.json.status, 'finished');
	});

	test('tasks are their organisation\'s own', async () => {
		const one = await organisation('/own'), two = await organisation('/own');
		const task = (await call('POST', `/app/${one.uid}/endpoint/main/recover`, { since: ago(60e3) })).json.id;
		const tokens = await Promise.all([one, two].map(async ({ uid }) => (await call('POST', `/auth/app-portal-access/${uid}`, {})).json.token));
		const [own, other] = tokens.map((token) => caller(`${server.base}/api/v1`, token));
		assert.equal((await own('GET', `/background-task/${task}`)).status, 200);
		assert.equal((await other('GET', `/background-task/${task}`)).status, 404);
		assert.equal((await other('POST', `/background-task/${task}/cancel`)).status, 404);
		assert.equal((await other('GET', '/background-task')).json.data.length, 0);
		assert.equal((await own('GET', '/background-task')).json.data.length, 1);
	});

	test('a task takes as many steps as it needs', async () => {
		const { uid } = await organisation('/restart');
		const sends = [];
		for (let i = 0; i < 700; i++) sends.push(call('POST', `/app/${uid}/msg`, { eventType: 'a.b', payload: { i } }));
		await Promise.all(sends);
		const task = (await call('POST', `/app/${uid}/msg/expunge-all-contents`)).json.id;
		const done = await finished(task);
		assert.deepEqual([done.json.task, done.json.data.examined], ['application.purge_content', 700]);
		const list = await call('GET', `/app/${uid}/msg?limit=1`);
		assert.deepEqual(list.json.data[0].payload, { expired: true });
	});

	test('an example goes to one endpoint alone', async () => {
		const { uid } = await organisation('/example');
		await call('POST', `/app/${uid}/endpoint`, { url: url('/example-other') });
		await call('POST', '/event-type', { name: 'with.example', description: '', schemas: { 1: { type: 'object', examples: [{ n: 0 }, { n: 1 }] } } });
		await call('POST', '/event-type', { name: 'without.example', description: '', schemas: { 1: { type: 'object' } } });
		const ask = (body) => call('POST', `/app/${uid}/endpoint/main/send-example`, body);
		const made = await ask({ eventType: 'with.example', exampleIndex: 1 });
		assert.equal(made.status, 200);
		assert.deepEqual(made.json.payload, { n: 1 });
		await until(() => sent('/example'), (all) => all.length === 1);
		assert.equal(sent('/example')[0].id, made.json.id);
		assert.equal((await ask({ eventType: 'transaction.deposit.detected' })).status, 200);
		const without = await ask({ eventType: 'without.example' });
		assert.deepEqual([without.status, without.json.code], [400, 'invalid_scheme']);
		assert.equal((await ask({ eventType: 'none.such' })).status, 404);
		assert.equal((await ask({})).status, 422);
		await until(() => sent('/example'), (all) => all.length === 2);
		assert.equal(sent('/example-other').length, 0);
	});

	test('content goes, and with it the chance to send it again', async () => {
		const { uid } = await organisation('/content');
		const message = (await call('POST', `/app/${uid}/msg`, { eventType: 'a.b', payload: { secret: 1 }, eventId: 'event-1' })).json;
		await standing(uid, 'success');
		const attempts = await call('GET', `/app/${uid}/msg/${message.id}/endpoint/main/attempt`);
		assert.equal(attempts.json.data.length, 1);
		const attempt = `/app/${uid}/msg/${message.id}/attempt/${attempts.json.data[0].id}`;
		assert.equal((await call('GET', attempt)).json.response, 'answered');
		assert.equal((await call('DELETE', `${attempt}/content`)).status, 204);
		assert.equal((await call('GET', attempt)).json.response, 'EXPUNGED');
		assert.equal((await call('DELETE', `/app/${uid}/msg/event-1/content`)).status, 204);
		assert.deepEqual((await call('GET', `/app/${uid}/msg/${message.id}`)).json.payload, { expired: true });
		const again = await call('POST', `/app/${uid}/msg/${message.id}/endpoint/main/resend`);
		assert.deepEqual([again.status, again.json.code], [400, 'missing_payload']);
		const replay = await call('POST', `/app/${uid}/endpoint/main/bulk-replay`, { since: ago(60e3) });
		const task = await finished(replay.json.id);
		assert.deepEqual([task.json.data.done, task.json.data.skipped], [0, 1]);
		assert.equal((await call('DELETE', `/app/${uid}/msg/msg_none/content`)).status, 404);
		const bulk = await call('POST', `/app/${uid}/msg/bulk-expunge`, { ids: ['event-1', 'nothing'] });
		assert.deepEqual(bulk.json, { results: { 'event-1': 'expunged', nothing: 'not-found' } });
		assert.deepEqual((await call('POST', `/app/${uid}/msg/bulk-expunge`, {})).json, { results: {} });
	});

	test('whether an event would go anywhere', async () => {
		const { uid } = await organisation();
		const active = async (body) => (await call('POST', `/app/${uid}/msg/precheck/active`, body)).json.active;
		assert.equal(await active({ eventType: 'a.b' }), false);
		await call('POST', `/app/${uid}/endpoint`, { url: url('/precheck'), uid: 'main', channels: ['eu'] });
		assert.equal(await active({ eventType: 'a.b' }), false);
		assert.equal(await active({ eventType: 'a.b', channels: ['eu'] }), true);
		await call('PATCH', `/app/${uid}/endpoint/main`, { disabled: true });
		assert.equal(await active({ eventType: 'a.b', channels: ['eu'] }), false);
	});

	test('tokens for the portal: their scope, role and end', async () => {
		const { uid } = await organisation('/portal');
		const portal = async (body) => {
			const answer = await call('POST', `/auth/app-portal-access/${uid}`, body);
			assert.equal(answer.status, 200, answer.text);
			assert.equal(answer.json.url, `${server.base}/#token=${answer.json.token}`);
			return caller(`${server.base}/api/v1`, answer.json.token);
		};
		const admin = await portal({ sessionId: 'one' }), reader = await portal({ readOnly: true }), older = await portal();
		assert.equal((await admin('PATCH', `/app/${uid}/endpoint/main`, { description: 'mine' })).status, 200);
		assert.equal((await reader('GET', `/app/${uid}/endpoint/main`)).status, 200);
		assert.equal((await reader('PATCH', `/app/${uid}/endpoint/main`, {})).status, 403);
		assert.equal((await admin('GET', '/app')).status, 403);
		assert.equal((await call('POST', `/auth/dashboard-access/${uid}`)).status, 200);
		assert.equal((await call('POST', '/auth/app-portal-access/nobody', {})).status, 404);
		assert.equal((await call('POST', `/auth/app-portal-access/${uid}`, { role: 'platform-admin' })).status, 422);
		assert.equal((await reader('POST', '/auth/logout')).status, 204);
		assert.equal((await reader('GET', `/app/${uid}`)).status, 401);
		assert.equal((await call('POST', `/auth/app/${uid}/expire-all`, { sessionIds: ['one'] })).status, 204);
		assert.equal((await admin('GET', `/app/${uid}`)).status, 401);
		assert.equal((await older('GET', `/app/${uid}`)).status, 200);
		assert.equal((await call('POST', `/auth/app/${uid}/expire-all`)).status, 204);
		assert.equal((await older('GET', `/app/${uid}`)).status, 401);
		const fresh = await call('POST', '/auth/app-portal-access/made-for-portal', { application: { name: 'Fresh', uid: 'made-for-portal' } });
		assert.equal(fresh.status, 200);
		assert.equal((await call('GET', '/app/made-for-portal')).json.name, 'Fresh');
	});

	test('the platform\'s own endpoints are nobody else\'s', async () => {
		const home = '/operational-webhook/endpoint';
		const made = await call('POST', home, { url: url('/own'), uid: 'alerts', eventTypes: ['endpoint.disabled', 'message.attempt.exhausted'] });
		assert.equal(made.status, 201);
		assert.equal((await call('POST', home, { url: url('/own'), eventTypes: ['a.b'] })).status, 422);
		assert.equal((await call('GET', `${home}/alerts`)).json.id, made.json.id);
		assert.equal((await call('PUT', `${home}/alerts`, { url: url('/other'), uid: 'alerts' })).json.url, url('/other'));
		assert.match((await call('GET', `${home}/alerts/secret`)).json.key, /^whsec_/);
		assert.equal((await call('POST', `${home}/alerts/secret/rotate`, {})).status, 204);
		assert.equal((await call('PUT', `${home}/alerts/headers`, { headers: { 'x-a': 'b' } })).status, 204);
		assert.deepEqual((await call('GET', `${home}/alerts/headers`)).json.headers, { 'x-a': 'b' });
		assert.equal((await call('GET', home)).json.data.length, 1);
		for (const name of ['$management', '%24management']) assert.equal((await call('GET', `/app/${name}`)).status, 404);
		assert.ok((await call('GET', '/app?limit=250')).json.data.every((one) => one.name !== 'Vaultbell'));
		assert.equal((await call('DELETE', `${home}/alerts`)).status, 204);
		assert.equal((await call('GET', `${home}/alerts`)).status, 404);
	});

	test('usage, by organisation and by type', async () => {
		const { uid, endpoint } = await organisation('/usage');
		const id = (await call('GET', `/app/${uid}`)).json.id;
		for (let i = 0; i < 2; i++) await call('POST', `/app/${uid}/msg`, { eventType: `usage.${uid}`, payload: {} });
		assert.ok(endpoint.id);
		const range = { since: ago(60e3), until: new Date(Date.now() + 1000).toISOString() };
		const asked = await call('POST', '/stats/usage/app', { ...range, appIds: [uid, 'nobody'] });
		assert.equal(asked.status, 202);
		assert.deepEqual(asked.json.unresolvedAppIds, ['nobody']);
		assert.deepEqual((await finished(asked.json.id)).json.data.usage, [{ appId: id, messages: 2, messageDestinations: 2 }]);
		const types = await call('PUT', '/stats/usage/event-types');
		const row = (await finished(types.json.id)).json.data.usage.find((one) => one.eventType === `usage.${uid}`);
		assert.deepEqual(row, { eventType: `usage.${uid}`, messages: 2, messageDestinations: 2 });
	});

	test('the order of an endpoint', async () => {
		const { uid } = await organisation('/ordered');
		const main = `/app/${uid}/endpoint/main`;
		assert.equal((await call('GET', main)).json.ordering, 'none');
		assert.equal((await call('PATCH', main, { ordering: 'endpoint' })).json.ordering, 'endpoint');
		assert.equal((await call('PATCH', main, { description: 'x' })).json.ordering, 'endpoint');
		assert.equal((await call('PUT', main, { url: url('/ordered'), uid: 'main' })).json.ordering, 'none');
		assert.equal((await call('PATCH', main, { ordering: 'backwards' })).status, 422);
		await call('PATCH', main, { ordering: 'resource', disabled: true });
	});

	test('lists page both ways', async () => {
		const { uid } = await organisation();
		for (let i = 0; i < 5; i++) await call('POST', `/app/${uid}/msg`, { eventType: 'a.b', payload: { i } });
		const page = async (query) => (await call('GET', `/app/${uid}/msg?limit=2${query}`)).json;
		const first = await page(''), second = await page(`&iterator=${first.iterator}`), third = await page(`&iterator=${second.iterator}`);
		assert.deepEqual([first.done, second.done, third.done, third.data.length], [false, false, true, 1]);
		const back = await page(`&iterator=${third.prevIterator}`);
		assert.deepEqual(back.data, second.data);
		assert.deepEqual((await page(`&iterator=${back.prevIterator}`)).data, first.data);
	});

	test('metrics, and their description', async () => {
		const answer = await caller(server.base)('GET', '/metrics');
		assert.equal(answer.status, 200);
		assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
		const values = new Map(answer.text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => line.split(' ')));
		assert.ok(Number(values.get('vaultbell_events_accepted_total')) > 700);
		assert.ok(Number(values.get('vaultbell_attempts_total{outcome="succeeded"}')) > 5);
		assert.ok(Number(values.get('vaultbell_attempts_total{outcome="failed"}')) > 2);
		assert.ok(Number(values.get('vaultbell_store_batch_requests_count')) > 100);
		const described = [...answer.text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |`);
		assert.ok(described.length > 8);
		const document = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
		assert.deepEqual(document.split('## Of the receiver')[0].split('\n').filter((line) => line.startsWith('| `')), described);
	});
});

test('a task survives the death of its server', { skip: !haveBinary }, async (t) => {
	const data = scratch(t), count = 1500;
	const serve = () => start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0']);
	const first = await serve();
	const token = (await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).stdout.trim();
	let call = caller(`${first.url}/api/v1`, token);
	await call('POST', '/app', { name: 'Acme', uid: 'acme' });
	for (let i = 0; i < count; i += 50)
		await Promise.all(Array.from({ length: 50 }, () => call('POST', '/app/acme/msg', { eventType: 'a.b', payload: { a: 1 } })));
	const task = (await call('POST', '/app/acme/msg/expunge-all-contents')).json.id;
	await stop(first, 'SIGKILL');
	const second = await serve();
	call = caller(`${second.url}/api/v1`, token);
	const done = await until(() => call('GET', `/background-task/${task}`), (answer) => answer.json.status !== 'running');
	assert.deepEqual([done.json.status, done.json.data.examined, done.json.data.done], ['finished', count, count]);
	assert.equal((await stop(second))[0], 0);
});
