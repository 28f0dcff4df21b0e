// Records from configured sources: list APIs with every kind of paging, the platform's GraphQL, a Vaultbell sender; and what
// fails on the way is an error, never half a comparison.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';

import { api, platform } from './list-api.mjs';
import { fileIn, run, scratch } from './program.mjs';
import { caller, startServer } from './server.mjs';

const asOf = '2025-01-10T00:00:00Z';
const then = '2025-01-09T12:00:00Z';
const columns = ['id', 'direction', 'network', 'asset', 'amount_base_units', 'status', 'occurred_at'];

/** A data directory with a database and an empty journal. */
async function receiver(t) {
	const data = scratch(t);
	const made = await run(['token', 'create', '--data', data, '--role', 'platform-admin']);
	assert.equal(made.status, 0, made.stderr);
	return data;
}

const csv = (rows) => [columns, ...rows.map((row) => columns.map((name) => row[name] ?? ''))].map((row) => row.join()).join('\n');

function config(data, items) {
	const lines = items.map((item) => Object.entries(item).map(([key, value], i) => `${i ? ' ' : '-'} ${key}: ${value}`).join('\n'));
	return fileIn(data, 'vaultbell.yaml', `records:\n${lines.join('\n')}\n`);
}

async function reconcile(data, file, ledger, extra = []) {
	const path = fileIn(data, 'ledger.csv', csv(ledger));
	const args = ['reconcile', '--data', data, '--config', file, '--custodian', 'custodian', '--ledger', `csv:${path}`];
	const result = await run([...args, '--as-of', asOf, '--json', ...extra]);
	return { ...result, report: result.stdout ? JSON.parse(result.stdout) : undefined };
}

const mapping = (paging, extra = '') => `
headers:
  authorization: Bearer \${token}
  x-desk: north
retries: 3
${extra}
lists:
  - path: /v1/transactions?kind=all
    items: page.rows
${paging}
    record:
      id: tx.id
      direction: {path: type, values: {DEPOSIT: in, WITHDRAWAL: out}}
      network: {value: "eip155:1"}
      asset: {path: contract, missing: native}
      amount_base_units: {path: amount, decimals: 18}
      status: {path: state, values: {DONE: completed, WAIT: submitted}}
      occurred_at: {path: ms, time: milliseconds}
      desk: desk
`;

const item = (number, extra = {}) => ({
	tx: { id: `tx_${number}` }, type: 'DEPOSIT', amount: `${number}.5`, state: 'DONE', ms: Date.parse(then), desk: { name: 'n' }, ...extra,
});
const entry = (number, extra = {}) => ({
	id: `tx_${number}`, direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: `${number}500000000000000000`,
	status: 'completed', occurred_at: then, ...extra,
});
const numbers = (count) => Array.from({ length: count }, (_, i) => i + 1);

async function rest(t, answer, text) {
	const data = await receiver(t);
	const server = await api(t, answer);
	const file = config(data, [{
		name: 'custodian', kind: 'rest', url: server.url, token_file: fileIn(data, 'token', 'top-secret\n'),
		mapping: fileIn(data, 'mapping.yaml', text),
	}]);
	return { data, file, ...server };
}

const classes = (report) => report.breaks.map((found) => found.class);
const paged = {
	cursor: {
		yaml: '    paging: {kind: cursor, next: page.next, parameter: after}',
		page: (query, rows) => {
			const from = Number(query.get('after') ?? 0);
			return { page: { rows: rows.slice(from, from + 3), next: from + 3 < rows.length ? String(from + 3) : null } };
		},
	},
	offset: {
		yaml: '    paging: {kind: offset, parameter: skip, size: 3, size_parameter: take}',
		page: (query, rows) => {
			const from = Number(query.get('skip'));
			return { page: { rows: rows.slice(from, from + Number(query.get('take'))) } };
		},
	},
	url: {
		yaml: '    paging: {kind: url, next: page.next}',
		page: (query, rows) => {
			const from = Number(query.get('from') ?? 0);
			return { page: { rows: rows.slice(from, from + 3), next: from + 3 < rows.length ? `/v1/transactions?from=${from + 3}` : '' } };
		},
	},
};

for (const [kind, { yaml, page }] of Object.entries(paged)) {
	test(`M5: a list API that pages by ${kind}`, async (t) => {
		const rows = numbers(10).map((number) => item(number));
		const { data, file, asked } = await rest(t, ({ query }) => ({ json: page(query, rows) }), mapping(yaml));
		const { report, stderr } = await reconcile(data, file, numbers(10).map((number) => entry(number)));
		assert.equal(stderr, '');
		assert.deepEqual(report.counts, { MISSING_EVENT: 10 });
		// Only an empty page says that there is no more.
		assert.equal(asked.length, kind === 'offset' ? 5 : 4);
		assert.equal(asked[0].query.get('kind'), 'all');
		for (const { headers, path } of asked) {
			assert.equal(path, '/v1/transactions');
			assert.equal(headers.authorization, 'Bearer top-secret');
			assert.equal(headers['x-desk'], 'north');
		}
		assert.deepEqual(report.breaks[0].custodian, { ...entry(1), desk: { name: 'n' } });
	});
}

test('a list API whose pages are shorter than was asked for is read to its end, and one that repeats a page is refused', async (t) => {
	const rows = numbers(10).map((number) => item(number));
	const capped = await rest(t, ({ query }) => {
		const from = Number(query.get('skip'));
		return { json: { page: { rows: rows.slice(from, from + 2) } } };
	}, mapping(paged.offset.yaml));
	const { report, stderr } = await reconcile(capped.data, capped.file, numbers(10).map((number) => entry(number)));
	assert.equal(stderr, '');
	assert.deepEqual(report.counts, { MISSING_EVENT: 10 });
	assert.deepEqual(capped.asked.map(({ query }) => query.get('skip')), ['0', '2', '4', '6', '8', '10']);
	const stuck = await rest(t, () => ({ json: { page: { rows: rows.slice(0, 3) } } }), mapping(paged.offset.yaml));
	const refused = await reconcile(stuck.data, stuck.file, []);
	assert.match(refused.stderr, /page 2 has what the one before it had/);
	assert.equal(stuck.asked.length, 2);
	const said = await rest(t, ({ query }) => {
		const from = Number(query.get('skip'));
		return { json: { page: { rows: rows.slice(from, from + 2), last: from + 2 >= rows.length } } };
	}, mapping(paged.offset.yaml.replace('}', ', done: page.last}')));
	assert.deepEqual((await reconcile(said.data, said.file, numbers(10).map((number) => entry(number)))).report.counts, { MISSING_EVENT: 10 });
	assert.equal(said.asked.length, 5);
});

test('M5: a list API that pages by Link header, and one in a body that is posted', async (t) => {
	const rows = numbers(5).map((number) => item(number));
	const ledger = numbers(5).map((number) => entry(number));
	const linked = await rest(t, ({ query }) => {
		const from = Number(query.get('from') ?? 0);
		const link = `<${linked.url}/v1/transactions?from=0>; rel="first", <${linked.url}/v1/transactions?from=${from + 2}>; rel="next"`;
		return { json: { page: { rows: rows.slice(from, from + 2) } }, headers: from + 2 < rows.length ? { link } : {} };
	}, mapping('    paging: {kind: link}'));
	assert.deepEqual((await reconcile(linked.data, linked.file, ledger)).report.counts, { MISSING_EVENT: 5 });
	const posted = await rest(t, ({ method, body }) => {
		assert.equal(method, 'POST');
		const { after, filter } = JSON.parse(body);
		assert.deepEqual(filter, { all: true, states: ['DONE', '1'], most: 2 });
		const from = Number(after ?? 0);
		return { json: { page: { rows: rows.slice(from, from + 2), next: from + 2 < rows.length ? String(from + 2) : null } } };
	}, mapping(`    body: {filter: {all: true, states: [DONE, "1"], most: 2}}
    paging: {kind: cursor, next: page.next, parameter: after}`));
	assert.deepEqual((await reconcile(posted.data, posted.file, ledger)).report.counts, { MISSING_EVENT: 5 });
	assert.equal(posted.asked.length, 3);
});

test('a transient failure is asked again, Retry-After is kept, the rate is not exceeded', async (t) => {
	const rows = numbers(6).map((number) => item(number));
	const answers = [
		() => ({ status: 429, headers: { 'retry-after': '1' } }), null, () => ({ status: 503 }), () => ({ destroy: true }), null,
	];
	const { data, file, asked } = await rest(t, ({ query }, count) => answers[count - 1]?.() ?? { json: paged.cursor.page(query, rows) },
		mapping(paged.cursor.yaml, 'rate: 20'));
	const { report } = await reconcile(data, file, numbers(6).map((number) => entry(number)));
	assert.deepEqual(report.counts, { MISSING_EVENT: 6 });
	assert.equal(asked.length, 5);
	assert.ok(asked[1].at - asked[0].at >= 1000);
	for (let i = 1; i < asked.length; i++) assert.ok(asked[i].at - asked[i - 1].at >= 45, `${asked[i].at - asked[i - 1].at} ms`);
	// Each page was taken once, whatever failed before it.
	assert.deepEqual(asked.map(({ query }) => query.get('after')), [null, null, '3', '3', '3']);
});

test('a source that fails part-way is an error, and nothing is compared', async (t) => {
	const rows = numbers(6).map((number) => item(number));
	const page = (query) => ({ json: paged.cursor.page(query, rows) });
	const second = (answer) => ({ query }, count) => (count === 1 ? page(query) : answer());
	const cases = [
		[second(() => ({ status: 500 })), /custodian: answered 500; expected an answer of 200/],
		[second(() => ({ status: 403 })), /custodian: answered 403; expected a token that may read it/],
		[second(() => ({ destroy: true })), /custodian: 127\.0\.0\.1: /],
		[second(() => ({ text: 'no json' })), /custodian: the answer is not JSON/],
		[second(() => ({ json: { rows: [] } })), /there is no array at "page\.rows"/],
		[second(() => ({ json: { page: { rows: [item(9, { state: 'ODD' })] } } })),
			/custodian: record 4: status \(state\): expected one of the words of `values`/],
		[second(() => ({ json: { page: { rows: [item(9, { amount: '1.0000000000000000001' })] } } })),
			/record 4: amount_base_units \(amount\): expected a decimal number with no more decimals than the asset has/],
		[() => ({ json: { page: { rows: [], next: 'again' } } }), /page 2 says that the next one is itself/],
		[() => ({ status: 404 }), /custodian: answered 404; expected the right url and path/],
		[() => ({ status: 429, headers: { 'retry-after': '86400' } }), /custodian: answered 429/],
	];
	for (const [answer, expected] of cases) {
		const { data, file } = await rest(t, answer, mapping(paged.cursor.yaml).replace('retries: 3', 'retries: 1'));
		const result = await reconcile(data, file, [entry(1)], ['--keep']);
		assert.equal(result.status, 2, result.stderr);
		assert.equal(result.stdout, '');
		assert.match(result.stderr, expected);
		assert.doesNotMatch(result.stderr, /top-secret/);
		const kept = await run(['breaks', 'list', '--data', data, '--json', '--state', 'all']);
		assert.equal(kept.stdout, '');
	}
});

test('a token goes to no other server', async (t) => {
	const other = await api(t, () => ({ json: { page: { rows: [] } } }));
	for (const next of [`${other.url}/v1/transactions`, '//elsewhere.example/', 'ftp://127.0.0.1/']) {
		const { data, file } = await rest(t, () => ({ json: { page: { rows: [], next } } }), mapping(paged.url.yaml));
		const result = await reconcile(data, file, []);
		assert.equal(result.status, 2);
		assert.match(result.stderr, /leads to another server/);
	}
	assert.equal(other.asked.length, 0);
});

test('M11: the platform: lists by nextToken, statuses, NaN is unknown, sign-only ends at SIGNED', async (t) => {
	const data = await receiver(t);
	const request = (requestId, status, extra = {}) => ({
		requestId, status, type: 'TRANSFER', direction: 'OUTBOUND', chain: 'ETHEREUM', amount: '100', updatedAt: '2025-01-01T00:00:00Z', ...extra,
	});
	const requests = [
		...numbers(250).map((number) => request(`req_${number}`, 'SUBMITTED')),
		request('req_x', 'USER_CANCELLED'), request('req_s', 'SIGNED', { type: 'ETHEREUM_PERSONAL_SIGN', amount: null }), request('req_e', 'ERROR'),
	];
	const balances = [{ chain: 'ETHEREUM', balance: 'NaN', subWalletIdString: 'u/ETH/0', updatedAt: asOf },
		{ chain: 'ETHEREUM', balance: '7', subWalletIdString: 'u/ETH/1', updatedAt: asOf }];
	const { url, asked } = await platform(t, { requests, balances });
	const file = config(data, [{ name: 'custodian', kind: 'graphql', url: `${url}/graphql`, token_file: fileIn(data, 'token', 'secret-token') }]);
	const { report, stderr } = await reconcile(data, file, []);
	assert.equal(stderr, '');
	assert.deepEqual(report.counts, { MISSING_EVENT: 253, MISSING_INSTRUCTION: 250, BALANCE_BREAK: 1 });
	assert.equal(asked.length, 4);
	const balance = report.breaks.find((found) => found.class === 'BALANCE_BREAK');
	assert.match(balance.match_key, /u\/ETH\/1/);
	const wrong = config(data, [{ name: 'custodian', kind: 'graphql', url, token_file: fileIn(data, 'token', 'wrong') }]);
	assert.match((await reconcile(data, wrong, [])).stderr, /custodian: answered 401; expected a token that may read it/);
});

test('M11: an error of GraphQL in an answer of 200 is an error', async (t) => {
	const data = await receiver(t);
	const { url } = await platform(t, { requests: [] });
	const text = `lists:
  - query: "{ nothingLikeThis { items { id } } }"
    items: data.items
    record: {id: id}
headers: {authorization: "Bearer \${token}"}
`;
	const file = config(data, [{
		name: 'custodian', kind: 'graphql', url, mapping: fileIn(data, 'm.yaml', text), token_file: fileIn(data, 'token', 'secret-token'),
	}]);
	const result = await reconcile(data, file, []);
	assert.equal(result.status, 2);
	assert.match(result.stderr, /custodian: the answer has 1 GraphQL error; expected an answer without/);
});

test('M11: the platform limits the rate: it is asked again when it says, and no page is lost or taken twice', async (t) => {
	const data = await receiver(t);
	const requests = numbers(250).map((number) => ({
		requestId: `req_${number}`, status: 'SUBMITTED', type: 'TRANSFER', direction: 'OUTBOUND', chain: 'ETHEREUM', amount: '100',
		updatedAt: '2025-01-01T00:00:00Z',
	}));
	const limited = { status: 429, headers: { 'retry-after': '1' }, json: { errors: [{ message: 'Rate exceeded' }] } };
	const { url, asked } = await platform(t, { requests, fault: (name, count) => ([1, 3].includes(count) ? limited : undefined) });
	const file = config(data, [{ name: 'custodian', kind: 'graphql', url, token_file: fileIn(data, 'token', 'secret-token') }]);
	const { report, stderr } = await reconcile(data, file, []);
	// What takes long tells of itself.
	assert.match(stderr, /^(vaultbell reconcile: custodian: \d+ records in \d+ pages so far\n)*$/);
	assert.deepEqual(report.counts, { MISSING_EVENT: 250, MISSING_INSTRUCTION: 250 });
	for (const refused of [1, 3]) {
		assert.equal(asked[refused].body, asked[refused - 1].body);
		assert.ok(asked[refused].at - asked[refused - 1].at >= 1000);
	}
	const tokens = asked.map(({ body }) => JSON.parse(body)).filter(({ query }) => query.includes('listRequests'))
		.map(({ variables }) => variables.nextToken ?? null);
	assert.equal(new Set(tokens).size, tokens.length - 2);
});

test('M11: data of the platform with errors beside it is no data, and nothing is compared', async (t) => {
	const requests = numbers(150).map((number) => ({
		requestId: `req_${number}`, status: 'SUBMITTED', type: 'TRANSFER', direction: 'OUTBOUND', chain: 'ETHEREUM', amount: '100',
		updatedAt: '2025-01-01T00:00:00Z',
	}));
	const secret = { message: 'user 4711 may not see this', path: ['listRequests', 'items', 3] };
	const cases = [
		[(name, count, { json }) => (count === 2 ? { json: { ...json, errors: [secret] } } : undefined), /1 GraphQL error; expected an answer without/],
		[(name, count) => (count === 2 ? { json: { data: null, errors: [secret, secret] } } : undefined), /2 GraphQL errors; expected/],
		[(name, count) => (count === 2 ? { json: { data: { [name]: null } } } : undefined), /there is no array at "data\./],
		[(name, count) => (count === 2 ? { json: { data: { [name]: { items: null, nextToken: null } } } } : undefined), /there is no array at/],
	];
	for (const [fault, expected] of cases) {
		const data = await receiver(t);
		const { url, asked } = await platform(t, { requests, fault });
		const file = config(data, [{ name: 'custodian', kind: 'graphql', url, token_file: fileIn(data, 'token', 'secret-token') }]);
		const result = await reconcile(data, file, [], ['--keep']);
		assert.equal(result.status, 2, result.stderr);
		assert.equal(result.stdout, '');
		assert.match(result.stderr, expected);
		assert.doesNotMatch(result.stderr, /4711|secret-token/);
		assert.equal(asked.length, 2);
		assert.equal((await run(['breaks', 'list', '--data', data, '--json', '--state', 'all'])).stdout, '');
	}
});

test('M5: a Vaultbell sender as the custodian', async (t) => {
	const server = await startServer();
	t.after(() => server.stop());
	const data = await receiver(t);
	const token = server.token('--role', 'platform-admin');
	const call = caller(server.base, token);
	assert.equal((await call('POST', '/api/v1/app', { name: 'Bank', uid: 'bank' })).status, 201);
	const post = (id, type, status, at, extra = {}) => call('POST', '/api/v1/app/bank/msg', {
		eventType: type, payload: {
			type, organisation: 'bank', occurred_at: at, resource: { type: 'transaction', id },
			data: { transaction_id: id, direction: 'in', network: 'eip155:1', asset: 'native', amount_base_units: '5', status, ...extra },
		},
	});
	// More than one page, and each transaction in two events.
	for (const number of numbers(140)) {
		assert.equal((await post(`tx_${number}`, 'transaction.deposit.detected', 'detected', '2025-01-09T11:00:00Z')).status, 202);
		assert.equal((await post(`tx_${number}`, 'transaction.deposit.completed', 'completed', then)).status, 202);
	}
	const file = config(data, [{
		name: 'custodian', kind: 'vaultbell', url: server.base, organisation: 'bank', token_file: fileIn(data, 'token', token),
	}]);
	const ledger = numbers(140).map((number) => entry(number, { amount_base_units: number === 7 ? '6' : '5' }));
	const { report, stderr } = await reconcile(data, file, ledger);
	assert.equal(stderr, '');
	assert.deepEqual(report.counts, { MISSING_EVENT: 140, AMOUNT_MISMATCH: 1 });
	assert.equal(report.breaks[0].custodian.status, 'completed');
	const none = config(data, [{
		name: 'custodian', kind: 'vaultbell', url: server.base, organisation: 'nobody', token_file: fileIn(data, 'token', token),
	}]);
	assert.match((await reconcile(data, none, [])).stderr, /custodian: answered 404/);
});

test('configuration and mapping are checked before anything is asked, with file and line', async (t) => {
	const data = await receiver(t);
	const { url, asked } = await api(t, () => ({ json: { page: { rows: [] } } }));
	const good = fileIn(data, 'good.yaml', mapping(''));
	const base = { name: 'custodian', kind: 'rest', url, mapping: good, token_file: fileIn(data, 'token', 'x') };
	const without = (name) => Object.fromEntries(Object.entries(base).filter(([key]) => key !== name));
	for (const [item, expected] of [
		[{ ...base, kind: 'soap' }, /vaultbell\.yaml:2: records custodian: expected kind: csv, jsonl, vaultbell, rest or graphql/],
		[without('mapping'), /vaultbell\.yaml:2: records custodian: mapping is missing; a rest source wants url mapping/],
		[{ ...base, organisation: 'x' }, /records custodian: a rest source has no organisation/],
		[{ ...base, url: 'ftp://x' }, /records custodian: url: /],
		[{ ...base, mapping: '/nowhere' }, /vaultbell\.yaml:2: mapping \/nowhere: /],
		[{ ...base, token_file: '/nowhere' }, /vaultbell\.yaml:2: token_file \/nowhere: /],
		[without('token_file'), /good\.yaml: the header authorization wants a token; expected token_file in the source/],
		[{ ...base, colour: 'red' }, /vaultbell\.yaml:7: expected name, kind, path, url, token_file, mapping/],
		[{ ...base, name: 'other' }, /--custodian: custodian: it is no source of `records` in the configuration; expected csv:FILE, jsonl:FILE or one of other/],
	]) {
		const result = await reconcile(data, config(data, [item]), []);
		assert.equal(result.status, 2, result.stderr);
		assert.match(result.stderr, expected);
	}
	for (const [text, expected] of [
		['lists: []', /m\.yaml:1: expected lists: 1 to 8/],
		['lists:\n  - path: /x\n', /m\.yaml:2: expected record: a mapping/],
		['lists:\n  - path: /x\n    record: {id: id}\n    paging: {kind: cursor}\n', /m\.yaml:4: expected next \(where the answer has the cursor\)/],
		['lists:\n  - path: /x\n    record:\n      id: {path: a, value: b}\n', /m\.yaml:4: expected either path or value for id/],
		['lists:\n  - path: /x\n    record:\n      id: "a..b"\n', /m\.yaml:4: expected a path/],
		['lists:\n  - path: /x\n    record:\n      amount_base_units: {path: a, decimals: many}\n', /m\.yaml:4: expected decimals as a number from 0 to 255/],
		['rate: fast\nlists: []', /m\.yaml:1: expected rate/],
		['speed: 1\n', /m\.yaml:1: expected headers, timeout, rate, retries, lists or lookup/],
		['lists:\n  - &a {path: /x, record: {id: id}}\n', /m\.yaml:2: expected a value without anchors/],
		['lists: [', /m\.yaml:\d: expected YAML/],
	]) {
		const result = await reconcile(data, config(data, [{ ...base, mapping: fileIn(data, 'm.yaml', text) }]), []);
		assert.equal(result.status, 2, result.stderr);
		assert.match(result.stderr, expected);
	}
	assert.equal(asked.length, 0);
	const twice = await reconcile(data, config(data, [base, base]), []);
	assert.match(twice.stderr, /expected this name once/);
	assert.equal((await run(['reconcile', '--data', data, '--config', join(data, 'none.yaml'), '--custodian', 'a', '--ledger', 'b'])).status, 2);
});
