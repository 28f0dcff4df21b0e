// Sandboxes and productions (M23), services that go and come (M2), payloads: retention, evidence, redaction by role (M16).
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { caller, haveBinary, startServer } from './server.mjs';

async function until(ask, good, about = '') {
	for (const late = Date.now() + 20000; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		assert.ok(Date.now() < late, `${about} ${answer?.text ?? JSON.stringify(answer)}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

/** A receiver that answers what `status` says and keeps what came. */
async function receiver() {
	const got = [];
	const state = { status: 200, got };
	const server = createServer((request, response) => {
		const pieces = [];
		request.on('data', (piece) => pieces.push(piece));
		request.on('end', () => {
			got.push({ headers: request.headers, path: request.url, body: Buffer.concat(pieces).toString() });
			response.writeHead(state.status).end();
		});
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	return Object.assign(state, { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() });
}

describe('environments and data', { skip: !haveBinary }, () => {
	let server, call, to, root;
	const tokenOf = async (app, role) => caller(root, (await call('POST', `/app/${app}/token`, { role })).json.token);
	before(async () => {
		to = await receiver();
		server = await startServer({ VAULTBELL_DELIVERY_ALLOW_HTTP: 'false', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', VAULTBELL_DELIVERY_SCHEDULE: '50ms,50ms,1h' });
		root = `${server.base}/api/v1`;
		call = caller(root, server.token('--role', 'platform-admin'));
		await call('POST', '/app', { name: 'Bank', uid: 'bank', services: ['transactions', 'wallets'], payloadRetentionPeriod: 30 });
	});
	after(async () => { await server?.stop(); to.close(); });
	const arrived = (path) => to.got.filter((request) => request.path === path);

	test('M23: a production has a sandbox of its own, which nothing changes into the other', async () => {
		const made = await call('POST', '/app/bank/sandbox');
		assert.equal(made.status, 201, made.text);
		const sandbox = made.json, production = (await call('GET', '/app/bank')).json;
		assert.deepEqual([sandbox.environment, sandbox.uid, sandbox.name, sandbox.productionId, sandbox.sandboxId, sandbox.services, sandbox.payloadRetentionPeriod],
			['sandbox', 'bank-sandbox', 'Bank (sandbox)', production.id, null, ['transactions', 'wallets'], 30]);
		assert.deepEqual([production.environment, production.sandboxId, production.productionId], ['production', sandbox.id, null]);
		const again = await call('POST', '/app/bank/sandbox', { name: 'Other' });
		assert.deepEqual([again.status, again.json.id, again.json.name], [200, sandbox.id, 'Bank (sandbox)']);
		assert.equal((await call('POST', '/app/bank-sandbox/sandbox')).status, 409);
		for (const [app, environment] of [['bank', 'sandbox'], ['bank-sandbox', 'production']]) {
			const refused = await call('PATCH', `/app/${app}`, { environment });
			assert.deepEqual([refused.status, refused.json.detail[0].loc], [422, ['body', 'environment']], refused.text);
		}
	});

	test('M23: a token of one environment reaches nothing of the other', async () => {
		const [live, trial] = [await tokenOf('bank', 'admin'), await tokenOf('bank-sandbox', 'admin')];
		const ids = { bank: (await call('GET', '/app/bank')).json.id, 'bank-sandbox': (await call('GET', '/app/bank-sandbox')).json.id };
		const endpoint = (await live('POST', '/app/bank/endpoint', { url: 'https://example.com/', uid: 'main', disabled: true })).json;
		assert.ok(endpoint.id);
		for (const path of ['', '/endpoint', `/endpoint/${endpoint.id}`, '/endpoint/main/secret', '/msg', '/token', '/audit'])
			for (const [token, other] of [[trial, 'bank'], [live, 'bank-sandbox']])
				for (const name of [other, ids[other]])
					assert.equal((await token('GET', `/app/${name}${path}`)).status, 404, `${name}${path}`);
		assert.equal((await trial('GET', `/app/bank-sandbox/endpoint/${endpoint.id}`)).status, 404, 'the same uid, another endpoint');
		assert.equal((await trial('GET', '/app/bank-sandbox/endpoint')).json.data.length, 0);
	});

	test('M14, M23: plain http is for sandboxes, and the address guard is for all', async () => {
		const refused = await call('POST', '/app/bank/endpoint', { url: `${to.url}/live` });
		assert.deepEqual([refused.status, refused.json.detail[0].loc], [422, ['body', 'url']], refused.text);
		assert.equal((await call('PATCH', '/app/bank/endpoint/main', { url: `${to.url}/live` })).status, 422);
		assert.equal((await call('POST', '/app/bank-sandbox/endpoint', { url: `${to.url}/trial`, uid: 'main', payloadStyle: 'envelope' })).status, 201);
		assert.equal((await call('POST', '/app/bank-sandbox/msg', { eventType: 'wallet.created', payload: { a: 1 } })).status, 202);
		const [one] = await until(() => arrived('/trial'), (list) => list.length > 0);
		assert.deepEqual([JSON.parse(one.body).environment, one.headers['vaultbell-test']], ['sandbox', undefined]);
		const guarded = (await call('POST', '/app/bank-sandbox/endpoint', { url: 'http://169.254.169.254/latest', uid: 'inner', channels: ['inner'] })).json;
		const message = (await call('POST', '/app/bank-sandbox/msg', { eventType: 'wallet.created', payload: {}, channels: ['inner'] })).json;
		const attempts = await until(() => call('GET', `/app/bank-sandbox/attempt/endpoint/${guarded.id}`), (answer) => answer.json.data.length > 0);
		assert.deepEqual([attempts.json.data[0].msgId, attempts.json.data[0].responseStatusCode, attempts.json.data[0].status], [message.id, 0, 2]);
		assert.equal((await call('DELETE', '/app/bank-sandbox/endpoint/inner')).status, 204);
	});

	test('M23: a sandbox sends test events of every type that it is entitled to; a production refuses, or marks them', async () => {
		const catalogue = (await call('GET', '/openapi.json')).json.components.schemas.Service.enum;
		assert.ok(catalogue.length > 5);
		const [live, trial] = [await tokenOf('bank', 'engineering'), await tokenOf('bank-sandbox', 'engineering')];
		const before = arrived('/trial').length;
		const key = { 'idempotency-key': 'all-examples' };
		const all = await trial('POST', '/app/bank-sandbox/endpoint/main/send-examples', undefined, key);
		assert.equal(all.status, 200, all.text);
		assert.ok(all.json.sent.length > 30 && all.json.skipped.length > 20, all.text);
		assert.ok(all.json.sent.some(({ eventType }) => eventType === 'webhook.test'));
		assert.match(all.json.skipped[0].reason, /is of the service [a-z]+, which is not enabled/);
		assert.deepEqual((await trial('POST', '/app/bank-sandbox/endpoint/main/send-examples', undefined, key)).json, all.json, 'a repeat makes nothing');
		const got = await until(() => arrived('/trial').slice(before), (list) => list.length >= all.json.sent.length);
		assert.deepEqual(got.map(({ headers }) => headers['webhook-id']).sort(), all.json.sent.map(({ msgId }) => msgId).sort());
		for (const { headers, body } of got) assert.deepEqual([headers['vaultbell-test'], JSON.parse(body).test], ['true', true]);
		const some = await trial('POST', '/app/bank-sandbox/endpoint/main/send-examples', { services: ['wallets'] });
		assert.ok(some.json.sent.length > 3 && some.json.skipped.length === 0);
		assert.equal((await trial('POST', '/app/bank-sandbox/endpoint/main/send-examples', { services: ['nothing'] })).status, 422);
		const one = await trial('POST', '/app/bank-sandbox/endpoint/main/send-example', { eventType: 'wallet.created' });
		assert.deepEqual([one.status, one.json.test], [200, true], one.text);
		for (const path of ['send-example', 'send-examples']) {
			const refused = await live('POST', `/app/bank/endpoint/main/${path}`, { eventType: 'wallet.created' });
			assert.equal(refused.status, 403);
			assert.match(refused.json.detail, /sandbox/);
		}
		const marked = await call('POST', '/app/bank/endpoint/main/send-example', { eventType: 'wallet.created' });
		assert.deepEqual([marked.status, marked.json.test], [200, true]);
		assert.equal((await call('GET', `/app/bank/msg/${marked.json.id}`)).json.test, true);
	});

	test('M2: what waits of a service that is disabled is held, and goes out when it is enabled again', async () => {
		await call('POST', '/app/bank-sandbox/endpoint', { url: `${to.url}/held`, uid: 'held', channels: ['held'] });
		to.status = 503;
		const post = (eventType) => call('POST', '/app/bank-sandbox/msg', { eventType, payload: { eventType }, channels: ['held'] });
		const wallet = (await post('wallet.created')).json, other = (await post('transaction.deposit.detected')).json;
		await until(() => arrived('/held'), (list) => list.length >= 2);
		assert.equal((await call('PATCH', '/app/bank-sandbox', { services: ['transactions'] })).status, 200);
		assert.equal((await post('wallet.created')).status, 422);
		to.status = 200;
		await call('POST', `/app/bank-sandbox/msg/${other.id}/endpoint/held/resend`);
		await until(() => call('GET', `/app/bank-sandbox/msg/${other.id}/endpoint`), (answer) => answer.json.data[0]?.status === 0);
		const held = (await call('GET', `/app/bank-sandbox/msg/${wallet.id}/endpoint`)).json.data[0];
		assert.equal(held.statusText, 'sending', 'it waits');
		const sent = () => arrived('/held').filter(({ headers }) => headers['webhook-id'] === wallet.id).length;
		const so_far = sent();
		await call('POST', '/app/bank-sandbox/msg', { eventType: 'transaction.deposit.confirmed', payload: {}, channels: ['held'] });
		await until(() => arrived('/held'), (list) => list.filter(({ body }) => body === '{}').length > 0);
		assert.equal(sent(), so_far, 'nothing of it was sent meanwhile');
		assert.equal((await call('PATCH', '/app/bank-sandbox', { services: null })).status, 200);
		await until(() => call('GET', `/app/bank-sandbox/msg/${wallet.id}/endpoint`), (answer) => answer.json.data[0].status === 0);
		assert.ok(sent() > so_far);
	});

	test('M16: the evidence of a payload stays when it is expunged, and nothing is sent of it', async () => {
		await call('POST', '/app/bank-sandbox/endpoint', { url: `${to.url}/gone`, uid: 'gone', channels: ['gone'], schedule: '300ms,300ms,300ms' });
		to.status = 503;
		const payload = '{"amount" : 1e2, "to":"someone"}';
		const message = (await call('POST', '/app/bank-sandbox/msg', `{"eventType":"wallet.created","channels":["gone"],"payload":${payload}}`)).json;
		await until(() => arrived('/gone'), (list) => list.length > 0);
		const evidence = async () => (await call('GET', `/app/bank-sandbox/msg/${message.id}/evidence`)).json;
		const earlier = await evidence();
		assert.deepEqual([earlier.payloadSha256, earlier.payloadKept, earlier.payloadRetentionPeriod, earlier.purgedAt],
			[createHash('sha256').update(payload).digest('hex'), true, 30, null]);
		assert.equal((await call('DELETE', `/app/bank-sandbox/msg/${message.id}/content`)).status, 204);
		const count = arrived('/gone').length;
		const later = await evidence();
		assert.deepEqual([later.payloadSha256, later.payloadKept, later.id, later.timestamp], [earlier.payloadSha256, false, message.id, message.timestamp]);
		assert.ok(later.purgedAt > message.timestamp);
		assert.deepEqual((await call('GET', `/app/bank-sandbox/msg/${message.id}`)).json.payload, { expired: true });
		to.status = 200;
		// Another delivery to the same endpoint takes longer than the retry would have.
		to.status = 503;
		const next = (await call('POST', '/app/bank-sandbox/msg', { eventType: 'wallet.created', payload: { next: 1 }, channels: ['gone'] })).json;
		await until(() => arrived('/gone').filter(({ headers }) => headers['webhook-id'] === next.id), (list) => list.length >= 3);
		to.status = 200;
		assert.equal(arrived('/gone').filter(({ headers }) => headers['webhook-id'] === message.id).length, count, 'nothing was sent after it');
	});

	test('M16: a role does not see the members that its organisation hides from it, on any route', async () => {
		const redactions = { viewer: ['data.amount', '**.address', 'list.secret'], reconciliation: ['data.*'] };
		const set = await call('PATCH', '/app/bank', { redactions });
		assert.equal(set.status, 200, set.text);
		assert.deepEqual(set.json.redactions, redactions);
		assert.deepEqual((await call('PUT', '/app/bank', { name: 'Bank', uid: 'bank', services: ['transactions', 'wallets'] })).json.redactions, redactions);
		for (const bad of [{ boss: ['a'] }, { viewer: 'a' }, { viewer: [5] }, { viewer: ['a..b'] }, { viewer: ['**'] }, { 'platform-admin': ['a'] }, [], 'x'])
			assert.equal((await call('PATCH', '/app/bank', { redactions: bad })).status, 422, JSON.stringify(bad));
		const payload = '{ "data" : {"amount":1.50, "asset" : "x", "deep":[{"address":"0xA"}]}, "address":null, "list":[{"secret":{"a":1}},{"free":2}], "complianceInfo":{"decision":"ALLOW"} }';
		const posted = await call('POST', '/app/bank/msg', `{"eventType":"my.own","eventId":"redacted-1","payload":${payload}}`);
		assert.equal(posted.status, 202, posted.text);
		assert.ok(posted.text.includes(payload));
		const expected = {
			admin: payload,
			'compliance-operations': payload,
			engineering: payload.replace('{"decision":"ALLOW"}', '"[redacted]"'),
			viewer: '{ "data" : {"amount":"[redacted]", "asset" : "x", "deep":[{"address":"[redacted]"}]}, "address":"[redacted]", "list":[{"secret":"[redacted]"},{"free":2}], "complianceInfo":"[redacted]" }',
			reconciliation: '{ "data" : {"amount":"[redacted]", "asset" : "[redacted]", "deep":"[redacted]"}, "address":null, "list":[{"secret":{"a":1}},{"free":2}], "complianceInfo":"[redacted]" }',
		};
		await call('POST', '/app/bank/endpoint', { url: 'https://127.0.0.1:1/', uid: 'seen', channels: ['seen'] });
		const seen = (await call('POST', '/app/bank/msg', `{"eventType":"my.own","channels":["seen"],"payload":${payload}}`)).json;
		await until(() => call('GET', `/app/bank/attempt/msg/${seen.id}`), (answer) => answer.json.data.length > 0);
		for (const [role, text] of Object.entries(expected)) {
			const reader = await tokenOf('bank', role);
			for (const path of ['/msg/redacted-1', '/msg?limit=2&event_types=my.own', '/endpoint/seen/msg'])
				assert.ok((await reader('GET', `/app/bank${path}`)).text.includes(text), `${role} ${path}: ${(await reader('GET', `/app/bank${path}`)).text}`);
			const attempts = (await reader('GET', `/app/bank/attempt/msg/${seen.id}`)).json.data;
			assert.equal(attempts[0].response === '', role in redactions, `${role}: what an endpoint answered may be an echo`);
		}
		// What is no JSON has no members that could be taken out: the feed withholds it.
		const raw = (await call('POST', '/app/bank/msg', { eventType: 'my.own', channels: ['seen'], payload: {}, transformationsParams: { rawPayload: 'amount=1;hidden-raw' } })).json;
		for (const [role, shown] of [['admin', true], ['reconciliation', false], ['treasury-operations', true]]) {
			const fed = await (await tokenOf('bank', role))('GET', '/app/bank/endpoint/seen/events');
			const event = fed.json.data.find((one) => one.id === raw.id);
			assert.equal(Buffer.from(event.body ?? '', 'base64').toString().includes('hidden-raw'), shown, role);
			assert.equal(event.absent, shown ? null : 'withheld', role);
		}
		assert.equal((await call('PATCH', '/app/bank', { redactions: null })).json.redactions.viewer, undefined);
	});

	test('M9: a list reads its own writes, of messages and of configuration', async () => {
		await call('POST', '/app', { name: 'Reading', uid: 'reading' });
		for (let i = 0; i < 60; i++) {
			const endpoint = (await call('POST', '/app/reading/endpoint', { url: 'https://example.com/', uid: `e${i}`, disabled: true })).json;
			assert.equal((await call('GET', `/app/reading/attempt/endpoint/${endpoint.id}`)).status, 200);
			const { id } = (await call('POST', '/app/reading/msg', { eventType: 'my.reading', payload: { i } })).json;
			assert.equal((await call('GET', '/app/reading/msg?limit=1')).json.data[0].id, id);
			await call('DELETE', `/app/reading/endpoint/${endpoint.id}`);
			assert.equal((await call('GET', `/app/reading/endpoint/${endpoint.id}/msg`)).status, 404);
		}
	});

	test('M9: a filter that fits little ends its page early and leads on, both ways', async () => {
		await call('POST', '/app', { name: 'Searching', uid: 'searching' });
		const post = (eventType) => call('POST', '/app/searching/msg', { eventType, payload: {} });
		const oldest = (await post('my.rare')).json.id;
		const posting = async () => { for (let i = 0; i < 375; i++) assert.equal((await post('my.common')).status, 202); };
		await Promise.all(Array.from({ length: 24 }, posting));
		const newest = (await post('my.rare')).json.id;
		const search = async (from, next) => {
			const found = [];
			let pages = 0;
			for (let iterator = from; ; pages++) {
				const { json } = await call('GET', `/app/searching/msg?event_types=my.rare&limit=250${iterator ? `&iterator=${iterator}` : ''}`);
				found.push(...json.data.map(({ id }) => id));
				if (json.done) break;
				assert.notEqual(json[next], null);
				assert.notEqual(json[next], iterator);
				iterator = json[next];
			}
			return { found, pages };
		};
		const down = await search('', 'iterator');
		assert.deepEqual(down.found, [newest, oldest]);
		assert.ok(down.pages >= 2, `${down.pages}`);
		const up = await search(`-${oldest}`, 'prevIterator');
		assert.deepEqual(up.found, [newest]);
		assert.ok(up.pages >= 2);
	});
});
