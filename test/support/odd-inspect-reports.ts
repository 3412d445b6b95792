// Made-up reports of `inspect` that a page must cope with: of no keys, of a damaged file, of hashed and of hostile names.
import type {
  InspectBar,
  InspectBigKey,
  InspectCounts,
  InspectName,
  InspectPrefix,
  InspectReport,
} from '../../lib/targets/inspect/report.ts';
import { Random } from './random.ts';
import { sampleInspectReport } from './sample-inspect-report.ts';

const NONE: InspectCounts = { keys: 0, bytes: 0, memory: 0, expiring: 0 };

/** Names that a page must show and must not obey. */
export const HOSTILE_NAMES: readonly string[] = [
  '<img src=x onerror="document.title=\'owned\'">',
  "</script><script>document.title='owned'</script>",
  '<!--<script>',
  '{{b}} {a|rich} {c} $& $1 $`',
  'line\u2028separator\u2029and\nnew line\u0000\u001b[31m',
  'user:\u202egnp.exe',
  'سلة:مستخدم:٤٢',
  '🛒:корзина:日本語',
  '"><svg onload=alert(1)>',
  '__proto__',
];

/** A file without a key. */
export function emptyInspectReport(): InspectReport {
  const report = sampleInspectReport();
  const zero = { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const none = (bars: readonly InspectBar[]) => bars.map(({ label }) => ({ label, ...NONE }));
  return {
    ...report,
    files: [
      {
        name: 'empty.rdb',
        bytes: 109,
        rdb: 'valkey 80',
        server: null,
        createdAt: null,
        usedMemory: null,
        aux: [],
        keys: 0,
      },
    ],
    model: { name: 'valkey-8.1', chosen: 'option', allocator: 'jemalloc' },
    totals: { ...NONE, elements: 0, tables: 0, expired: NONE, filtered: 0 },
    types: [],
    encodings: [],
    dbs: [],
    prefixes: { ...NONE, prefix: { text: '' }, label: { text: '' }, children: [], rest: null, other: null },
    histograms: { ttl: none(report.histograms.ttl), idle: [], lfu: [], memory: none(report.histograms.memory) },
    quantiles: { keyLength: zero, valueBytes: zero, memory: zero, elements: zero },
    bigKeys: { byMemory: [], byBytes: [], byElements: [] },
    slots: {
      ...report.slots,
      shards: report.slots.shards.map((shard) => ({ ...shard, ...NONE })),
      heaviest: [],
      used: 0,
      imbalance: 0,
    },
    functions: [],
    modules: [],
    warnings: [],
    seconds: 0,
  };
}

/** A file that ends inside a key. */
export function damagedInspectReport(): InspectReport {
  return {
    ...sampleInspectReport(),
    incomplete: true,
    error: {
      code: 'RDB_TRUNCATED',
      message: 'the file ends inside a hash of 12 fields.',
      where: 'byte 1,048,576 of 1,048,576 (db 0, key "user:88121")',
    },
  };
}

/** As `--hash-keys` makes it: no name can be read. */
export function hashedInspectReport(): InspectReport {
  const report = sampleInspectReport();
  const random = new Random(9);
  const hash = () => `#${random.bytes(8).toString('hex')}`;
  const hidden = (node: InspectPrefix, parent: string): InspectPrefix => {
    const own = node.label.text === '' ? '' : `${hash()}:`;
    return {
      ...node,
      prefix: { text: parent + own },
      label: { text: own },
      children: node.children.map((child) => hidden(child, parent + own)),
    };
  };
  const keys = (list: readonly InspectBigKey[]) =>
    list.map((key) => ({ ...key, key: { text: `${hash()}:${hash()}` } }));
  return {
    ...report,
    hashed: true,
    files: report.files.map((file) => ({ ...file, aux: [] })),
    prefixes: hidden(report.prefixes, ''),
    bigKeys: {
      byMemory: keys(report.bigKeys.byMemory),
      byBytes: keys(report.bigKeys.byBytes),
      byElements: keys(report.bigKeys.byElements),
    },
    functions: report.functions.map((one) => ({ ...one, name: null })),
  };
}

/** {@link HOSTILE_NAMES} wherever a file can put a name or a text, sizes beyond 2^53, and a name of 60,000 characters. */
export function hostileInspectReport(): InspectReport {
  const report = sampleInspectReport();
  const names: InspectName[] = [
    ...HOSTILE_NAMES.map((text) => ({ text })),
    { text: '\\x00\\xff\\x80binary', base64: 'AP+AYmluYXJ5' },
    { text: 'very-long-'.repeat(6_000) },
    { text: '' },
  ];
  const counts = { keys: 10, bytes: 4e15, memory: 2 ** 60, expiring: 5 };
  const node = (name: InspectName, children: readonly InspectPrefix[]): InspectPrefix => ({
    ...counts,
    prefix: name,
    label: name,
    children,
    rest: NONE,
    other: counts,
  });
  const hostile = names.map((name) =>
    node(
      name,
      names.map((inner) => node(inner, [])),
    ),
  );
  const bigKeys = names.map((key, index) => ({
    ...(report.bigKeys.byMemory[index] as InspectBigKey),
    key,
    file: HOSTILE_NAMES[0] ?? '',
    memory: 2 ** 60 - index,
    expireAt: index % 2 === 0 ? 2 ** 63 : 0,
  }));
  const text = HOSTILE_NAMES[1] ?? '';
  return {
    ...report,
    incomplete: true,
    error: { code: 'RDB_TRUNCATED', message: text, where: null },
    files: [
      {
        ...(report.files[0] as InspectReport['files'][number]),
        name: HOSTILE_NAMES[0] ?? '',
        server: text,
        rdb: text,
        aux: names.map((name) => ({ name, value: name })),
      },
    ],
    totals: { ...report.totals, keys: 3e12, bytes: 4e15, memory: 2 ** 60 },
    prefixes: { ...report.prefixes, children: [...hostile, ...report.prefixes.children] },
    separators: ':<\u202e',
    types: report.types.map((row, index) => (index === 0 ? { ...row, type: text } : row)),
    encodings: report.encodings.map((row, index) => (index === 0 ? { ...row, encoding: text } : row)),
    histograms: { ...report.histograms, lfu: HOSTILE_NAMES.map((label) => ({ label, ...counts })) },
    bigKeys: { byMemory: bigKeys, byBytes: bigKeys, byElements: bigKeys },
    functions: names.map((name) => ({ name, engine: text, bytes: 1 })),
    modules: [{ name: text, version: 1, keys: 1, bytes: 1 }],
    warnings: [...HOSTILE_NAMES],
  };
}
