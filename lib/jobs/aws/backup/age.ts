// How old the newest backup of a source is: the gauge behind the alarm for backups that nobody makes any more.
import { numberOf } from '../../../checkpoint/dynamodb/table.ts';
import type { Cloud } from '../job.ts';
import { newestWhole } from './sets.ts';

/**
 * Seconds since the newest whole backup began, which is the moment that it speaks of; without one, since this was asked for
 * the first time.
 */
export async function backupAge(cloud: Cloud, source: string): Promise<number> {
  const { table, clock } = cloud;
  const newest = await newestWhole(cloud, source);
  if (newest !== undefined) return (clock.now() - Date.parse(newest.manifest.startedAt)) / 1000;
  const written = await table.write({
    key: { pk: `source#${source}`, sk: 'since' },
    update: 'SET #since = if_not_exists(#since, :now)',
    names: { '#since': 'since' },
    values: { ':now': clock.now() },
  });
  const since = written.done ? numberOf(written.item, 'since') : clock.now();
  return (clock.now() - since) / 1000;
}
