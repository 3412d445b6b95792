// npm run bench:lambda: a whole job by the functions' handlers, in one process with a Lambda function's share of a machine,
// from a local S3 into a local redis-server; and what it would cost.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleFunction } from '../infra/bundle.ts';
import { type Config, parseConfig } from '../lib/config/index.ts';
import { decode } from '../lib/jobs/decode.ts';
import { openOutput } from '../lib/storage/output.ts';
import { startLocalAws } from '../test/support/local-aws/local-aws.ts';
import { newTable } from '../test/support/local-aws/tables.ts';
import { startServer } from '../test/support/servers.ts';
import { costOf, newUsage, PRICES_OF, type Usage, unitsOf } from './aws-prices.ts';
import { ensureLambdaFile, type LambdaFile } from './lambda-data.ts';
import { functionsOf, type LambdaResult, type LambdaTask, MODES, type Mode } from './lambda-worker.ts';
import { LocalS3 } from './local-s3.ts';
import { type Command, type Cost, run } from './measure.ts';
import { chosenOf, packageNode, runBench } from './options.ts';
import { megabytes } from './pairs.ts';

/** What a gigabyte of RDB may cost at most, US dollars. */
const REQUIRED_USD = 0.02;
/** Memory of the functions, MB: that of one processor of Lambda, and of two. */
const SIZES = [1769, 3538];
const MB_PER_PROCESSOR = 1769;
/** Claim, lease and fail have these, whatever is configured (infra/shared-functions.ts), and a share of a processor. */
const SMALL = ['claim', 'lease'];
const SMALL_MB = 512;
/**
 * Transitions of the machine for a job, and for each chunk: states (infra/restore-machine.ts), and one for a start. The
 * page does not say whether starts are counted: this is the dearer reading.
 */
const TRANSITIONS = { job: 15, chunk: 4 };
/** Logs beside what handlers write: Lambda's START, END and REPORT of a call, and the machine's events of a chunk; bytes. */
const LOG_BYTES = { call: 500, chunk: 5500 };
const BUCKET = 'bench';
const SOURCES = join(import.meta.dirname, '..', 'functions');

interface Run extends Cost, LambdaResult {
  readonly mode: Mode;
  readonly memoryMb: number;
  /** Chunks at work at once, as the configuration has it unless told otherwise. */
  readonly concurrency: number;
}

interface Settings {
  readonly modes: readonly Mode[];
  readonly megabytes: number;
  readonly chunkBytes: string | undefined;
}

function readSettings(): Settings {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { mb: { type: 'string', default: '1000' }, 'chunk-bytes': { type: 'string' } },
  });
  const size = Number(values.mb);
  if (!Number.isSafeInteger(size) || size < 1)
    throw new Error(`--mb is a whole number of at least 1, not ${values.mb}.`);
  // All keys of a gigabyte are more than one call of a small function loads.
  const names = positionals.length === 0 ? ['restore', 'decode'] : positionals;
  return { modes: chosenOf(MODES, { names }), megabytes: size, chunkBytes: values['chunk-bytes'] };
}

async function bench(): Promise<boolean> {
  const settings = readSettings();
  const file = ensureLambdaFile(settings.megabytes);
  const functions = mkdtempSync(join(tmpdir(), 'keyferry-functions-'));
  try {
    for (const name of new Set(settings.modes.flatMap(functionsOf))) bundleFunction(name, SOURCES, functions);
    console.log(
      `${megabytes(file.bytes).toFixed(0)} MB of RDB, ${file.keys.toLocaleString('en-US')} keys, from a local S3 over HTTP; functions on one Node ${process.version}:\n`,
    );
    const runs: Run[] = [];
    for (const mode of settings.modes) {
      for (const memoryMb of SIZES) runs.push(await measure(mode, memoryMb, file, functions, settings));
    }
    printRuns(runs, file);
    return printGoal(runs, file);
  } finally {
    rmSync(functions, { recursive: true });
  }
}

/** One job, with everything around it made anew. */
async function measure(
  mode: Mode,
  memoryMb: number,
  file: LambdaFile,
  functions: string,
  settings: Settings,
): Promise<Run> {
  await using server = await startServer('redis-7.0');
  await using aws = await startLocalAws();
  await using s3 = await LocalS3.start();
  const door = mode === 'decode' ? 'decode' : `${mode}/bench`;
  const key = `${door}/data.${mode === 'load' ? 'jsonl' : 'rdb'}`;
  s3.addFile(`${BUCKET}/${key}`, mode === 'load' ? await linesOf(file, functions) : file.rdb);
  const result = join(functions, `${mode}-${memoryMb}.json`);
  const target = mode === 'decode' ? '' : 'bench';
  const task: LambdaTask = { mode, functions, input: { bucket: BUCKET, key }, target, result };
  const config = configOf(mode, server.url, settings);
  const environment = {
    AWS_ENDPOINT_URL: `http://${aws.host}:${aws.port}`,
    AWS_ENDPOINT_URL_S3: s3.url,
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' },
    ...{ KEYFERRY_BUCKET: BUCKET, KEYFERRY_TABLE: await newTable(aws.dynamodb()) },
    KEYFERRY_CONFIG: functionConfig(config, memoryMb),
    ...{ POWERTOOLS_LOG_LEVEL: 'INFO', POWERTOOLS_METRICS_NAMESPACE: 'keyferry' },
  };
  const cost = await run(asFunction(memoryMb, environment, task));
  if (mode !== 'decode') {
    const left = Number(await server.call('DBSIZE'));
    if (left !== file.keys)
      throw new Error(`The job left ${left} keys, not ${file.keys}.\n${cost.output.slice(-2000)}`);
  }
  const { concurrency = config.decode.concurrency } = mode === 'decode' ? {} : (config.targets.bench ?? {});
  return { ...cost, ...(JSON.parse(readFileSync(result, 'utf8')) as LambdaResult), mode, memoryMb, concurrency };
}

/** The file's keys as JSON Lines. */
async function linesOf({ rdb }: LambdaFile, folder: string): Promise<string> {
  const path = join(folder, 'data.jsonl');
  if (!existsSync(path)) await decode({ files: [rdb], output: await openOutput(path), threads: 'auto' });
  return path;
}

/** The configuration of a stack with one target, with its defaults. */
function configOf(mode: Mode, endpoint: string, { chunkBytes }: Settings): Config {
  const chosen = chunkBytes === undefined ? '' : `[${mode}]\nchunk-bytes = "${chunkBytes}"\n`;
  return parseConfig(`${chosen}[targets.bench]\nendpoint = "${endpoint}"\n`, 'bench.toml').config;
}

/** What the stack tells functions. */
function functionConfig({ restore, load, decode, targets }: Config, memoryMb: number): string {
  return JSON.stringify({
    memoryMb,
    redactKeys: false,
    chunkBytes: { restore: restore.chunkBytes, load: load.chunkBytes, decode: decode.chunkBytes },
    decode,
    target: { name: 'bench', ...targets.bench },
  });
}

/** The worker with the processors and the heap that Lambda would give it. */
function asFunction(memoryMb: number, environment: Record<string, string>, task: LambdaTask): Command {
  const processors = Math.min(Math.round(memoryMb / MB_PER_PROCESSOR), cpus().length);
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  // As the runtime's start script has it: a tenth for new objects, in two halves, and the rest for old ones.
  const heap = [`--max-semi-space-size=${memoryMb / 20}`, `--max-old-space-size=${memoryMb * 0.9}`].map((option) =>
    option.replace(/\..*$/, ''),
  );
  const worker = join(import.meta.dirname, 'lambda-worker.ts');
  return {
    label: `${task.mode} ${memoryMb} MB`,
    program: 'taskset',
    args: [
      ...['--cpu-list', `0-${processors - 1}`, 'env', ...variables],
      ...[packageNode(), ...heap, worker, JSON.stringify(task)],
    ],
  };
}

/** What AWS would count. Loading counts too, once for each container that works at chunks at once. */
function usageOf({ calls, loads, requests, chunks, memoryMb, concurrency, output }: Run): Usage {
  const usage = newUsage();
  for (const { name, ms } of calls) {
    // A small function would take as much longer as its processor's share is smaller.
    const small = SMALL.includes(name);
    const seconds = Math.ceil(small ? (ms * MB_PER_PROCESSOR) / SMALL_MB : ms) / 1000;
    usage.gbSecond += seconds * ((small ? SMALL_MB : memoryMb) / 1024);
    usage.call++;
  }
  for (const [name, ms] of Object.entries(loads)) {
    const containers = name.endsWith('-chunk') ? concurrency : 1;
    usage.gbSecond += (ms / 1000) * containers * (memoryMb / 1024);
  }
  usage.trace = chunks + 1;
  usage.logByte = Buffer.byteLength(output) + LOG_BYTES.call * calls.length + LOG_BYTES.chunk * chunks;
  usage.transition = TRANSITIONS.job + TRANSITIONS.chunk * chunks;
  for (const [operation, count] of Object.entries(requests)) {
    if (operation === 'GET' || operation === 'HEAD') usage.get += count;
    else if (operation === 'PUT' || operation === 'POST') usage.put += count;
    else if (operation !== 'DELETE') {
      const { writeUnit, readUnit } = unitsOf(operation);
      usage.writeUnit += writeUnit * count;
      usage.readUnit += readUnit * count;
    }
  }
  return usage;
}

const row = (cells: readonly string[]): void =>
  console.log(cells.map((cell, i) => (i === 0 ? cell.padEnd(18) : cell.padStart(13))).join(''));

function printRuns(runs: readonly Run[], { bytes }: LambdaFile): void {
  row(['', 'chunks', 'a chunk, s', 'MB/s', 'the job, s', 'peak RSS, MB', 'GB-seconds']);
  for (const each of runs) {
    const seconds = (name: RegExp) => sum(each.calls.filter((call) => name.test(call.name)).map(({ ms }) => ms)) / 1000;
    const working = seconds(/-chunk$/);
    row([
      `${each.mode} ${each.memoryMb} MB`,
      String(each.chunks),
      (working / each.chunks).toFixed(3),
      (megabytes(bytes) / working).toFixed(1),
      seconds(/./).toFixed(1),
      megabytes(each.peakRssBytes).toFixed(0),
      usageOf(each).gbSecond.toFixed(1),
    ]);
  }
  console.log(`\nUS dollars for a gigabyte of RDB (us-east-1, arm64, ${PRICES_OF}):\n`);
  row(['', ...Object.keys(costOf(newUsage())), 'all']);
  for (const each of runs) {
    const costs = Object.values(costOf(usageOf(each)));
    const cells = [...costs, sum(costs)].map((usd) => ((usd * 1e9) / bytes).toFixed(4));
    row([`${each.mode} ${each.memoryMb} MB`, ...cells]);
  }
  console.log('');
  for (const { mode, memoryMb, requests } of runs) console.log(`${mode} ${memoryMb} MB:`, JSON.stringify(requests));
  console.log('');
}

function printGoal(runs: readonly Run[], { bytes }: LambdaFile): boolean {
  let met = true;
  for (const each of runs) {
    const usd = (sum(Object.values(costOf(usageOf(each)))) * 1e9) / bytes;
    const fits = each.peakRssBytes <= each.memoryMb * 1024 * 1024;
    const ok = usd <= REQUIRED_USD && fits;
    met &&= ok;
    const more = fits ? '' : '; it takes more memory than the function has';
    console.log(
      `${ok ? 'met   ' : 'MISSED'}  ${each.mode} at ${each.memoryMb} MB: $${usd.toFixed(4)} a GB, required ≤ $${REQUIRED_USD}${more}`,
    );
  }
  return met;
}

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);

await runBench(bench);
