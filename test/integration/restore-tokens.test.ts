// Logins with passwords that are good for a moment only, as IAM's tokens are: each connection asks for one of its own.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { doctor } from '../../lib/jobs/doctor.ts';
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl, type RedisUrl } from '../../lib/redis/endpoint.ts';
import { differences, filledFile, nativeState, stateOf, WorkFolder } from '../support/restore-run.ts';
import { anyServer, type Server, startServer } from '../support/servers.ts';

const name = anyServer();
/** Shorter than the restore takes, longer than a login. */
const GOOD_MS = 250;

/** A user of the server whose passwords end by themselves, and what it was given. */
async function userOfTokens(server: Server): Promise<{ target: RedisUrl; tokens: string[] }> {
  await server.call('ACL', 'SETUSER', 'ferry', 'on', 'allkeys', 'allchannels', 'allcommands');
  const tokens: string[] = [];
  const password = async () => {
    const token = `token-${tokens.length}/?X-Amz-Signature=%2F`;
    tokens.push(token);
    await server.call('ACL', 'SETUSER', 'ferry', `>${token}`);
    setTimeout(() => server.call('ACL', 'SETUSER', 'ferry', `<${token}`).catch(() => undefined), GOOD_MS);
    return token;
  };
  return { target: { ...parseRedisUrl(server.url), username: 'ferry', password }, tokens };
}

test('connections that break, and those of big values, log in by new tokens', async () => {
  using work = new WorkFolder();
  const file = await filledFile(work.file('all.rdb'), name, { seed: 31, scale: 0.5 });
  const native = await nativeState(name, file);
  await using server = await startServer(name);
  const { target, tokens } = await userOfTokens(server);
  const restoring = restore({
    files: [file],
    target,
    workDir: work.folder(),
    ...{ chunkBytes: 16 * 1024, bigKeyBytes: 16 * 1024, onConflict: 'rewrite', patienceMs: 30_000 },
    rate: { bytesPerSecond: 300 * 1024 },
  });
  let cut = 0;
  let done = false;
  const cutting = (async () => {
    for (let times = 0; times < 4 && !done; times++, await sleep(GOOD_MS * 1.5))
      cut += Number(await server.call('CLIENT', 'KILL', 'USER', 'ferry'));
  })();
  const report = await restoring;
  done = true;
  await cutting;
  expect(report.error?.describe()).toBeUndefined();
  expect(differences(native, await stateOf(server))).toEqual([]);
  expect(cut, 'connections that were cut').toBeGreaterThan(2);
  expect(tokens.length, 'tokens that were asked for').toBeGreaterThan(cut);
  expect(await server.call('ACL', 'LOG')).toEqual([]);
}, 60_000);

test('a token that cannot be made is told, and the doctor says how it logs in', async () => {
  await using server = await startServer(name);
  const { target } = await userOfTokens(server);
  const { findings } = await doctor({ target });
  expect(findings.find(({ check }) => check === 'login')?.what).toBe(
    'Logged in as ferry, with a token made for this login.',
  );
  const password = () => Promise.reject(new Error('no credentials'));
  const failed = await doctor({ target: { ...target, password } });
  expect(JSON.stringify(failed.findings)).toContain('no credentials');
});
