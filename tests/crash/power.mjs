// What a power cut leaves of files, by the histories that disk.c keeps of them.
//
// A page is on the disk as it was at the last sync that succeeded and before which it had been written, with no failed
// sync in between. What was written after that, or before a sync that failed, is there or not: all of it, nothing, or
// one sector and another not.
import { closeSync, existsSync, openSync, readFileSync, readdirSync, readSync, fstatSync, ftruncateSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_BYTES = 4096;
const SECTOR_BYTES = 512;
const HEAD_BYTES = 32;

function readHistory(path) {
	const bytes = readFileSync(path);
	const entries = [];
	for (let at = 0; at + HEAD_BYTES <= bytes.length; ) {
		const [kind, offset, length, size] = [0, 8, 16, 24].map((from) => Number(bytes.readBigUInt64LE(at + from)));
		const pages = bytes.subarray(at + HEAD_BYTES, at + HEAD_BYTES + length);
		if (pages.length < length) break; // killed while it was kept: the write was not done
		entries.push({ kind: String.fromCharCode(kind), offset, length, size, pages });
		at += HEAD_BYTES + length;
	}
	return entries;
}

/** One of the two, or one sector of this and another of that, by the choice that was made for the whole cut. */
function mix(older, newer, survival, random) {
	if (survival === 'nothing') return older;
	if (survival === 'everything') return newer;
	const out = Buffer.from(older);
	for (let at = 0; at < PAGE_BYTES; at += SECTOR_BYTES) {
		if (random() < 0.5) newer.copy(out, at, at, at + SECTOR_BYTES);
	}
	return out;
}

/** What is durable of one page. `writes`: their places in the history and what stood there before each. */
function durablePage(writes, syncs, current, survival, random) {
	const afterWrite = (i) => (i + 1 < writes.length ? writes[i + 1].before : current);
	let durable = writes[0].before;
	let next = 0;
	for (const { place, succeeded } of syncs) {
		const begun = next;
		while (next < writes.length && writes[next].place < place) next++;
		if (next === begun) continue; // it was not dirty
		durable = succeeded ? afterWrite(next - 1) : mix(durable, afterWrite(next - 1), survival, random);
	}
	return next < writes.length ? mix(durable, current, survival, random) : durable;
}

function cutFile(path, entries, survival, random) {
	const file = openSync(path, 'r+');
	const pagesOf = new Map();
	const syncs = [];
	let size = fstatSync(file).size;
	const firstSize = entries.find(({ kind }) => kind === 'W')?.size ?? size;
	entries.forEach(({ kind, offset, length, pages }, place) => {
		if (kind !== 'W') syncs.push({ place, succeeded: kind === 'S' });
		for (let at = 0; kind === 'W' && at < length; at += PAGE_BYTES) {
			const list = pagesOf.get(offset + at) ?? [];
			list.push({ place, before: pages.subarray(at, at + PAGE_BYTES) });
			pagesOf.set(offset + at, list);
		}
	});
	let changed = 0;
	for (const [offset, writes] of pagesOf) {
		const current = Buffer.alloc(PAGE_BYTES);
		readSync(file, current, 0, PAGE_BYTES, offset);
		const durable = durablePage(writes, syncs, current, survival, random);
		if (durable.equals(current)) continue;
		changed++;
		const bytes = Math.min(PAGE_BYTES, size - offset);
		if (bytes > 0) writeSync(file, durable, 0, bytes, offset);
	}
	// Nothing was synced since the file grew: it may be as short as it was.
	if (survival === 'nothing' && syncs.length === 0 && firstSize < size) ftruncateSync(file, firstSize);
	closeSync(file);
	return changed;
}

/** Cuts the power of the files in `disk`; forgets their histories. How many pages are not as they were seen. */
export function cutPower(disk, histories, random) {
	const survival = ['nothing', 'everything', 'sectors', 'sectors'][Math.floor(random() * 4)];
	let changed = 0;
	for (const name of readdirSync(histories)) {
		if (name === 'struck') continue;
		const path = join(disk, name);
		if (existsSync(path)) changed += cutFile(path, readHistory(join(histories, name)), survival, random);
		rmSync(join(histories, name));
	}
	return changed;
}

/** The faults that have struck since this was asked before, as disk.c names them. */
export function struckIn(histories) {
	const path = join(histories, 'struck');
	if (!existsSync(path)) return [];
	const lines = readFileSync(path, 'utf8').trim().split('\n');
	rmSync(path);
	return lines;
}
