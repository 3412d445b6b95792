// A ledger remembers what was confirmed, through crashes at any byte, full disks and second runs.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type FileLedgerOptions, openFileLedger } from '../../lib/checkpoint/file-ledger.ts';
import type { CheckpointStore, UnitState } from '../../lib/checkpoint/store.ts';
import { LocalError } from '../../lib/errors.ts';
import { cannotMount, smallDisk, temporaryFolder } from '../support/folder.ts';
import { checkpointSuite, job, look as lookAt, result } from './checkpoint-suite.ts';

function options(changes: Partial<FileLedgerOptions> = {}): FileLedgerOptions {
  const path = join(temporaryFolder(), 'dump.ledger.jsonl');
  return { path, lockName: `test-${randomUUID().slice(0, 13)}`, job, fresh: false, ...changes };
}

const refusal = (opening: Promise<CheckpointStore>): Promise<unknown> =>
  opening.then(
    () => undefined,
    (thrown) => thrown,
  );

const look = (opts: FileLedgerOptions) => lookAt((changes) => openFileLedger({ ...opts, ...changes }));

checkpointSuite('a ledger in a file', () => {
  const opts = options();
  return (changes) => openFileLedger({ ...opts, ...changes });
});

describe('a ledger', () => {
  test('is gone when its job is finished, and the lock free', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    await ledger.started('0/0');
    await ledger.finish();
    expect(existsSync(opts.path)).toBe(false);
    expect(await look(opts)).toMatchObject({ resumed: false });
  });

  test('is on disk when a promise resolves, also of many at once', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    const names = Array.from({ length: 500 }, (_, i) => `unit ${i}`);
    await Promise.all(
      names.map(async (name, i) => {
        await ledger.started(name);
        expect(readFileSync(opts.path, 'utf8')).toContain(`"${name}","state":"started"`);
        if (i % 2 === 0) await ledger.done(name, result(i));
      }),
    );
    const written = readFileSync(opts.path, 'utf8');
    await ledger.close();
    expect(readFileSync(opts.path, 'utf8')).toBe(written);
    const { units } = await look(opts);
    expect(units.size).toBe(500);
    for (const [i, name] of names.entries()) expect(units.get(name)?.state).toBe(i % 2 === 0 ? 'done' : 'started');
  });

  test('keeps names whatever is in them, also before one that is cut off', async () => {
    const opts = options({ job: { ...job, source: 'größe "1"\n.rdb' } });
    const ledger = await openFileLedger(opts);
    for (const name of ['größe\n"1"\\', '\u2028', '🛳']) await ledger.started(name);
    await ledger.close();
    appendFileSync(opts.path, '{"unit":"cut 🛳');
    expect([...(await look(opts)).units.keys()]).toEqual(['größe\n"1"\\', '\u2028', '🛳']);
  });
});

describe('a crash in the middle of a write', () => {
  test('costs at most the line that was being written, wherever it came', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    const states: { bytes: number; units: Map<string, UnitState> }[] = [];
    const note = () =>
      states.push({ bytes: readFileSync(opts.path).length, units: new Map(structuredClone([...ledger.units])) });
    note();
    for (const unit of ['0/0', '0/1', 'größe']) {
      await ledger.started(unit);
      note();
      await ledger.done(unit, result(5));
      note();
    }
    await ledger.close();
    const whole = readFileSync(opts.path);
    for (let bytes = 0; bytes <= whole.length; bytes++) {
      writeFileSync(opts.path, whole.subarray(0, bytes));
      const before = states.findLast((state) => state.bytes <= bytes)?.units ?? new Map();
      const after = await openFileLedger(opts);
      expect(new Map(after.units), `cut at ${bytes}`).toEqual(before);
      // And the job goes on from there.
      await after.started('next');
      await after.close();
      const units = new Map<string, UnitState>([...before, ['next', { state: 'started' }]]);
      expect((await look(opts)).units, `cut at ${bytes}, and gone on`).toEqual(units);
    }
  });

  test('that left bytes of nothing at the end is harmless, too', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    await ledger.started('0/0');
    await ledger.close();
    appendFileSync(opts.path, Buffer.alloc(4096));
    expect((await look(opts)).units).toEqual(new Map([['0/0', { state: 'started' }]]));
  });
});

describe('a ledger that is not this job’s is refused', () => {
  test('with all that differs named, and stays as it was', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    await ledger.started('0/0');
    await ledger.close();
    const before = readFileSync(opts.path, 'utf8');
    const { policy: _, ...rest } = job;
    const other = { ...rest, target: 'redis://other:6379', match: 'user:*' };
    const error = await refusal(openFileLedger({ ...opts, job: other }));
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LEDGER_OTHER_JOB', where: opts.path });
    const { message, remedy } = error as LocalError;
    expect(message).toContain('target was redis://localhost:6379, now redis://other:6379');
    expect(message).toContain('policy was panic, now not set');
    expect(message).toContain('match was not set, now user:*');
    expect(message).not.toContain('source');
    expect(remedy).toContain('--fresh');
    expect(readFileSync(opts.path, 'utf8')).toBe(before);
    expect((await look(opts)).resumed, 'the lock was let go').toBe(true);
  });

  test('where it is damaged in the middle, and where its format is another', async () => {
    const opts = options();
    const ledger = await openFileLedger(opts);
    for (const unit of ['0/0', '0/1', '0/2']) await ledger.started(unit);
    await ledger.close();
    const whole = readFileSync(opts.path, 'utf8');
    for (const damaged of [whole.replace('{"unit":"0/1"', 'unit'), whole.replace('"format":1', '"format":99')]) {
      expect(damaged).not.toBe(whole);
      writeFileSync(opts.path, damaged);
      const error = await refusal(openFileLedger(opts));
      expect(error).toBeInstanceOf(LocalError);
      expect(error).toMatchObject({
        code: 'LEDGER_DAMAGED',
        where: opts.path,
        remedy: expect.stringContaining('--fresh'),
      });
      expect(readFileSync(opts.path, 'utf8')).toBe(damaged);
    }
    expect((await look({ ...opts, fresh: true })).resumed).toBe(false);
  });
});

describe('two runs of one job', () => {
  test('are kept apart until one ends', async () => {
    const opts = options();
    const first = await openFileLedger(opts);
    await first.started('0/0');
    const error = await refusal(openFileLedger(opts));
    expect(error).toMatchObject({ code: 'JOB_RUNNING' });
    expect(await refusal(openFileLedger({ ...opts, fresh: true })), 'also with --fresh').toMatchObject({
      code: 'JOB_RUNNING',
    });
    await first.started('0/1');
    await first.close();
    expect((await look(opts)).units.size).toBe(2);
  });

  test('are kept apart across processes, until one is killed', async () => {
    const opts = options();
    const script = fileURLToPath(new URL('../support/ledger-holder.ts', import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify(opts)], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    expect(await refusal(openFileLedger(opts))).toMatchObject({ code: 'JOB_RUNNING' });
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
    const { units, resumed } = await look(opts);
    expect(resumed).toBe(true);
    expect(units.get('0/0')).toEqual({ state: 'started' });
  });
});

describe('what the local machine does', () => {
  test('a folder that is not there is named, and the lock let go', async () => {
    const opts = options();
    const nowhere = { ...opts, path: join(opts.path, 'missing', 'ledger.jsonl') };
    const error = await refusal(openFileLedger(nowhere));
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_NOT_WRITABLE' });
    expect(await look(opts)).toMatchObject({ resumed: false });
  });

  test.skipIf(cannotMount !== '')(`a full disk is named, and all before it stays${cannotMount}`, async () => {
    const opts = options({ path: join(smallDisk(16), 'ledger.jsonl') });
    const ledger = await openFileLedger(opts);
    const done: string[] = [];
    const writing = (async () => {
      for (let i = 0; i < 2000; i++) {
        await ledger.started(`unit ${i}`);
        done.push(`unit ${i}`);
      }
    })();
    const error = await writing.catch((thrown) => thrown);
    expect(error).toBeInstanceOf(LocalError);
    expect(error).toMatchObject({ code: 'LOCAL_DISK_FULL', remedy: expect.stringContaining('Make room') });
    expect(done.length).toBeGreaterThan(20);
    // It says so again, and does not pretend to have written what came after.
    await expect(ledger.started('later')).rejects.toMatchObject({ code: 'LOCAL_DISK_FULL' });
    expect(ledger.units.has('later')).toBe(false);
    await ledger.close();
    expect([...(await look(opts)).units.keys()]).toEqual(done);
  });
});
