// The program on a disk that fails and forgets (disk.c): lives that end with a power cut, with SIGKILL, or by the program's
// own hand since a sync failed, under load and again and again. Then the promises of world.mjs, and these:
//   1. When a sync of the database or of its log has failed, the process ends by itself, in a checkpoint as well.
//   2. A failed or short write, and a head of a chain that could not be synced, end nothing.
// Scenario `serve` has the sender on such a disk, scenario `receive` the receiver.
//
// CRASH_LIVES: how many of each (60). CRASH_SEED: repeats a run's choices; the moments are still the machine's.
// CRASH_DISK_LIBRARY: disk.c as the build has made it.
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cutPower, struckIn } from './power.mjs';
import { after, endWith, judge, numbers, play } from './world.mjs';

const library = process.env.CRASH_DISK_LIBRARY;
const lives = Number(process.env.CRASH_LIVES ?? 60);
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;
if (!process.env.VAULTBELL || !library || !Number.isInteger(lives) || lives < 1) {
	console.error('usage: VAULTBELL=PROGRAM CRASH_DISK_LIBRARY=FILE [CRASH_LIVES=60] [CRASH_SEED=N] node disk.mjs');
	process.exit(2);
}
const random = numbers(seed);
const endLimitMs = 10000;

const isFatal = (strike) => /^sync vaultbell\.db(-wal)?$/.test(strike);

/** Each life has some of these before it. */
function faultsOfLife() {
	const some = (bound) => 1 + Math.floor(random() * bound);
	const faults = [];
	if (random() < 0.3) faults.push(`sync:-wal:${some(20)}`);
	if (random() < 0.8) faults.push('sync:vaultbell.db:1'); // as a checkpoint does
	if (random() < 0.2) faults.push(`sync:.head:${some(3)}`, `write:.head:${some(3)}`);
	if (random() < 0.2) faults.push(`write:-wal:${some(300)}`, 'write:vaultbell.db:20');
	if (random() < 0.2) faults.push(`full:-wal:${some(300)}`, `full:-wal:${some(300)}`);
	if (random() < 0.2) faults.push(`short:-wal:${some(300)}`, 'short:vaultbell.db:20');
	return faults.join(',');
}

function lifeOf(server, faults = '') {
	const histories = `${server.data}-histories`;
	mkdirSync(histories, { recursive: true });
	return { LD_PRELOAD: library, CRASH_DISK: `${server.data}/`, CRASH_DISK_HISTORY: histories, CRASH_DISK_FAULTS: faults };
}

async function slaughter(victim, failed) {
	const histories = `${victim.data}-histories`;
	const row = { lives, 'ended by itself': 0, 'power cuts': 0, 'pages lost': 0, 'failed: sync of log': 0, 'of database': 0, 'of heads': 0, writes: 0 };
	const count = (strike) => {
		const [kind, name] = strike.split(' ');
		if (kind !== 'sync') row.writes++;
		else if (name.endsWith('.head')) row['of heads']++;
		else if (name.endsWith('-wal')) row['failed: sync of log']++;
		else row['of database']++;
	};
	for (let i = 0; i < lives && !failed.aborted; i++) {
		const early = random() < 0.1;
		const served = !early && (await victim.ready);
		const ended = victim.ended.then(() => true);
		let alone = await Promise.race([ended, after(early ? random() * 25 : 20 + random() * 250)]);
		const struck = struckIn(histories);
		struck.forEach(count);
		if (!alone && struck.some(isFatal)) {
			alone = await Promise.race([ended, after(endLimitMs)]);
			if (!alone) throw new Error(`vaultbell ${victim.command} goes on after "${struck.find(isFatal)}"`);
		}
		if (alone && (served ? !struck.some(isFatal) : struck.length === 0)) throw new Error(`vaultbell ${victim.command} ended without a reason:\n${victim.log}`);
		row['ended by itself'] += alone ? 1 : 0;
		victim.dying = true;
		victim.close();
		if (!alone) victim.child.kill('SIGKILL');
		await victim.ended;
		victim.agent.destroy();
		struckIn(histories).forEach(count);
		if (random() < 0.8) {
			row['power cuts']++;
			row['pages lost'] += cutPower(victim.data, histories, random);
		}
		victim.dying = false;
		victim.life = lifeOf(victim, i + 1 < lives ? faultsOfLife() : '');
		victim.start();
	}
	if (!(await victim.ready)) throw new Error(`vaultbell ${victim.command} did not start again:\n${victim.log}`);
	return row;
}

console.log(`disk: seed ${seed}, ${lives} lives of each`);
const directory = mkdtempSync(join(tmpdir(), 'vaultbell-disk-'));
endWith(directory);
const table = {};
let broken = 0;
try {
	for (const name of ['serve', 'receive']) {
		const home = mkdtempSync(join(directory, `${name}-`));
		const { evidence, row } = await play({ name, directory: home, seed, random, slaughter, lifeOf: (server) => lifeOf(server), asksSender: true, padMax: 8000 });
		const faults = judge(evidence);
		table[name] = { ...row, faults: faults.length };
		broken += faults.length;
		for (const fault of faults.slice(0, 20)) console.error(`${name}: ${fault}`);
	}
	// A run in which nothing happened shows nothing.
	for (const what of ['power cuts', 'pages lost', 'failed: sync of log', 'of database', 'of heads', 'writes']) {
		if (lives < 60 || table.serve[what] + table.receive[what] > 0) continue;
		console.error(`it never came to this: ${what}`);
		broken++;
	}
} catch (error) {
	console.error(error);
	broken++;
}
console.table(Object.fromEntries(Object.keys(Object.values(table)[0] ?? {}).map((what) => [what, Object.fromEntries(Object.entries(table).map(([name, row]) => [name, row[what]]))])));
console.log(broken === 0 ? 'disk: every promise was kept' : `disk: broken; CRASH_SEED=${seed} makes the same choices`);
process.exit(broken === 0 ? 0 : 1);
