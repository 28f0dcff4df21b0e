// docs/receiver.md as a new user follows it: the commands of its shell blocks, as they are written, in an empty directory.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { scratch } from './program.mjs';

const guide = readFileSync(join(dirname(fileURLToPath(import.meta.url)), '../../docs/receiver.md'), 'utf8');
const blocks = (kind) => [...guide.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map((match) => match[1]);

test('the commands of docs/receiver.md work as they are written', async (t) => {
	const home = scratch(t);
	mkdirSync(join(home, 'bin'));
	symlinkSync(process.env.VAULTBELL, join(home, 'bin/vaultbell'));
	const shell = (text) => execFileSync('bash', ['-euo', 'pipefail', '-c', text],
		{ cwd: home, env: { ...process.env, PATH: `${home}/bin:${process.env.PATH}` }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
	const all = blocks('sh');
	const find = (part) => {
		const found = all.find((block) => block.includes(part));
		assert.ok(found, `docs/receiver.md has a block with ${part}`);
		return found;
	};

	// The start runs beside what follows: a free port stands in for the guide's, and the guide's "&" for our own.
	const begin = find('mkdir receiver').split('\nvaultbell receive');
	shell(begin[0]);
	const command = `exec vaultbell receive${begin[1]}`.replace(/&\s*$/, '').replace('127.0.0.1:8081', '127.0.0.1:0');
	const child = spawn('bash', ['-c', command], { cwd: home, env: { ...process.env, PATH: `${home}/bin:${process.env.PATH}` } });
	t.after(() => child.kill('SIGKILL'));
	const [line] = await once(child.stdout.setEncoding('utf8'), 'data');
	const port = /http:\/\/127\.0\.0\.1:(\d+)/.exec(line)[1];
	const here = (text) => text.replaceAll('127.0.0.1:8081', `127.0.0.1:${port}`);

	assert.equal(shell(here(find("body='{"))), '{"status":"accepted"}');
	for (const command_ of find('vaultbell journal list').split('\n').filter(Boolean)) shell(here(command_));
	assert.match(shell(find('journal show').split('\n').find((one) => one.includes('--body'))), /wallet\.created/);
	const token = shell(find('vaultbell token create').split('\nvaultbell token list')[0]).trim();
	assert.match(token, /^vbt_/);
	assert.match(shell('vaultbell token list --data receiver/data'), /ledger/);
	const answer = await fetch(`http://127.0.0.1:${port}/api/v1/journal`, { headers: { authorization: `Bearer ${token}` } });
	assert.deepEqual((await answer.json()).data, []); // wallet.created is not among its types
	shell(find('vaultbell journal verify'));
	shell(find('vaultbell alerts list'));
	child.kill('SIGTERM');
	await once(child, 'close');
});

test('every command and option of docs/receiver.md exists', () => {
	for (const block of blocks('sh'))
		for (const command of block.replaceAll('\\\n', ' ').split('\n').filter((one) => one.startsWith('vaultbell '))) {
			const words = command.split(/\s+/).slice(1);
			const help = execFileSync(process.env.VAULTBELL, [...words.slice(0, words[0] === 'receive' || words[0] === 'reconcile' ? 1 : 2), '--help'], { encoding: 'utf8' });
			for (const option of words.filter((word) => word.startsWith('--')))
				assert.ok(help.includes(option), `${option} of: ${command}`);
		}
});

test('every configuration of docs/receiver.md is one', (t) => {
	const home = scratch(t);
	for (const block of blocks('yaml')) {
		const out = execFileSync('bash', ['-c', 'cat > c.yaml; exec "$VAULTBELL" receive --data d --config c.yaml --print-config'],
			{ cwd: home, input: block, encoding: 'utf8', env: process.env });
		assert.match(out, /^sources:/m);
	}
});
