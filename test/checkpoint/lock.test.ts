// One process holds a lock, and its death frees it.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { type Lock, takeLock } from '../../lib/checkpoint/lock.ts';
import { LocalError } from '../../lib/errors.ts';
import { runs } from '../support/random.ts';

const HOLDER = fileURLToPath(new URL('../support/lock-holder.ts', import.meta.url));
const newName = () => `test-${randomUUID().slice(0, 13)}`;

/** A process that has tried to take the lock, and what it said of it. */
async function holder(name: string): Promise<{ process: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [HOLDER, name], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [data] = (await once(child.stdout, 'data')) as [Buffer];
  return { process: child, said: data.toString().trim() };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
}

test('a lock that another process holds is refused, whoever asks', async () => {
  const name = newName();
  const first = await holder(name);
  expect(first.said).toBe('held');
  expect((await holder(name)).said).toBe('JOB_RUNNING');
  const error = await takeLock(name).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(LocalError);
  expect(error).toMatchObject({ code: 'JOB_RUNNING', remedy: expect.any(String) });
});

test('a lock is refused in the process that holds it, too', async () => {
  const name = newName();
  const lock = await takeLock(name);
  await expect(takeLock(name)).rejects.toMatchObject({ code: 'JOB_RUNNING' });
  await lock.release();
  await (await takeLock(name)).release();
});

test.each(['SIGKILL', 'SIGTERM'] as const)('a holder that is ended by %s leaves the lock free', async (signal) => {
  const name = newName();
  const first = await holder(name);
  expect(first.said).toBe('held');
  await ended(first.process, signal);
  const lock = await takeLock(name);
  expect((await holder(name)).said).toBe('JOB_RUNNING');
  await lock.release();
});

test('locks of other names are others', async () => {
  const [one, other] = [await takeLock(newName()), await takeLock(newName())];
  await Promise.all([one.release(), other.release()]);
});

test('of many that want a lock whose holder was killed, one gets it', async () => {
  for (let round = 0; round < runs(3, 30); round++) {
    const name = newName();
    const dead = await holder(name);
    await ended(dead.process, 'SIGKILL');
    const all = await Promise.all(Array.from({ length: 6 }, () => holder(name)));
    expect(all.map(({ said }) => said).sort()).toEqual([...Array(5).fill('JOB_RUNNING'), 'held']);
    await Promise.all(all.filter(({ said }) => said === 'held').map((each) => ended(each.process, 'SIGKILL')));
  }
});

test('of many that want a free lock at the same moment, one gets it', async () => {
  const name = newName();
  const tries = await Promise.allSettled(Array.from({ length: 20 }, () => takeLock(name)));
  const taken = tries.filter((each): each is PromiseFulfilledResult<Lock> => each.status === 'fulfilled');
  expect(taken).toHaveLength(1);
  for (const each of tries) {
    if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'JOB_RUNNING' });
  }
  await taken[0]?.value.release();
});
