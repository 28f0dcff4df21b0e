// A PostgreSQL server of the test's own: in a directory that goes with it, on a Unix socket, by a user that is not root
// (which PostgreSQL refuses to run as).
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

function binaries() {
	const root = '/usr/lib/postgresql';
	const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
	return versions.map((version) => join(root, version, 'bin')).find((path) => existsSync(join(path, 'initdb')));
}

/** Undefined where there is no PostgreSQL. */
export async function postgres(t) {
	const bin = binaries();
	if (!bin) return undefined;
	const root = process.getuid() === 0;
	const number = (option) => Number(execFileSync('id', [option, 'nobody'], { encoding: 'utf8' }));
	const who = root ? { uid: number('-u'), gid: number('-g') } : {};
	const home = mkdtempSync(join(tmpdir(), 'vaultbell-pg-'));
	chmodSync(home, 0o755);
	const password = 'correct horse battery';
	const passwordFile = join(home, 'password');
	writeFileSync(passwordFile, `${password}\n`);
	const sockets = join(home, 'sockets');
	mkdirSync(sockets);
	for (const path of [home, passwordFile, sockets]) if (root) chownSync(path, who.uid, who.gid);
	const options = { ...who, cwd: home, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C.UTF-8' } };
	execFileSync(join(bin, 'initdb'), ['-D', join(home, 'data'), '-U', 'vaultbell', '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '-E', 'UTF8', '--no-sync'], { ...options, stdio: 'ignore' });
	const server = { home, passwordFile, password, connection: `host=${sockets} user=vaultbell dbname=postgres` };
	server.psql = (sql, name = 'postgres') => execFileSync(join(bin, 'psql'), ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-d', server.connection.replace('dbname=postgres', `dbname=${name}`), '-c', sql], {
		encoding: 'utf8', env: { PATH: '/usr/bin:/bin', PGPASSWORD: password }, stdio: ['ignore', 'pipe', 'pipe'],
	}).trim();
	server.start = async () => {
		server.child = spawn(join(bin, 'postgres'), ['-D', join(home, 'data'), '-k', sockets, '-c', 'listen_addresses='], { ...options, stdio: 'ignore' });
		server.ended = once(server.child, 'close');
		for (const late = Date.now() + 30000; ;) {
			try {
				server.psql('SELECT 1');
				return;
			} catch (error) {
				if (Date.now() > late) throw error;
			}
			await new Promise((resolve) => setTimeout(resolve, 50));
		}
	};
	/** SIGQUIT is as if it was killed, but leaves no process of its own behind. */
	server.stop = async (signal = 'SIGQUIT') => {
		server.child.kill(signal);
		await server.ended;
	};
	await server.start();
	t.after(async () => {
		if (server.child.exitCode === null && server.child.signalCode === null) await server.stop();
		rmSync(home, { recursive: true, force: true });
	});
	return server;
}
