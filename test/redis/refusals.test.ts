// Each refusal of a server becomes an error that says what to do.
import { describe, expect, test } from 'vitest';
import { TargetError } from '../../lib/errors.ts';
import { refusal, stopsTheJob } from '../../lib/redis/refusals.ts';
import { ErrorReply } from '../../lib/resp/reply-reader.ts';

const at = { where: 'redis://host:6379' };

describe('a refusal that holds for every key', () => {
  test.each([
    ["OOM command not allowed when used memory > 'maxmemory'.", 'TARGET_FULL', /maxmemory/],
    ["NOPERM User ann has no permissions to run the 'restore' command", 'TARGET_NOPERM', /ACL SETUSER/],
    ['NOPERM this user has no permissions to access one of the keys', 'TARGET_NOPERM', /Grant/],
    ['NOAUTH Authentication required.', 'TARGET_AUTH', /KEYFERRY_PASSWORD/],
    ['WRONGPASS invalid username-password pair or user is disabled.', 'TARGET_AUTH', /percent-encoded/],
    ['ERR invalid password', 'TARGET_AUTH', /Check both/],
    [
      'ERR AUTH <password> called without any password configured for the default user.',
      'TARGET_AUTH',
      /Leave the password out/,
    ],
    ['ERR Client sent AUTH, but no password is set: called without any password configured', 'TARGET_AUTH', /Leave/],
    [
      'MISCONF Redis is configured to save RDB snapshots, but it is unable to persist on disk.',
      'TARGET_MISCONF',
      /log and disk/,
    ],
    ["READONLY You can't write against a read only replica.", 'TARGET_READONLY', /master/],
    ['NOREPLICAS Not enough good replicas to write.', 'TARGET_NOREPLICAS', /replicas/],
    ['MOVED 3999 127.0.0.1:6381', 'TARGET_CLUSTER', /become one/],
    ["ERR unknown command 'RESTORE', with args beginning with: 'k'", 'TARGET_COMMAND', /SET under its own name/],
    ['ERR DB index is out of range', 'TARGET_DB', /--db-map/],
    ['ERR max number of clients reached', 'TARGET_CLIENTS', /maxclients/],
    ['LOADING Redis is loading the dataset in memory', 'TARGET_NOT_READY', /wait longer/],
    ['BUSY Redis is busy running a script.', 'TARGET_NOT_READY', /SCRIPT KILL/],
  ])('%s', (said, code, remedy) => {
    const reply = new ErrorReply(said);
    expect(stopsTheJob(reply)).toBe(true);
    const error = refusal(reply, at);
    expect(error).toBeInstanceOf(TargetError);
    expect(error).toMatchObject({ code, where: at.where });
    // In the server's own words, too.
    expect(error.message).toContain(said);
    expect(error.remedy).toMatch(remedy);
  });

  test('a slot on its way to another node', () => {
    expect(stopsTheJob(new ErrorReply('ASK 3999 127.0.0.1:6381'))).toBe(true);
  });

  test.each([
    'BUSYKEY Target key name already exists.',
    'ERR Bad data format',
    'ERR DUMP payload version or checksum are wrong',
    'WRONGTYPE Operation against a key holding the wrong kind of value',
  ])('%s is none', (said) => {
    expect(stopsTheJob(new ErrorReply(said))).toBe(false);
  });
});

test('an answer that nobody knows is quoted', () => {
  const error = refusal(new ErrorReply('ERR something new'), { ...at, command: 'RESTORE' });
  expect(error).toMatchObject({ code: 'TARGET_ERROR', where: 'redis://host:6379, RESTORE' });
  expect(error.message).toContain('ERR something new');
});
