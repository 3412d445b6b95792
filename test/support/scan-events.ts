// Runs a scanner over bytes that are cut into feeds in any way, and tells what it found in plain values.
import { HELD_RECORD_BYTES, RdbScanner, ScanEvent, type ScanState } from '../../lib/rdb/scanner.ts';

/** One record of a file: where it is and what the scanner says of it. Offsets are absolute, ends exclusive. */
export interface RecordFacts {
  readonly event: keyof typeof ScanEvent;
  readonly start: number;
  readonly end: number;
  readonly db: number;
  /** CRC64 of the file before the record and behind it; of an AUX among a key's attributes only before it. */
  readonly crc?: readonly bigint[];
  /** The bytes of the record, where it is one that a scanner must hold. */
  readonly held?: Buffer | undefined;

  // Of a key.
  readonly type?: string;
  /** The key, decoded, where the record is one that a scanner must hold. */
  readonly key?: Buffer | undefined;
  readonly keyStart?: number;
  readonly valueStart?: number;
  readonly meta?: readonly [start: number, end: number];
  readonly expireAt?: bigint | undefined;
  readonly idle?: number;
  readonly freq?: number;

  // Of other records.
  /** An AUX field's name, where the record is one that a scanner must hold. */
  readonly name?: string | undefined;
  readonly resize?: readonly [keys: number, expires: number];
  readonly moduleId?: bigint;
  readonly template?: { id: bigint; fields: number; offset: number; bytes: number };
}

export interface Feed {
  /** Up to where of the file this feed goes, absolute. */
  to: number;
  /** Room in front of the fed bytes. */
  headroom: number;
}

export interface ScanRun {
  records: RecordFacts[];
  scanner: RdbScanner;
  /** A state at each boundary between records, in order; with `saves`. */
  states: ScanState[];
}

export interface RunOptions {
  feeds?: readonly Feed[];
  /** Goes on from there. */
  from?: ScanState;
  /** Saves the state at each boundary. */
  saves?: boolean;
  /** Tells the scanner the file's size. Default `true`. */
  sized?: boolean;
  /** Decodes keys. Default `true`; false for files whose keys may be damaged. */
  keys?: boolean;
}

/**
 * Scans a file to its end. Each block is overwritten as soon as it was replaced, as a reader that takes turns with
 * buffers would do.
 *
 * @throws what the scanner throws
 */
export function scanFile(bytes: Buffer, options: RunOptions = {}): ScanRun {
  const { from, saves = false, sized = true, keys = true } = options;
  const scanner = new RdbScanner({ from, size: sized ? bytes.length : undefined });
  const feeds = options.feeds ?? [{ to: bytes.length, headroom: 0 }];
  const records: RecordFacts[] = [];
  const states: ScanState[] = [];
  let fed = from?.offset ?? 0;
  let next = 0;
  let block: Buffer = Buffer.alloc(0);
  for (;;) {
    const event = scanner.next();
    if (event === ScanEvent.MORE) {
      while (next < feeds.length && (feeds[next] as Feed).to <= fed) next++;
      const feed = feeds[next];
      if (feed === undefined) return scanner.finish();
      const { to, headroom } = feed;
      const before = block;
      block = Buffer.alloc(headroom + to - fed, 0xee);
      bytes.copy(block, headroom, fed, to);
      scanner.feed(block, headroom);
      before.fill(0xdd);
      fed = to;
    } else if (event === ScanEvent.END) {
      return { records, scanner, states };
    } else {
      records.push(factsOf(scanner, event, keys));
      if (saves && scanner.betweenRecords) states.push(scanner.save());
    }
  }
}

function factsOf(scanner: RdbScanner, event: ScanEvent, keys: boolean): RecordFacts {
  const { recordStart: start, recordEnd: end, db } = scanner;
  const crc = [scanner.crcAt(start), ...(scanner.betweenRecords ? [scanner.crcAt(end)] : [])];
  const mustHold = end - start <= HELD_RECORD_BYTES;
  const span = mustHold ? scanner.bytes(start, end) : undefined;
  const name = (Object.keys(ScanEvent) as (keyof typeof ScanEvent)[]).find((each) => ScanEvent[each] === event);
  const facts = { event: name as keyof typeof ScanEvent, start, end, db, crc, held: span && Buffer.from(span) };
  switch (event) {
    case ScanEvent.KEY: {
      const key = mustHold && keys ? scanner.key() : undefined;
      return {
        ...facts,
        type: scanner.type?.name ?? 'none',
        key: key && Buffer.from(key),
        keyStart: scanner.keyStart,
        valueStart: scanner.valueStart,
        meta: [scanner.metaStart, scanner.metaEnd],
        expireAt: scanner.expiryMs(),
        idle: scanner.idle,
        freq: scanner.freq,
        ...(scanner.type?.kind === 'module' ? { moduleId: scanner.moduleId } : {}),
      };
    }
    case ScanEvent.AUX:
      return { ...facts, name: mustHold ? scanner.auxName() : undefined };
    case ScanEvent.RESIZEDB:
      return { ...facts, resize: [scanner.resizeKeys, scanner.resizeExpires] };
    case ScanEvent.MODULE_AUX:
      return { ...facts, moduleId: scanner.moduleId };
    case ScanEvent.HASH_TEMPLATE:
      return { ...facts, template: scanner.template() };
  }
  return facts;
}
