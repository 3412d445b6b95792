// What a replica says before its master sends data: who it is, what it understands, and from where on it wants the stream.
import { SourceError } from '../../errors.ts';
import type { Endpoint } from '../../redis/endpoint.ts';
import { authOf } from '../../redis/login.ts';
import { refusal } from '../../redis/refusals.ts';
import { command } from '../../resp/frame-writer.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { ReplicaLink } from './link.ts';

export type ReplicationCommand = 'psync' | 'sync';

/** A place in a master's stream. */
export interface StreamPosition {
  readonly replid: string;
  /** Bytes of the stream before it. */
  readonly offset: bigint;
}

export interface HandshakeOptions {
  readonly command: ReplicationCommand;
  /** The name that the command has there, where it was renamed. */
  readonly commandName?: string | undefined;
  /** Goes on from there, where the master still can. By PSYNC only. */
  readonly from?: StreamPosition | undefined;
  /** Asks for the RDB alone: the master keeps no stream for this replica, and closes behind the RDB (7.0). */
  readonly rdbOnly?: boolean | undefined;
  /** Where this replica says that it listens; others may come to know it by that (INFO, sentinels). */
  readonly announce?: { readonly host: string; readonly port: number } | undefined;
}

export type Answer =
  | { readonly kind: 'full'; readonly position: StreamPosition | undefined }
  | { readonly kind: 'continue'; readonly replid: string | undefined }
  /** Not now: the server is loading, or has lost its own master. */
  | { readonly kind: 'later'; readonly said: string };

/**
 * The release that this replica says it is. Valkey 9 sends an older RDB to a replica that names none, and breaks off at
 * the first field that expires; of 9.1 every type is known here.
 */
const ANNOUNCED_VERSION = '9.1.0';

/** Answers that hold for a while only. */
const PASSING: ReadonlySet<string> = new Set(['LOADING', 'NOMASTERLINK', 'MASTERDOWN', 'BUSY', 'TRYAGAIN']);

/**
 * Logs in, introduces itself, and asks for the stream.
 *
 * @throws {TargetError} `TARGET_AUTH` and what else a refused login means; {SourceError} `SOURCE_REFUSED` when the
 * command is not permitted or not known there
 */
export async function shakeHands(link: ReplicaLink, endpoint: Endpoint, options: HandshakeOptions): Promise<Answer> {
  const auth = await authOf(endpoint);
  if (auth !== undefined) {
    const error = await ask(link, 'AUTH', ...auth);
    if (error !== undefined) {
      if (PASSING.has(error.code)) return { kind: 'later', said: error.text };
      throw refusal(error, { where: link.name, command: 'AUTH' });
    }
  }
  // A user with nothing but +psync +replconf may not do this, and a server without its master does not answer it.
  const ping = await ask(link, 'PING');
  if (ping?.code === 'NOAUTH' || /max number of clients/i.test(ping?.text ?? '')) {
    throw refusal(ping as ErrorReply, { where: link.name });
  }
  for (const words of introduction(options)) await ask(link, 'REPLCONF', ...words);
  const { command: kind, commandName = kind.toUpperCase(), from } = options;
  const position = from === undefined ? ['?', '-1'] : [from.replid, String(from.offset + 1n)];
  link.write(command(commandName, ...(kind === 'psync' ? position : [])));
  return kind === 'sync' ? answerToSync(link, commandName) : answerToPsync(link, commandName);
}

/** What a server that does not know one of these answers is of no weight. */
function* introduction({ announce, rdbOnly }: HandshakeOptions): Generator<string[]> {
  yield ['listening-port', String(announce?.port ?? 0)];
  if (announce !== undefined) yield ['ip-address', announce.host];
  yield ['capa', 'eof', 'capa', 'psync2'];
  yield ['version', ANNOUNCED_VERSION];
  if (rdbOnly) yield ['rdb-only', '1'];
}

async function answerToPsync(link: ReplicaLink, name: string): Promise<Answer> {
  const line = await link.line();
  // Some clouds say more behind the two.
  const full = /^\+FULLRESYNC (\S+) (\d+)/i.exec(line);
  if (full !== null) {
    return { kind: 'full', position: { replid: full[1] as string, offset: BigInt(full[2] as string) } };
  }
  const goesOn = /^\+CONTINUE(?: (\S+))?/i.exec(line);
  if (goesOn !== null) return { kind: 'continue', replid: goesOn[1] };
  // A server looks at the name that it was called by: under another one its PSYNC is a SYNC (syncCommand).
  if (line.startsWith('$')) return begun(link, line);
  if (/^-.*wrong number of arguments/i.test(line)) {
    // The name that was given is that of a renamed SYNC.
    link.write(command(name));
    return answerToSync(link, name);
  }
  return refused(link, name, line);
}

async function answerToSync(link: ReplicaLink, name: string): Promise<Answer> {
  const line = await link.line();
  return line.startsWith('$') ? begun(link, line) : refused(link, name, line);
}

/** The line before the RDB has come already: whoever reads that wants it. */
function begun(link: ReplicaLink, line: string): Answer {
  link.unread(Buffer.from(`${line}\n`, 'latin1'));
  return { kind: 'full', position: undefined };
}

function refused(link: ReplicaLink, name: string, line: string): Answer {
  if (!line.startsWith('-')) {
    throw new SourceError('SOURCE_PROTOCOL', `to ${name} the source answered ${JSON.stringify(line)}.`, {
      where: link.name,
      remedy: 'Is there a proxy between? Name the server itself.',
    });
  }
  const reply = new ErrorReply(line.slice(1));
  if (PASSING.has(reply.code)) return { kind: 'later', said: reply.text };
  throw new SourceError(
    'SOURCE_REFUSED',
    `the source does not let itself be copied by ${name}. It said: ${reply.text}`,
    {
      where: link.name,
      remedy:
        reply.code === 'NOPERM'
          ? `Permit it: ACL SETUSER NAME +${name.toLowerCase()} +replconf`
          : 'Where it was renamed, say the name that it has there: --psync-name HOST:PORT@NAME. Clouds that block it can be read by SCAN.',
    },
  );
}

/** One command with an answer of one line. @returns the refusal, where it is one */
async function ask(link: ReplicaLink, ...words: string[]): Promise<ErrorReply | undefined> {
  link.write(command(...words));
  const line = await link.line();
  return line.startsWith('-') ? new ErrorReply(line.slice(1)) : undefined;
}
