// The official client of the API whose wire contract the sender keeps, unmodified, in both major versions that are
// in use: what they send is understood, what they are answered they can read.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { need } from './lib/packages.mjs';
import { sink } from './lib/sink.mjs';
import { serve, until } from './lib/vaultbell.mjs';

const versions = [
	{ name: 'svix 1.x', library: await need('svix1'), update: 'update', setHeaders: 'updateHeaders', types: 'filterTypes' },
	{ name: 'svix 2.x', library: await need('svix2'), update: 'upsert', setHeaders: 'setHeaders', types: 'eventTypes' },
];

for (const { name, library, update, setHeaders, types } of versions) {
	const { ApiException, Svix, Webhook, messageInRaw } = library;

	async function client(t, env) {
		const server = await serve(t, env);
		const calls = [];
		const svix = new Svix(server.token, {
			serverUrl: server.url,
			fetch: (url, options) => {
				calls.push({ url, ...options });
				return fetch(url, options);
			},
		});
		return { svix, calls, server };
	}

	/** The exception that a call must end in. */
	async function refused(promise, status) {
		const error = await promise.then(() => assert.fail('it was accepted'), (thrown) => thrown);
		assert.ok(error instanceof ApiException, String(error.stack));
		assert.equal(error.code, status);
		const body = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
		if (status === 422) {
			for (const fault of body.detail) {
				assert.ok(Array.isArray(fault.loc) && typeof fault.msg === 'string' && typeof fault.type === 'string');
			}
		} else {
			assert.equal(typeof body.code, 'string');
			assert.equal(typeof body.detail, 'string');
		}
		return body;
	}

	async function all(list) {
		const items = [];
		for (let iterator; ; ) {
			const page = await list({ limit: 2, iterator });
			items.push(...page.data);
			if (page.done) return items;
			iterator = page.iterator;
		}
	}

	describe(name, () => {
		test('what is governed waits, and what has to prove itself is read', async (t) => {
			const { svix, server } = await client(t, { VAULTBELL_ENDPOINTS_VERIFY_OWNERSHIP: 'true' });
			const app = await svix.application.create({ name: 'Governed', uid: 'governed' });
			const endpoint = await svix.endpoint.create(app.id, { url: 'http://127.0.0.1:9/in', uid: 'main' });
			assert.equal(endpoint.disabled, false);
			const governed = await fetch(`${server.url}/api/v1/app/governed/governance`, { method: 'PUT',
				headers: { authorization: `Bearer ${server.token}` }, body: JSON.stringify({ governed: ['url', 'types', 'keys', 'disabling'] }) });
			assert.equal(governed.status, 200);
			// What the models need is there: the endpoint as it still is. Clients that know find the request as `change`.
			const whole = (read, about) => {
				for (const date of ['createdAt', 'updatedAt']) assert.ok(!Number.isNaN(read[date].getTime()), about);
				for (const [member, kind] of [['id', 'string'], ['url', 'string'], ['description', 'string'], ['disabled', 'boolean'], ['metadata', 'object']])
					assert.equal(typeof read[member], kind, `${about}: ${member}`);
			};
			const before = await svix.endpoint.get(app.id, endpoint.id);
			const held = await svix.endpoint.patch(app.id, endpoint.id, { url: 'http://127.0.0.1:9/other' });
			whole(held, 'patched');
			assert.deepEqual(held, before, 'as it is');
			whole(await svix.endpoint[update](app.id, endpoint.id, { url: 'http://127.0.0.1:9/third', uid: 'main' }), 'replaced');
			const asked = await svix.endpoint.create(app.id, { url: 'http://127.0.0.1:9/new', uid: 'new' });
			whole(asked, 'created');
			assert.match(asked.id, /^chg_/, 'an endpoint that is not there yet has the id of its change request');
			await refused(svix.endpoint.get(app.id, asked.id), 404);
			assert.equal(await svix.endpoint[setHeaders](app.id, endpoint.id, { headers: { 'X-A': 'b' } }).then(() => 'no error'), 'no error');
			assert.equal(await svix.endpoint.delete(app.id, endpoint.id).then(() => 'no error'), 'no error');
			assert.equal(await svix.endpoint.rotateSecret(app.id, endpoint.id, {}).then(() => 'no error'), 'no error');
			assert.equal((await svix.endpoint.get(app.id, endpoint.id)).url, 'http://127.0.0.1:9/in', 'and nothing was changed');
		});

		test('applications', async (t) => {
			const { svix } = await client(t);
			const made = await svix.application.create({ name: 'Acme', uid: 'acme', throttleRate: 5, metadata: { tier: 'gold' } });
			assert.match(made.id, /^app_[A-Za-z0-9]{27}$/);
			assert.ok(made.createdAt instanceof Date && !Number.isNaN(made.createdAt.getTime()));
			assert.deepEqual({ ...made, id: 0, createdAt: 0, updatedAt: 0, rateLimit: 5 },
				{ id: 0, createdAt: 0, updatedAt: 0, uid: 'acme', name: 'Acme', throttleRate: 5, rateLimit: 5, metadata: { tier: 'gold' } });

			const again = await svix.application.getOrCreate({ name: 'Other', uid: 'acme' });
			assert.equal(again.id, made.id);
			assert.equal(again.name, 'Acme');
			const fresh = await svix.application.getOrCreate({ name: 'Fresh', uid: 'fresh' });
			assert.notEqual(fresh.id, made.id);
			assert.equal((await svix.application.get('acme')).id, made.id);
			assert.equal((await svix.application.get(made.id)).uid, 'acme');

			const updated = await svix.application[update]('acme', { name: 'Acme Custody', uid: 'acme' });
			assert.equal(updated.id, made.id);
			assert.deepEqual([updated.name, updated.throttleRate, updated.metadata], ['Acme Custody', null, {}]);
			const patched = await svix.application.patch(made.id, { metadata: { a: 'b' } });
			assert.deepEqual([patched.name, patched.uid, patched.metadata], ['Acme Custody', 'acme', { a: 'b' }]);

			for (let i = 0; i < 3; i++) await svix.application.create({ name: `n${i}` });
			const names = (await all((options) => svix.application.list(options))).map((one) => one.name);
			assert.deepEqual(names, ['Acme Custody', 'Fresh', 'n0', 'n1', 'n2']);
			const backwards = await all((options) => svix.application.list({ ...options, order: 'descending' }));
			assert.deepEqual(backwards.map((one) => one.name), names.toReversed());

			await svix.application.delete('acme');
			await refused(svix.application.get(made.id), 404);
			const successor = await svix.application.create({ name: 'Acme anew', uid: 'acme' });
			assert.notEqual(successor.id, made.id);
		});

		test('event types', async (t) => {
			const { svix } = await client(t);
			const schema = { 1: { type: 'object', properties: { amount: { type: 'string' } } } };
			const made = await svix.eventType.create({ name: 'thing.made', description: 'A thing', schemas: schema });
			assert.deepEqual([made.name, made.description, made.archived, made.deprecated], ['thing.made', 'A thing', false, false]);
			assert.deepEqual(made.schemas, schema);
			assert.ok(made.createdAt instanceof Date);
			await refused(svix.eventType.create({ name: 'thing.made', description: '' }), 409);
			assert.deepEqual((await svix.eventType.get('thing.made')).schemas, schema);
			assert.equal((await svix.eventType[update]('thing.made', { description: 'Made' })).description, 'Made');
			const patched = await svix.eventType.patch('thing.made', { deprecated: true });
			assert.deepEqual([patched.description, patched.deprecated], ['Made', true]);
			const listed = await all((options) => svix.eventType.list({ ...options, withContent: true }));
			assert.ok(listed.some((type) => type.name === 'thing.made'));
			await svix.eventType.delete('thing.made');
			assert.equal((await svix.eventType.get('thing.made')).archived, true);
			await svix.eventType.delete('thing.made', { expunge: true });
			await refused(svix.eventType.get('thing.made'), 404);
		});

		test('endpoints', async (t) => {
			const { svix } = await client(t);
			const { id: app } = await svix.application.create({ name: 'Acme' });
			await svix.eventType.create({ name: 'thing.made', description: '' });
			await svix.eventType.create({ name: 'thing.lost', description: '' });
			const made = await svix.endpoint.create(app, {
				url: 'http://127.0.0.1:9/in',
				uid: 'main',
				description: 'first',
				channels: ['eu'],
				metadata: { a: '1' },
				[types]: ['thing.made'],
			});
			assert.match(made.id, /^ep_[A-Za-z0-9]{27}$/);
			assert.deepEqual([made.uid, made.url, made.description, made.disabled, made.channels, made.metadata, made[types]],
				['main', 'http://127.0.0.1:9/in', 'first', false, ['eu'], { a: '1' }, ['thing.made']]);
			assert.equal((await svix.endpoint.get(app, 'main')).id, made.id);

			const updated = await svix.endpoint[update](app, 'main', { url: 'http://127.0.0.1:9/two', uid: 'main' });
			assert.deepEqual([updated.id, updated.url, updated.description, updated[types] ?? null], [made.id, 'http://127.0.0.1:9/two', '', null]);
			const patched = await svix.endpoint.patch(app, 'main', { disabled: true, [types]: ['thing.lost'] });
			assert.deepEqual([patched.url, patched.disabled, patched[types]], ['http://127.0.0.1:9/two', true, ['thing.lost']]);

			await svix.endpoint[setHeaders](app, 'main', { headers: { 'X-Custom': '1', Authorization: 'Bearer s' } });
			assert.deepEqual(await svix.endpoint.getHeaders(app, 'main'), { headers: { 'X-Custom': '1' }, sensitive: ['Authorization'] });
			await svix.endpoint.patchHeaders(app, 'main', { headers: { 'X-New': '2' } });
			assert.deepEqual((await svix.endpoint.getHeaders(app, 'main')).headers, { 'X-Custom': '1', 'X-New': '2' });
			await refused(svix.endpoint[setHeaders](app, 'main', { headers: { 'User-Agent': 'x' } }), 422);

			const before = await svix.endpoint.getSecret(app, 'main');
			assert.match(before.key, /^whsec_[A-Za-z0-9+/]+=*$/);
			await svix.endpoint.rotateSecret(app, 'main', {});
			const after = await svix.endpoint.getSecret(app, 'main');
			assert.notEqual(after.key, before.key);
			const own = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
			await svix.endpoint.rotateSecret(app, 'main', { key: own });
			assert.equal((await svix.endpoint.getSecret(app, 'main')).key, own);

			await svix.endpoint.create(app, { url: 'http://127.0.0.1:9/b' });
			await svix.endpoint.create(app, { url: 'http://127.0.0.1:9/c' });
			const urls = (await all((options) => svix.endpoint.list(app, options))).map((one) => one.url);
			assert.deepEqual(urls, ['http://127.0.0.1:9/c', 'http://127.0.0.1:9/b', 'http://127.0.0.1:9/two']);
			await svix.endpoint.delete(app, 'main');
			await refused(svix.endpoint.get(app, made.id), 404);
		});

		test('messages, their attempts, and sending again', async (t) => {
			const { svix } = await client(t);
			const good = await sink(t);
			const bad = await sink(t, (_, number) => (number < 3 ? 500 : 204));
			const { id: app } = await svix.application.create({ name: 'Acme' });
			const { id: endpoint } = await svix.endpoint.create(app, { url: `${good.url}/in` });
			const { id: failing } = await svix.endpoint.create(app, { url: `${bad.url}/in` });
			const { key } = await svix.endpoint.getSecret(app, endpoint);

			const payload = { amount: '1.0', nested: { z: 1, a: [true, null] } };
			const made = await svix.message.create(app, { eventType: 'thing.made', eventId: 'e-1', payload, channels: ['eu'] }, { withContent: true });
			assert.match(made.id, /^msg_[A-Za-z0-9]{27}$/);
			assert.deepEqual([made.eventId, made.eventType, made.payload, made.channels], ['e-1', 'thing.made', payload, ['eu']]);
			assert.ok(made.timestamp instanceof Date);
			const [request] = await good.until(1);
			assert.equal(request.headers['webhook-id'], made.id);
			new Webhook(key).verify(request.body.toString(), request.headers);
			assert.deepEqual(JSON.parse(request.body.toString()), payload);
			assert.throws(() => new Webhook(key).verify(`${request.body} `, request.headers));
			await bad.until(3);

			assert.deepEqual((await svix.message.get(app, 'e-1', { withContent: true })).payload, payload);
			assert.equal((await svix.message.get(app, made.id)).id, made.id);
			assert.deepEqual((await svix.message.get(app, made.id, { withContent: false })).payload, {});

			const attempts = await until('four attempts', async () => {
				const found = await all((options) => svix.messageAttempt.listByMsg(app, made.id, options));
				return found.length === 4 && found;
			});
			for (const attempt of attempts) {
				assert.match(attempt.id, /^atmpt_[A-Za-z0-9]{27}$/);
				assert.equal(attempt.msgId, made.id);
				assert.equal(typeof attempt.responseDurationMs, 'number');
				assert.ok(attempt.timestamp instanceof Date);
			}
			const outcome = (attempt) => [attempt.endpointId === endpoint ? 'good' : 'bad', attempt.status, attempt.statusText, attempt.responseStatusCode, attempt.triggerType];
			assert.deepEqual(attempts.map(outcome).sort(), [
				['bad', 0, 'success', 204, 0],
				['bad', 2, 'fail', 500, 0],
				['bad', 2, 'fail', 500, 0],
				['good', 0, 'success', 200, 0],
			]);
			const one = await svix.messageAttempt.get(app, made.id, attempts[0].id);
			assert.equal(one.id, attempts[0].id);
			const ofFailing = await svix.messageAttempt.listByEndpoint(app, failing);
			assert.deepEqual(ofFailing.data.map((attempt) => attempt.responseStatusCode), [204, 500, 500]);
			const failures = await svix.messageAttempt.listByEndpoint(app, failing, { status: 2, statusCodeClass: 500 });
			assert.equal(failures.data.length, 2);

			const destinations = await svix.messageAttempt.listAttemptedDestinations(app, made.id);
			assert.deepEqual(destinations.data.map((one) => [one.id, one.statusText]).sort(), [[endpoint, 'success'], [failing, 'success']].sort());
			const messages = await svix.messageAttempt.listAttemptedMessages(app, endpoint);
			assert.deepEqual(messages.data.map((one) => [one.id, one.eventId, one.status]), [[made.id, 'e-1', 0]]);

			await svix.messageAttempt.resend(app, made.id, endpoint);
			const sent = await good.until(2);
			assert.equal(sent[1].headers['webhook-id'], made.id);
			assert.deepEqual(sent[1].body, sent[0].body);
			await until('the manual attempt', async () => {
				const { data } = await svix.messageAttempt.listByEndpoint(app, endpoint);
				return data.some((attempt) => attempt.triggerType === 1 && attempt.status === 0);
			});

			const text = '{ "raw" : 1.0 }';
			const raw = await svix.message.create(app, messageInRaw('thing.raw', text));
			const third = (await good.until(3))[2];
			assert.equal(third.headers['webhook-id'], raw.id);
			assert.equal(third.body.toString(), text);
			const listed = await all((options) => svix.message.list(app, options));
			assert.deepEqual(listed.map((message) => message.id), [raw.id, made.id]);
			const typed = await svix.message.list(app, { eventTypes: ['thing.raw', 'thing.other'] });
			assert.deepEqual(typed.data.map((message) => message.id), [raw.id]);
		});

		test('counts, recovery and replay as tasks', async (t) => {
			const { svix } = await client(t, { VAULTBELL_DELIVERY_SCHEDULE: '1ms' });
			let status = 500;
			const target = await sink(t, () => status);
			const { id: app } = await svix.application.create({ name: 'Acme' });
			const early = await svix.message.create(app, { eventType: 'thing.made', payload: { n: 0 } });
			const { id: endpoint } = await svix.endpoint.create(app, { url: target.url });
			const made = await svix.message.create(app, { eventType: 'thing.made', payload: { n: 1 } });
			const ended = (task) => until('the task', async () => {
				const now = await svix.backgroundTask.get(task.id);
				return now.status !== 'running' && now;
			});
			const standing = (id, text) => until(text, async () =>
				(await svix.messageAttempt.listAttemptedDestinations(app, id)).data[0]?.statusText === text);
			await standing(made.id, 'fail');
			assert.equal((await svix.endpoint.getStats(app, endpoint)).fail, 2);

			status = 200;
			const since = new Date(Date.now() - 3600e3);
			const recovery = await svix.endpoint.recover(app, endpoint, { since });
			assert.match(recovery.id, /^qtask_[A-Za-z0-9]{27}$/);
			assert.equal(recovery.task, 'endpoint.recover');
			assert.ok(recovery.updatedAt instanceof Date);
			assert.equal((await ended(recovery)).status, 'finished');
			await standing(made.id, 'success');
			const replay = await svix.endpoint.replayMissing(app, endpoint, { since });
			assert.equal((await ended(replay)).data.done, 1);
			await standing(early.id, 'success');
			const bulk = await svix.endpoint.bulkReplay(app, endpoint, { since, eventTypes: ['thing.made'], status: 0 });
			assert.equal((await ended(bulk)).data.done, 2);
			assert.deepEqual(await svix.endpoint.getStats(app, endpoint, { since, until: new Date() })
				.then(({ canceled, pending }) => ({ canceled, pending })), { canceled: 0, pending: 0 });
			const tasks = await svix.backgroundTask.list({ status: 'finished', limit: 2 });
			assert.deepEqual([tasks.data.map((task) => task.id), tasks.done], [[bulk.id, replay.id], false]);
			assert.deepEqual((await all((options) => svix.backgroundTask.list(options))).map((task) => task.id),
				[bulk.id, replay.id, recovery.id]);
			await refused(svix.endpoint.recover(app, endpoint, { since: new Date(0) }), 422);
			await refused(svix.backgroundTask.get('qtask_none'), 404);

			const usage = await svix.statistics.aggregateAppStats({ since, until: new Date(Date.now() + 1000), appIds: [app, 'nobody'] });
			assert.deepEqual(usage.unresolvedAppIds, ['nobody']);
			assert.equal((await ended(usage)).data.usage[0].messages, 2);
			assert.equal((await svix.statistics.aggregateEventTypes()).task, 'event-type.aggregate');
		});

		test('examples, a check beforehand, and content that goes', async (t) => {
			const { svix } = await client(t);
			const target = await sink(t);
			const { id: app } = await svix.application.create({ name: 'Acme' });
			assert.equal((await svix.message.precheck(app, { eventType: 'thing.made' })).active, false);
			const { id: endpoint } = await svix.endpoint.create(app, { url: target.url });
			assert.equal((await svix.message.precheck(app, { eventType: 'thing.made' })).active, true);
			await svix.eventType.create({ name: 'thing.made', description: '', schemas: { 1: { type: 'object', examples: [{ a: 1 }] } } });
			const example = await svix.endpoint.sendExample(app, endpoint, { eventType: 'thing.made' });
			assert.deepEqual(example.payload, { a: 1 });
			const [attempt] = await until('the attempt', async () => {
				const { data } = await svix.messageAttempt.listByMsg(app, example.id);
				return data.length > 0 && data;
			});
			await svix.messageAttempt.expungeContent(app, example.id, attempt.id);
			assert.equal((await svix.messageAttempt.get(app, example.id, attempt.id)).response, 'EXPUNGED');
			await svix.message.expungeContent(app, example.id);
			assert.deepEqual((await svix.message.get(app, example.id, { withContent: true })).payload, { expired: true });
			assert.equal((await refused(svix.messageAttempt.resend(app, example.id, endpoint), 400)).code, 'missing_payload');
			if (svix.message.bulkExpungeContent) {
				const bulk = await svix.message.bulkExpungeContent(app, { ids: [example.id, 'nothing'] });
				assert.deepEqual(bulk.results, { [example.id]: 'expunged', nothing: 'not-found' });
			}
			assert.equal((await svix.message.expungeAllContents(app)).task, 'application.purge_content');
		});

		test('access to the portal, and its end', async (t) => {
			const { svix, server } = await client(t);
			const { id: app } = await svix.application.create({ name: 'Acme' });
			const access = await svix.authentication.appPortalAccess(app, { expiry: 3600 });
			assert.equal(access.url, `${server.url}/#token=${access.token}`);
			const own = () => new Svix(access.token, { serverUrl: server.url });
			assert.equal((await own().application.get(app)).id, app);
			await refused(own().application.list(), 403);
			await own().authentication.logout();
			await refused(own().application.get(app), 401);
			const other = await svix.authentication.appPortalAccess(app, {});
			await svix.authentication.expireAll(app, {});
			await refused(new Svix(other.token, { serverUrl: server.url }).application.get(app), 401);
		});

		test('operational webhooks', async (t) => {
			const { svix } = await client(t);
			const hooks = svix.operationalWebhook.endpoint;
			const made = await hooks.create({ url: 'http://127.0.0.1:9/ops', uid: 'ops', [types]: ['endpoint.disabled'] });
			assert.deepEqual(made[types], ['endpoint.disabled']);
			assert.equal((await hooks.get('ops')).id, made.id);
			assert.equal((await hooks[update]('ops', { url: 'http://127.0.0.1:9/new', uid: 'ops' })).url, 'http://127.0.0.1:9/new');
			await hooks[setHeaders]('ops', { headers: { 'X-Team': 'a' } });
			assert.deepEqual((await hooks.getHeaders('ops')).headers, { 'X-Team': 'a' });
			const { key } = await hooks.getSecret('ops');
			await hooks.rotateSecret('ops', {});
			assert.notEqual((await hooks.getSecret('ops')).key, key);
			assert.deepEqual((await all((options) => hooks.list(options))).map((one) => one.id), [made.id]);
			assert.deepEqual((await svix.application.list()).data, []);
			await hooks.delete('ops');
			await refused(hooks.get('ops'), 404);
		});

		test('errors arrive as ApiException', async (t) => {
			const { svix, calls, server } = await client(t);
			assert.equal((await refused(svix.application.get('nobody'), 404)).code, 'not_found');
			await svix.application.create({ name: 'a', uid: 'a' });
			assert.equal((await refused(svix.application.create({ name: 'b', uid: 'a' }), 409)).code, 'conflict');
			assert.deepEqual((await refused(svix.application.create({ name: '' }), 422)).detail[0].loc, ['body', 'name']);
			await refused(svix.application.list({ limit: 999 }), 422);
			await refused(svix.endpoint.create('a', { url: 'ftp://x/' }), 422);
			await refused(svix.endpoint.create('a', { url: 'http://127.0.0.1:9/', [types]: [] }), 422);
			await svix.message.create('a', { eventType: 'x', eventId: 'once', payload: {} });
			await refused(svix.message.create('a', { eventType: 'x', eventId: 'once', payload: {} }), 409);
			await refused(svix.message.create('a', { eventType: 'x', payload: 'text' }), 422);
			await refused(svix.messageAttempt.resend('a', 'once', 'nobody'), 404);
			const stranger = new Svix('vbt_wrong', { serverUrl: server.url });
			assert.equal((await refused(stranger.application.list(), 401)).code, 'authentication_failed');
			assert.ok(calls.every((call) => !('svix-retry-count' in call.headers)), 'no answer made the client retry');
		});

		test('the key that the client sends makes a repeated post one message', async (t) => {
			const server = await serve(t);
			let lost = 0;
			const svix = new Svix(server.token, {
				serverUrl: server.url,
				retryScheduleInMs: [1, 1],
				fetch: async (url, options) => {
					const answer = await fetch(url, options);
					if (options.method === 'POST' && String(url).includes('/msg') && lost++ < 2) {
						await answer.arrayBuffer();
						throw new TypeError('the connection was lost before the answer');
					}
					return answer;
				},
			});
			const { id: app } = await svix.application.create({ name: 'Acme' });
			const made = await svix.message.create(app, { eventType: 'thing.made', payload: { a: 1 } });
			assert.equal(lost, 3);
			assert.deepEqual((await svix.message.list(app)).data.map((message) => message.id), [made.id]);
		});
	});
}
