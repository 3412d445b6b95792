// A made-up report of `inspect`, the same for each seed: what a shop's server with 2.5 million keys could hold, and worse.
import type {
  InspectBar,
  InspectBigKey,
  InspectCounts,
  InspectName,
  InspectPrefix,
  InspectReport,
} from '../../lib/targets/inspect/report.ts';
import { Random } from './random.ts';

const NOW = Date.UTC(2026, 10, 23, 14, 5);
const DAY = 86_400_000;
const NONE: InspectCounts = { keys: 0, bytes: 0, memory: 0, expiring: 0 };

/** A subtree to be made: keys, mean bytes in the file, mean memory, share with an expiry, and what is below. */
interface Plan {
  readonly label: string;
  readonly keys: number;
  readonly bytes: number;
  readonly memory: number;
  readonly expiring: number;
  readonly below?: readonly Plan[];
  readonly rest?: number;
  readonly other?: number;
}

const plan = (
  label: string,
  keys: number,
  bytes: number,
  memory: number,
  expiring: number,
  below: readonly Plan[] = [],
  rest = 0,
  other = 0,
): Plan => ({
  label,
  keys,
  bytes,
  memory,
  expiring,
  below,
  rest,
  other,
});

const SHOP: readonly Plan[] = [
  plan(
    'session:',
    0,
    0,
    0,
    0,
    [
      plan('web:', 612_400, 148, 296, 1),
      plan('mobile:', 388_150, 171, 332, 1),
      plan('api:', 41_020, 96, 208, 0.97),
      plan('legacy:', 18_400, 620, 910, 0),
    ],
    212,
    0,
  ),
  plan(
    'user:',
    0,
    0,
    0,
    0,
    [
      plan('profile:', 402_118, 244, 512, 0),
      plan('settings:', 260_447, 92, 216, 0),
      plan(
        'cart:',
        0,
        0,
        0,
        0,
        [
          plan('eu:', 48_210, 410, 768, 0.82),
          plan('us:', 61_733, 396, 742, 0.79),
          plan('apac:', 22_604, 388, 736, 0.91),
        ],
        0,
        118,
      ),
      plan('follows:', 31_290, 1_840, 4_212, 0),
    ],
    3_410,
    92,
  ),
  plan('cache:', 0, 0, 0, 0, [
    plan('page:', 74_812, 2_912, 3_420, 1),
    plan('fragment:', 118_403, 512, 688, 1),
    plan(
      'query:',
      0,
      0,
      0,
      0,
      [plan('search:', 52_118, 1_410, 1_736, 0.6), plan('facets:', 9_204, 3_100, 3_590, 0.62)],
      44,
      0,
    ),
  ]),
  plan(
    'feed:',
    0,
    0,
    0,
    0,
    [plan('home:', 58_212, 3_914, 7_240, 0.35), plan('topic:', 4_118, 12_930, 21_870, 0.2)],
    0,
    12,
  ),
  plan(
    'rank:',
    0,
    0,
    0,
    0,
    [plan('daily:', 366, 148_200, 402_112, 0.1), plan('weekly:', 52, 611_000, 1_640_230, 0)],
    1,
    0,
  ),
  plan(
    'events:',
    0,
    0,
    0,
    0,
    [plan('orders:', 64, 3_812_004, 4_918_272, 0), plan('clicks:', 32, 6_204_551, 8_120_640, 0)],
    0,
    0,
  ),
  plan('lock:', 8_210, 54, 128, 1),
  plan('rate:', 196_402, 41, 112, 1),
  plan('feature-flags-of-a-team-that-likes-long-names:', 1_204, 88, 176, 0),
  plan('购物车:', 4_210, 302, 588, 0.5),
];

/**
 * @param seed gives figures their noise, and nothing else
 */
export function sampleInspectReport(seed = 5): InspectReport {
  const random = new Random(seed);
  const prefixes = grow(plan('', 0, 0, 0, 0, SHOP, 61_240, 2_804), { text: '' }, random);
  const { keys, bytes, memory, expiring } = prefixes;
  const total: InspectCounts = { keys, bytes, memory, expiring };
  const part = (keyShare: number, byteShare: number, memoryShare: number, expiryShare: number): InspectCounts => ({
    keys: Math.round(keys * keyShare),
    bytes: Math.round(bytes * byteShare),
    memory: Math.round(memory * memoryShare),
    expiring: Math.round(keys * keyShare * expiryShare),
  });
  const bars = (labels: readonly string[], shares: readonly number[]): InspectBar[] => {
    const whole = shares.reduce((sum, share) => sum + share, 0);
    return labels.map((label, index) => {
      const share = (shares[index] ?? 0) / whole;
      return {
        label,
        ...part(
          share,
          share * (0.8 + 0.4 * random.fraction()),
          share * (0.8 + 0.4 * random.fraction()),
          label === 'no expiry' ? 0 : 1,
        ),
      };
    });
  };
  const big = bigKeys(random);
  return {
    format: 1,
    keyferry: '0.1.0',
    now: NOW,
    incomplete: false,
    error: null,
    hashed: false,
    files: [
      {
        name: 'shop-2026-11-23.rdb',
        bytes: bytes + 812,
        rdb: 'redis 10',
        server: 'Redis 7.0.15',
        createdAt: NOW - 92 * 60_000,
        usedMemory: Math.round(memory * 1.11),
        aux: [
          { name: { text: 'redis-bits' }, value: { text: '64' } },
          { name: { text: 'aof-base' }, value: { text: '0' } },
          { name: { text: 'repl-id' }, value: { text: '8f0b6c1d0f5b1d8a0a3f9f1f4a7c5a2e6d4b9c01' } },
          { name: { text: 'repl-offset' }, value: { text: '918273645' } },
        ],
        keys,
      },
    ],
    model: { name: 'redis-7.0', chosen: 'file', allocator: 'jemalloc' },
    totals: {
      ...total,
      elements: keys * 7 + 418_223,
      tables: keys * 8 + 33_554_432,
      expired: part(0.0121, 0.009, 0.0086, 1),
      filtered: 0,
    },
    types: [
      { type: 'string', ...part(0.6912, 0.338, 0.311, 0.71), elements: Math.round(keys * 0.6912) },
      { type: 'hash', ...part(0.2411, 0.221, 0.2302, 0.16), elements: 6_204_118 },
      { type: 'list', ...part(0.0312, 0.192, 0.207, 0.34), elements: 4_118_200 },
      { type: 'set', ...part(0.0271, 0.061, 0.084, 0.05), elements: 2_210_442 },
      { type: 'zset', ...part(0.0088, 0.1, 0.109, 0.1), elements: 1_618_040 },
      { type: 'stream', ...part(0.00004, 0.0812, 0.0511, 0), elements: 918_442 },
      { type: 'module', ...part(0.0004, 0.0066, 0.0073, 0), elements: 998 },
    ],
    encodings: [
      { type: 'string', encoding: 'raw', ...part(0.5212, 0.188, 0.182, 0.74), elements: Math.round(keys * 0.5212) },
      { type: 'hash', encoding: 'listpack', ...part(0.2302, 0.161, 0.151, 0.17), elements: 3_918_220 },
      { type: 'list', encoding: 'quicklist', ...part(0.0312, 0.192, 0.207, 0.34), elements: 4_118_200 },
      { type: 'string', encoding: 'lzf', ...part(0.118, 0.147, 0.121, 0.62), elements: Math.round(keys * 0.118) },
      { type: 'zset', encoding: 'skiplist', ...part(0.0041, 0.091, 0.101, 0.1), elements: 1_502_114 },
      { type: 'hash', encoding: 'hashtable', ...part(0.0109, 0.06, 0.0792, 0.06), elements: 2_285_898 },
      { type: 'set', encoding: 'hashtable', ...part(0.0101, 0.049, 0.066, 0.05), elements: 1_818_900 },
      { type: 'stream', encoding: 'stream', ...part(0.00004, 0.0812, 0.0511, 0), elements: 918_442 },
      { type: 'set', encoding: 'intset', ...part(0.017, 0.012, 0.018, 0.05), elements: 391_542 },
      { type: 'zset', encoding: 'listpack', ...part(0.0047, 0.009, 0.008, 0.1), elements: 115_926 },
      { type: 'string', encoding: 'int', ...part(0.052, 0.003, 0.008, 0.9), elements: Math.round(keys * 0.052) },
      { type: 'module', encoding: 'module2', ...part(0.0004, 0.0066, 0.0073, 0), elements: 998 },
    ],
    dbs: [
      { db: 0, ...part(0.9312, 0.951, 0.948, 0.52) },
      { db: 1, ...part(0.0661, 0.0412, 0.0432, 0.91) },
      { db: 15, ...part(0.0027, 0.0078, 0.0088, 0) },
    ],
    prefixes,
    separators: ':',
    histograms: {
      ttl: bars(
        ['no expiry', 'expired', '< 1 m', '< 1 h', '< 1 d', '< 7 d', '< 30 d', '< 1 y', '1 y and more'],
        [42, 1.2, 0.3, 8.4, 21.6, 13.2, 12.1, 1.1, 0.002],
      ),
      idle: bars(
        ['< 1 m', '< 1 h', '< 1 d', '< 7 d', '< 30 d', '< 1 y', '1 y and more'],
        [1.2, 12.6, 31.9, 24.4, 18.1, 11.2, 0.4],
      ),
      lfu: [],
      memory: bars(
        [
          '< 64 B',
          '< 256 B',
          '< 1 KiB',
          '< 4 KiB',
          '< 16 KiB',
          '< 64 KiB',
          '< 256 KiB',
          '< 1 MiB',
          '< 16 MiB',
          '16 MiB and more',
        ],
        [0.4, 38, 41, 13, 6, 1.2, 0.3, 0.08, 0.02, 0],
      ),
    },
    quantileError: 0.01,
    quantiles: {
      keyLength: { count: keys, mean: 24.6, p50: 22, p90: 38, p99: 61, p999: 114, max: 4096 },
      valueBytes: { count: keys, mean: bytes / keys, p50: 142, p90: 884, p99: 5_120, p999: 48_400, max: 9_812_004 },
      memory: { count: keys, mean: memory / keys, p50: 296, p90: 1_280, p99: 9_216, p999: 98_304, max: 12_918_272 },
      elements: { count: Math.round(keys * 0.31), mean: 21.4, p50: 6, p90: 41, p99: 310, p999: 6_400, max: 418_223 },
    },
    bigKeys: {
      byMemory: top(big, 'memory'),
      byBytes: top(big, 'bytes'),
      byElements: top(
        big.filter(({ type }) => type !== 'string'),
        'elements',
      ),
    },
    slots: slotsOf(total, random),
    functions: [
      { name: { text: 'inventory' }, engine: 'lua', bytes: 4_812 },
      { name: { text: 'ratelimit' }, engine: 'lua', bytes: 1_204 },
      { name: null, engine: 'lua', bytes: 96 },
    ],
    modules: [
      { name: 'ReJSON-RL', version: 3, keys: 912, bytes: 6_204_118 },
      { name: 'MBbloom--', version: 4, keys: 86, bytes: 1_048_832 },
    ],
    warnings: [
      '998 keys hold values of modules (ReJSON-RL, MBbloom--): their memory is estimated from their bytes in the file.',
    ],
    seconds: 8.4,
  };
}

function grow(
  { keys, bytes, memory, expiring, below = [], rest = 0, other = 0 }: Plan,
  prefix: InspectName,
  random: Random,
  label = prefix,
): InspectPrefix {
  const noise = () => 0.97 + 0.06 * random.fraction();
  const counts = (count: number, meanBytes: number, meanMemory: number, share: number): InspectCounts => ({
    keys: count,
    bytes: Math.round(count * meanBytes * noise()),
    memory: Math.round(count * meanMemory * noise()),
    expiring: Math.round(count * share),
  });
  const children = below
    .map((child) => grow(child, { text: prefix.text + child.label }, random, { text: child.label }))
    .sort((a, b) => b.memory - a.memory);
  const restCounts =
    rest > 0 ? counts(rest, 210, 380, 0.1) : below.length === 0 ? counts(keys, bytes, memory, expiring) : null;
  const otherCounts = other > 0 ? counts(other, 180, 340, 0.3) : null;
  const parts: InspectCounts[] = [...children, restCounts ?? NONE, otherCounts ?? NONE];
  const sum = (field: keyof InspectCounts) => parts.reduce((total, one) => total + one[field], 0);
  return {
    keys: sum('keys'),
    bytes: sum('bytes'),
    memory: sum('memory'),
    expiring: sum('expiring'),
    prefix,
    label,
    children,
    rest: restCounts,
    other: otherCounts,
  };
}

function bigKeys(random: Random): InspectBigKey[] {
  const kinds: readonly (readonly [
    prefix: string,
    type: string,
    encoding: string,
    bytes: number,
    factor: number,
    size: number,
  ])[] = [
    ['events:clicks:', 'stream', 'stream', 6_204_551, 1.31, 41],
    ['events:orders:', 'stream', 'stream', 3_812_004, 1.29, 96],
    ['rank:weekly:2026-', 'zset', 'skiplist', 611_000, 2.68, 22],
    ['rank:daily:2026-11-', 'zset', 'skiplist', 148_200, 2.71, 22],
    ['user:follows:', 'set', 'hashtable', 420_118, 2.3, 11],
    ['feed:topic:', 'list', 'quicklist', 812_930, 1.07, 64],
    ['cache:page:/', 'string', 'lzf', 918_244, 2.9, 0],
    ['user:profile:export:', 'hash', 'hashtable', 318_004, 1.9, 48],
  ];
  const keys = Array.from({ length: 160 }, (): InspectBigKey => {
    const [prefix, type, encoding, mean, factor, size] = random.pick(kinds);
    const bytes = Math.round(mean * (0.2 + 1.4 * random.fraction() ** 3));
    return {
      file: 'shop-2026-11-23.rdb',
      db: random.chance(0.9) ? 0 : 15,
      key: {
        text: `${prefix}${type === 'zset' ? String(random.int(1, 52)).padStart(2, '0') : random.int(10, 99_999)}`,
      },
      type,
      encoding,
      bytes,
      memory: Math.round(bytes * factor),
      elements: size === 0 ? 1 : Math.round(bytes / size),
      expireAt: random.chance(0.3) ? NOW + random.int(-DAY, 40 * DAY) : null,
    };
  });
  const odd: readonly (readonly [InspectName, number])[] = [
    [
      {
        text: 'cache:query:search:{"q":"waterproof jacket","sort":"price","page":1,"filters":{"size":["m","l"],"brand":["*"]},"locale":"en-GB"}',
      },
      7_918_244,
    ],
    [{ text: '\\x00\\x01user\\xff\\xfe\\x80:snapshot', base64: 'AAF1c2Vy//6AOnNuYXBzaG90' }, 4_204_118],
    [{ text: 'سلة:مستخدم:٤٢' }, 3_604_118],
    [{ text: 'cart:🛒:日本語' }, 2_818_442],
  ];
  return [
    ...keys,
    ...odd.map(([key, memory], index) => ({
      ...(keys[index] as InspectBigKey),
      key,
      type: 'string',
      encoding: 'raw',
      memory,
      bytes: Math.round(memory * 0.96),
      elements: 1,
    })),
  ];
}

function top(keys: readonly InspectBigKey[], by: 'memory' | 'bytes' | 'elements'): InspectBigKey[] {
  return [...keys].sort((a, b) => b[by] - a[by]).slice(0, 100);
}

function slotsOf(total: InspectCounts, random: Random): InspectReport['slots'] {
  const shards = Array.from({ length: 16 }, (_, shard) => {
    const share = (0.94 + 0.12 * random.fraction() + (shard === 11 ? 0.21 : 0)) / 16;
    return {
      shard,
      from: shard * 1024,
      to: shard * 1024 + 1023,
      keys: Math.round((total.keys / 16) * (0.99 + 0.02 * random.fraction())),
      bytes: Math.round(total.bytes * share),
      memory: Math.round(total.memory * share),
    };
  });
  const mean = total.memory / 16;
  return {
    shards,
    heaviest: Array.from({ length: 10 }, (_, index) => ({
      slot: random.int(0, 16_383),
      keys: random.int(90, 210),
      bytes: Math.round(9_800_000 / (1 + index * 0.4)),
      memory: Math.round(12_900_000 / (1 + index * 0.4)),
    })),
    used: 16_384,
    imbalance: Math.max(...shards.map(({ memory }) => memory)) / mean,
  };
}
