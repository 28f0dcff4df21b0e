// Kills the program with SIGKILL at random moments under load, many times, and then asks whether it kept its promises,
// which world.mjs names. Scenario `serve` kills the sender, scenario `receive` kills the receiver.
//
// CRASH_KILLS: how many of each (200). CRASH_SEED: repeats a run's choices; the moments are still the machine's.
// --self-test: few kills, then spoils the evidence in every way that `judge` knows, and expects it to object.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, endWith, judge, numbers, play, sha256 } from './world.mjs';

const selfTest = process.argv.includes('--self-test');
const kills = selfTest ? 5 : Number(process.env.CRASH_KILLS ?? 200);
const seed = Number(process.env.CRASH_SEED ?? Math.floor(Math.random() * 2 ** 32)) >>> 0;
if (!process.env.VAULTBELL || !Number.isInteger(kills) || kills < 1) {
	console.error('usage: VAULTBELL=PROGRAM [CRASH_KILLS=200] [CRASH_SEED=N] node crash.mjs [--self-test]');
	process.exit(2);
}
const random = numbers(seed);

/** Kills `victim` at random moments: mostly while it works, sometimes while it starts. */
async function slaughter(victim, failed) {
	let early = 0;
	for (let i = 0; i < kills && !failed.aborted; i++) {
		if (random() < 0.1) {
			early++;
			await after(random() * 25);
		} else {
			if (!(await victim.ready)) throw new Error(`vaultbell ${victim.command} did not start again:\n${victim.log}`);
			await after(20 + random() * 130);
		}
		await victim.kill();
		victim.dying = false;
		victim.start();
	}
	if (!(await victim.ready)) throw new Error(`vaultbell ${victim.command} did not start again:\n${victim.log}`);
	return { kills, 'while starting': early };
}

/** Spoils the evidence in one way at a time; which ways there are, and which of them `judge` does not see. */
function blindSpots(evidence) {
	const middle = (list) => Math.floor(list.length / 2);
	const without = (list) => list.toSpliced(middle(list), 1);
	const twice = (list) => [...list, list[middle(list)]];
	const altered = (list, members) => list.with(middle(list), { ...list[middle(list)], ...members });
	const acknowledged = evidence.acknowledged[middle(evidence.acknowledged)];
	const spoiled = {
		'an acknowledged event that was never stored': { messages: evidence.messages.filter(({ id }) => id !== acknowledged.ids[0]) },
		'an event that did not arrive': { journal: without(evidence.journal) },
		'an event that was journalled twice': { journal: twice(evidence.journal) },
		'an event that arrived with other bytes': { journal: altered(evidence.journal, { body_sha256: sha256('other') }) },
		'an event that conflicts': { journal: altered(evidence.journal, { verdict: 'conflict' }) },
		'an event that was sent and never committed': { journal: [...evidence.journal, { ...evidence.journal[0], id: 'msg_unknown' }] },
		'a key that made two messages': { messages: [...evidence.messages, { ...evidence.messages[0], id: 'msg_second' }] },
		'a key that was answered with two messages': {
			acknowledged: altered(evidence.acknowledged, { ids: [acknowledged.ids[0], evidence.messages.find(({ id }) => id !== acknowledged.ids[0]).id] }),
		},
		'a message without a delivery': { deliveries: without(evidence.deliveries) },
		'a chain that does not hold': { unchained: ['journal verify ended with 1'] },
		'a delivery that was given up': { deliveries: altered(evidence.deliveries, { statusText: 'fail' }) },
	};
	const ways = Object.keys(spoiled);
	return { ways, unseen: ways.filter((way) => judge({ ...evidence, ...spoiled[way] }).length === 0) };
}

console.log(`crash: seed ${seed}, ${kills} kills of each`);
const directory = mkdtempSync(join(tmpdir(), 'vaultbell-crash-'));
const table = {};
let broken = 0;
endWith(directory);
try {
	for (const name of selfTest ? ['serve'] : ['serve', 'receive']) {
		const { evidence, row } = await play({ name, directory: mkdtempSync(join(directory, `${name}-`)), seed, random, slaughter });
		const faults = judge(evidence);
		table[name] = { ...row, faults: faults.length };
		broken += faults.length;
		for (const fault of faults.slice(0, 20)) console.error(`${name}: ${fault}`);
		if (faults.length > 20) console.error(`${name}: and ${faults.length - 20} more`);
		if (selfTest) {
			const { ways, unseen } = blindSpots(evidence);
			console.log(`self-test: ${ways.length - unseen.length} of ${ways.length} ways to break a promise are noticed`);
			for (const what of unseen) console.error(`self-test: ${what} is not noticed`);
			broken += unseen.length;
		}
	}
} catch (error) {
	console.error(error);
	broken++;
}
console.table(table);
console.log(broken === 0 ? 'crash: every promise was kept' : `crash: broken; CRASH_SEED=${seed} makes the same choices`);
process.exit(broken === 0 ? 0 : 1);
