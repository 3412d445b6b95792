// What a server's refusals mean and what to do about each: the errors after which a job stops, resumable.
import { TargetError } from '../errors.ts';
import type { ErrorReply } from '../resp/reply-reader.ts';

interface Meaning {
  code: string;
  message: string;
  remedy: string;
}

const AGAIN = 'Then run the same command again: it goes on from here.';

/** By the first word of the server's answer. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  OOM: {
    code: 'TARGET_FULL',
    message: 'the server has reached maxmemory and refuses writes.',
    remedy: `Raise maxmemory, take a larger server, or leave keys out with --match or --type. ${AGAIN}`,
  },
  NOPERM: {
    code: 'TARGET_NOPERM',
    message: 'the user may not do this.',
    remedy: `Grant it with ACL SETUSER (the README lists the commands that a restore needs). ${AGAIN}`,
  },
  NOAUTH: {
    code: 'TARGET_AUTH',
    message: 'the server asks for a password.',
    remedy: 'Put it into KEYFERRY_PASSWORD, or into the URL: redis://USER:PASSWORD@HOST:PORT',
  },
  WRONGPASS: {
    code: 'TARGET_AUTH',
    message: 'the server does not accept this user and password.',
    remedy: 'Check both; characters such as @ : / # in a URL are percent-encoded.',
  },
  MISCONF: {
    code: 'TARGET_MISCONF',
    message: 'the server refuses writes because its last save to disk failed.',
    remedy: `Look at its log and disk; CONFIG SET stop-writes-on-bgsave-error no lifts the block. ${AGAIN}`,
  },
  READONLY: {
    code: 'TARGET_READONLY',
    message: 'this server is a replica and takes no writes.',
    remedy: `Name its master (INFO replication shows it). ${AGAIN}`,
  },
  NOREPLICAS: {
    code: 'TARGET_NOREPLICAS',
    message: 'the server refuses writes because too few replicas follow it.',
    remedy: `Bring the replicas back, or lower min-replicas-to-write. ${AGAIN}`,
  },
  LOADING: {
    code: 'TARGET_NOT_READY',
    message: 'the server is still loading its data.',
    remedy: `Wait until it is ready, or let keyferry wait longer: --retry-for 10m. ${AGAIN}`,
  },
  BUSY: {
    code: 'TARGET_NOT_READY',
    message: 'the server is busy with a script or function that does not end.',
    remedy: `SCRIPT KILL or FUNCTION KILL ends it. ${AGAIN}`,
  },
  MOVED: {
    code: 'TARGET_CLUSTER',
    message: 'this server is a node of a cluster.',
    remedy: 'It has become one since the job began? The same command again goes on from here.',
  },
};

/** Answers without a telling first word. */
const PATTERNS: readonly [RegExp, Meaning][] = [
  [
    /max number of clients/i,
    {
      code: 'TARGET_CLIENTS',
      message: 'the server has as many clients as it takes.',
      remedy: `Raise maxclients, or close other connections. ${AGAIN}`,
    },
  ],
  [/invalid password|invalid username-password/i, MEANINGS.WRONGPASS as Meaning],
  [
    /without any password configured|called without any password/i,
    {
      code: 'TARGET_AUTH',
      message: 'a password was given, but the server has none set.',
      remedy: 'Leave the password out, or check that this is the right server.',
    },
  ],
  [
    /unknown command/i,
    {
      code: 'TARGET_COMMAND',
      message: 'the server does not know the command, or it was renamed.',
      remedy:
        'keyferry needs SET under its own name, and RESTORE unless values are to go by other commands. Is there a proxy? Then say --mode proxy.',
    },
  ],
  [
    /SELECT is not allowed in cluster mode/i,
    {
      code: 'TARGET_DB',
      message: 'a cluster has database 0 only.',
      remedy: 'Say where the keys of the others go: --db-map 1:0 for one, --merge-dbs for all of them.',
    },
  ],
  [
    /DB index is out of range/i,
    {
      code: 'TARGET_DB',
      message: 'the server does not have this database.',
      remedy: 'Raise its `databases`, or map the database to another one: --db-map 9:0',
    },
  ],
];

function meaningOf(reply: ErrorReply): Meaning | undefined {
  return (
    (Object.hasOwn(MEANINGS, reply.code) ? MEANINGS[reply.code] : undefined) ??
    PATTERNS.find(([pattern]) => pattern.test(reply.text))?.[1]
  );
}

/** True for answers that hold for every key: going on would only repeat them. */
export function stopsTheJob(reply: ErrorReply): boolean {
  return meaningOf(reply) !== undefined || reply.code === 'ASK';
}

/** The error that a refusal becomes. `where` is the server; the server's own words are quoted. */
export function refusal(reply: ErrorReply, at: { where: string; command?: string | undefined }): TargetError {
  const meaning = meaningOf(reply);
  const quoted = `The server said: ${reply.text}`;
  const where = at.command === undefined ? at.where : `${at.where}, ${at.command}`;
  if (meaning === undefined) return new TargetError('TARGET_ERROR', `the server refused. ${quoted}`, { where });
  return new TargetError(meaning.code, `${meaning.message} ${quoted}`, { where, remedy: meaning.remedy });
}
