// A process that loads its standard input: apart from the tests, so that a hang can be ended and memory measured.
import { jsonToRdb, type LoadOptions } from '../../lib/jobs/load.ts';

/** What the process says in its last line. */
export interface LoadOutcome {
  readonly code: string | undefined;
  readonly where: string | undefined;
  readonly message: string | undefined;
  readonly keys: number | undefined;
  /** The most memory that it had, in MiB. */
  readonly peak: number;
}

const [path = '', shape] = process.argv.slice(2);
const outcome: { -readonly [Name in keyof LoadOutcome]: LoadOutcome[Name] } = {
  code: undefined,
  where: undefined,
  message: undefined,
  keys: undefined,
  peak: 0,
};
try {
  outcome.keys = (await jsonToRdb({ files: ['-'], path, shape: shape as LoadOptions['shape'] })).keys;
} catch (error) {
  const { code, where, message } = error as LoadOutcome;
  Object.assign(outcome, { code, where, message });
}
outcome.peak = Math.round(process.resourceUsage().maxRSS / 1024);
process.stdout.write(`${JSON.stringify(outcome)}\n`);
