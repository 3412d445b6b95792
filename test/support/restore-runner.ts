// A process that runs one restore and prints its report: what the kill test kills.
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import type { RunRequest, RunResult } from './kill-run.ts';

const { url, files, options } = JSON.parse(process.argv[2] as string) as RunRequest;
const { error, outcome, resumed, keys } = await restore({ ...options, files, target: parseRedisUrl(url) });
const { written, already, skipped, expired, filtered, failed } = keys;
const result: RunResult = {
  outcome,
  resumed,
  error: error === undefined ? undefined : { code: error.code, where: error.where ?? '', text: error.describe() },
  keys: { written, already, skipped, expired, filtered, failed: failed.length },
};
process.stdout.write(JSON.stringify(result));
