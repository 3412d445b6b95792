// Streams one shard of a backup into the bucket, or as much of its scan as there is time for: an item of the map.
import { dumpShard } from '../lib/jobs/aws/backup/dump-shard.ts';
import { backupContext } from './backup-context.ts';
import { shardEvent } from './dump-inputs.ts';
import { failedStep, observed } from './runtime.ts';

export const handler = observed(
  'dump-shard',
  shardEvent,
  async ({ run, index, from }, deadline) => ({
    ok: true,
    ...(await dumpShard(backupContext(deadline), run, index, from)),
  }),
  failedStep,
);
