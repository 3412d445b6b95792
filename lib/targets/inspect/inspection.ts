// Everything that a report counts, filled key by key.
import { parseModuleId } from '../../rdb/module-id.ts';
import { byMemory, Counts, entryOf, type InspectedKey } from './counts.ts';
import { Histograms } from './histograms.ts';
import { Largest } from './largest.ts';
import { hashedNames, type Namer, plainName } from './names.ts';
import { PrefixTree } from './prefix-tree.ts';
import { QUANTILE_ERROR, Quantiles } from './quantiles.ts';
import type { InspectBigKey, InspectCounts, InspectFile, InspectReport } from './report.ts';
import { SlotBalance } from './slot-balance.ts';

export interface InspectionOptions {
  /** At which expiries are judged, ms since 1970. */
  nowMs: number;
  /** How many big keys are kept of each kind. */
  top: number;
  shards: number;
  /** Bytes behind which prefixes end; none: behind every byte. */
  separators: Uint8Array;
  /** Levels of the tree of prefixes. */
  depth: number;
  hashKeys: boolean;
}

/** A big key before it has a name. */
type BigKey = Omit<InspectBigKey, 'key'> & { readonly key: Buffer };

/** What the accumulators know of a report; the job adds the rest. */
export type InspectionResult = Pick<
  InspectReport,
  'types' | 'encodings' | 'dbs' | 'prefixes' | 'histograms' | 'quantileError' | 'quantiles' | 'bigKeys' | 'slots'
> &
  Pick<InspectReport, 'files' | 'functions' | 'modules' | 'separators' | 'hashed'> & {
    readonly totals: Omit<InspectReport['totals'], 'tables' | 'filtered'>;
  };

export class Inspection {
  readonly #options: InspectionOptions;
  readonly #name: Namer;
  readonly #files: (Omit<InspectFile, 'aux'> & { aux: readonly [name: Buffer, value: Buffer][] })[] = [];
  /** By type, then by encoding; the types' counts and the totals are sums of these. */
  readonly #encodings = new Map<string, Map<string, Counts>>();
  readonly #dbs = new Map<number, Counts>();
  /** The counts of the database that keys come from at present. */
  #db = new Counts();
  #lastDb = -1;
  readonly #modules = new Map<bigint, Counts>();
  readonly #functions: { name: Buffer | undefined; engine: string; bytes: number }[] = [];
  readonly #histograms: Histograms;
  readonly #prefixes: PrefixTree;
  readonly #slots = new SlotBalance();
  readonly #keyLength = new Quantiles();
  readonly #valueBytes = new Quantiles();
  readonly #memory = new Quantiles();
  readonly #elements = new Quantiles();
  readonly #byMemory: Largest<BigKey>;
  readonly #byBytes: Largest<BigKey>;
  readonly #byElements: Largest<BigKey>;

  constructor(options: InspectionOptions) {
    this.#options = options;
    this.#name = options.hashKeys ? hashedNames(options.separators) : plainName;
    this.#histograms = new Histograms(options.nowMs);
    this.#prefixes = new PrefixTree(options);
    this.#byMemory = new Largest(options.top);
    this.#byBytes = new Largest(options.top);
    this.#byElements = new Largest(options.top);
  }

  /** @param file the file's name */
  key(key: InspectedKey, file: string): void {
    entryOf(entryOf(this.#encodings, key.type, newMap), key.encoding, newCounts).add(key);
    if (key.db !== this.#lastDb) {
      this.#lastDb = key.db;
      this.#db = entryOf(this.#dbs, key.db, newCounts);
    }
    this.#db.add(key);
    this.#histograms.add(key);
    this.#prefixes.add(key);
    this.#slots.add(key);
    this.#keyLength.add(key.end - key.start);
    this.#valueBytes.add(key.valueBytes);
    this.#memory.add(key.memory);
    const counted = key.type !== 'string' && key.type !== 'module';
    if (counted) this.#elements.add(key.elements);
    const big = this.#byMemory.takes(key.memory) || this.#byBytes.takes(key.recordBytes);
    if (!big && !(counted && this.#byElements.takes(key.elements))) return;
    const kept = bigKey(key, file);
    this.#byMemory.add(key.memory, kept);
    this.#byBytes.add(key.recordBytes, kept);
    if (counted) this.#byElements.add(key.elements, kept);
  }

  /** A key of a module's type, besides {@link key}. */
  module(id: bigint, key: InspectedKey): void {
    entryOf(this.#modules, id, newCounts).add(key);
  }

  function(name: Buffer | undefined, engine: string, bytes: number): void {
    this.#functions.push({ name, engine, bytes });
  }

  file(file: Omit<InspectFile, 'aux'>, aux: readonly [name: Buffer, value: Buffer][]): void {
    this.#files.push({ ...file, aux });
  }

  result(): InspectionResult {
    const { hashKeys, separators, shards } = this.#options;
    const name = this.#name;
    const types = [...this.#encodings].map(([type, encodings]) => ({ type, ...sumOf(encodings.values()) }));
    return {
      hashed: hashKeys,
      separators: Buffer.from(separators).toString('latin1'),
      files: this.#files.map(({ aux, ...file }) => ({
        ...file,
        aux: hashKeys ? [] : aux.map(([field, value]) => ({ name: name(field), value: name(value) })),
      })),
      totals: { ...sumOf(types), expired: this.#histograms.expired.counts },
      types: types.sort(byMemory),
      encodings: [...this.#encodings]
        .flatMap(([type, encodings]) =>
          [...encodings].map(([encoding, { counts, elements }]) => ({ type, encoding, ...counts, elements })),
        )
        .sort(byMemory),
      dbs: [...this.#dbs].map(([db, { counts }]) => ({ db, ...counts })).sort((a, b) => a.db - b.db),
      prefixes: this.#prefixes.result(name),
      histograms: this.#histograms.result(),
      quantileError: QUANTILE_ERROR,
      quantiles: {
        keyLength: this.#keyLength.result(),
        valueBytes: this.#valueBytes.result(),
        memory: this.#memory.result(),
        elements: this.#elements.result(),
      },
      bigKeys: {
        byMemory: this.#named(this.#byMemory),
        byBytes: this.#named(this.#byBytes),
        byElements: this.#named(this.#byElements),
      },
      slots: this.#slots.result(shards),
      functions: this.#functions.map(({ name: bytes, engine, bytes: size }) => ({
        name: bytes === undefined || hashKeys ? null : name(bytes),
        engine,
        bytes: size,
      })),
      modules: [...this.#modules]
        .map(([id, { keys, bytes }]) => ({ ...parseModuleId(id), keys, bytes }))
        .sort((a, b) => b.bytes - a.bytes),
    };
  }

  #named(largest: Largest<BigKey>): InspectBigKey[] {
    return largest.items().map((each) => ({ ...each, key: this.#name(each.key) }));
  }
}

function sumOf(all: Iterable<InspectCounts & { readonly elements: number }>) {
  const sum = { keys: 0, bytes: 0, memory: 0, expiring: 0, elements: 0 };
  for (const { keys, bytes, memory, expiring, elements } of all) {
    sum.keys += keys;
    sum.bytes += bytes;
    sum.memory += memory;
    sum.expiring += expiring;
    sum.elements += elements;
  }
  return sum;
}

const newCounts = (): Counts => new Counts();
const newMap = (): Map<string, Counts> => new Map();

/** Names of big keys are cut here: keys may be 512 MB long. */
const LONGEST_NAME = 4096;

function bigKey(key: InspectedKey, file: string): BigKey {
  const { db, type, encoding, recordBytes, memory, elements, expireAt } = key;
  return {
    file,
    db,
    key: Buffer.from(key.bytes.subarray(key.start, Math.min(key.end, key.start + LONGEST_NAME))),
    type,
    encoding,
    bytes: recordBytes,
    memory,
    elements,
    expireAt: Number.isNaN(expireAt) ? null : expireAt,
  };
}
