// The first step of a backup: takes the source for this run, and finds the servers that together hold its data.
import { takeLease } from '../../../checkpoint/dynamodb/lease.ts';
import { Shards } from '../../../sources/replica/shards.ts';
import { LEASE_MS } from '../job.ts';
import { targetUrl } from '../run-options.ts';
import {
  type BackupContext,
  type BackupPlan,
  type BackupRun,
  leaseName,
  readRefusal,
  waits,
  writePlan,
} from './run.ts';

export type Discovered =
  /** Their numbers, for a map. */
  { readonly proceed: true; readonly shards: readonly number[] } | { readonly proceed: false; readonly why: string };

/**
 * Done again after a shard was refused, it plans one scan.
 *
 * @throws as {@link Shards.find}
 */
export async function discoverShards(context: BackupContext, run: BackupRun): Promise<Discovered> {
  const { cloud, source } = context;
  const taken = await takeLease(cloud.table, { name: leaseName(run), owner: run.owner, ttlMs: LEASE_MS });
  if (!taken.held) return { proceed: false, why: `${taken.owner} makes a backup of ${run.source} already` };
  const { name, owner, epoch } = taken;
  const found = await look(context);
  await writePlan(cloud, run, { owner: run.owner, lease: { name, owner, epoch }, ...found });
  return { proceed: true, shards: found.shards.map((_, index) => index) };

  async function look({ login, deadline }: BackupContext): Promise<Omit<BackupPlan, 'owner' | 'lease'>> {
    const url = targetUrl(source, await login());
    const shards = await Shards.find({
      ...{ source: url, prefer: source.prefer, ...waits(context), signal: deadline.signal },
    });
    shards.end();
    const { kind } = shards;
    const refused = await readRefusal(cloud, run);
    const scan = source.via === 'scan' || refused !== undefined;
    const warnings = refused === undefined ? shards.warnings : [...shards.warnings, refused.why];
    const list = shards.list.map(({ endpoint: { host, port }, role, slots = null }) => ({ host, port, role, slots }));
    // A scan goes over all nodes at once, and gives one file.
    const one = { host: url.host, port: url.port, role: source.prefer, slots: null };
    return { kind, warnings, scan, shards: scan ? [one] : list };
  }
}
