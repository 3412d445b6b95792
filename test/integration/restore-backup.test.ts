// Restoring by the manifest of a backup: all of its files as one job, each only as the bytes that were written.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { dump } from '../../lib/jobs/dump/dump.ts';
import { restore } from '../../lib/jobs/restore.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { planRdb } from '../../lib/sources/rdb/plan.ts';
import { openFile } from '../../lib/storage/file-source.ts';
import { withCluster } from '../support/cluster.ts';
import { temporaryFolder } from '../support/folder.ts';
import { anyServer, lacks, type Server, startServer } from '../support/servers.ts';

const missing = lacks('redis-7.0');

describe.skipIf(missing !== '')(`a backup${missing}`, () => {
  let source: Server;
  let target: Server;
  let folder: string;

  beforeAll(async () => {
    // Without a checksum of its own a file's bytes are held by the manifest alone.
    const config = { rdbchecksum: 'no', rdbcompression: 'no', 'repl-diskless-sync-delay': '0' };
    source = await startServer(anyServer(), { config });
    target = await startServer(anyServer());
    for (let n = 0; n < 50; n++) await source.call('SET', `key:${n}`, `value of ${n}`);
  });
  afterAll(async () => {
    await source?.stop();
    await target?.stop();
  });
  beforeEach(async () => {
    folder = temporaryFolder();
    await target.call('FLUSHALL');
  });

  const back = (...files: string[]) => restore({ files, target: parseRedisUrl(target.url) });
  const copy = async (packing: 'none' | 'zstd') => {
    const { manifestPath } = await dump({
      ...{ source: parseRedisUrl(source.url), output: folder, name: 'set', packing, version: 'test' },
    });
    return { manifest: manifestPath, file: join(folder, 'set', `dump.rdb${packing === 'zstd' ? '.zst' : ''}`) };
  };

  test.each(['none', 'zstd'] as const)('packed as %s is restored by its manifest', async (packing) => {
    const { manifest, file } = await copy(packing);
    const report = await back(manifest);
    expect(report.error?.describe()).toBeUndefined();
    expect(report).toMatchObject({ outcome: 'complete', files: [{ name: file, keys: 50 }] });
    expect(await target.call('GET', 'key:7')).toBe('value of 7');
  });

  test('an edited byte in a value is refused before the first write, also where the file was planned before', async () => {
    const { manifest, file } = await copy('none');
    const bytes = readFileSync(file);
    bytes.write('VALUE', bytes.indexOf('value of 7'), 'latin1');
    writeFileSync(file, bytes);
    // Nothing else holds against it.
    const rdb = await openFile(file);
    expect(await planRdb(rdb)).toMatchObject({ keys: 50, checksum: 'disabled' });
    await rdb.close();
    const changed = { code: 'BACKUP_FILE_CHANGED', where: file };
    expect((await back(manifest)).error).toMatchObject(changed);
    expect(await target.call('DBSIZE')).toBe(0);
    // As a file of its own it is nobody's backup, and leaves a plan.
    expect((await back(file)).outcome).toBe('complete');
    await target.call('FLUSHALL');
    expect((await back(manifest)).error).toMatchObject(changed);
    expect(await target.call('DBSIZE')).toBe(0);
  });

  test('what is of another size, missing, or edited in its manifest is refused by name', async () => {
    const { manifest, file } = await copy('none');
    writeFileSync(file, readFileSync(file).subarray(0, -1));
    expect((await back(manifest)).error).toMatchObject({ code: 'BACKUP_FILE_SIZE', where: file });
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"keys": 50', '"keys": 51'));
    expect((await back(manifest)).error).toMatchObject({ code: 'BACKUP_MANIFEST_EDITED', where: manifest });
    const other = join(folder, 'other.json');
    writeFileSync(other, '{}');
    expect((await back(other)).error).toMatchObject({ code: 'BACKUP_MANIFEST', where: other });
  });

  test('of a cluster is one job of all its shards; one in another’s place is refused', async () => {
    await withCluster('redis-7.0', { replicas: 0, config: { rdbchecksum: 'no' } }, async (cluster) => {
      const [first, second] = await cluster.masters();
      // Keys of slots of the first two, of one size.
      await first!.call('SET', 'b', '1');
      await second!.call('SET', 'c', '2');
      const { manifestPath, manifest } = await dump({
        ...{ source: parseRedisUrl(cluster.url), output: folder, name: 'set', version: 'test' },
      });
      const report = await back(manifestPath);
      expect(report.error?.describe()).toBeUndefined();
      expect(report.files).toHaveLength(3);
      expect(await target.call('DBSIZE')).toBe(2);
      await target.call('FLUSHALL');
      const [one, other] = manifest.shards.map(({ file }) => join(folder, 'set', file)) as [string, string];
      // What is a shard's twin in size.
      const swapped = readFileSync(other);
      expect(readFileSync(one)).toHaveLength(swapped.length);
      copyFileSync(other, one);
      const { error } = await back(manifestPath);
      expect(error).toMatchObject({ code: 'BACKUP_FILE_CHANGED', where: one });
      expect(await target.call('DBSIZE')).toBe(0);
    });
  });
});
