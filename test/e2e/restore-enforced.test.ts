// The main path once more where policies are enforced: what a role may not do shows as a failed job.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacksOpenssl } from '../support/certificates.ts';
import { fill, saveRdb } from '../support/dataset.ts';
import { awsLacks, type LocalAws } from '../support/local-aws/local-aws.ts';
import { lacks, type Server, startServer } from '../support/servers.ts';
import { Deployment } from './deployment.ts';

const missing = awsLacks || lacksOpenssl || lacks('redis-7.0');

describe.skipIf(missing !== '')(`restore on a local AWS that enforces policies${missing}`, () => {
  let source: Server;
  let cache: Server;
  let deployment: Deployment;

  /** Keeps the password where the function gets it from. */
  async function configFor(aws: LocalAws): Promise<string> {
    const secrets = new SecretsManagerClient(aws.config());
    const SecretString = JSON.stringify({ username: 'default', password: 'right' });
    const { ARN } = await secrets.send(new CreateSecretCommand({ Name: 'keyferry/cache', SecretString }));
    secrets.destroy();
    return `
[targets.cache]
endpoint = "redis://127.0.0.1:${cache.port}"
secret = "${ARN}"

[restore]
chunk-bytes = "64KiB"
memory-mb = 512
timeout = "60s"
`;
  }

  beforeAll(async () => {
    source = await startServer('redis-7.0');
    await fill(source, { seed: 20_261_123 });
    cache = await startServer('redis-7.0', { config: { requirepass: 'right' } });
    deployment = await Deployment.of(configFor, { enforced: true });
  }, 180_000);

  afterAll(async () => {
    await deployment?.[Symbol.asyncDispose]();
    await Promise.all([source?.stop(), cache?.stop()]);
  });

  test('strangers are refused, so the rest of this is no matter of course', async () => {
    const credentials = { accessKeyId: 'stranger', secretAccessKey: 'stranger' };
    const stranger = new S3Client({ ...deployment.aws.config(), credentials });
    const list = new ListObjectsV2Command({ Bucket: deployment.bucket });
    await expect(stranger.send(list)).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    stranger.destroy();
  });

  test('a packed RDB arrives in a target whose password is a secret, with report, tag and notice', async () => {
    const key = 'restore/cache/nightly.rdb.gz';
    const version = await deployment.drop(gzipSync(readFileSync(await saveRdb(source))), key);
    expect(await deployment.ended('cache', 1)).toMatchObject([{ status: 'SUCCEEDED', error: undefined }]);
    expect(await cache.call('DEBUG', 'DIGEST')).toBe(await source.call('DEBUG', 'DIGEST'));
    expect(await deployment.read(`results/${key}/${version}.json`)).toContain('"succeeded"');
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'succeeded' });
    expect(await deployment.told(1)).toMatchObject([{ subject: 'keyferry: restore of nightly.rdb.gz succeeded' }]);
    expect(JSON.stringify(await deployment.definition('cache')) + deployment.aws.log()).not.toContain('"right"');
  });

  test('a damaged file is quarantined', async () => {
    const key = 'restore/cache/note.rdb';
    const version = await deployment.drop(Buffer.from('Dear reader, this is no RDB.'), key);
    expect((await deployment.ended('cache', 2)).at(-1)).toMatchObject({ status: 'FAILED', error: 'INPUT_NOT_RDB' });
    expect(await deployment.read(`quarantine/${key}/${version}.json`)).toContain('INPUT_NOT_RDB');
    expect(await deployment.tagsOf(key)).toMatchObject({ keyferry: 'quarantined' });
  });
});
