// Writes scanned pages: gathers them to units, several of which are written at once, and notes each stream's units in
// their order, so that what is noted last says where to go on.
import type { CheckpointStore } from '../checkpoint/store.ts';
import { KeyferryError } from '../errors.ts';
import { RdbScanner, ScanEvent, type ScanState } from '../rdb/scanner.ts';
import { SCANNED } from '../sources/scan/database-scan.ts';
import type { ScanEntry, ScanPage } from '../sources/scan/scan-entry.ts';
import type { Attempt, ChunkBytes } from '../targets/redis/chunk-writer.ts';
import type { EntryEncoder } from '../targets/redis/entry-encoder.ts';
import type { RedisTarget, Written } from '../targets/redis/redis-target.ts';
import { addTally, newTally, type Tally } from '../targets/redis/tally.ts';
import { RecordChunk } from './record-chunk.ts';

/** Bytes of records, and keys, from which on a unit is closed; a page is never torn. */
const UNIT_BYTES = 1024 * 1024;
const UNIT_KEYS = 8192;

/** One way to write: a target and the encoder that fits its policy. */
export interface WriteWay {
  readonly target: RedisTarget;
  readonly encoder: EntryEncoder;
  readonly attempt: Attempt;
}

/** `theirs`: the job's policy decides. `ours`: the job has written the key before, and replaces it. `left`: as it was. */
export type Ownership = 'theirs' | 'ours' | 'left';

export interface RumpWriterOptions {
  readonly ledger: CheckpointStore;
  /** Names the units of this pass. */
  readonly pass: number;
  readonly dialect: Pick<ScanState, 'dialect' | 'version'>;
  readonly ways: { readonly theirs: WriteWay; readonly ours: () => WriteWay };
  /** Decides on a key, and remembers it. */
  readonly owns: (entry: ScanEntry) => Ownership;
  /** Told before the first write of keys that were decided on. */
  readonly beforeWrite: () => Promise<void>;
  readonly onTally: (tally: Tally) => void;
  /** Units at once. */
  readonly concurrency: number;
  readonly stop: AbortController;
}

/** What has been read of a stream and not been handed over, and the units before it. */
interface Stream {
  n: number;
  /** The cursor that the unit begins at. */
  from: string | undefined;
  to: string;
  theirs: RecordChunk[];
  ours: RecordChunk[];
  bytes: number;
  keys: number;
  filtered: number;
  unread: Tally['failed'];
  /** The keys of `ours`. */
  replacing: string[];
  /** Ends when all units so far are noted. */
  noted: Promise<void>;
}

export class RumpWriter {
  readonly #options: RumpWriterOptions;
  readonly #streams = new Map<string, Stream>();
  /** Units that are being written; and those of them with keys that are not ours yet. */
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #claiming = new Set<Promise<unknown>>();
  /** Keys of the job's own that are gathered or being written. */
  readonly #replacing = new Set<string>();
  readonly #free: Buffer[] = [];
  #failure: unknown;

  constructor(options: RumpWriterOptions) {
    this.#options = options;
  }

  /** Takes a page. Waits while too much is under way. Rejects with what stopped the job. */
  async add(page: ScanPage): Promise<void> {
    const { stream: name, db, from, to, entries, unread, filtered } = page;
    const owners = entries.map(this.#options.owns);
    const ours = entries.filter((_, i) => owners[i] === 'ours').map(idOf);
    if (ours.length > 0) await this.#settleBefore(name, ours);
    const stream = this.#stream(name);
    stream.from ??= from;
    stream.to = to;
    stream.filtered += filtered;
    for (const { key, reason } of unread) stream.unread.push({ db, key: Buffer.from(key), type: '', reason });
    for (const [i, entry] of entries.entries()) {
      const owner = owners[i];
      if (owner !== 'left') this.#put(stream, owner === 'ours' ? stream.ours : stream.theirs, entry);
    }
    for (const id of ours) {
      this.#replacing.add(id);
      stream.replacing.push(id);
    }
    stream.keys += entries.length;
    if (stream.bytes >= UNIT_BYTES || stream.keys >= UNIT_KEYS || to === SCANNED) await this.#close(name, stream);
  }

  /** Hands over the rest, and waits until all is written and noted. Rejects with what stopped the job. */
  async settled(): Promise<void> {
    for (const [name, stream] of this.#streams) await this.#close(name, stream);
    await Promise.all([...this.#streams.values()].map(({ noted }) => noted));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** What stopped the job, where that was a write. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Waits until nothing is under way any more, and what was written is noted; also after a failure. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await Promise.allSettled([...this.#streams.values()].map(({ noted }) => noted));
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = {
        n: 0,
        from: undefined,
        to: '',
        theirs: [],
        ours: [],
        bytes: 0,
        keys: 0,
        filtered: 0,
        unread: [],
        replacing: [],
        noted: Promise.resolve(),
      };
      this.#streams.set(name, stream);
    }
    return stream;
  }

  /**
   * Sees to it that keys which come again are written behind what is held of them: SCAN gives a key twice, a key moves to
   * another node, a restarted node is read from its beginning.
   */
  async #settleBefore(name: string, ours: readonly string[]): Promise<void> {
    const twice = ours.some((id) => this.#replacing.has(id));
    // A unit waits for the claims that were closed before it, so these have to be.
    for (const [other, stream] of this.#streams)
      if (twice || (other !== name && stream.theirs.length > 0)) await this.#close(other, stream);
    if (twice) await this.idle();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #put(stream: Stream, chunks: RecordChunk[], entry: ScanEntry): void {
    let chunk = chunks.at(-1);
    if (chunk === undefined || !chunk.takes(entry)) {
      chunk = new RecordChunk(entry.db, this.#free.pop() ?? Buffer.allocUnsafeSlow(UNIT_BYTES));
      chunks.push(chunk);
    }
    const before = chunk.bytes;
    chunk.add(entry);
    stream.bytes += chunk.bytes - before;
  }

  async #close(name: string, stream: Stream): Promise<void> {
    const { concurrency, stop, pass, beforeWrite } = this.#options;
    const { from, to, theirs, ours, filtered, unread, replacing } = stream;
    if (from === undefined) return;
    const unit = `${pass} ${name} ${stream.n++} ${from} ${to}`;
    Object.assign(stream, { from: undefined, theirs: [], ours: [], bytes: 0, keys: 0, filtered: 0 });
    Object.assign(stream, { unread: [], replacing: [] });
    while (this.#underWay.size >= concurrency) await Promise.race(this.#underWay);
    // What is ours by now must not overtake the write that makes it so.
    if (ours.length > 0) await Promise.allSettled(this.#claiming);
    if (this.#failure !== undefined) throw this.#failure;
    stop.signal.throwIfAborted();
    await beforeWrite();
    const tally = { ...newTally(), filtered, failed: unread };
    const writing = this.#write(unit, theirs, ours, tally).catch((error: unknown) => {
      this.#fail(error);
      throw error;
    });
    const over = writing.then(
      () => undefined,
      () => undefined,
    );
    this.#underWay.add(over);
    if (theirs.length > 0) this.#claiming.add(over);
    void over.then(() => {
      this.#underWay.delete(over);
      this.#claiming.delete(over);
      for (const chunk of [...theirs, ...ours]) this.#recycle(chunk);
      for (const id of replacing) this.#replacing.delete(id);
    });
    const { noted } = stream;
    stream.noted = noted.then(async () => {
      const servers = await writing;
      const { failed, ...counts } = tally;
      this.#options.onTally(tally);
      // A refused key is tried again by the next run, which needs to go on before it.
      if (failed.length === 0) await this.#options.ledger.done(unit, { server: servers, ...counts });
    });
    stream.noted.catch((error: unknown) => this.#fail(error));
  }

  /** @returns which servers have it: see the target's `Written` */
  async #write(
    unit: string,
    theirs: readonly RecordChunk[],
    ours: readonly RecordChunk[],
    tally: Tally,
  ): Promise<string> {
    const { ways, ledger } = this.#options;
    if (ledger.units.size === 0) await ledger.started(unit);
    const servers = new Set<string>();
    const write = async (chunks: readonly RecordChunk[], way: WriteWay) => {
      for (const chunk of chunks) {
        const written = await writeChunk(chunk.chunk(this.#options.dialect), way);
        addTally(tally, written.tally);
        for (const server of written.servers.split(', ')) if (server !== '') servers.add(server);
      }
    };
    await write(theirs, ways.theirs);
    if (ours.length > 0) await write(ours, ways.ours());
    return [...servers].sort().join(', ');
  }

  #recycle(chunk: RecordChunk): void {
    if (chunk.buffer.length === UNIT_BYTES && this.#free.length <= this.#options.concurrency)
      this.#free.push(chunk.buffer);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    const { ways, stop } = this.#options;
    if (error instanceof KeyferryError) ways.theirs.target.fail(error);
    stop.abort(error);
  }
}

const idOf = ({ db, key }: ScanEntry): string => `${db} ${key.toString('latin1')}`;

/** Writes the records of a chunk. Resolves when none of them is under way any more. */
async function writeChunk(chunk: ChunkBytes, { target, encoder, attempt }: WriteWay): Promise<Written> {
  const writer = target.begin(encoder, chunk, attempt);
  try {
    const scanner = new RdbScanner({ from: chunk.state, crc: false });
    scanner.feed(chunk.bytes);
    for (let event = scanner.next(); event !== ScanEvent.MORE; event = scanner.next()) {
      if (event !== ScanEvent.KEY) continue;
      writer.put(scanner);
      if (writer.full) await writer.ready();
    }
    return await target.complete(writer, encoder, chunk);
  } catch (error) {
    await writer.settled().catch(() => undefined);
    throw error;
  }
}
