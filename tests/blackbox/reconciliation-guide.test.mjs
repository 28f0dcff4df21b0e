// docs/reconciliation.md as a new user follows it: the commands of its shell blocks, as they are written, beside a receiver
// that runs; and its configurations and its mapping file, which are ones.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { api } from './list-api.mjs';
import { fileIn, run, scratch, start } from './program.mjs';
import { standardSecret } from './signing.mjs';

const guide = readFileSync(new URL('../../docs/reconciliation.md', import.meta.url), 'utf8');
const blocks = (kind) => [...guide.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]);
const find = (kind, part) => blocks(kind).find((block) => block.includes(part)) ?? assert.fail(`docs/reconciliation.md has a block with ${part}`);

test('the commands of docs/reconciliation.md work as they are written', async (t) => {
	const home = scratch(t);
	mkdirSync(join(home, 'bin'));
	mkdirSync(join(home, 'receiver'));
	symlinkSync(process.env.VAULTBELL, join(home, 'bin/vaultbell'));
	await start(t, ['receive', '--data', join(home, 'receiver/data'), '--listen', '127.0.0.1:0', '--source', 'custodian', '--scheme', 'standard',
		'--secret-file', fileIn(home, 'keys', `${standardSecret()}\n`)]);
	const done = [];
	const shell = (text, status = 0) => {
		done.push(...text.split('\n').filter((line) => line.startsWith('vaultbell ')));
		const result = spawnSync('bash', ['-euo', 'pipefail', '-c', text],
			{ cwd: home, env: { ...process.env, PATH: `${home}/bin:${process.env.PATH}` }, encoding: 'utf8' });
		assert.equal(result.status, status, `${text}\n${result.stdout}${result.stderr}`);
		return result.stdout;
	};
	// The example makes the files that everything else reads, and finds breaks: exit 1.
	const printed = guide.split('```\n').find((block) => block.startsWith('As of 2025-01-10'));
	const trimmed = (text) => text.split('\n').map((line) => line.trimEnd()).join('\n').trim();
	assert.equal(trimmed(shell(find('sh', 'cat > custodian.csv'), 1)), trimmed(printed));
	assert.match(readFileSync(join(home, 'report.html'), 'utf8'), /<title>Reconciliation/);
	shell(blocks('sh')[0], 1);
	shell(find('sh', 'jq -e'), 1);
	const kept = shell(find('sh', 'breaks move') + find('sh', 'token create'));
	assert.match(kept, /written_off is proposed, and another person has to confirm it\n[\s\S]*brk_\w+ is written_off\n$/);
	const repaired = shell(find('sh', '--dry-run'));
	assert.match(repaired, /^would look up and journal: MISSING_EVENT tx_1 /m);
	assert.match(repaired, /^for a person: AMOUNT_MISMATCH tx_2 /m);
	assert.match(repaired, /: 1 matched, 1 break\n {2}AMOUNT_MISMATCH/);
	const all = blocks('sh').join('').split('\n').filter((line) => line.startsWith('vaultbell '));
	assert.deepEqual(all.filter((line) => !done.includes(line)), [], 'every command was run');
});

test('the configurations and the mapping of docs/reconciliation.md are ones', async (t) => {
	const home = scratch(t);
	const data = join(home, 'data');
	assert.equal((await run(['token', 'create', '--data', data, '--role', 'platform-admin'])).status, 0);
	const { url, asked } = await api(t, ({ query }) => ({ json: query.get('cursor') ? { data: [], meta: {} } : {
		data: [{ id: 'tx_1', type: 'DEPOSIT', asset: { decimals: 6 }, amount: '1.5', state: 'DONE', updatedAt: 1736424000000, custom: { desk: 'n' } }],
		meta: { next: '2' },
	} }));
	fileIn(home, 'platform.mapping.yaml', find('yaml', 'lists:'));
	for (const name of ['platform.token', 'sender.token', 'custodian.keys']) fileIn(home, name, 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n');
	fileIn(home, 'books.csv', 'id,amount_base_units,status,occurred_at\ntx_1,1500000,completed,2025-01-09T12:00:00Z\n');
	const configs = [find('yaml', 'kind: rest'), find('yaml', 'reconcile:')];
	for (const text of configs) {
		const shown = execFileSync(process.env.VAULTBELL, ['receive', '--data', data, '--print-config', '--config', fileIn(home, 'vaultbell.yaml', text)],
			{ cwd: home, encoding: 'utf8' });
		assert.match(shown, /^records:/m);
	}
	fileIn(home, 'vaultbell.yaml', configs[0].replace('https://api.example.com', url));
	// Exit 1: there is a break.
	const result = await promisify(execFile)(process.env.VAULTBELL,
		['reconcile', '--data', data, '--config', 'vaultbell.yaml', '--custodian', 'platform', '--ledger', 'books', '--json'], { cwd: home })
		.catch((error) => error);
	assert.equal(result.code, 1, result.stderr);
	assert.equal(result.stderr, '');
	assert.deepEqual(JSON.parse(result.stdout).counts, { MISSING_EVENT: 1 });
	assert.equal(asked.length, 2);
});
