// The interface's description against the server: every operation is called with requests generated from its own
// schema, valid and invalid, and every answer must be one that the description announces.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { caller, haveBinary, startServer } from './server.mjs';

// The validator is installed beside the catalogue's check; without it there is nothing to compare with.
const Ajv = await import('../catalogue/node_modules/ajv/dist/2020.js').then((module) => module.default, () => undefined);
const skip = !haveBinary || !Ajv;

const hour = 3600e3;
let serial = 0;
const unique = () => `made-${++serial}`;
/** What a schema cannot say: values that mean something to the server. */
const meaningful = {
	url: () => 'http://127.0.0.1:9/in',
	uid: unique,
	eventId: unique,
	name: () => `made.${++serial}`,
	eventType: () => 'walk.type',
	since: () => new Date(Date.now() - hour).toISOString(),
	until: () => new Date().toISOString(),
	expiresAt: () => new Date(Date.now() + hour).toISOString(),
	secret: () => null,
	key: () => null,
	keyType: () => null,
	signatureScheme: () => 'standard',
	payloadStyle: () => 'raw',
	schedule: () => 'standard',
	application: () => null,
	tag: () => null,
	schemas: () => ({ 1: { type: 'object' } }),
	headers: () => ({ 'x-made': 'yes' }),
	oauth2: () => null,
	tls: () => null,
};

describe('the description', { skip }, () => {
	let server, token, call, description, ajv;
	before(async () => {
		server = await startServer();
		token = server.token('--role', 'platform-admin');
		call = caller(server.base, token);
		const answer = await caller(server.base)('GET', '/api/v1/openapi.json');
		assert.equal(answer.status, 200);
		description = answer.json;
		ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true });
		ajv.addSchema(description, 'api');
		await call('POST', '/api/v1/event-type', {
			name: 'walk.type', description: '', schemas: { 1: { type: 'object', examples: [{ a: 1 }, { a: 2 }] } },
		});
	});
	after(() => server.stop());

	const pointer = (...parts) => `api#/${parts.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/')}`;
	const resolve = (schema) => (schema.$ref ? description.components.schemas[schema.$ref.split('/').pop()] : schema);
	const operations = () => Object.entries(description.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
	const bodySchema = (operation) => operation.requestBody?.content['application/json'].schema;

	function generate(given, name, operational) {
		const schema = resolve(given);
		if (name in meaningful) return meaningful[name]();
		if (name === 'eventTypes' || name === 'filterTypes') return [operational ? 'endpoint.disabled' : 'walk.type'];
		if (schema.enum) return schema.enum[0];
		if (schema.oneOf) return generate(schema.oneOf[0], name, operational);
		const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
		if (type === 'integer') return schema.default ?? schema.minimum ?? 1;
		if (type === 'boolean') return false;
		if (type === 'array') return [generate(schema.items, undefined, operational)];
		if (type === 'string') return 'made';
		if (type === 'null') return null;
		const value = {};
		for (const [key, member] of Object.entries(schema.properties ?? {})) value[key] = generate(member, key, operational);
		if (name === 'metadata') value.made = 'yes';
		return value;
	}

	/** Objects that the schema refuses, each wrong in one place. */
	function* wrong(schema, valid) {
		yield ['not an object', 'text'];
		yield ['an array', []];
		for (const name of schema.required ?? []) {
			const { [name]: gone, ...rest } = valid;
			yield [`without ${name}`, rest];
		}
		for (const [name, member] of Object.entries(schema.properties ?? {}))
			for (const value of [5, -1, 99999999, 'no such thing!', '', true, [], [5], {}, { a: 5 }, null, 'x'.repeat(5000)])
				yield [`${name} = ${JSON.stringify(value).slice(0, 30)}`, { ...valid, [name]: value }];
	}

	async function fixture(path) {
		const app = (await call('POST', '/api/v1/app', { name: 'Walk' })).json.id;
		const home = path.includes('operational-webhook') ? '/api/v1/operational-webhook/endpoint' : `/api/v1/app/${app}/endpoint`;
		const endpoint = (await call('POST', home, { url: 'http://127.0.0.1:9/in' })).json.id;
		const message = (await call('POST', `/api/v1/app/${app}/msg`, { eventType: 'walk.type', payload: { a: 1 } })).json.id;
		const values = { app_id: app, endpoint_id: endpoint, msg_id: message, event_type_name: `walk.${++serial}` };
		if (path.includes('{event_type_name}'))
			await call('POST', '/api/v1/event-type', { name: values.event_type_name, description: '' });
		if (path.includes('{token_id}'))
			values.token_id = (await call('POST', `/api/v1/app/${app}/token`, { role: 'viewer' })).json.id;
		if (path.includes('{change_id}')) {
			await call('PUT', `/api/v1/app/${app}/governance`, { governed: ['disabling'] });
			// Somebody else asks for what is to be decided; what is to be withdrawn, the same.
			const admin = (await call('POST', `/api/v1/app/${app}/token`, { role: 'admin' })).json.token;
			const maker = path.endsWith('/withdraw') ? call : caller(server.base, admin);
			values.change_id = (await maker('DELETE', `/api/v1/app/${app}/endpoint/${endpoint}`)).json.id;
		}
		if (path.endsWith('/signing-key')) await call('POST', `/api/v1/app/${app}/signing-key/rotate`, {});
		if (path.includes('{task_id}'))
			values.task_id = (await call('POST', `/api/v1/app/${app}/endpoint/${endpoint}/recover`, { since: meaningful.since() })).json.id;
		for (let tries = 0; path.includes('{attempt_id}') && !values.attempt_id && tries < 2000; tries++)
			values.attempt_id = (await call('GET', `/api/v1/app/${app}/attempt/msg/${message}`)).json.data[0]?.id;
		return path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(values[name]));
	}

	function announced({ path, method, operation }, answer, about) {
		const where = `${method} ${path} (${about}): ${answer.status} ${answer.text.slice(0, 300)}`;
		const response = operation.responses[answer.status];
		assert.ok(response, `not announced: ${where}`);
		if (!response.content) {
			assert.equal(answer.text, '', where);
			return;
		}
		const validate = ajv.compile({ $ref: pointer('paths', path, method, 'responses', String(answer.status), 'content', 'application/json', 'schema') });
		assert.ok(validate(answer.json), `${where}\n${ajv.errorsText(validate.errors)}`);
	}

	test('is a whole', () => {
		assert.equal(description.openapi, '3.1.0');
		const ids = operations().map((one) => one.operation.operationId);
		assert.equal(new Set(ids).size, ids.length);
		assert.ok(ids.length >= 65, `${ids.length} operations`);
		for (const { path, operation } of operations()) {
			assert.ok(operation.summary.length > 0);
			const named = operation.parameters.filter((one) => one.in === 'path').map((one) => one.name);
			assert.deepEqual(named, [...path.matchAll(/\{(\w+)\}/g)].map((found) => found[1]));
		}
		for (const name of Object.keys(description.components.schemas)) ajv.compile({ $ref: `api#/components/schemas/${name}` });
	});

	test('what is valid is served as announced', async () => {
		for (const one of operations()) {
			const { path, method, operation } = one;
			// Here no endpoint has anything to prove: change.test.mjs asks those that have.
			if (path === '/api/v1/auth/logout' || path.endsWith('/verify')) continue;
			const schema = bodySchema(operation);
			const target = await fixture(path);
			const body = schema && generate(schema, undefined, path.includes('operational-webhook'));
			if (schema) assert.ok(ajv.validate({ $ref: `api${schema.$ref}` }, body), `${path}: ${ajv.errorsText()}`);
			const answer = await call(method.toUpperCase(), target, body);
			announced(one, answer, 'valid');
			assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
		}
	});

	test('what only says the required is served too', async () => {
		for (const one of operations()) {
			const schema = bodySchema(one.operation);
			if (!schema) continue;
			const whole = generate(schema, undefined, one.path.includes('operational-webhook'));
			const least = Object.fromEntries((resolve(schema).required ?? []).map((name) => [name, whole[name]]));
			const answer = await call(one.method.toUpperCase(), await fixture(one.path), least);
			announced(one, answer, 'least');
			assert.ok(answer.status < 300, `${one.method} ${one.path}: ${answer.status} ${answer.text}`);
		}
	});

	test('M23: what is governed waits as announced, whatever the operation', async () => {
		let waited = 0;
		for (const one of operations()) {
			const schema = one.operation.responses['202']?.content?.['application/json'].schema.$ref ?? '';
			if (!/\/(ChangeOut|TokenRequestedOut|EndpointRequestedOut)$/.test(schema)) continue;
			const target = await fixture(one.path);
			const app = target.match(/app\/(app_\w+)/)[1];
			const governed = ['url', 'types', 'keys', 'roles', 'disabling'];
			// What is to be taken away has to be there.
			if (one.method === 'delete' && one.path.endsWith('/authentication'))
				assert.ok((await call('PUT', target, { basic: { username: 'desk', password: 'a password' } })).status < 300);
			assert.equal((await call('PUT', `/api/v1/app/${app}/governance`, { governed })).status, 200);
			const wanted = bodySchema(one.operation);
			const answer = await call(one.method.toUpperCase(), target, one.path.endsWith('/expire-all') ? {} : wanted && generate(wanted));
			assert.equal(answer.status, 202, `${one.method} ${one.path}: ${answer.status} ${answer.text}`);
			announced(one, answer, 'governed');
			waited++;
		}
		assert.ok(waited >= 12, `${waited} operations`);
	});

	test('what is invalid is refused as announced', async () => {
		let refused = 0;
		for (const one of operations()) {
			const schema = bodySchema(one.operation);
			if (!schema) continue;
			const target = await fixture(one.path);
			const valid = generate(schema, undefined, one.path.includes('operational-webhook'));
			for (const [about, body] of wrong(resolve(schema), valid)) {
				if (ajv.validate({ $ref: `api${schema.$ref}` }, body)) continue;
				const answer = await call(one.method.toUpperCase(), target, JSON.stringify(body));
				announced(one, answer, about);
				assert.equal(answer.status, 422, `${one.method} ${one.path} (${about}): ${answer.status} ${answer.text}`);
				refused++;
			}
		}
		assert.ok(refused > 500, `${refused} requests`);
	});

	test('queries: what is out of range is refused, what is in it is served', async () => {
		for (const one of operations()) {
			if (one.method !== 'get') continue;
			const target = await fixture(one.path);
			for (const parameter of one.operation.parameters.filter((each) => each.in === 'query')) {
				const schema = resolve(parameter.schema);
				const good = schema.enum?.[0] ?? (schema.type === 'boolean' ? true : schema.type === 'integer' ? 1 : undefined);
				if (good !== undefined) {
					const answer = await call('GET', `${target}?${parameter.name}=${good}`);
					announced(one, answer, `${parameter.name}=${good}`);
					assert.equal(answer.status, 200, `${one.path}?${parameter.name}=${good}: ${answer.text}`);
				}
				if (good === undefined && schema.format !== 'date-time') continue;
				const answer = await call('GET', `${target}?${parameter.name}=nonsense!`);
				announced(one, answer, `${parameter.name}=nonsense!`);
				assert.ok([400, 422].includes(answer.status), `${one.path}?${parameter.name}=nonsense!: ${answer.status}`);
			}
		}
	});

	test('without a token, and of what is not there', async () => {
		for (const one of operations()) {
			const open = one.operation.security?.length === 0;
			const target = one.path.replace(/\{\w+\}/g, 'nobody');
			const answer = await caller(server.base)(one.method.toUpperCase(), target);
			announced(one, answer, 'no token');
			assert.equal(answer.status === 401, !open, `${one.method} ${one.path}: ${answer.status}`);
			if (!one.path.includes('{') || one.method === 'put') continue;
			const schema = bodySchema(one.operation);
			const body = schema && generate(schema, undefined, one.path.includes('operational-webhook'));
			const missing = await call(one.method.toUpperCase(), target, body);
			announced(one, missing, 'nobody');
			if (!one.path.endsWith('/bulk-expunge')) assert.equal(missing.status, 404, `${one.method} ${one.path}: ${missing.text}`);
		}
	});
});
