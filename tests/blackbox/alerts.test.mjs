// Alerts: what is stuck, what conflicts, who is told of it and how often (M4, M20).
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';

import { fileIn, request, run, scratch, sink, start, stop } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

async function receiver(t, alerts, env = {}, data = scratch(t), secret = standardSecret()) {
	const list = alerts.map((target) => `  - {${Object.entries(target).map(([key, value]) => `${key}: ${JSON.stringify(value)}`).join(', ')}}`);
	const config = fileIn(data, 'c.yaml', `sources: [{name: acme, scheme: standard, secret_file: ${fileIn(data, 'k', secret)}}]\n${
		alerts.length ? `alerts:\n${list.join('\n')}\n` : ''}`);
	const server = await start(t, ['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config], { env });
	const post = async (id, body) => {
		const answer = await request(server, 'POST', '/in/acme', standardHeaders(secret, id, body), body);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.status;
	};
	return Object.assign(server, { data: join(data, 'd'), root: data, secret, post });
}

async function alerts(server, ...more) {
	const result = await run(['alerts', 'list', '--data', server.data, '--json', ...more]);
	assert.equal(result.stderr, '');
	return result.stdout.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

async function eventually(look, what) {
	const late = Date.now() + 15000;
	for (;;) {
		const value = await look();
		if (value) return value;
		if (Date.now() > late) assert.fail(`never came: ${what}`);
	}
}

const conflict = async (server, id) => {
	await server.post(id, `{"type":"a.b","secret-payload":"${id}"}`);
	assert.equal(await server.post(id, `{"type":"a.b","secret-payload":"other ${id}"}`), 'conflict');
};

test('each kind of target is told of each alert once, and when it is over', async (t) => {
	const [hook, slack, manager] = [await sink(t), await sink(t), await sink(t)];
	const secret = standardSecret();
	const data = scratch(t);
	const server = await receiver(t, [
		{ name: 'hook', kind: 'webhook', url: `${hook.url}/in`, secret_file: fileIn(data, 'hook.key', secret) },
		{ name: 'desk', kind: 'slack', url: `${slack.url}/chat` },
		{ name: 'pager', kind: 'alertmanager', url: `${manager.url}/api/v2/alerts` },
	]);
	await conflict(server, 'evt_1');
	for (const each of [hook, slack, manager]) await each.until(1);
	const sent = JSON.parse(hook.received[0].body);
	assert.equal(sent.type, 'vaultbell.alert');
	assert.deepEqual([sent.data.kind, sent.data.severity, sent.data.state, sent.data.key], ['conflict', 'critical', 'open', 'acme/evt_1']);
	const head = hook.received[0].headers;
	const mac = createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
		.update(`${head['webhook-id']}.${head['webhook-timestamp']}.`).update(hook.received[0].body).digest('base64');
	assert.equal(head['webhook-signature'], `v1,${mac}`);
	assert.match(JSON.parse(slack.received[0].body).text, /^critical: conflict acme\/evt_1: /);
	const [told] = JSON.parse(manager.received[0].body);
	assert.equal(told.labels.alertname, 'vaultbell_conflict');
	assert.ok(Date.parse(told.endsAt) > Date.now() + 86400000);
	for (const each of [hook, slack, manager]) assert.doesNotMatch(String(each.received[0].body), /secret-payload/);

	// Counting on is no news; another one is, and the end of the first.
	assert.equal(await server.post('evt_1', '{"type":"a.b","third":3}'), 'conflict');
	const [first] = await alerts(server);
	assert.equal(first.count, 2);
	assert.equal((await run(['alerts', 'ack', String(first.id), '--data', server.data])).status, 0);
	assert.equal((await run(['alerts', 'resolve', String(first.id), '--data', server.data])).status, 0);
	await conflict(server, 'evt_2');
	for (const each of [hook, slack, manager]) await each.until(3);
	assert.deepEqual(slack.received.map((one) => JSON.parse(one.body).text.split(':')[0]).sort(), ['critical', 'critical', 'resolved']);
	const over = manager.received.map((one) => JSON.parse(one.body)[0]).filter((one) => Date.parse(one.endsAt) <= Date.now());
	assert.equal(over.length, 1);
	assert.deepEqual((await alerts(server, '--state', 'resolved')).map((one) => [one.key, one.by]), [['acme/evt_1', 'cli']]);
	await stop(server);
	// After a restart nobody is told again.
	const again = await receiver(t, [{ name: 'desk', kind: 'slack', url: `${slack.url}/chat` }], {}, server.root, server.secret);
	await conflict(again, 'evt_3');
	await slack.until(4);
	assert.match(String(slack.received[3].body), /evt_3/);
});

test('a target that takes nothing holds up no other, and gets it later', async (t) => {
	let broken = true;
	const bad = await sink(t, () => (broken ? 500 : 200));
	const good = await sink(t);
	const server = await receiver(t, [
		{ name: 'bad', kind: 'slack', url: bad.url }, { name: 'good', kind: 'slack', url: good.url },
	]);
	await conflict(server, 'evt_1');
	await good.until(1);
	await bad.until(1);
	broken = false;
	await bad.until(2);
	assert.match(server.log, /a target takes no alerts/);
	assert.doesNotMatch(server.log, /secret-payload/);
});

test('what is stuck is an alert until it goes on', async (t) => {
	const server = await receiver(t, [], { VAULTBELL_RECEIVER_STUCK_AFTER: '1s' });
	const event = (number, type, kind, id, data) => JSON.stringify({
		id: `evt_${number}`, type, stream_seq: number, occurred_at: new Date(Date.now() - 60000 + number).toISOString(),
		resource: { type: kind, id }, data,
	});
	await server.post('evt_1', event(1, 'transaction.request.submitted', 'transaction', 'tx_1', { transaction_id: 'tx_1', direction: 'out' }));
	await server.post('evt_2', event(2, 'workflow.approval.requested', 'workflow', 'wf_1', { workflow_id: 'wf_1' }));
	await server.post('evt_3', event(3, 'transaction.request.completed', 'transaction', 'tx_2', { transaction_id: 'tx_2', direction: 'out' }));
	const found = await eventually(async () => {
		const list = await alerts(server);
		return list.length === 2 && list;
	}, 'two alerts');
	assert.deepEqual(found.map((one) => [one.kind, one.key]).sort(), [['stuck', 'tx/tx_1'], ['stuck', 'workflow/wf_1']]);
	assert.match(found.find((one) => one.key === 'tx/tx_1').summary, /^submitted since /);
	await server.post('evt_4', event(4, 'transaction.request.completed', 'transaction', 'tx_1', { transaction_id: 'tx_1', direction: 'out' }));
	await eventually(async () => (await alerts(server, '--state', 'resolved')).some((one) => one.key === 'tx/tx_1'), 'resolved');
	assert.deepEqual((await alerts(server)).map((one) => one.key), ['workflow/wf_1']);
});

test('keys that cannot be fetched are an alert, and are no longer once they can', async (t) => {
	const data = scratch(t);
	let status = 500;
	const keys = await sink(t, () => status);
	const config = fileIn(data, 'c.yaml', `sources: [{name: vault, scheme: fireblocks, jwks_url: "${keys.url}/jwks"}]\n`);
	const server = await start(t, ['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config],
		{ env: { VAULTBELL_RECEIVER_JWKS_RETRY: '200ms' } });
	server.data = join(data, 'd');
	const [found] = await eventually(async () => {
		const list = await alerts(server);
		return list.length === 1 && list;
	}, 'the alert');
	assert.deepEqual([found.kind, found.severity, found.key], ['keys', 'critical', 'vault']);
	assert.match(found.summary, /the answer was 500/);
	status = 404;
	await eventually(async () => (await alerts(server))[0].count > 2, 'counts on');
});

test('what a target may not be is said at the start', async (t) => {
	const data = scratch(t);
	for (const [target, expected] of [
		['{name: a, kind: pigeon, url: "http://127.0.0.1:1/"}', /kind: expected webhook, slack or alertmanager/],
		['{name: a, kind: slack, url: nowhere}', /url: expected an http or https URL/],
		['{name: a, kind: webhook, url: "http://127.0.0.1:1/"}', /secret_file: expected one for kind webhook/],
	]) {
		const config = fileIn(data, 'c.yaml',
			`sources: [{name: s, scheme: standard, secret_file: ${fileIn(data, 'k', standardSecret())}}]\nalerts: [${target}]\n`);
		const result = await run(['receive', '--data', join(data, 'd'), '--listen', '127.0.0.1:0', '--config', config]);
		assert.equal(result.status, 2);
		assert.match(result.stderr, expected);
	}
	assert.equal((await run(['alerts', 'list', '--data', join(data, 'd'), '--state', 'odd'])).status, 2);
});
