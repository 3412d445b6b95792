// What the steps of a decode on AWS share: the terms of the run, and the writing of one part.
import { createHash } from 'node:crypto';
import { RdbError } from '../../errors.ts';
import { MAGIC_BYTES } from '../../rdb/dialect.ts';
import type { ScanState } from '../../rdb/scanner.ts';
import type { Chunk } from '../../sources/rdb/plan.ts';
import { parseChunk } from '../../sources/rdb/plan-files.ts';
import { packed } from '../../storage/output.ts';
import { ReadAhead } from '../../storage/read-ahead.ts';
import { createObject } from '../../storage/s3/s3-output.ts';
import { changed } from '../../targets/redis/streamed-restore.ts';
import { decodeFile, RangeDecoder } from '../decode-ranges.ts';
import { type DamagedValue, newTally } from '../record-decoder.ts';
import { type DecodeOptions, type DecodeSettings, type DecodeTerms, recordOptions } from './decode-options.ts';
import { type PartFacts, partFile, partsFolder } from './decode-parts.ts';
import { type AwsJob, type Cloud, type Deadline, ownRecord } from './job.ts';
import type { PlannedRdb } from './plan.ts';

export interface DecodeContext {
  readonly cloud: Cloud;
  readonly settings: DecodeSettings;
  readonly chunkBytes: number;
  readonly deadline: Deadline;
}

/** What a run is to make of its file. */
export interface DecodeRun {
  readonly terms: DecodeTerms;
  /** When the job was claimed: what remaining times to live count from, so that a part written again is the same. */
  readonly now: number;
}

export async function openRun({ cloud, settings }: DecodeContext, job: AwsJob): Promise<DecodeRun> {
  const { notes, createdAt } = await ownRecord(cloud, job);
  // From JSON, in which nothing is undefined.
  const options = JSON.parse(notes.options ?? '{}') as DecodeOptions;
  return { terms: { ...settings, ...options } as DecodeTerms, now: createdAt };
}

export interface PartOf {
  readonly planned: PlannedRdb;
  readonly run: DecodeRun;
  /** `undefined` for the only part of an RDB without keys. */
  readonly chunk: Chunk | undefined;
}

/** Behind the name of what damage has cut off. */
const PARTIAL = '.partial';

/**
 * Writes the part of a chunk, the first one with what stands before all keys. It is there whole when this is done, and not
 * at all when it fails; written again it is the same.
 *
 * @param upToDamage writes what stands before the first damage, under the name of something that is not whole
 * @throws {RdbError} the damage of a value; {InputError} `INPUT_CHANGED` where the bytes are not those that were planned
 */
export async function writePart(
  { cloud, deadline }: Pick<DecodeContext, 'cloud' | 'deadline'>,
  job: AwsJob,
  part: PartOf,
  { upToDamage = false } = {},
): Promise<{ facts: PartFacts; damaged: readonly DamagedValue[] }> {
  const { terms } = part.run;
  const file = partFile(part.chunk?.n ?? 0, terms) + (upToDamage ? PARTIAL : '');
  const hash = createHash('sha256');
  let stored = 0;
  const object = createObject(
    cloud.s3,
    { bucket: cloud.bucket, key: partsFolder(job) + file },
    { signal: deadline.signal, contentType: CONTENT_TYPES[terms.pack] },
  );
  const output = packed(object, terms.pack, (bytes) => {
    hash.update(bytes);
    stored += bytes.length;
  });
  const tally = newTally();
  const unwritten: Record<string, number> = {};
  let lossy: PartFacts['lossy'] = {};
  try {
    await decodePart(part, {
      ...{ tally, signal: deadline.signal, write: (bytes) => output.write(bytes) },
      onUnwritten: (what) => {
        unwritten[what] = (unwritten[what] ?? 0) + 1;
      },
      onLossy: (all) => {
        lossy = Object.fromEntries(all);
      },
    }).catch((error: unknown) => {
      if (!upToDamage || !(error instanceof RdbError)) throw error;
    });
    await output.commit();
  } catch (error) {
    await output.leave();
    throw error;
  }
  const { damaged, bytes: jsonBytes, ...counts } = tally;
  const facts = { file, ...counts, damaged: damaged.length, jsonBytes, bytes: stored, unwritten, lossy };
  return { facts: { ...facts, sha256: hash.digest('hex') }, damaged };
}

/**
 * Where the next chunk begins, or the end mark is. That is the chunk's end, but for one that a large record fills: what
 * stands between that and the next key is in no chunk.
 */
async function nextStart({ plan, chunkBytes, chunksText }: PlannedRdb, { n, start, end }: Chunk): Promise<number> {
  if (end - start < chunkBytes) return end;
  if (n === plan.chunks - 1) return plan.bytes - (plan.checksum === 'absent' ? 1 : 9);
  return parseChunk((await chunksText()).split('\n')[n + 1] as string).start;
}

const CONTENT_TYPES = { none: 'application/jsonl', gz: 'application/gzip', zst: 'application/zstd' } as const;

type Sinks = Pick<Parameters<typeof decodeFile>[0], 'tally' | 'write' | 'signal' | 'onUnwritten' | 'onLossy'>;

async function decodePart({ planned, run, chunk }: PartOf, sinks: Sinks): Promise<void> {
  const { source, plan } = planned;
  const records = { ...recordOptions(run.terms), now: run.now, source, ...sinks };
  if (chunk === undefined) {
    const none = { firstStop: Number.POSITIVE_INFINITY, onStop: async () => Number.POSITIVE_INFINITY };
    await decodeFile({ ...records, ...none, onBlock: () => {} });
    return;
  }
  const ahead = new ReadAhead(source, undefined, chunk.end);
  const decoder = new RangeDecoder(records);
  try {
    const read = { ...sinks, ahead };
    const state = (offset: number, db: number, crc: bigint | undefined): ScanState => ({
      ...{ dialect: plan.dialect, version: plan.version, offset, db, crc },
      templates: new Map(plan.templates.map(({ id, fields }) => [id, fields])),
    });
    const { templates } = plan;
    if (chunk.n === 0) {
      // Function libraries and the like: the file's own checksum has proven them.
      await decoder.decode({ from: state(MAGIC_BYTES, 0, undefined), end: chunk.start, templates: [] }, read);
    }
    const range = { from: state(chunk.start, chunk.db, 0n), end: chunk.end, templates };
    if ((await decoder.decode(range, read)) !== chunk.crc) throw changed(source);
    const end = await nextStart(planned, chunk);
    if (end > chunk.end) await decoder.decode({ from: state(chunk.end, chunk.db, undefined), end, templates }, read);
  } finally {
    sinks.onLossy(decoder.lossy);
    await ahead.close();
    decoder.close();
  }
}
