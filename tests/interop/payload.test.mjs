// The payload that was posted is the payload that is signed, sent, and shown, byte for byte: whatever a JSON library
// would have made of it. Only Node's own modules are needed.
import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { test } from 'node:test';
import { sink } from './lib/sink.mjs';
import { receive, serve, until } from './lib/vaultbell.mjs';

const payloads = {
	'odd order of keys, odd spacing': '{ "z":1,"a" : 2 ,\t"10":3,"9":4,\r\n"__proto__":{"toString":null}, "m":[ ]  }',
	'numbers that no double holds': '{"one":1.0,"huge":1e400,"tiny":-1E-400,"long":123456789012345678901234567890,"zero":-0.0,"plus":1e+02}',
	'escapes as they were written': String.raw`{"a\/b":"\u0041\u00e9\ud83d\ude00\n\"\\\/","é":"\u0000"}`,
	'emoji and other planes': '{"🔔":"😀👩‍👩‍👧‍👦","text":"日本語 \u2028 \u00a0 e\u0301"}',
	'an empty object': '{}',
	'a name that stands twice': '{"a":1,"a":2}',
	'a deep one': `{"d":${'['.repeat(50)}${']'.repeat(50)}}`,
};

const hmac = (key, text) => createHmac('sha256', Buffer.from(key.slice('whsec_'.length), 'base64')).update(text).digest('base64');

function assertSame(actual, expected, where) {
	assert.ok(Buffer.compare(actual, Buffer.from(expected)) === 0, `${where}: ${actual} is not ${expected}`);
}

for (const [what, payload] of Object.entries(payloads)) {
	test(`byte for byte: ${what}`, async (t) => {
		const server = await serve(t);
		const failing = await sink(t, (_request, number) => (number < 3 ? 500 : 200));
		const { organisation, id, key } = await server.endpoint(`${failing.url}/in`);
		const started = Date.now();
		const posted = await server.call('POST', `/app/${organisation}/msg`, `{"eventId":"e-1","payload":${payload},"eventType":"thing.made"}`);
		assert.equal(posted.status, 202, posted.text);
		assert.ok(posted.text.includes(`"payload":${payload}`), posted.text);

		for (const { body, headers } of await failing.until(3)) {
			assertSame(body, payload, 'delivered');
			const signed = Buffer.concat([Buffer.from(`${headers['webhook-id']}.${headers['webhook-timestamp']}.`), body]);
			assert.equal(headers['webhook-signature'], `v1,${hmac(key, signed)}`);
		}
		assert.ok(Date.now() - started < 4000, 'the retries came when they were due, though nothing else woke the sender');

		const shown = await server.call('GET', `/app/${organisation}/msg/e-1`);
		assert.ok(shown.text.includes(`"payload":${payload}`), shown.text);
		const listed = await server.call('GET', `/app/${organisation}/msg`);
		assert.ok(listed.text.includes(`"payload":${payload}`), listed.text);

		await until('the delivery', async () => (await server.ask('GET', `/app/${organisation}/msg/e-1/endpoint`)).data[0].status === 0);
		await server.ask('POST', `/app/${organisation}/msg/e-1/endpoint/${id}/resend`);
		assertSame((await failing.until(4))[3].body, payload, 'sent again');
	});
}

test('byte for byte through a receiver, into its journal and on to where it forwards', async (t) => {
	const payload = payloads['numbers that no double holds'];
	const secret = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
	const inner = await sink(t, (_request, number) => (number === 1 ? 503 : 200));
	const receiver = await receive(t, 'standard', [secret], ['--forward', `${inner.url}/inner`], { VAULTBELL_DELIVERY_SCHEDULE: '50ms,100ms' });
	const server = await serve(t);
	const { organisation } = await server.endpoint(receiver.url, { secret });
	const { id } = await server.ask('POST', `/app/${organisation}/msg`, `{"eventType":"thing.made","payload":${payload}}`);
	for (const { body, headers } of await inner.until(2)) {
		assertSame(body, payload, 'forwarded');
		assert.equal(headers['webhook-id'], id);
	}
	const rows = await receiver.journal();
	assert.deepEqual(rows.map((row) => [row.id, row.body_sha256]), [[id, createHash('sha256').update(payload).digest('hex')]]);
});

test('what is no JSON object is refused, and named', async (t) => {
	const server = await serve(t);
	const { id } = await server.ask('POST', '/app', { name: 'Interop' });
	for (const body of [
		'{"eventType":"x","payload":{}}x', '{"eventType":"x","payload":{"a":01}}', '{"eventType":"x","payload":{"a":1,}}',
		'{"eventType":"x","payload":{"a":"\t"}}', '{"eventType":"x","payload":[]}', '{"eventType":"x"}', '',
		'{"eventType":"x","payload":{"a":"\\ud800"}}',
	]) {
		const answer = await server.call('POST', `/app/${id}/msg`, body);
		assert.equal(answer.status, 422, `${body}: ${answer.text}`);
		assert.deepEqual(Object.keys(answer.json.detail[0]).sort(), ['loc', 'msg', 'type']);
	}
});
