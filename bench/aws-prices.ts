// What a job's use of AWS costs: prices in US dollars for US East (N. Virginia), without any free tier.

/** When these prices were looked at, on the page "… pricing" of each service. */
export const PRICES_OF = '2026-11';

const USD = {
  /** AWS Lambda pricing, arm64: for a GB-second, where 1 GB is 1,024 MB. */
  gbSecond: 0.000_013_333_4,
  /** AWS Lambda pricing. */
  call: 0.2 / 1e6,
  /** AWS Step Functions pricing, Standard Workflows. */
  transition: 0.025 / 1000,
  /** Amazon DynamoDB pricing, on demand. */
  writeUnit: 0.625 / 1e6,
  readUnit: 0.125 / 1e6,
  /** Amazon S3 pricing, S3 Standard. */
  put: 0.005 / 1000,
  get: 0.0004 / 1000,
  /** Amazon CloudWatch pricing: logs taken in, of functions and state machines alike. */
  logByte: 0.5 / 1e9,
  /** AWS X-Ray pricing: traces recorded. */
  trace: 5 / 1e6,
};

/** What a job used. */
export type Usage = { [item in keyof typeof USD]: number };

export const newUsage = (): Usage => ({
  ...{ gbSecond: 0, call: 0, transition: 0, writeUnit: 0, readUnit: 0, put: 0, get: 0, logByte: 0, trace: 0 },
});

const SERVICES = {
  Lambda: ['gbSecond', 'call'],
  transitions: ['transition'],
  DynamoDB: ['writeUnit', 'readUnit'],
  S3: ['put', 'get'],
  'logs, traces': ['logByte', 'trace'],
} as const;
export type Service = keyof typeof SERVICES;

/** By service, in US dollars. */
export function costOf(usage: Usage): Record<Service, number> {
  const sums = Object.entries(SERVICES).map(([service, items]) => [
    service,
    items.reduce((sum, item) => sum + usage[item] * USD[item], 0),
  ]);
  return Object.fromEntries(sums) as Record<Service, number>;
}

/** Units of a request to DynamoDB, by its operation; records are smaller than 1 KB, all reads are consistent. */
export function unitsOf(operation: string): Pick<Usage, 'writeUnit' | 'readUnit'> {
  switch (operation) {
    case 'UpdateItem':
    case 'PutItem':
      return { writeUnit: 1, readUnit: 0 };
    case 'TransactWriteItems':
      // Of three items at most (lib/checkpoint/dynamodb/ledger.ts): lease, unit, totals. Each counts twice.
      return { writeUnit: 6, readUnit: 0 };
    default:
      return { writeUnit: 0, readUnit: 1 };
  }
}
