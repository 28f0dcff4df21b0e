// Every type of the catalogue: its schema compiles under JSON Schema 2020-12 and is complete in itself, its example is
// an envelope with every member, and the example's `data` fits the schema, and no longer does once it is spoiled.
// Usage: node check.mjs CATALOGUE.json (made by src/catalogue/generate.py --json). Exit 77: ajv is not installed.
import { readFileSync } from "node:fs";

const { default: Ajv2020 } = await import("ajv/dist/2020.js").catch(() => {
	console.error("ajv is not installed: run `npm ci` in tests/catalogue");
	process.exit(77);
});

const catalogue = JSON.parse(readFileSync(process.argv[2], "utf8"));
const failures = [];

function fail(name, what) {
	failures.push(`${name}: ${what}`);
}

function compile(name, schema) {
	const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
	const validate = ajv.compile(schema);
	return (value) => (validate(value) ? "" : ajv.errorsText(validate.errors));
}

// The decimal amount is the integer one with the point moved by `decimals`: exact, in strings.
function sameAmount(money) {
	const [whole, fraction = ""] = money.amount.split(".");
	return BigInt(whole + fraction.padEnd(money.decimals, "0")) === BigInt(money.amount_base_units) && fraction.length <= money.decimals;
}

function spoiled(data) {
	const copies = [];
	for (const [member, wrong] of [
		["amount_base_units", 1], ["amount_base_units", "1.5"], ["amount_base_units", "-1"], ["amount", "1e3"], ["amount", 0.1],
		["network", "Ethereum"], ["asset", "0xA0B8"], ["status", "no_such_state"], ["direction", "sideways"], ["confirmations", -1],
	])
		if (member in data)
			copies.push([`${member} ${JSON.stringify(wrong)}`, { ...data, [member]: wrong }]);
	return copies;
}

const checkEnvelope = compile("envelope", catalogue.envelope);
const states = new Map(catalogue.lifecycles.map((lifecycle) => [lifecycle.name, lifecycle.states.map((state) => state.name)]));

for (const type of catalogue.types) {
	const { name, schema, example } = type;
	const check = compile(name, schema);
	const errors = checkEnvelope(example) || check(example.data);
	if (errors !== "")
		fail(name, errors);
	if (example.type !== name || example.service !== type.service || example.resource.type !== type.resource || example.version !== type.version)
		fail(name, "the example is of another type, service, version or resource");
	if (example.data.amount !== undefined && !sameAmount(example.data))
		fail(name, `${example.data.amount} is not ${example.data.amount_base_units} with ${example.data.decimals} decimals`);
	if (type.resource === "transaction" && example.data.transaction_id !== example.resource.id)
		fail(name, "the resource is not the transaction");
	if ((example.data.client_reference ?? null) !== (type.resource === "transaction" ? example.client_reference : example.data.client_reference ?? null))
		fail(name, "two client references");
	for (const [what, data] of spoiled(example.data))
		if (check(data) === "")
			fail(name, `accepts ${what}`);
	for (const member of schema.required ?? []) {
		const { [member]: _, ...rest } = example.data;
		if (check(rest) === "")
			fail(name, `accepts data without ${member}`);
	}
	if (check({ ...example.data, a_member_of_tomorrow: true }) !== "")
		fail(name, "refuses a member that it does not know");
	for (const [lifecycle, state] of [[type.lifecycle, type.state], type.transaction ?? [null, null]])
		if (state !== null && !states.get(lifecycle)?.includes(state))
			fail(name, `no state ${state} in lifecycle ${lifecycle}`);
	if (example.previous_status !== null && type.lifecycle === null)
		fail(name, "a previous status without a lifecycle");
	const speaksOf = type.resource === "case" && type.lifecycle === "kyt" ? "deposit" : type.lifecycle;
	if (example.previous_status !== null && !states.get(speaksOf)?.includes(example.previous_status))
		fail(name, `the previous status ${example.previous_status} is none of ${speaksOf}`);
}

for (const failure of failures)
	console.error(failure);
console.log(`${catalogue.types.length} types, ${failures.length} failures`);
process.exit(failures.length === 0 ? 0 : 1);
