// Both sides of the cluster bench and of the big one have the same data in their files.
import { expect, test } from 'vitest';
import { SHAPES, type Shape, writeBigFiles } from '../../bench/big-data.ts';
import { ensureClusterFiles } from '../../bench/cluster-data.ts';
import { run } from '../../bench/measure.ts';
import { withCluster } from '../support/cluster.ts';
import { clusterSnapshot, markLoaded } from '../support/cluster-oracle.ts';
import { temporaryFolder } from '../support/folder.ts';
import { compare, snapshot } from '../support/oracle.ts';
import { lacks, startServer } from '../support/servers.ts';

const lacking = lacks('redis-7.0');
const pipe = (port: number, stream: string) =>
  run({ label: 'pipe', program: 'redis-cli', args: ['-p', String(port), '--pipe'], stdin: stream });

test.skipIf(lacking !== '')(`the three streams fill three masters as the RDB fills a server${lacking}`, async () => {
  const files = ensureClusterFiles(temporaryFolder(), 3000);
  await using native = await startServer('redis-7.0', { rdb: files.rdb });
  expect(await native.call('DBSIZE')).toBe(3000);
  await withCluster('redis-7.0', { replicas: 0 }, async (cluster) => {
    markLoaded(cluster);
    for (const [index, node] of (await cluster.masters()).entries()) await pipe(node.port, files.streams[index]!);
    expect(compare(await snapshot(native), await clusterSnapshot(cluster))).toEqual([]);
  });
});

test.skipIf(lacking !== '').each(Object.keys(SHAPES) as Shape[])(
  `%s: the HSETs make the hash of the RDB${lacking}`,
  async (shape) => {
    const files = writeBigFiles(shape, temporaryFolder(), 0.01);
    await using native = await startServer('redis-7.0', { rdb: files.rdb });
    await using piped = await startServer('redis-7.0');
    await pipe(piped.port, files.stream);
    expect(await piped.call('HLEN', 'huge')).toBe(SHAPES[shape].fields * 0.01);
    expect(await piped.call('DEBUG', 'DIGEST')).toBe(await native.call('DEBUG', 'DIGEST'));
  },
);
