// Remedies on AWS name what there is on AWS: settings, secrets, a retry; never an option of the terminal.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { InputError, TargetError } from '../../../lib/errors.ts';
import { asFailure, canRetry, describeFailure } from '../../../lib/jobs/aws/failure.ts';
import { remedyOnAws } from '../../../lib/jobs/aws/remedies.ts';
import { connectionFailure } from '../../../lib/redis/connect-errors.ts';
import { refusal } from '../../../lib/redis/refusals.ts';
import { ErrorReply } from '../../../lib/resp/reply-reader.ts';
import { MemorySource } from '../../../lib/storage/memory-source.ts';
import { keyExists } from '../../../lib/targets/redis/chunk-writer.ts';
import { changed } from '../../../lib/targets/redis/streamed-restore.ts';

const LIB = fileURLToPath(new URL('../../../lib', import.meta.url));
const endpoint = { host: 'cache.test', port: 6379, tls: { ca: 'PEM' }, username: undefined, password: undefined };
const socketError = (code: string) => Object.assign(new Error(code), { code });
const refused = (text: string) => refusal(new ErrorReply(text), { where: 'redis://cache.test' });

/** As the code throws them. */
const errors = {
  'a key that exists': keyExists(Buffer.from('k'), 0, 'redis://cache.test', false),
  'a file that changed': changed(new MemorySource('s3://bucket/x.rdb', Buffer.alloc(0))),
  'a CA that is not known': connectionFailure(
    'rediss://cache.test',
    socketError('SELF_SIGNED_CERT_IN_CHAIN'),
    endpoint,
  ),
  'a missing client certificate': connectionFailure(
    'rediss://cache.test',
    socketError('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'),
    endpoint,
  ),
  'no way to the server': connectionFailure('rediss://cache.test', socketError('ECONNREFUSED'), endpoint),
  'a missing password': refused('NOAUTH Authentication required.'),
  'a full server': refused('OOM command not allowed'),
  'a server that loads': refused('LOADING Redis is loading the dataset in memory'),
  'a command that is not known': refused("ERR unknown command 'RESTORE'"),
  'a database that is not there': refused('ERR DB index is out of range'),
};

describe('a failure on AWS', () => {
  test.each(Object.entries(errors))('of %s', (_, error) => {
    const failure = asFailure(error);
    expect(describeFailure(failure)).not.toMatch(/ --?[a-z]|same command|KEYFERRY_|this machine's/);
    expect(failure.remedy).not.toBe('');
    expect(failure).toMatchObject({ code: error.code, where: error.where });
  });

  test('whose remedy is to run the command again is to be retried', () => {
    const remedy = 'Bring the replicas back. Then run the same command again: it goes on from here.';
    expect(remedyOnAws('TARGET_NOREPLICAS', remedy)).toBe(
      'Bring the replicas back. Then retry the job: it goes on from here.',
    );
    expect(remedyOnAws('X', 'Run the same command again.')).toBe('Retry the job.');
    expect(remedyOnAws('X', 'Look at its log. The same command again goes on from here.')).toBe(
      'Look at its log. Retry the job: it goes on from here.',
    );
    const damaged = new InputError('RDB_TRUNCATED', 'cut', {
      remedy: 'Compare its size with the source, fetch it again, and run the same command.',
    });
    expect(asFailure(damaged).remedy).toBe('Compare its size with the source and put it there again.');
  });

  test('can be retried, but where it lies with the file that is there', () => {
    expect(canRetry(asFailure(new TargetError('TARGET_FULL', 'full')))).toBe(true);
    expect(canRetry(asFailure(errors['a file that changed']))).toBe(false);
    expect(canRetry(asFailure(new InputError('RDB_TRUNCATED', 'cut')))).toBe(false);
  });
});

/** What a restore on AWS may throw; the rooms of other modes and of the terminal's own stores are left out. */
const ROOMS = ['redis', 'targets/redis', 'storage/s3', 'checkpoint/dynamodb', 'sources/rdb'];

test('no remedy of what a restore is made of names an option without words of its own here', () => {
  const bare: string[] = [];
  let seen = 0;
  for (const room of ROOMS) {
    for (const name of readdirSync(join(LIB, room)).filter((file) => file.endsWith('.ts'))) {
      const text = readFileSync(join(LIB, room, name), 'utf8');
      // A code, and the remedy that follows it.
      for (const [, code = '', rest = ''] of text.matchAll(
        /'([A-Z]+(?:_[A-Z]+)+)',([\s\S]{0,600}?remedy:[^\n]*\n?[^\n]*)/g,
      )) {
        const remedy = rest.slice(rest.indexOf('remedy:'));
        if (!/ --[a-z]/.test(remedy.replace('redis-cli --cluster', ''))) continue;
        seen++;
        if (remedyOnAws(code, remedy) === remedy) bare.push(`${room}/${name}: ${code}`);
      }
    }
  }
  expect(bare).toEqual([]);
  expect(seen).toBeGreaterThan(8);
});
