// The clients under test are npm's, exactly as published. Where they are not installed, nothing can be said: the test
// is skipped, and says why.

/** Imports a package, or ends this test file as skipped (exit 77; 0 under `node --test`, which knows no skipped file). */
export async function need(name) {
	try {
		return await import(name);
	} catch (error) {
		if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
		console.log(`# SKIP: the npm package ${name} is not installed: run \`npm ci --prefix tests/interop\``);
		process.exit(process.env.NODE_TEST_CONTEXT ? 0 : 77);
	}
}
