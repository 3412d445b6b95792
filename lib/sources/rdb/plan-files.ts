// The plan on disk: NAME.plan.json says what was planned and all totals, NAME.chunks.jsonl holds one chunk a line.
//
// The plan is written last and holds the checksum of the chunk index, so that either both are whole or there is none.
import { readFile } from 'node:fs/promises';
import { Crc64 } from '../../bytes/crc64.ts';
import { type SourcePin, samePin } from '../../storage/byte-source.ts';
import { LineFile, writeWhole } from '../../storage/work-files.ts';
import type { Chunk, Plan } from './plan.ts';

/** Raised whenever a plan of before can no longer be used. */
const PLAN_FORMAT = 1;

/** What was planned: the input as the user named it, and the plain RDB that the offsets speak of. */
export interface PlannedInput {
  /** The input's pin, as it was opened. */
  readonly pin: SourcePin;
  /** How the input was packed. */
  readonly format: 'rdb' | 'gzip' | 'zstd' | 'stream';
}

export interface PlanFile {
  readonly input: PlannedInput;
  readonly chunkBytes: number;
  readonly plan: Plan;
  /** Of the RDB, where it was to be that of a backup. */
  readonly sha256?: string | undefined;
}

const hex = (value: bigint): string => value.toString(16).padStart(16, '0');

/** One line of the chunk index. */
export function formatChunk({ n, start, end, db, keys, crc }: Chunk): string {
  return `${JSON.stringify({ n, start, end, db, keys, bytes: end - start, crc: hex(crc) })}\n`;
}

export function parseChunk(line: string): Chunk {
  const { n, start, end, db, keys, crc } = JSON.parse(line) as Omit<Chunk, 'crc'> & { crc: string };
  return { n, start, end, db, keys, crc: BigInt(`0x${crc}`) };
}

/** The text of a plan. @param chunksCrc CRC64 of the chunk index */
export function formatPlan({ input, chunkBytes, plan, sha256 }: PlanFile, chunksCrc: bigint): string {
  const { crc, templates, ...rest } = plan;
  const json = {
    format: PLAN_FORMAT,
    input,
    chunkBytes,
    sha256,
    chunksCrc: hex(chunksCrc),
    crc: hex(crc),
    ...rest,
    templates: templates.map((template) => ({ ...template, id: String(template.id) })),
  };
  return `${JSON.stringify(json, null, 2)}\n`;
}

/** Writes chunk index and plan; the plan's file is what makes both valid. */
export class PlanWriter {
  readonly #planPath: string;
  readonly #lines: LineFile;
  readonly #crc = new Crc64();

  constructor(planPath: string, chunksPath: string) {
    this.#planPath = planPath;
    this.#lines = new LineFile(chunksPath);
  }

  async chunk(chunk: Chunk): Promise<void> {
    const line = formatChunk(chunk);
    this.#crc.update(Buffer.from(line));
    await this.#lines.write(line);
  }

  async commit(file: PlanFile): Promise<void> {
    await this.#lines.commit();
    await writeWhole(this.#planPath, formatPlan(file, this.#crc.value));
  }

  async abandon(): Promise<void> {
    await this.#lines.abandon();
  }
}

/**
 * Reads a plan that was written before.
 *
 * @returns `undefined` when there is none, or it speaks of another input, another chunk size or another format
 */
export async function readPlan(
  planPath: string,
  wanted: { pin: SourcePin; chunkBytes: number },
): Promise<(PlanFile & { chunksCrc: string }) | undefined> {
  try {
    return parsePlan(await readFile(planPath, 'utf8'), wanted);
  } catch {
    return undefined; // absent, or not what was written: it is made again
  }
}

/** A plan's text; `undefined` when it speaks of another input, another chunk size or another format. */
export function parsePlan(
  text: string,
  wanted: { pin: SourcePin; chunkBytes: number },
): (PlanFile & { chunksCrc: string }) | undefined {
  const { format, input, chunkBytes, sha256, chunksCrc, ...rest } = JSON.parse(text) as {
    format: number;
    chunksCrc: string;
  } & PlanFile;
  if (format !== PLAN_FORMAT || chunkBytes !== wanted.chunkBytes || !samePin(input.pin, wanted.pin)) return undefined;
  const { crc, templates, ...plain } = rest as unknown as {
    crc: string;
    templates: { id: string; fields: number; offset: number; bytes: number }[];
  } & Omit<Plan, 'crc' | 'templates'>;
  const plan: Plan = {
    ...plain,
    tail: plain.tail ?? undefined,
    crc: BigInt(`0x${crc}`),
    templates: templates.map((template) => ({ ...template, id: BigInt(template.id) })),
  };
  return { input, chunkBytes, sha256, chunksCrc, plan };
}

/**
 * Reads a chunk index whole.
 *
 * @param expected its number of lines and checksum, from the plan
 * @returns `undefined` when it is not there, or not the one that the plan speaks of: the plan is then as good as none
 */
export async function readChunks(
  chunksPath: string,
  expected: { count: number; crc: string },
): Promise<Chunk[] | undefined> {
  let text: Buffer;
  try {
    text = await readFile(chunksPath);
  } catch {
    return undefined;
  }
  if (hex(new Crc64().update(text).value) !== expected.crc) return undefined;
  const chunks = text.toString('latin1').split('\n').slice(0, -1).map(parseChunk);
  return chunks.length === expected.count ? chunks : undefined;
}
