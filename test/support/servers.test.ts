// The test servers themselves: what a test may rely on when it starts one.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { saveRdb } from './dataset.ts';
import { anyServer, availableServers, lacks, SERVER_NAMES, startServer, withServer } from './servers.ts';

const lives = (pid: number): boolean => {
  try {
    // A zombie still takes signals: its parent, if any, has yet to read its status.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

afterEach(() => {
  vi.unstubAllEnvs();
});

describe.each(SERVER_NAMES)('%s', (name) => {
  test.skipIf(!availableServers().includes(name))(`starts as the version of its name${lacks(name)}`, async () => {
    await using server = await startServer(name);
    expect(`${name.split('-')[0]}-${server.version}`).toContain(name);
    await expect(server.call('SET', 'k', 'v')).resolves.toBe('OK');
    await expect(server.callBuffer('GET', 'k')).resolves.toEqual(Buffer.from('v'));
    await expect(server.call('DEBUG', 'DIGEST')).resolves.toMatch(/^[0-9a-f]{40}$/);
  });
});

test('stop ends the process and removes its folder', async () => {
  const server = await startServer(anyServer());
  const pid = server.process.pid!;
  expect(lives(pid)).toBe(true);
  await server.stop();
  expect(lives(pid)).toBe(false);
  expect(existsSync(server.dir)).toBe(false);
});

test('kill leaves the folder, so that the server can rise again from it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'keyferry-test-'));
  try {
    const first = await startServer(anyServer(), { dir });
    await first.call('SET', 'k', 'v');
    await saveRdb(first);
    await first.kill();
    await expect(first.call('GET', 'k')).rejects.toThrow();
    await using again = await startServer(anyServer(), { dir });
    await expect(again.call('GET', 'k')).resolves.toBe('v');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.skipIf(process.platform !== 'linux')(
  'a server dies with the process that started it, even by SIGKILL',
  async () => {
    const script = `
    import { anyServer, startServer } from ${JSON.stringify(new URL('servers.ts', import.meta.url).href)};
    const server = await startServer(anyServer());
    console.log(server.process.pid + ' ' + server.dir);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const [pid, dir] = line.toString().trim().split(' ') as [string, string];
    expect(lives(Number(pid))).toBe(true);
    parent.kill('SIGKILL');
    await expect.poll(() => lives(Number(pid)), { timeout: 5000 }).toBe(false);
    await expect.poll(() => existsSync(dir), { timeout: 5000 }).toBe(false);
  },
);

test('loads an RDB file, and a SAVE later leaves that file alone', async () => {
  await using source = await startServer(anyServer());
  await source.call('SET', 'k', 'v');
  const rdb = await saveRdb(source);
  const before = readFileSync(rdb);
  await withServer(anyServer(), { rdb }, async (server) => {
    await expect(server.call('GET', 'k')).resolves.toBe('v');
    await server.call('SET', 'k', 'another');
    await saveRdb(server);
  });
  expect(readFileSync(rdb)).toEqual(before);
});

test('a damaged RDB file: the error tells what the server said', async () => {
  await using source = await startServer(anyServer());
  await source.call('SET', 'k', 'v');
  const damaged = join(source.dir, 'damaged.rdb');
  copyFileSync(await saveRdb(source), damaged);
  truncateSync(damaged, 30);
  await expect(startServer(anyServer(), { rdb: damaged })).rejects.toThrow(/did not start: it ended with .*log ends/s);
});

test('the configuration reaches the server, and the url what it takes to enter', async () => {
  const config = { requirepass: 'p@ss/word', 'maxmemory-policy': 'allkeys-lfu', user: 'alice on >secret ~a:* +get' };
  await using server = await startServer(anyServer(), { config });
  await expect(server.call('CONFIG', 'GET', 'maxmemory-policy')).resolves.toEqual(['maxmemory-policy', 'allkeys-lfu']);
  const byUrl = new Redis(server.url, { lazyConnect: true, protocol: 2 });
  await expect(byUrl.call('ACL', 'WHOAMI')).resolves.toBe('default');
  byUrl.disconnect();
  const alice = server.connect({ username: 'alice', password: 'secret' });
  await expect(alice.set('a:1', 'x')).rejects.toThrow('NOPERM');
});

test('a version that the machine lacks is named, with the way to get it', async () => {
  vi.stubEnv('KEYFERRY_SERVERS', '/nowhere');
  const absent = SERVER_NAMES.find((name) => !availableServers().includes(name))!;
  expect(lacks(absent)).toMatch(`lacks ${absent}; scripts/get-servers fetches`);
  await expect(startServer(absent)).rejects.toThrow(`cannot start ${absent}`);
});
