// Holds files against the target, as a restore's pre-flight does, and goes on where that stops.
import { InputError } from '../errors.ts';
import { parseInfo } from '../redis/server-info.ts';
import { openRdb, type RdbInput } from '../sources/rdb/input.ts';
import { DEFAULT_CHUNK_BYTES } from '../sources/rdb/plan.ts';
import { bulkLimit, checkModules, checkTypes, DEFAULT_MAX_BULK_BYTES } from '../targets/redis/check-demands.ts';
import { checkMemory } from '../targets/redis/check-memory.ts';
import { checkPermissions } from '../targets/redis/check-permissions.ts';
import { COMMAND_OVERHEAD_BYTES } from '../targets/redis/entry-encoder.ts';
import { KEEP_EXPIRY } from '../targets/redis/policy.ts';
import { checkDatabases, leftBehind, oldestOf, type PreflightOptions } from '../targets/redis/preflight.ts';
import { formatCount } from '../text/count.ts';
import { ChunkRestore } from './chunk-restore.ts';
import { mapDatabases } from './databases.ts';
import type { DoctorTask } from './doctor.ts';
import { type Findings, showBytes } from './doctor-findings.ts';
import type { Reached } from './doctor-reach.ts';
import { DEFAULT_BIG_KEY_BYTES } from './restore-job.ts';

/** @param reached `undefined` where the target cannot be asked: the files are still proved */
export async function checkFiles(task: DoctorTask, reached: Reached | undefined, findings: Findings): Promise<void> {
  const inputs: RdbInput[] = [];
  try {
    for (const name of task.files) {
      const input = await openFile(name, task, findings);
      if (input !== undefined) inputs.push(input);
    }
    if (reached !== undefined && inputs.length > 0) await checkFit(task, inputs, reached, findings);
  } finally {
    for (const input of inputs) await input.close(true);
  }
}

/** Plans a file; `undefined` where it is not to be restored, which has been entered. */
async function openFile(name: string, task: DoctorTask, findings: Findings): Promise<RdbInput | undefined> {
  const { workDir, stdin, progress, signal } = task;
  let input: RdbInput;
  try {
    input = await openRdb(name, { workDir, stdin, progress, signal, noWrite: true });
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const { code, message, remedy, where } = error;
    findings.problem('file', code, `${where ?? name}: ${message}`, remedy);
    return undefined;
  }
  const { dialect, version, keys, bytes, checksum, tail } = input.plan;
  const facts = `${input.name}: ${dialect} RDB ${version}, ${formatCount(keys)} keys, ${formatCount(bytes)} bytes`;
  if (tail !== undefined) {
    findings.add('file', 'warning', `${facts}, and behind them ${showBytes(tail.bytes)} that are not restored.`);
  } else if (checksum !== 'ok') {
    findings.add(
      'file',
      'warning',
      `${facts}, whole, but without a checksum: damage inside a value shows only on the target.`,
    );
  } else {
    findings.add('file', 'ok', `${facts}, whole.`);
  }
  return input;
}

async function checkFit(
  task: DoctorTask,
  inputs: readonly RdbInput[],
  reached: Reached,
  findings: Findings,
): Promise<void> {
  const infos = reached.servers.map(({ info }) => info);
  const server = oldestOf(infos);
  const plans = inputs.map(({ plan }) => plan);
  const planned = [...new Set(plans.flatMap(({ dbs }) => dbs.map(({ db }) => db)))];
  const mapDb = await findings.attempt('fit: databases', () => mapDatabases({ planned, urlDb: task.target.db }));
  const options: PreflightOptions = {
    fleet: reached.fleet,
    servers: infos,
    told: reached.told,
    clock: task.clock,
    demands: inputs.map(({ name, plan }) => ({ ...plan, name })),
    bytesToWrite: plans.reduce((sum, { bytes }) => sum + bytes, 0),
    policy: 'panic',
    dbs: mapDb === undefined ? [] : [...new Set(planned.map(mapDb))],
    sample: mapDb === undefined ? undefined : await sampleKey(inputs, task, mapDb),
    filtered: false,
    resumed: false,
    strict: false,
    force: false,
    patienceMs: task.patienceMs,
    signal: task.signal,
  };
  const holds = async (check: string, ok: string, work: (warnings: string[]) => void | Promise<void>) => {
    const warnings: string[] = [];
    const done = await findings.attempt(`fit: ${check}`, async () => {
      await work(warnings);
      return true;
    });
    for (const warning of warnings) findings.add(`fit: ${check}`, 'warning', warning);
    if (done && warnings.length === 0) findings.add(`fit: ${check}`, 'ok', ok);
  };
  if (server.version[0] !== 0) {
    await holds('types', 'Every value type has its place there.', (warnings) => checkTypes(options, server, warnings));
  }
  if (reached.told && reached.fleet.kind !== 'proxy') {
    await holds('memory', 'There is room, by the size of the files.', (warnings) =>
      checkMemory(options, infos, warnings),
    );
  }
  await checkLargest(options, findings, reached);
  // What follows asks whichever master has a key.
  if (!reached.whole) return;
  await holds('modules', 'None of its values needs a module that is missing.', (warnings) =>
    checkModules(options, server, warnings),
  );
  if (mapDb !== undefined) {
    await holds(
      'databases',
      `The target has ${options.dbs.length > 1 ? 'databases' : 'database'} ${options.dbs.join(', ') || 0}.`,
      () => checkDatabases(options),
    );
  }
  let functions = true;
  await holds('keys', 'The user may write a key of the file.', async () => {
    functions = (await checkPermissions(options, server)).functions;
  });
  await holds('functions', 'Nothing besides keys is left behind.', (warnings) => {
    warnings.push(...leftBehind(options, server, functions));
  });
}

/** Whether the largest value is too large for one command, and can be written all the same. */
async function checkLargest(options: PreflightOptions, findings: Findings, { whole }: Reached): Promise<void> {
  const check = 'fit: value size';
  const limit = whole ? await findings.attempt(check, () => bulkLimit(options)) : DEFAULT_MAX_BULK_BYTES;
  if (limit === undefined) return;
  const largest = Math.max(0, ...options.demands.map((demand) => demand.largest));
  const size = `The largest key and value have ${showBytes(largest)}`;
  if (options.fleet.kind !== 'proxy') {
    const apart = largest >= Math.min(DEFAULT_BIG_KEY_BYTES, limit / 2);
    findings.add(check, 'ok', `${size}: written ${apart ? 'in parts' : 'whole'}.`);
  } else if (largest + COMMAND_OVERHEAD_BYTES > limit) {
    findings.add(
      check,
      'warning',
      `${size}: too much for one command, and behind a proxy nothing is written in parts.`,
    );
  } else {
    findings.add(check, 'ok', `${size}: written whole.`);
  }
}

/** The first key of the files, and the database that it would go to. */
async function sampleKey(
  inputs: readonly RdbInput[],
  { clock, signal }: DoctorTask,
  mapDb: (db: number) => number,
): Promise<{ db: number; key: Buffer } | undefined> {
  for (const input of inputs) {
    const [chunk] = input.chunks;
    if (chunk === undefined) continue;
    const reader = new ChunkRestore(input, {
      policy: 'panic',
      expiry: KEEP_EXPIRY,
      filter: undefined,
      server: parseInfo(''),
      clock,
      largeBytes: DEFAULT_CHUNK_BYTES,
      bigKeyBytes: DEFAULT_BIG_KEY_BYTES,
      bulkLimit: Number.POSITIVE_INFINITY,
      proxied: false,
      signal,
      onBytes: () => undefined,
    });
    const sample = await reader.firstKey(chunk);
    if (sample !== undefined) return { db: mapDb(sample.db), key: sample.key };
  }
  return undefined;
}
