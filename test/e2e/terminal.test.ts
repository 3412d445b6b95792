// `keyferry aws …` as a person types it: the real tool, as a process, against a deployed keyferry and real servers.
import { spawn } from 'node:child_process';
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { StopExecutionCommand } from '@aws-sdk/client-sfn';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { run } from '../../cli/main.ts';
import { readJob } from '../../lib/checkpoint/dynamodb/jobs.ts';
import { releaseLease, takeLease } from '../../lib/checkpoint/dynamodb/lease.ts';
import { Table } from '../../lib/checkpoint/dynamodb/table.ts';
import { copyObject } from '../../lib/jobs/aws-client/copy.ts';
import { dropFile } from '../../lib/jobs/aws-client/drop.ts';
import { openObject } from '../../lib/storage/s3/s3-source.ts';
import { systemClock } from '../../lib/telemetry/clock.ts';
import { Progress } from '../../lib/telemetry/progress.ts';
import { fakeIo } from '../cli/fake-io.ts';
import { awsLacks } from '../support/local-aws/local-aws.ts';
import { freePort } from '../support/server-process.ts';
import { type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const TOOL = fileURLToPath(new URL('../../cli/keyferry.ts', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../fixtures/sample.rdb', import.meta.url));

/** What a run of the tool came to. */
interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

describe.skipIf(awsLacks !== '')(`keyferry aws on a local AWS${awsLacks}`, () => {
  let deployment: Deployment;
  let table: Table;
  let cache: Server;
  /** What a server that loaded the sample itself has. */
  let digest: unknown;
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-terminal-'));

  beforeAll(async () => {
    {
      await using loaded = await startServer('redis-7.0', { rdb: SAMPLE });
      digest = await loaded.call('DEBUG', 'DIGEST');
    }
    cache = await startServer('redis-7.0');
    deployment = await Deployment.of(
      `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"

[targets.gone]
endpoint = "redis://127.0.0.1:${await freePort()}"

[restore]
chunk-bytes = "256KiB"
memory-mb = 512
timeout = "60s"
`,
      { settings: { SFN_WAIT_SCALE: '0.02' } },
    );
    table = new Table(deployment.aws.dynamodb(), deployment.outputs.Table ?? '');
  }, 180_000);

  afterEach(async () => {
    await cache.call('FLUSHALL');
    await cache.call('FUNCTION', 'FLUSH');
  });

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await cache?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** @param during gets what the tool has said on standard error so far, and may end it */
  function keyferry(words: string[], during?: (err: string, stop: () => void) => void, env = {}): Promise<Ran> {
    const child = spawn(process.execPath, [TOOL, 'aws', ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { HOME: folder, PATH: dirname(process.execPath), ...deployment.aws.environment, ...env },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (data: Buffer) => (out += data));
    child.stderr.on('data', (data: Buffer) => {
      err += data;
      during?.(err, () => child.kill('SIGINT'));
    });
    return new Promise((settle) => child.once('close', (code) => settle({ code, out, err })));
  }

  /** Does something as soon as the tool has said that on standard error. */
  const once = (words: string, does: (stop: () => void) => unknown) => {
    let done = false;
    return (err: string, stop: () => void) => {
      if (done || !err.includes(words)) return;
      done = true;
      void does(stop);
    };
  };

  const succeeded = async (id: string) => {
    await expect.poll(async () => (await readJob(table, id))?.state, { timeout: 30_000 }).toBe('succeeded');
  };

  /** Holds a target, so that jobs wait for it. */
  const hold = async (target: string) => {
    const lease = await takeLease(table, { name: `target/${target}`, owner: 'somebody else', ttlMs: 600_000 });
    if (!lease.held) throw new Error('another job has the target');
    return { release: () => releaseLease(table, lease) };
  };

  test('a restore is uploaded, followed and told, and is found again', async () => {
    const { code, out, err } = await keyferry(['restore', SAMPLE, '--target', 'cache', '--json']);
    expect({ code, err }).toMatchObject({ code: 0 });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
    const { job, report } = JSON.parse(out);
    expect(job).toMatchObject({ state: 'succeeded', mode: 'restore', target: 'cache' });
    expect(report).toMatchObject({ keys: { written: 19_992 } });
    const phases = err.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line).phase]));
    expect(phases).toEqual(expect.arrayContaining(['uploading', 'preparing']));

    const listed = await keyferry(['jobs', '--limit', '1']);
    expect(listed.out).toMatch(new RegExp(`^${job.id.slice(0, 12)}  succeeded  restore  cache .* sample\\.rdb$`, 'm'));
    const shown = await keyferry(['job', job.id.slice(0, 8)]);
    expect(shown).toMatchObject({ code: 0, out: expect.stringContaining('19,992 of 19,992 keys are in cache') });
    expect(await keyferry(['retry', job.id])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^AWS_JOB_SUCCEEDED/),
    });
  });

  test('options hold for their run alone; what they would have helped against is mended, and the job retried', async () => {
    const words = ['restore', SAMPLE, '--target', 'cache', '--name', 'mine.rdb'];
    await cache.call('SET', 'user:1', 'of the application');
    expect(await keyferry([...words, '--on-conflict', 'skip', '--ttl-shift=+7d', '--quiet'])).toMatchObject({
      code: 0,
    });
    // Without them the default counts again, and not what lay beside the file.
    const failed = await keyferry([...words, '--json', '--quiet']);
    expect(failed).toMatchObject({ code: 3, err: '' });
    const { job, error } = JSON.parse(failed.out);
    expect(error).toMatchObject({ code: 'TARGET_KEY_EXISTS' });
    await cache.call('FLUSHALL');
    await cache.call('FUNCTION', 'FLUSH');
    const retried = await keyferry(['retry', job.id.slice(0, 10)]);
    expect(retried).toMatchObject({ code: 0, out: expect.stringMatching(/^Done: restore of mine\.rdb into cache/) });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('the doctor examines targets from where their restores run', async () => {
    expect(await keyferry(['doctor', 'cache'])).toMatchObject({ code: 0, out: expect.stringMatching(/ok +login/) });
    const { code, out } = await keyferry(['doctor', '--json', '--quiet']);
    expect(code).toBe(3);
    const [, gone] = JSON.parse(out).targets;
    expect(gone.name).toBe('gone');
    expect(gone.findings).toContainEqual(expect.objectContaining({ check: 'address', verdict: 'problem' }));
  });

  test('a damaged file is told as such, and not retried', async () => {
    const cut = join(folder, 'cut.rdb');
    writeFileSync(cut, readFileSync(SAMPLE).subarray(0, 100_000));
    const { code, out, err } = await keyferry(['restore', cut, '--target', 'cache', '--quiet']);
    expect({ code, out, err }).toMatchObject({
      code: 2,
      out: expect.stringMatching(/^Quarantined: restore of cut\.rdb/),
    });
    expect(err).toMatch(/^RDB_TRUNCATED/);
    const [, id = ''] = /job +([0-9a-f]{32})/.exec(out) ?? [];
    expect(await keyferry(['retry', id])).toMatchObject({ code: 1, err: expect.stringMatching(/^AWS_JOB_FINAL/) });
  });

  test('what is in S3 already is decoded, and its parts are loaded, without coming by here', async () => {
    await deployment.drop(SAMPLE, 'elsewhere/a b+ü.rdb');
    const decoded = await keyferry([
      'decode',
      `s3://${deployment.bucket}/elsewhere/a b+ü.rdb`,
      '--name',
      'copy.rdb',
      '--json',
    ]);
    expect(decoded).toMatchObject({ code: 0 });
    const [, manifest = ''] =
      /"(s3:[^"]*manifest\.json)"/.exec(decoded.out.replaceAll(/Manifest: (\S+)\. /g, '"$1"')) ?? [];
    expect(await keyferry(['load', manifest, '--target', 'cache', '--quiet'])).toMatchObject({ code: 0, err: '' });
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('a job that waits for its turn is shown so; Ctrl-C leaves it, and it is done all the same', async () => {
    const held = await hold('cache');
    const words = ['restore', SAMPLE, '--target', 'cache', '--name', 'later.rdb'];
    const left = await keyferry(
      words,
      once('waiting for its turn', (stop) => stop()),
    );
    expect(left).toMatchObject({ code: 130, out: '' });
    const [, id = ''] = /To see it again: keyferry aws job ([0-9a-f]{32})\n/.exec(left.err) ?? [];
    expect(await keyferry(['job', id])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^At work: .*waiting for its turn/s),
    });
    expect(await keyferry(['retry', id])).toMatchObject({ code: 1, err: expect.stringMatching(/^AWS_JOB_RUNNING/) });
    await held.release();
    await succeeded(id);
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('an execution that somebody stopped is told, and can be retried', async () => {
    const held = await hold('cache');
    const words = ['restore', SAMPLE, '--target', 'cache', '--name', 'stopped.rdb'];
    const stopNewest = async () => {
      const executionArn = (await deployment.executions('cache')).at(-1);
      await deployment.sfn.send(new StopExecutionCommand({ executionArn }));
    };
    const { code, err } = await keyferry(words, once('waiting for its turn', stopNewest));
    expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('AWS_EXECUTION at job') });
    const [, id = ''] = /keyferry aws retry ([0-9a-f]{32})\n/.exec(err) ?? [];
    await held.release();
    expect(await keyferry(['retry', id, '--no-wait', '--quiet'])).toEqual({ code: 0, out: `${id}\n`, err: '' });
    await succeeded(id);
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(digest);
  });

  test('a file that changes while it is uploaded does not reach its door', async () => {
    const file = join(folder, 'growing.rdb');
    copyFileSync(SAMPLE, file);
    const progress = new Progress();
    Object.defineProperty(progress, 'bytes', { set: (bytes: number) => bytes > 0 && appendFileSync(file, 'more') });
    const { s3, bucket } = deployment;
    const door = { mode: 'restore', target: 'cache', prefix: 'restore/cache/', machine: '' } as const;
    const place = { s3, bucket, table, clock: systemClock, redactKeys: false, stack: '', machines: {}, doctors: {} };
    const account = { region: '', s3, dynamodb: deployment.aws.dynamodb() } as never;
    const { signal } = new AbortController();
    await expect(dropFile({ ...place, account }, door, { file, options: {} }, progress, signal)).rejects.toMatchObject({
      code: 'INPUT_CHANGED',
    });
    expect(await deployment.read('restore/cache/growing.rdb')).toBeUndefined();
  });

  test('an object beyond what S3 copies at once is copied in parts', async () => {
    const { s3, bucket } = deployment;
    const bytes = Buffer.alloc(11 * 2 ** 20, 'keyferry');
    const key = 'elsewhere/large';
    await deployment.drop(bytes, key);
    const source = await openObject(s3, { bucket, key });
    const [progress, { signal }] = [new Progress(), new AbortController()];
    const small = { mostAtOnce: 5 * 2 ** 20, partBytes: 5 * 2 ** 20 };
    await copyObject(s3, { bucket, key, ...source.pin }, { bucket, key: `${key}-copy` }, progress, signal, small);
    await source.close();
    const copied = await openObject(s3, { bucket, key: `${key}-copy` });
    expect((await copied.read(0, copied.size)).equals(bytes)).toBe(true);
    expect(progress.bytes).toBe(bytes.length);
    await copied.close();
    const gone = { bucket, key, ...source.pin, version: undefined, etag: '"other"' };
    await expect(copyObject(s3, gone, { bucket, key: 'elsewhere/none' }, progress, signal)).rejects.toThrow();
  });

  test('what is wrong with the command line or the account has a name, and a line that says what to do', async () => {
    const mistakes: [code: string, words: string[], env?: Record<string, string>][] = [
      ['AWS_STACK_NOT_FOUND', ['jobs', '--stack', 'Other']],
      ['AWS_REGION', ['jobs'], { AWS_REGION: '' }],
      ['AWS_CREDENTIALS', ['jobs'], { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' }],
      ['AWS_UNREACHABLE', ['jobs'], { AWS_ENDPOINT_URL: 'http://127.0.0.1:9' }],
      ['AWS_TARGET', ['restore', SAMPLE]],
      ['AWS_TARGET', ['doctor', 'other']],
      ['AWS_JOB_UNKNOWN', ['job', '0000']],
      ['RUN_OPTIONS', ['restore', SAMPLE, '--target', 'cache', '--ttl-shift', '50000d']],
      ['FILES_MISSING', ['restore']],
      ['JOB_MISSING', ['retry']],
    ];
    // A process reads this variable when it starts, and this one has.
    const ca = deployment.aws.environment.NODE_EXTRA_CA_CERTS;
    if (ca !== undefined) setDefaultCACertificates([...getCACertificates(), readFileSync(ca, 'utf8')]);
    for (const [code, words, env = {}] of mistakes) {
      for (const [name, value] of Object.entries({ HOME: folder, ...deployment.aws.environment, ...env })) {
        vi.stubEnv(name, value);
      }
      // In this process, since there are many.
      const io = fakeIo(['aws', ...words]);
      expect({ code, exit: await run(io), out: io.out() }).toEqual({ code, exit: 1, out: '' });
      expect(io.err()).toMatch(new RegExp(`^${code}\\b.*\\n.+`));
    }
    vi.unstubAllEnvs();
  });
});
