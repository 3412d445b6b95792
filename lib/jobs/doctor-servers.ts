// What the doctor asks of servers that answer: replicas, memory, databases, value types, sizes, modules.
import type { ControlReply } from '../redis/control.ts';
import { atLeast, rdbVersionOf } from '../redis/server-info.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import { toldBulkLimit, toldModules } from '../targets/redis/check-demands.ts';
import { commandSupport } from '../targets/redis/command-support.ts';
import { oldestOf } from '../targets/redis/preflight.ts';
import { formatCount } from '../text/count.ts';
import { type Findings, showBytes } from './doctor-findings.ts';
import type { Reached, ReachedServer } from './doctor-reach.ts';
import { DEFAULT_BIG_KEY_BYTES } from './restore-job.ts';

export async function checkServers(reached: Reached, findings: Findings): Promise<void> {
  checkTypes(reached, findings);
  if (reached.fleet.kind === 'proxy') return;
  if (reached.told) checkMemory(reached, findings);
  await checkReplicas(reached, findings);
  await checkDatabases(reached, findings);
  // These ask the first master.
  if (!reached.whole) return;
  await findings.attempt('value size', () => checkBulkLimit(reached, findings));
  await findings.attempt('modules', () => checkModules(reached, findings));
}

function checkTypes({ servers }: Reached, findings: Findings): void {
  const server = oldestOf(servers.map(({ info }) => info));
  if (server.version[0] === 0) {
    findings.add('types', 'unknown', 'Which value types it takes is not known without its version.');
    return;
  }
  const expiring = commandSupport(server).latestFieldExpiry === undefined ? 'without' : 'with';
  const functions = server.engine === 'valkey' || atLeast(server, 7) ? 'has' : 'has no';
  const what = `It takes values up to RDB version ${rdbVersionOf(server)}, ${expiring} expiries of hash fields, and ${functions} function libraries.`;
  findings.add('types', 'ok', what);
}

/** The master that has the least room speaks for all. */
function checkMemory({ servers }: Reached, findings: Findings): void {
  const free = ({ info }: ReachedServer) =>
    info.maxMemory > 0 ? info.maxMemory - info.usedMemory : Number.POSITIVE_INFINITY;
  const [fullest] = [...servers].sort((a, b) => free(a) - free(b)) as [ReachedServer];
  const { usedMemory, maxMemory, evictionPolicy } = fullest.info;
  const where = servers.length > 1 ? ` on ${fullest.control.name}` : '';
  if (maxMemory === 0) {
    findings.add('memory', 'ok', `${showBytes(usedMemory)} used${where}; no limit (maxmemory 0).`);
    return;
  }
  const used = `${showBytes(usedMemory)} of ${showBytes(maxMemory)} (maxmemory) used${where}, ${evictionPolicy}`;
  if (/^(?:allkeys|volatile)-/.test(evictionPolicy)) {
    const keys = evictionPolicy.startsWith('volatile-') ? 'keys with an expiry' : 'keys';
    findings.add(
      'memory',
      'warning',
      `${used}: when it is full, the server removes ${keys}, restored ones too.`,
      'For the time of the restore: CONFIG SET maxmemory-policy noeviction',
    );
  } else if (usedMemory >= maxMemory && evictionPolicy === 'noeviction') {
    findings.problem(
      'memory',
      'TARGET_FULL',
      `${used}: the server refuses writes.`,
      'Raise maxmemory, or take a larger server.',
    );
  } else {
    findings.add('memory', 'ok', `${used}.`);
  }
}

async function checkReplicas({ fleet, servers, told }: Reached, findings: Findings): Promise<void> {
  if (servers.some(({ info }) => info.role === 'replica')) return;
  const counts =
    fleet.kind === 'cluster' ? fleet.masters.map(({ replicas }) => replicas) : servers.map(({ info }) => info.replicas);
  const followed = counts.filter((count) => count > 0).length;
  if (followed === 0) {
    if (told) findings.add('replicas', 'ok', 'None: what the server confirms is on that server alone.');
    return;
  }
  const sum = counts.reduce((all, count) => all + count, 0);
  const some = followed < counts.length ? ` of ${followed} of ${counts.length} masters` : '';
  // Nobody is waited for.
  const replies = await Promise.all(
    servers.map(({ control }) => findings.attempt('replicas', () => control.answer(0, 'WAIT', 0, 1))),
  );
  if (replies.includes(undefined)) return;
  if (replies.every((reply) => !(reply instanceof ErrorReply))) {
    findings.add('replicas', 'ok', `${sum}${some}: a chunk counts as done when a replica has it too (WAIT).`);
    return;
  }
  const [{ endpoint }] = servers as [ReachedServer];
  findings.add(
    'replicas',
    'warning',
    `${sum}${some}, but WAIT cannot be run: what a master confirmed can be lost in a fail-over.`,
    `ACL SETUSER ${endpoint.username ?? 'default'} +wait`,
  );
}

async function checkDatabases({ servers }: Reached, findings: Findings): Promise<void> {
  const [{ control, info }] = servers as [ReachedServer];
  const clustered = info.cluster;
  const reply = await findings.attempt('databases', () =>
    control.answer(0, 'CONFIG', 'GET', clustered ? 'cluster-databases' : 'databases'),
  );
  if (reply === undefined) return;
  const value = reply instanceof ErrorReply ? undefined : (reply as ControlReply[])[1];
  // A cluster of servers that lack the setting has one.
  const count = value == null ? (clustered && !(reply instanceof ErrorReply) ? 1 : undefined) : Number(value);
  if (count === undefined) {
    findings.add(
      'databases',
      'unknown',
      'How many it has cannot be asked (CONFIG GET); a restore selects those that it needs.',
    );
  } else if (count === 1) {
    findings.add('databases', 'ok', 'One, number 0: keys of others need --db-map 1:0 or --merge-dbs.');
  } else {
    findings.add('databases', 'ok', `${formatCount(count)}, numbered from 0.`);
  }
}

async function checkBulkLimit({ fleet }: Reached, findings: Findings): Promise<void> {
  const limit = await toldBulkLimit(fleet);
  if (limit === undefined) {
    findings.add(
      'value size',
      'unknown',
      'The longest argument cannot be asked (CONFIG GET proto-max-bulk-len): 512 MiB are assumed.',
    );
    return;
  }
  const parts = Math.min(DEFAULT_BIG_KEY_BYTES, limit / 2);
  findings.add(
    'value size',
    'ok',
    `An argument may have ${showBytes(limit)} (proto-max-bulk-len); values from ${showBytes(parts)} on go in parts.`,
  );
}

async function checkModules({ fleet }: Reached, findings: Findings): Promise<void> {
  const modules = await toldModules(fleet);
  if (modules === undefined) findings.add('modules', 'unknown', 'Which are loaded cannot be asked (MODULE LIST).');
  else findings.add('modules', 'ok', modules.length === 0 ? 'None.' : `${modules.join(', ')}.`);
}
