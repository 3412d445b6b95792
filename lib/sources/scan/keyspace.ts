// What INFO says of a node's keys.

export interface DatabaseKeys {
  readonly db: number;
  readonly keys: number;
  readonly expires: number;
}

/** Reads `db0:keys=5,expires=1,avg_ttl=0` lines of INFO keyspace, in the order of their numbers. */
export function parseKeyspace(info: string): DatabaseKeys[] {
  const found = info.matchAll(/^db(\d+):keys=(\d+),expires=(\d+)/gm);
  return [...found]
    .map(([, db, keys, expires]) => ({ db: Number(db), keys: Number(keys), expires: Number(expires) }))
    .sort((a, b) => a.db - b.db);
}

/** Replicas that a master names in its INFO, those that are up to date first asked. */
export function parseReplicas(info: string): { host: string; port: number }[] {
  const found = info.matchAll(/^slave\d+:ip=([^,]+),port=(\d+),state=online/gm);
  return [...found].map(([, host, port]) => ({ host: host as string, port: Number(port) }));
}

/** Servers behind Aliyun's proxy, which tells `nodecount:8` in its INFO Cluster; 1 where it does not. */
export function parseNodeCount(info: string): number {
  return Math.max(1, Number(/^nodecount:(\d+)/m.exec(info)?.[1] ?? 1));
}

/** The ids of masters in the reply of CLUSTER NODES that serve slots and are there. */
export function parseMasterIds(nodes: string): string[] {
  return nodes.split('\n').flatMap((line) => {
    const [id = '', , flags = '', , , , , , ...slots] = line.trim().split(' ');
    return /\bmaster\b/.test(flags) && !/\bfail\b|noaddr/.test(flags) && slots.length > 0 ? [id] : [];
  });
}
