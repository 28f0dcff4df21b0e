// Governed change (M23): what an organisation has a second person for waits for one, from the request to its effect.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { fileIn, haveProgram, run, scratch, sink, start, stop, until } from './change.mjs';

const skip = !haveProgram;
const root = '/api/v1';

/** A server with one organisation and tokens of its people. */
async function world(t, env = {}) {
	const data = scratch(t);
	const at = (role, ...more) => execFileSync(process.env.VAULTBELL, ['token', 'create', '--data', data, '--role', role, ...more]).toString().trim();
	const serve = () => start(t, ['serve', '--data', data, '--listen', '127.0.0.1:0'],
		{ env: { VAULTBELL_DELIVERY_ALLOW_HTTP: 'true', VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8', VAULTBELL_DELIVERY_SCHEDULE: '100ms,200ms,400ms,1s,1s', ...env } });
	const place = { data, server: await serve(), root };
	place.restart = async (signal) => { await stop(place.server, signal); place.server = await serve(); };
	place.as = (token) => async (method, path, body, headers = {}) => {
		const response = await fetch(`${place.server.url}${root}${path}`, { method, headers: { authorization: `Bearer ${token}`, ...headers },
			body: body === undefined ? undefined : JSON.stringify(body) });
		const text = await response.text();
		let json;
		try { json = JSON.parse(text); } catch { json = undefined; }
		return { status: response.status, text, json, change: response.headers.get('vaultbell-change') };
	};
	place.platform = place.as(at('platform-admin'));
	await place.platform('POST', '/app', { name: 'Bank', uid: 'bank' });
	await place.platform('POST', '/app', { name: 'Other', uid: 'other' });
	const person = (role, organisation = 'bank') => place.as(at(role, '--organisation', organisation));
	Object.assign(place, { maker: person('admin'), checker: person('admin'), engineer: person('engineering'), viewer: person('viewer'),
		security: person('security'), stranger: person('admin', 'other') });
	place.govern = async (...governed) => {
		const answer = await place.platform('PUT', '/app/bank/governance', { governed });
		assert.equal(answer.status, 200, answer.text);
	};
	place.endpoint = async (more = {}) => {
		const made = await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/a', ...more });
		assert.equal(made.status, 201, made.text);
		return made.json;
	};
	place.decide = (who, id, what, body) => who('POST', `/app/bank/change/${id}/${what}`, body);
	place.change = async (id) => (await place.checker('GET', `/app/bank/change/${id}`)).json;
	place.audit = async () => (await place.checker('GET', '/app/bank/audit?limit=250&order=ascending')).json.data;
	return place;
}

const held = (answer, operation) => {
	assert.equal(answer.status, 202, answer.text);
	const change = answer.json.change ?? answer.json;
	assert.deepEqual([change.state, change.operation], ['requested', operation], answer.text);
	assert.match(change.id, /^chg_/);
	assert.equal(answer.change, change.id, 'the header names it');
	return change;
};

describe('governed change', { skip }, () => {
	test('M23: two administrators and a URL, from the request to its effect, and the log of it', async (t) => {
		const place = await world(t);
		const endpoint = await place.endpoint({ uid: 'main' });
		await place.govern('url', 'types', 'keys', 'roles', 'disabling');
		const change = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/b', description: 'moved' }), 'endpoint.update');
		assert.deepEqual(change.diff, [
			{ member: 'url', before: 'http://127.0.0.1:9/a', after: 'http://127.0.0.1:9/b' }, { member: 'description', before: '', after: 'moved' }]);
		assert.deepEqual([change.object, change.governed, change.decidedBy, change.requestedByRole], [endpoint.id, ['url'], null, 'admin']);
		assert.equal((await place.maker('GET', '/app/bank/endpoint/main')).json.url, 'http://127.0.0.1:9/a', 'the old version stays live');

		const own = await place.decide(place.maker, change.id, 'approve');
		assert.deepEqual([own.status, own.json.code], [403, 'insufficient access'], 'the maker cannot approve');
		assert.equal((await place.decide(place.engineer, change.id, 'approve')).status, 403, 'nor a role that may not');
		assert.equal((await place.decide(place.stranger, change.id, 'approve')).status, 404, 'nor another tenant');
		assert.equal((await place.stranger('GET', `/app/other/change/${change.id}`)).status, 404);
		assert.equal((await place.stranger('POST', `/app/other/change/${change.id}/approve`)).status, 404);
		assert.deepEqual((await place.stranger('GET', '/app/other/change')).json.data, []);
		assert.equal((await place.decide(place.checker, change.id, 'withdraw')).status, 403, 'only the maker withdraws');

		const approved = await place.decide(place.checker, change.id, 'approve', { reason: 'as announced' });
		assert.equal(approved.status, 200, approved.text);
		assert.deepEqual([approved.json.state, approved.json.reason], ['applied', 'as announced']);
		const now = (await place.maker('GET', '/app/bank/endpoint/main')).json;
		assert.deepEqual([now.url, now.description], ['http://127.0.0.1:9/b', 'moved']);
		assert.equal((await place.decide(place.checker, change.id, 'approve')).status, 409, 'once');

		const rows = (await place.audit()).filter((row) => row.object === change.id || row.object === endpoint.id).slice(1);
		assert.deepEqual(rows.map((row) => [row.action, row.actor]), [['change.request', change.requestedBy], ['change.approve', approved.json.decidedBy],
			['endpoint.update', 'system'], ['change.apply', 'system']]);
		assert.notEqual(change.requestedBy, approved.json.decidedBy);
		assert.deepEqual([rows[3].after.requestedBy, rows[3].after.decidedBy], [change.requestedBy, approved.json.decidedBy], 'maker and checker are named');
		assert.deepEqual([rows[2].before.url, rows[2].after.url], ['http://127.0.0.1:9/a', 'http://127.0.0.1:9/b']);
		const listed = await run(['audit', 'list', '--data', place.data, '--json']);
		assert.ok(listed.stdout.includes('change.apply'), listed.stderr);
		assert.equal((await run(['audit', 'verify', '--data', place.data])).status, 0);
		const list = (await place.security('GET', '/app/bank/change?state=applied')).json.data;
		assert.deepEqual(list.map((row) => row.id), [change.id]);
		assert.equal((await place.viewer('GET', '/app/bank/change')).status, 403);
	});

	test('M23: every governed operation waits, and none is applied before', async (t) => {
		const place = await world(t);
		const endpoint = await place.endpoint({ uid: 'main', owners: { monitoring: { team: 'Ops' } }, headers: { authorization: 'Bearer hidden-one' } });
		const key = (await place.maker('GET', '/app/bank/endpoint/main/secret')).json.key;
		const spare = (await place.platform('POST', '/app/bank/token', { role: 'viewer', name: 'spare' })).json;
		await place.govern('url', 'types', 'keys', 'roles', 'disabling');
		const main = '/app/bank/endpoint/main';
		const whole = { url: 'http://127.0.0.1:9/a', uid: 'main' };
		const cases = [
			['POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/new', uid: 'new' }, 'endpoint.create'],
			['PUT', '/app/bank/endpoint/newer', { url: 'http://127.0.0.1:9/newer', uid: 'newer' }, 'endpoint.create'],
			['PUT', main, { ...whole, url: 'http://127.0.0.1:9/c' }, 'endpoint.update', ['url']],
			['PATCH', main, { eventTypes: ['transaction.deposit.completed'] }, 'endpoint.update', ['types']],
			['PATCH', main, { channels: ['desk'] }, 'endpoint.update', ['types']],
			['PATCH', main, { payloadStyle: 'thin' }, 'endpoint.update', ['types']],
			['PATCH', main, { disabled: true }, 'endpoint.update', ['disabling']],
			['PATCH', main, { owners: { monitoring: { team: 'Nobody' } } }, 'endpoint.update', ['disabling']],
			['POST', `${main}/secret/rotate`, {}, 'endpoint.update', ['keys']],
			['PUT', `${main}/headers`, { headers: { 'x-desk': 'a' } }, 'endpoint.update', ['keys']],
			['PATCH', `${main}/headers`, { headers: { authorization: 'Bearer hidden-two' } }, 'endpoint.update', ['keys']],
			['DELETE', main, undefined, 'endpoint.delete', ['disabling']],
			['POST', '/app/bank/token', { role: 'admin', name: 'more' }, 'token.create', ['roles']],
			['DELETE', `/app/bank/token/${spare.id}`, undefined, 'token.revoke', ['roles']],
			['PUT', '/app/bank/governance', { governed: ['url'] }, 'governance.update'],
		];
		for (const [method, path, body, operation, governed] of cases) {
			const change = held(await place.maker(method, path, body), operation);
			if (governed) assert.deepEqual(change.governed, governed, `${method} ${path}`);
			assert.ok(change.diff.length > 0, `${method} ${path}`);
		}
		for (const [method, path, body, operation] of [['DELETE', '/app/bank', undefined, 'organisation.delete'], ['POST', '/auth/app/bank/expire-all', {}, 'token.expire-all']])
			held(await place.platform(method, path, body), operation);
		const list = await place.checker('GET', '/app/bank/change?limit=250');
		assert.equal(list.json.data.length, cases.length + 2);
		for (const secret of ['hidden-one', 'hidden-two', key.split('_')[1], 'sealed']) assert.ok(!list.text.includes(secret), secret);
		assert.ok(list.json.data.some((change) => change.diff.some((row) => row.member === 'headers' && row.secretChanged)));
		const still = (await place.maker('GET', main)).json;
		assert.deepEqual({ ...still, updatedAt: 0 }, { ...endpoint, updatedAt: 0 });
		assert.equal((await place.maker('GET', '/app/bank/endpoint')).json.data.length, 1);
		assert.equal((await place.maker('GET', `${main}/secret`)).json.key, key);
		assert.equal((await place.as(spare.token)('GET', '/app/bank')).status, 200);
		assert.deepEqual((await place.viewer('GET', '/app/bank/governance')).json.governed.length, 5);

		// What is not governed is done at once, and so is a replacement that changes nothing.
		assert.equal((await place.maker('PATCH', main, { description: 'free', throttleRate: 5 })).status, 200);
		assert.equal((await place.maker('PUT', main, { ...whole, description: 'free' })).status, 200);
		assert.equal((await place.maker('PUT', '/app/bank/governance', { governed: ['url', 'types', 'keys', 'roles', 'disabling'], coolOffSeconds: 60 })).status, 200, 'tightening');
	});

	test('M23: what is approved takes effect: a new endpoint, a key, a token, a revocation, deleting', async (t) => {
		const place = await world(t);
		await place.govern('url', 'types', 'keys', 'roles', 'disabling');
		const approve = async (answer, operation) => {
			const change = held(answer, operation);
			const done = await place.decide(place.checker, change.id, 'approve');
			assert.equal(done.json.state, 'applied', done.text);
			return done.json;
		};
		const made = await approve(await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/n', uid: 'new' }), 'endpoint.create');
		const endpoint = (await place.maker('GET', '/app/bank/endpoint/new')).json;
		assert.deepEqual([endpoint.id, endpoint.url, endpoint.state], [made.object, 'http://127.0.0.1:9/n', 'active']);
		const old = (await place.maker('GET', '/app/bank/endpoint/new/secret')).json.key;
		const fresh = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
		await approve(await place.maker('POST', '/app/bank/endpoint/new/secret/rotate', { key: fresh }), 'endpoint.update');
		assert.equal((await place.maker('GET', '/app/bank/endpoint/new/secret')).json.key, fresh);
		assert.notEqual(old, fresh);
		const rotated = (await place.audit()).filter((row) => row.action === 'endpoint.key.rotate');
		assert.equal(rotated.length, 1);
		assert.ok(rotated[0].after.keys[1].expires > Date.now() * 1000, 'the old key has its grace from now on');

		const asked = await place.maker('POST', '/app/bank/token', { role: 'engineering', name: 'robot' });
		const robot = place.as(asked.json.token);
		assert.equal((await robot('GET', '/app/bank')).status, 401, 'a token that nobody approved is none');
		const token = await approve(asked, 'token.create');
		assert.equal((await robot('GET', '/app/bank')).status, 200);
		await approve(await place.maker('DELETE', `/app/bank/token/${token.object}`), 'token.revoke');
		assert.equal((await robot('GET', '/app/bank')).status, 401);
		await approve(await place.maker('PATCH', '/app/bank/endpoint/new', { disabled: true }), 'endpoint.update');
		assert.equal((await place.maker('GET', '/app/bank/endpoint/new')).json.disabled, true);
		await approve(await place.maker('DELETE', '/app/bank/endpoint/new'), 'endpoint.delete');
		assert.equal((await place.maker('GET', '/app/bank/endpoint/new')).status, 404);
		await approve(await place.maker('PUT', '/app/bank/governance', { governed: [] }), 'governance.update');
		assert.equal((await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/free' })).status, 201, 'governance is off');
	});

	test('M23: refused with a reason, withdrawn, and a repeat of the same request', async (t) => {
		const place = await world(t);
		await place.endpoint({ uid: 'main' });
		await place.govern('url');
		const patch = { url: 'http://127.0.0.1:9/b' };
		const first = held(await place.engineer('PATCH', '/app/bank/endpoint/main', patch), 'endpoint.update');
		assert.equal((await place.decide(place.checker, first.id, 'refuse', {})).status, 422, 'a refusal has a reason');
		const refused = await place.decide(place.security, first.id, 'refuse', { reason: 'unknown host' });
		assert.deepEqual([refused.json.state, refused.json.reason], ['refused', 'unknown host']);
		const second = held(await place.engineer('PATCH', '/app/bank/endpoint/main', patch), 'endpoint.update');
		const withdrawn = await place.decide(place.engineer, second.id, 'withdraw');
		assert.equal(withdrawn.json.state, 'withdrawn', withdrawn.text);
		assert.equal((await place.decide(place.checker, second.id, 'approve')).status, 409);
		assert.equal((await place.maker('GET', '/app/bank/endpoint/main')).json.url, 'http://127.0.0.1:9/a');
		const headers = { 'idempotency-key': 'once' };
		const create = { url: 'http://127.0.0.1:9/x', uid: 'x' };
		const one = held(await place.maker('POST', '/app/bank/endpoint', create, headers), 'endpoint.create');
		const two = held(await place.maker('POST', '/app/bank/endpoint', create, headers), 'endpoint.create');
		assert.equal(one.id, two.id, 'a repeat asks for nothing new');
	});

	test('M23: the answer is an endpoint as it is, the request beside it; asked again, it is the same request', async (t) => {
		const place = await world(t);
		const endpoint = await place.endpoint({ uid: 'main', description: 'as it is' });
		await place.govern('url', 'keys');
		const patch = () => place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/b' });
		const first = await patch();
		const { change, ...shown } = first.json;
		assert.deepEqual({ ...shown, updatedAt: 0 }, { ...endpoint, updatedAt: 0 });
		assert.equal(change.id, first.change);
		assert.equal((await patch()).change, first.change);
		const create = (more) => place.maker('POST', '/app/bank/endpoint', { url: 'https://a.example/in', uid: 'new', ...more });
		const made = await create();
		assert.deepEqual([made.json.id, made.json.state, made.json.url, made.json.uid, made.json.disabled], [made.change, 'requested', 'https://a.example/in', 'new', false]);
		assert.equal((await create()).change, made.change);
		const basic = (password) => ({ authentication: { basic: { username: 'desk', password } } });
		const credentials = await create(basic('one'));
		assert.notEqual(credentials.change, made.change);
		assert.equal((await create(basic('one'))).change, credentials.change);
		assert.notEqual((await create(basic('two'))).change, credentials.change, 'another password is another request');
		const put = (password) => place.maker('PUT', '/app/bank/endpoint/main/authentication', basic(password).authentication);
		const set = await put('one');
		assert.deepEqual([set.status, (await put('one')).change, (await put('two')).change === set.change], [202, set.change, false]);
		const rotate = (body) => place.maker('POST', '/app/bank/endpoint/main/secret/rotate', body);
		const turned = await rotate({});
		assert.equal((await rotate({})).change, turned.change);
		assert.notEqual((await rotate({ gracePeriodSeconds: 5 })).change, turned.change);
		const rows = (await place.audit()).filter((row) => row.action === 'change.request');
		assert.equal(rows.length, 8, 'one row each');
		assert.equal((await place.decide(place.checker, credentials.change, 'approve')).json.state, 'applied');
		const there = (await place.maker('GET', '/app/bank/endpoint/new/authentication')).json;
		assert.deepEqual(there.basic, { username: 'desk' });
		assert.ok(!JSON.stringify(rows).includes('"one"'));
	});

	test('M23: a change cools off over restarts and is applied once', async (t) => {
		const place = await world(t);
		await place.endpoint({ uid: 'main' });
		assert.equal((await place.security('PUT', '/app/bank/governance', { governed: ['url'], coolOffSeconds: 3, securityContact: 'security@bank.example', notice: 'Call first.' })).status, 200);
		const change = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/b' }), 'endpoint.update');
		assert.equal(change.notice, 'Call first.');
		const stopped = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/z' }), 'endpoint.update');
		const approved = (await place.decide(place.checker, change.id, 'approve')).json;
		assert.deepEqual([approved.state, Date.parse(approved.appliesAt) - Date.parse(approved.decidedAt)], ['approved', 3000]);
		await place.decide(place.checker, stopped.id, 'approve');
		assert.equal((await place.decide(place.checker, stopped.id, 'refuse', { reason: 'second thoughts' })).json.state, 'refused', 'what cools off can be stopped');
		await place.restart('SIGKILL');
		assert.equal((await place.maker('GET', '/app/bank/endpoint/main')).json.url, 'http://127.0.0.1:9/a', 'not yet');
		await until(async () => (await place.change(change.id)).state === 'applied');
		const done = await place.change(change.id);
		assert.ok(Date.parse(done.endedAt) >= Date.parse(approved.appliesAt), 'not before its time');
		assert.equal((await place.maker('GET', '/app/bank/endpoint/main')).json.url, 'http://127.0.0.1:9/b');
		await place.restart('SIGTERM');
		assert.equal((await place.audit()).filter((row) => row.action === 'change.apply').length, 1);
		assert.equal((await run(['audit', 'verify', '--data', place.data])).status, 0);
	});

	test('M23: what was changed meanwhile makes a change stale; other members do not', async (t) => {
		const place = await world(t);
		const endpoint = await place.endpoint({ uid: 'main' });
		await place.govern('url');
		const patch = (url) => place.maker('PATCH', '/app/bank/endpoint/main', { url });
		const first = held(await patch('http://127.0.0.1:9/1'), 'endpoint.update');
		const second = held(await patch('http://127.0.0.1:9/2'), 'endpoint.update');
		assert.equal((await place.maker('PATCH', '/app/bank/endpoint/main', { description: 'meanwhile' })).status, 200);
		assert.equal((await place.decide(place.checker, first.id, 'approve')).json.state, 'applied');
		const stale = (await place.decide(place.checker, second.id, 'approve')).json;
		assert.equal(stale.state, 'stale');
		assert.match(stale.problem, /url was changed/);
		const now = (await place.maker('GET', '/app/bank/endpoint/main')).json;
		assert.deepEqual([now.id, now.url, now.description], [endpoint.id, 'http://127.0.0.1:9/1', 'meanwhile']);
		const third = held(await patch('http://127.0.0.1:9/3'), 'endpoint.update');
		assert.equal((await place.maker('DELETE', '/app/bank/endpoint/main')).status, 204, 'disabling is not governed here');
		assert.equal((await place.decide(place.checker, third.id, 'approve')).json.state, 'stale');
		const uid = held(await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/u', uid: 'u' }), 'endpoint.create');
		const twin = held(await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/other', uid: 'u' }), 'endpoint.create');
		assert.equal((await place.decide(place.checker, uid.id, 'approve')).json.state, 'applied');
		assert.match((await place.decide(place.checker, twin.id, 'approve')).json.problem, /uid/);
	});

	test('M23: configuration as code asks, and says that it waits', async (t) => {
		const place = await world(t);
		await place.endpoint({ uid: 'main' });
		const token = execFileSync(process.env.VAULTBELL, ['token', 'create', '--data', place.data, '--role', 'platform-admin']).toString().trim();
		const common = ['--url', place.server.url, '--token-file', fileIn(scratch(t), 'token', token)];
		const file = (await run(['export', ...common])).stdout;
		await place.govern('url');
		const edited = fileIn(scratch(t), 'edited.yaml', file.replace('http://127.0.0.1:9/a', 'http://127.0.0.1:9/b'));
		const applied = await run(['apply', '-f', edited, ...common, '--json']);
		assert.equal(applied.status, 0, applied.stderr);
		assert.match(applied.stderr, /1 of the changes wait/);
		assert.equal(JSON.parse(applied.stdout).requested, 1);
		assert.equal((await place.maker('GET', '/app/bank/endpoint/main')).json.url, 'http://127.0.0.1:9/a');
		const [change] = (await place.checker('GET', '/app/bank/change')).json.data;
		assert.equal((await place.decide(place.checker, change.id, 'approve')).json.state, 'applied');
		assert.equal((await run(['apply', '-f', edited, ...common, '--dry-run'])).status, 0, 'now it is as the file says');
	});

	test('M23: the organisation is told of requests, approvals and refusals', async (t) => {
		const place = await world(t);
		const told = await sink(t);
		await place.endpoint({ url: `${told.url}/security`, uid: 'security', payloadStyle: 'raw',
			eventTypes: ['webhook.endpoint.change_requested', 'webhook.endpoint.change_approved', 'webhook.endpoint.change_rejected', 'webhook.endpoint.updated'] });
		const main = await place.endpoint({ uid: 'main' });
		await place.govern('url');
		const one = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/secret-path' }), 'endpoint.update');
		await place.decide(place.checker, one.id, 'approve');
		const two = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/c' }), 'endpoint.update');
		await place.decide(place.checker, two.id, 'refuse', { reason: 'no' });
		const bodies = (await told.until(5)).map((request) => JSON.parse(request.body));
		const seen = bodies.map((body) => [body.type, body.data.endpoint_id, body.data.change_id]);
		for (const [type, change] of [['change_requested', one], ['change_approved', one], ['change_requested', two], ['change_rejected', two]])
			assert.ok(seen.some((row) => row[0] === `webhook.endpoint.${type}` && row[1] === main.id && row[2] === change.id), `${type} of ${JSON.stringify(seen)}`);
		assert.ok(seen.some((row) => row[0] === 'webhook.endpoint.updated'));
		assert.ok(!JSON.stringify(bodies).includes('secret-path'));
	});
});

/** An endpoint that answers challenges as `how` says, and keeps what it was sent. */
async function prover(t, how = 'plain') {
	const kept = { how, events: [], challenges: [] };
	const server = http.createServer((call, response) => {
		const parts = [];
		call.on('data', (part) => parts.push(part));
		call.on('end', () => {
			const body = JSON.parse(Buffer.concat(parts));
			const asks = call.headers['webhook-id']?.startsWith('ping_');
			(asks ? kept.challenges : kept.events).push({ headers: call.headers, body, url: call.url });
			if (!asks) response.end('{}');
			else if (kept.how === 'plain') response.end(body.challenge);
			else if (kept.how === 'json') response.setHeader('content-type', 'application/json').end(JSON.stringify({ challenge: body.challenge }));
			else if (kept.how === 'wrong') response.end('{"challenge":"guess"}');
			else if (kept.how === 'refuse') response.writeHead(404).end(body.challenge);
			else call.socket.destroy();
		});
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.after(() => { server.closeAllConnections(); server.close(); });
	kept.url = `http://127.0.0.1:${server.address().port}/in`;
	return kept;
}

describe('ownership', { skip }, () => {
	const verifying = { VAULTBELL_ENDPOINTS_VERIFY_OWNERSHIP: 'true' };
	const state = async (place, uid) => (await place.maker('GET', `/app/bank/endpoint/${uid}`)).json;
	const post = async (place, n) => assert.equal((await place.platform('POST', '/app/bank/msg', { eventType: 'made.up', eventId: `e${n}`, payload: { n } })).status, 202);

	for (const how of ['plain', 'json'])
		test(`M14, M23: events wait until the URL has answered (${how}), and arrive once`, async (t) => {
			const place = await world(t, verifying);
			const there = await prover(t, 'refuse');
			const made = await place.endpoint({ url: there.url, uid: 'main' });
			assert.deepEqual([made.state, made.disabled, made.verification.attempts], ['pending_verification', false, 0]);
			assert.ok(!('challenge' in made.verification), 'the challenge is not for people');
			for (let n = 0; n < 5; n++) await post(place, n);
			await until(async () => (await state(place, 'main')).verification.attempts >= 2);
			assert.match((await state(place, 'main')).verification.lastProblem, /404/);
			assert.equal(there.events.length, 0, 'nothing before');
			there.how = how;
			await until(() => there.events.length >= 5);
			const now = await state(place, 'main');
			assert.deepEqual([now.state, now.verification], ['active', null]);
			await post(place, 5);
			await until(() => there.events.length >= 6);
			assert.deepEqual(there.events.map((event) => event.body.n).sort(), [0, 1, 2, 3, 4, 5]);
			assert.equal(new Set(there.challenges.map((ask) => ask.headers['webhook-id'])).size, 1, 'one challenge, over its attempts');
			const { body, headers } = there.challenges[0];
			assert.equal(body.type, 'webhook.ping');
			assert.ok(body.challenge.length >= 43 && headers['webhook-signature'].startsWith('v1,'));
			const rows = (await place.audit()).filter((row) => row.object === made.id);
			assert.deepEqual(rows.map((row) => [row.action, row.after.state]), [['endpoint.create', 'pending_verification'], ['endpoint.verified', 'active']]);
			assert.ok(!JSON.stringify(rows).includes(body.challenge));
			const verify = await place.maker('POST', '/app/bank/endpoint/main/verify');
			assert.equal(verify.status, 409, 'nothing is left to prove');
		});

	test('M14: a wrong answer and none prove nothing; it rests, and can be asked again, also after a restart', async (t) => {
		const place = await world(t, { ...verifying, VAULTBELL_DELIVERY_SCHEDULE: '10ms,10ms' });
		const wrong = await prover(t, 'wrong'), none = await prover(t, 'none');
		await place.endpoint({ url: wrong.url, uid: 'wrong' });
		await place.endpoint({ url: none.url, uid: 'none' });
		await post(place, 1);
		for (const [uid, text] of [['wrong', /without the challenge/], ['none', /./]]) {
			await until(async () => (await state(place, uid)).verification.nextAttempt === null);
			const now = await state(place, uid);
			assert.deepEqual([now.state, now.verification.attempts], ['pending_verification', 3]);
			assert.match(now.verification.lastProblem, text);
		}
		await place.restart('SIGKILL');
		assert.deepEqual([wrong.challenges.length, wrong.events.length, none.events.length], [3, 0, 0]);
		wrong.how = 'plain';
		const asked = await place.engineer('POST', '/app/bank/endpoint/wrong/verify');
		assert.deepEqual([asked.status, asked.json.state], [202, 'pending_verification'], asked.text);
		await until(() => wrong.events.length === 1);
		assert.notEqual(wrong.challenges[0].body.challenge, wrong.challenges.at(-1).body.challenge, 'asked again, it is another one');
		assert.equal((await place.viewer('POST', '/app/bank/endpoint/none/verify')).status, 403);
	});

	test('M14: a restart while it is asked asks on; a new URL proves itself while the old one stays live', async (t) => {
		const place = await world(t, verifying);
		const first = await prover(t, 'refuse');
		await place.endpoint({ url: first.url, uid: 'main' });
		await post(place, 1);
		await until(() => first.challenges.length >= 1);
		await place.restart('SIGKILL');
		first.how = 'json';
		await until(() => first.events.length === 1);
		const next = await prover(t, 'refuse');
		const moved = await place.maker('PATCH', '/app/bank/endpoint/main', { url: next.url });
		assert.deepEqual([moved.status, moved.json.url, moved.json.verification.url, moved.json.state], [200, first.url, next.url, 'active']);
		await until(() => next.challenges.length >= 1);
		await post(place, 2);
		await until(() => first.events.length === 2);
		assert.equal(next.events.length, 0);
		next.how = 'plain';
		await until(async () => (await state(place, 'main')).url === next.url);
		await post(place, 3);
		await until(() => next.events.length === 1);
		assert.deepEqual([first.events.length, next.events[0].body.n], [2, 3]);
		await place.maker('PATCH', '/app/bank/endpoint/main', { url: 'http://127.0.0.1:9/nowhere' });
		const back = (await place.maker('PATCH', '/app/bank/endpoint/main', { url: next.url })).json;
		assert.deepEqual([back.url, back.verification], [next.url, null], 'back to what it has');
		const off = (await place.maker('POST', '/app/bank/endpoint', { url: 'http://127.0.0.1:9/off', uid: 'off', disabled: true })).json;
		assert.equal(off.state, 'disabled');
		assert.equal((await place.maker('PATCH', '/app/bank/endpoint/off', { disabled: false })).json.state, 'pending_verification', 'enabling proves nothing');
	});

	test('M14, M23: the receiver answers by itself; a governed URL is approved and then proves itself', async (t) => {
		const place = await world(t, verifying);
		const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
		const data = scratch(t);
		const receiver = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--source', 'bank', '--scheme', 'standard', '--secret-file', fileIn(data, 'secret', secret)]);
		await place.endpoint({ url: `${receiver.url}/in/bank`, uid: 'main', secret });
		await post(place, 1);
		await until(async () => (await state(place, 'main')).state === 'active');
		const rows = async () => (await run(['journal', 'list', '--data', data, '--json'])).stdout.trim().split('\n').filter(Boolean);
		await until(async () => (await rows()).length === 1);
		assert.equal((await place.maker('POST', '/app/bank/endpoint', { url: `${receiver.url}/in/bank`, uid: 'forged' })).status, 201);
		await until(async () => (await state(place, 'forged')).verification.attempts >= 1);
		assert.match((await state(place, 'forged')).verification.lastProblem, /401/, 'whoever signs with another key gets no proof');
		await place.govern('url');
		const there = await prover(t, 'plain');
		const change = held(await place.maker('PATCH', '/app/bank/endpoint/main', { url: there.url }), 'endpoint.update');
		assert.deepEqual(change.diff.map((row) => row.member), ['url']);
		await place.decide(place.checker, change.id, 'approve');
		await until(async () => (await state(place, 'main')).url === there.url);
		assert.equal(there.challenges.length, 1);
		assert.equal((await rows()).length, 1, 'a challenge is no event');
	});
});
