// Where things stand, from the receiver's API (M3, M4): one of many, all of a kind, and the index behind both of them, which
// is never the truth.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fileIn, request, run, scratch, sql, start, stop, until } from './program.mjs';
import { standardHeaders, standardSecret } from './signing.mjs';

const day = '2025-01-09T';

async function receiver(t) {
	const data = scratch(t), keys = { desk: standardSecret(), vault: standardSecret() };
	const config = fileIn(data, 'c.yaml', `sources:\n${Object.entries(keys).map(([name, secret]) =>
		`  - {name: ${name}, scheme: standard, secret_file: ${fileIn(data, name, secret)}}`).join('\n')}\n`);
	const self = { data };
	self.open = async () => (self.server = await start(t, ['receive', '--data', data, '--listen', '127.0.0.1:0', '--config', config]));
	await self.open();
	self.post = async (source, event) => {
		const body = JSON.stringify(event);
		const answer = await request(self.server, 'POST', `/in/${source}`, standardHeaders(keys[source], event.id, body), body);
		assert.equal(answer.status, 200, answer.text);
		return answer.json.status;
	};
	self.token = async (...more) => {
		const made = await run(['token', 'create', '--data', data, '--json', '--role', 'internal-tooling', ...more]);
		assert.equal(made.status, 0, made.stderr);
		return JSON.parse(made.stdout).token;
	};
	self.get = (token, path) => request(self.server, 'GET', `/api/v1/${path}`, { authorization: `Bearer ${token}` });
	return self;
}

const clock = (minutes) => `${day}${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}:00Z`;
const event = (id, transaction, type, number) => ({
	id, type: `transaction.request.${type}`, organisation: 'org_1', stream_seq: number, occurred_at: clock(number),
	resource: { type: 'transaction', id: transaction }, data: { transaction_id: transaction, direction: 'out' },
});

/** Everything of a kind, page after page, and how many pages there were. */
async function list(receiver, token, query = '', limit = 7) {
	const items = [];
	for (let after = 0, pages = 1; ; pages++) {
		const answer = await receiver.get(token, `track/tx?limit=${limit}&after=${after}${query}`);
		assert.equal(answer.status, 200, answer.text);
		assert.ok(answer.json.data.length <= limit);
		items.push(...answer.json.data);
		after = answer.json.iterator;
		if (answer.json.done) return Object.assign(items, { pages });
	}
}

test('M3: a list by pages, and each of it as it is looked up', async (t) => {
	const r = await receiver(t);
	const token = await r.token();
	const names = Array.from({ length: 20 }, (_, i) => `tx_${i}`);
	let number = 0;
	for (const [at, name] of names.entries()) {
		const events = ['created', 'approved', ...(at % 2 ? ['submitted', 'completed'] : [])].map((type) => event(`e${++number}`, name, type, number));
		for (const one of events.reverse()) assert.equal(await r.post('desk', one), 'accepted');
		// Before the index knows of it, and afterwards: the same.
		const shown = (await r.get(token, `track/tx/${name}`)).json;
		assert.equal(shown.state, at % 2 ? 'completed' : 'approved');
		assert.equal(shown.timeline.length, at % 2 ? 4 : 2);
	}
	await r.post('vault', { id: 'w1', type: 'workflow.approval.requested', occurred_at: clock(1), resource: { type: 'workflow', id: 'wf_1' }, data: { workflow_id: 'wf_1' } });
	const items = await until('all are in the list', async () => { const got = await list(r, token); return got.length === names.length && got; });
	assert.deepEqual(items.map((item) => item.id), names);
	assert.equal(items.pages, 3);
	for (const item of items) {
		const { timeline, ...shown } = (await r.get(token, `track/tx/${item.id}`)).json;
		assert.deepEqual(item, shown);
		const cli = await run(['track', 'tx', item.id, '--data', r.data, '--json']);
		assert.deepEqual(JSON.parse(cli.stdout).timeline.map((entry) => entry.event_id), timeline.map((entry) => entry.event_id));
	}
	assert.deepEqual((await list(r, token, '&state=completed', 3)).map((item) => item.id), names.filter((_, i) => i % 2));
	assert.deepEqual((await list(r, token, '&stuck=true')).map((item) => item.id), names.filter((_, i) => i % 2 === 0));
	assert.deepEqual((await until('the approval is in the list', async () => { const page = (await r.get(token, 'track/workflow')).json.data; return page.length > 0 && page; })).map((item) => [item.id, item.state]), [['wf_1', 'requested']]);
	assert.equal((await r.get(token, 'track/nothing')).status, 404);
	for (const wrong of ['limit=0', 'limit=251', 'after=-1', 'stuck=maybe']) assert.equal((await r.get(token, `track/tx?${wrong}`)).status, 422, wrong);
});

test('M22: the list has what a token may see, and its states are made of that', async (t) => {
	const r = await receiver(t);
	await r.post('desk', event('e1', 'tx_1', 'created', 1));
	await r.post('vault', event('e2', 'tx_1', 'approved', 2));
	await r.post('vault', event('e3', 'tx_2', 'created', 3));
	const all = await r.token(), desk = await r.token('--source', 'desk'), wallets = await r.token('--type', 'wallet.*');
	await until('both are in the list', async () => (await list(r, all)).length === 2);
	assert.deepEqual((await list(r, all)).map((item) => [item.id, item.state]), [['tx_1', 'approved'], ['tx_2', 'created']]);
	assert.deepEqual((await list(r, desk)).map((item) => [item.id, item.state]), [['tx_1', 'created']]);
	assert.deepEqual([...await list(r, wallets)], []);
});

test('the index is made anew from the journal, and behind it nothing is missing', async (t) => {
	const r = await receiver(t);
	const token = await r.token();
	for (let i = 1; i <= 600; i++) await r.post('desk', event(`e${i}`, `tx_${i % 40}`, i <= 40 ? 'created' : 'approved', i));
	await until('all are in the list', async () => (await list(r, token, '', 250)).length === 40);
	await stop(r.server);
	await sql(r.data, 'DELETE FROM track_item', 'DELETE FROM track_event', "DELETE FROM progress WHERE name = 'track'");
	// A command reads all of the journal where there is no index.
	const cli = JSON.parse((await run(['track', 'tx', 'tx_7', '--data', r.data, '--json'])).stdout);
	assert.equal(cli.timeline.length, 15);
	await r.open();
	const shown = (await r.get(token, 'track/tx/tx_7')).json;
	assert.deepEqual([shown.state, shown.timeline.map((entry) => entry.event_id)], [cli.state, cli.timeline.map((entry) => entry.event_id)]);
	await until('all are in the list again', async () => (await list(r, token, '', 250)).length === 40);
	assert.deepEqual(await sql(r.data, 'SELECT count(*) FROM track_event'), [[600]]);
	// What the index says of another transaction's row is not believed.
	await sql(r.data, "INSERT INTO track_event SELECT id, 1 FROM track_item WHERE name = 'tx_7'");
	assert.equal((await r.get(token, 'track/tx/tx_7')).json.timeline.length, 15);
});
