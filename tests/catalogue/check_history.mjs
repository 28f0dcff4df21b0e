// A history's bodies fit the catalogue: the envelope, and `data` under the schema of its type, at every step.
// Usage: node check_history.mjs CATALOGUE.json PRINT_HISTORY. Exit 77: ajv is not installed.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const { default: Ajv2020 } = await import("ajv/dist/2020.js").catch(() => {
	console.error("ajv is not installed: run `npm ci` in tests/catalogue");
	process.exit(77);
});

const catalogue = JSON.parse(readFileSync(process.argv[2], "utf8"));
const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
const checkEnvelope = ajv.compile(catalogue.envelope);
const checks = new Map(catalogue.types.map((type) => [type.name, ajv.compile(type.schema)]));
let failures = 0;
let count = 0;

for (const seed of ["1", "2", "3"]) {
	const lines = execFileSync(process.argv[3], ["dotted", seed, "3000"], { encoding: "utf8", maxBuffer: 1 << 26 }).trimEnd().split("\n");
	for (const line of lines) {
		const event = JSON.parse(line);
		const check = checks.get(event.type);
		count++;
		if (checkEnvelope(event) && check(event.data))
			continue;
		failures++;
		console.error(`seed ${seed}, ${event.type}: ${ajv.errorsText(checkEnvelope.errors ?? check.errors)}`);
	}
}

console.log(`${count} events, ${failures} failures`);
process.exit(failures === 0 ? 0 : 1);
