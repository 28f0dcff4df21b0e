// What change.test.mjs needs of program.mjs where there may be no program, and waiting for a condition.
const none = { fileIn: undefined, run: undefined, scratch: undefined, sink: undefined, start: undefined, stop: undefined };

export const haveProgram = Boolean(process.env.VAULTBELL);
export const { fileIn, run, scratch, sink, start, stop } = haveProgram ? await import('./program.mjs') : none;

/** Waits until `holds` is true, for at most 20 s. */
export async function until(holds, limitMs = 20000) {
	for (const late = Date.now() + limitMs; !(await holds()); ) {
		if (Date.now() > late) throw new Error(`it does not come true: ${holds}`);
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}
