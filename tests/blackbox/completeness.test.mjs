// M8, M11: pull equals push, and a heartbeat tells of the last event. What is pulled is compared with what was pushed, byte
// for byte, and verified with the keys that the receiver has anyway.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { sink } from './program.mjs';
import { caller, haveBinary, startServer } from './server.mjs';

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function until(ask, good) {
	for (const late = Date.now() + 20000; ;) {
		const answer = await ask();
		if (good(answer)) return answer;
		assert.ok(Date.now() < late, JSON.stringify(answer));
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

describe('what a sender gives to be complete', { skip: !haveBinary }, () => {
	let server, api, root;
	before(async () => {
		server = await startServer({ VAULTBELL_DELIVERY_ALLOW_NETWORKS: '127.0.0.0/8' });
		root = `${server.base}/api/v1`;
		api = caller(root, server.token('--role', 'platform-admin'));
	});
	after(() => server?.stop());

	const make = async (uid, url, more = {}) => {
		await api('POST', '/app', { name: uid, uid });
		const made = await api('POST', `/app/${uid}/endpoint`, { uid: 'main', url, ...more });
		assert.equal(made.status, 201, made.text);
		return made.json;
	};
	const post = (uid, number, type = 'transaction.deposit.completed') =>
		api('POST', `/app/${uid}/msg`, `{"eventType":"${type}","payload":{ "n":${number},  "odd" : "\\u00e9é" }}`,
			{ 'content-type': 'application/json' });

	for (const [style, more] of [['raw', {}], ['envelope', {}], ['thin', { signatureScheme: 'rfc9421', keyType: 'ecdsa-p256' }], ['legacy', {}]])
		test(`M8: what is pulled is what is pushed, in style ${style}`, async (t) => {
			const uid = `pull-${style}`;
			const target = await sink(t);
			await make(uid, target.url, { payloadStyle: style, headers: { 'x-api-key': 'of the receiver' }, ...more });
			for (let n = 1; n <= 7; n++) assert.equal((await post(uid, n)).status, 202);
			await target.until(7);
			const pulled = [];
			for (let after = 0, done = false; !done;) {
				const page = await api('GET', `/org/${uid}/endpoint/main/events?after=${after}&limit=3`);
				assert.equal(page.status, 200, page.text);
				assert.equal(page.json.newest, 7);
				assert.equal(page.json.authority, new URL(target.url).host);
				pulled.push(...page.json.data);
				({ next: after, done } = page.json);
			}
			assert.deepEqual(pulled.map((item) => item.sequence), [1, 2, 3, 4, 5, 6, 7]);
			for (const item of pulled) {
				const body = Buffer.from(item.body, 'base64');
				assert.equal(item.bodySha256, sha256(body));
				assert.equal(item.absent, null);
				const pushed = target.received.find((one) => style === 'legacy' ? one.body.equals(body)
					: one.headers['vaultbell-sequence'] === String(item.sequence));
				assert.ok(pushed && pushed.body.equals(body), `sequence ${item.sequence}`);
				if (style !== 'legacy') assert.equal(pushed.headers['webhook-id'], item.id);
				assert.equal(item.headers['x-api-key'], undefined, 'a custom header is the receiver\'s secret');
				assert.equal(item.headers['vaultbell-attempt'], undefined);
			}
		});

	test('M15: what is pulled is signed with the keys of what is pushed', async (t) => {
		const target = await sink(t);
		await make('signed', target.url);
		await post('signed', 1);
		const { key } = (await api('GET', '/app/signed/endpoint/main/secret')).json;
		const [item] = (await api('GET', '/app/signed/endpoint/main/events')).json.data;
		const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = item.headers;
		const mac = createHmac('sha256', Buffer.from(key.slice(6), 'base64')).update(`${id}.${time}.`).update(Buffer.from(item.body, 'base64'));
		assert.equal(signature, `v1,${mac.digest('base64')}`);
		assert.equal((await api('GET', '/app/signed/endpoint/main/events?signatures=false')).json.data[0].headers, null);
	});

	test('M16, M7: what is expunged, or not for the role, is told with its digest and without its body', async (t) => {
		const target = await sink(t);
		await make('gone', target.url);
		const first = (await post('gone', 1)).json, second = await post('gone', 2, 'compliance.kyt.alert_raised');
		assert.equal(second.status, 202, second.text);
		await target.until(2);
		assert.equal((await api('DELETE', `/app/gone/msg/${first.id}/content`)).status, 204);
		const token = (await api('POST', '/app/gone/token', { role: 'internal-tooling', name: 'feed' })).json.token;
		const feed = (await caller(root, token)('GET', '/app/gone/endpoint/main/events')).json;
		assert.deepEqual(feed.data.map((item) => [item.sequence, item.body, item.absent]), [[1, null, 'expunged'], [2, null, 'withheld']]);
		assert.equal(feed.data[0].payloadSha256, sha256(target.received.find((one) => one.headers['webhook-id'] === first.id).body));
		assert.equal((await api('GET', '/app/gone/endpoint/main/events?after=-1')).status, 400);
		assert.equal((await api('GET', '/app/gone/endpoint/main/events?limit=1001')).status, 422);
		assert.equal((await api('GET', '/app/gone/endpoint/main/events?after=x')).status, 400);
		const viewer = (await api('POST', '/app/gone/token', { role: 'viewer', name: 'viewer' })).json.token;
		assert.equal((await caller(root, viewer)('GET', '/app/gone/endpoint/main/events')).status, 403);
	});

	test('M8: a heartbeat carries the newest number, takes none, and leaves nothing behind', async (t) => {
		const target = await sink(t, (call) => (JSON.parse(call.body).type === 'webhook.heartbeat' ? 500 : 200));
		const made = await make('beat', target.url, { heartbeatSeconds: 1, signatureScheme: 'rfc9421', keyType: 'ed25519' });
		assert.equal(made.heartbeatSeconds, 1);
		for (let n = 1; n <= 3; n++) await post('beat', n);
		const beats = () => target.received.filter((one) => JSON.parse(one.body).type === 'webhook.heartbeat');
		await until(async () => beats(), (found) => found.filter((one) => JSON.parse(one.body).data.newest_sequence === 3).length >= 2);
		const ids = new Set(beats().map((one) => one.headers['webhook-id']));
		assert.equal(ids.size, beats().length, 'no id twice');
		for (const beat of beats()) {
			assert.equal(beat.headers['vaultbell-sequence'], undefined);
			assert.doesNotMatch(beat.headers['signature-input'], /vaultbell-sequence/);
		}
		assert.match(target.received.find((one) => one.headers['vaultbell-sequence']).headers['signature-input'], /"vaultbell-sequence"/);
		assert.equal((await api('GET', '/app/beat/endpoint/main/events')).json.newest, 3);
		const stats = (await api('GET', '/app/beat/endpoint/main/stats')).json;
		assert.equal(stats.success + stats.fail, 3);
		assert.equal((await api('PATCH', '/app/beat/endpoint/main', { disabled: true })).status, 200);
		const before = beats().length;
		await make('beat-two', target.url, { heartbeatSeconds: 1, channels: ['two'] });
		await until(async () => target.received, (all) => all.filter((one) => JSON.parse(one.body).data?.newest_sequence === 0).length >= 3);
		assert.ok(beats().filter((one) => JSON.parse(one.body).data.newest_sequence === 3).length <= before + 1, 'none to one that is held');
	});
});
