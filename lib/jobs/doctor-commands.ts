// Which commands the user may run, of those that a restore needs: asked without running one that could write.
//
// ACL DRYRUN tells (Redis 7.0 on), where the user may call it. Else a command is called with arguments on which it has
// nothing to do; servers look at permissions first. Commands that would write whatever their arguments are queued behind
// a MULTI that is never followed by an EXEC.
import { randomBytes } from 'node:crypto';
import { KeyferryError } from '../errors.ts';
import { ControlConnection } from '../redis/control-connection.ts';
import { atLeast, type ServerInfo } from '../redis/server-info.ts';
import { ErrorReply } from '../resp/reply-reader.ts';
import { commandSupport } from '../targets/redis/command-support.ts';
import { temporaryKeys } from '../targets/redis/temporary-key.ts';
import type { DoctorTask } from './doctor.ts';
import type { Findings, Verdict } from './doctor-findings.ts';
import type { Reached, ReachedServer } from './doctor-reach.ts';

type Words = readonly string[];

/** Commands that are needed for the same thing. */
interface Need {
  readonly check: string;
  readonly commands: readonly Words[];
  /** They would write: they may only be queued. */
  readonly writes?: boolean;
  readonly without: Verdict;
  /** What is lost without them, in words that follow “cannot be run: ”. */
  readonly lost: string;
}

const IN_PARTS = 'big values';
/** Neither RESTORE nor these. */
const NO_STAND_IN = {
  without: 'problem',
  lost: 'nor can all commands for big values; only plain strings can be written.',
} as const;

/** @param key one that nobody has, named like those that values are built under */
function needsOf(info: ServerInfo, key: string): Need[] {
  const support = commandSupport(info);
  const seven = info.engine === 'valkey' || atLeast(info, 7) || info.version[0] === 0;
  const group = ['keyferry', 'doctor'] as const;
  const needs: Need[] = [
    { check: 'SET', commands: [['SET', key, '', 'NX', 'XX']], without: 'problem', lost: 'no key can be written.' },
    {
      check: 'RESTORE',
      commands: [['RESTORE', key, '0', '']],
      without: 'warning',
      lost: 'all values but plain strings go by commands, which takes much longer and loses idle times and frequencies.',
    },
    {
      check: 'SELECT',
      commands: [['SELECT', '0']],
      without: 'warning',
      lost: 'only keys of database 0 can be written.',
    },
    {
      check: 'resume',
      commands: [['DUMP', key], ...(seven ? [['PEXPIRETIME', key]] : [['PTTL', key], ['TIME']])],
      without: 'warning',
      lost: 'after a broken connection or run, under panic and skip, keys that exist cannot be told from the job’s own.',
    },
    {
      check: IN_PARTS,
      writes: true,
      commands: [
        ['EXISTS', key],
        ['RENAME', key, key],
        ['RENAMENX', key, key],
        [support.unlink ? 'UNLINK' : 'DEL', key],
        ['PEXPIRE', key, '1000'],
        ['PEXPIREAT', key, '1000'],
        ['PERSIST', key],
        ['SETRANGE', key, '0', ''],
        ['RPUSH', key, ''],
        ['SADD', key, ''],
        ['ZADD', key, '0', ''],
        ['HSET', key, '', ''],
        ...(support.latestFieldExpiry === undefined ? [] : [['HPEXPIREAT', key, '1000', 'FIELDS', '1', '']]),
        ['XADD', key, '1-1', '', ''],
        ['XDEL', key, '1-1'],
        ['XTRIM', key, 'MAXLEN', '0'],
        ['XSETID', key, '1-1'],
        ['XGROUP', 'CREATE', key, '0', '0', 'MKSTREAM'],
        ['XGROUP', 'DESTROY', key, '0'],
        support.createConsumer
          ? ['XGROUP', 'CREATECONSUMER', key, ...group]
          : ['XREADGROUP', 'GROUP', ...group, 'COUNT', '1', 'STREAMS', key, '0'],
        ['XCLAIM', key, ...group, '0', '1-1', 'JUSTID'],
        ['WATCH', key],
        ['MULTI'],
        ['EXEC'],
      ],
      without: 'warning',
      lost: 'not all values from 64 MiB on (--big-key-bytes) can be written.',
    },
    {
      check: 'big values, resumed',
      commands: [
        ['TYPE', key],
        ['STRLEN', key],
        ['GETRANGE', key, '0', '0'],
        ['LLEN', key],
        ['LRANGE', key, '0', '0'],
        ['SCARD', key],
        ['ZCARD', key],
        // Of several members at once since 6.2, as consumers are created.
        ...(support.createConsumer
          ? [
              ['SMISMEMBER', key, ''],
              ['ZMSCORE', key, ''],
            ]
          : [
              ['SISMEMBER', key, ''],
              ['ZSCORE', key, ''],
            ]),
        ['HLEN', key],
        ['HMGET', key, ''],
        ...(support.latestFieldExpiry === undefined
          ? []
          : [
              ['HPEXPIRETIME', key, 'FIELDS', '1', ''],
              ['HSCAN', key, '0'],
            ]),
        ['XLEN', key],
        ['XRANGE', key, '-', '+'],
        ['XPENDING', key, group[0]],
        ['XINFO', 'STREAM', key],
        ['XINFO', 'GROUPS', key],
        ['XINFO', 'CONSUMERS', key, group[0]],
      ],
      without: 'warning',
      lost: 'after a broken-off run, under panic and skip, big values that exist cannot be told from the job’s own.',
    },
  ];
  const asking: Need = {
    check: 'ASKING',
    commands: [['ASKING']],
    without: 'warning',
    lost: 'keys of a slot that is just moving to another master cannot be written.',
  };
  const groups: Need = {
    check: 'MSET, MSETNX',
    commands: [
      ['MSET', key, '', key],
      ['MSETNX', key, '', key],
    ],
    without: 'warning',
    lost: 'plain strings go one by one, slower: MSET is for rewrite, MSETNX for panic and skip.',
  };
  // In a cluster nothing goes in groups: their keys would have to be of one slot.
  needs.splice(2, 0, info.cluster ? asking : groups);
  if (seven) {
    needs.push({
      check: 'functions',
      commands: [
        ['FUNCTION', 'LOAD', ''],
        ['FUNCTION', 'LIST', 'LIBRARYNAME', 'keyferry-doctor'],
      ],
      without: 'warning',
      lost: 'function libraries cannot be restored.',
    });
  }
  // Does not compile, and so is not kept.
  needs.push({
    check: 'scripts',
    commands: [['SCRIPT', 'LOAD', '(']],
    without: 'warning',
    lost: 'cached scripts of files of servers before 7.0 are not restored.',
  });
  return needs;
}

/** Enters a finding for each thing that commands are needed for. All masters are asked: their users are set one by one. */
export async function checkCommands(task: DoctorTask, reached: Reached, findings: Findings): Promise<void> {
  if (reached.fleet.kind === 'proxy') return;
  const [key = ''] = temporaryKeys(randomBytes(16), 0, 'doctor').map(String);
  /** By command what a server said against it, or {@link UNASKED}. */
  const refused = new Map<string, string>();
  let keyRefused = false;
  let asked: Need[] = [];
  for (const server of reached.servers) {
    const needs = needsOf(server.info, key);
    const answers = await askServer(task, server, needs);
    if (answers === undefined) {
      findings.add('commands', 'unknown', `${server.control.name} broke the connection off while it was asked.`);
      return;
    }
    for (const [command, text] of answers) {
      if (NO_COMMAND.test(text)) refused.set(command, text);
      else if (text === UNASKED) refused.set(command, refused.get(command) ?? text);
      else keyRefused ||= NO_KEY.test(text);
    }
    if (needs.length > asked.length) asked = needs;
  }
  const user = task.target.username ?? 'default';
  const parts = asked.find(({ check }) => check === IN_PARTS)?.commands ?? [];
  const byCommands = !parts.some((command) => refused.has(nameOf(command)));
  for (const need of asked) {
    // What stands in for RESTORE are the commands for values in parts.
    const stuck = need.check === 'RESTORE' && !byCommands;
    tellNeed(stuck ? { ...need, ...NO_STAND_IN } : need, refused, user, findings);
  }
  if (keyRefused) {
    findings.add(
      'key names',
      'warning',
      `The user may not use every key: ${key.slice(0, key.indexOf('{'))}…, which big values are built under, is refused.`,
      `Grant all that will be written, and that: ACL SETUSER ${user} ~keyferry:tmp:*. Name the files, too: then a key of theirs is tried.`,
    );
  }
}

function tellNeed(
  { check, commands, without, lost }: Need,
  refused: ReadonlyMap<string, string>,
  user: string,
  findings: Findings,
): void {
  const names = commands.map(nameOf);
  const against = names.filter((name) => refused.has(name));
  const missing = against.filter((name) => refused.get(name) !== UNASKED);
  if (missing.length === 0) {
    const some = names.length > 4 ? `all ${names.length} commands that are needed` : names.join(', ');
    findings.add(check, 'ok', names.length === 1 && names[0] === check ? 'Can be run.' : `Can be run: ${some}.`);
    return;
  }
  const unasked = against.length > missing.length ? ' (and without MULTI the others cannot be asked about)' : '';
  const what = `${missing.join(', ')} cannot be run${unasked}: ${lost}`;
  const forbidden = against.filter((name) => !NOT_THERE.test(refused.get(name) ?? ''));
  const remedy =
    forbidden.length === 0
      ? 'The server does not know it under its own name: too old, renamed (rename-command), or taken away by a service.'
      : `ACL SETUSER ${user} ${forbidden.map((name) => `+${name.toLowerCase().replace(' ', '|')}`).join(' ')}`;
  if (without === 'problem') findings.problem(check, 'TARGET_NOPERM', what, remedy);
  else findings.add(check, without, what, remedy);
}

/** Commands of two words. */
const nameOf = ([name = '', second = '']: Words): string =>
  /^(?:FUNCTION|SCRIPT|XGROUP|XINFO)$/.test(name) ? `${name} ${second}` : name;

/** As servers from 6.0 on put it. */
const NOT_THERE = /unknown (?:sub)?command|command '.*' not found/i;
const NO_COMMAND = new RegExp(`${NOT_THERE.source}|no permissions to run`, 'i');
/** Instead of an answer. */
const UNASKED = 'not asked';
const NO_KEY = /permissions to access/i;

/**
 * Asks on a connection of its own, which is not made anew: what is to be queued must not be run.
 *
 * @returns by command what the server said against it; `undefined` where the connection broke
 */
async function askServer(
  task: DoctorTask,
  { endpoint }: ReachedServer,
  needs: readonly Need[],
): Promise<Map<string, string> | undefined> {
  const words = needs.flatMap(({ commands }) => commands);
  let connection: ControlConnection | ErrorReply | undefined;
  try {
    connection = await ControlConnection.open({ ...task, endpoint, db: 0 });
    if (connection instanceof ErrorReply) return undefined;
    const user = endpoint.username ?? 'default';
    const dry = await connection.ask('ACL', ['DRYRUN', user, 'PING']);
    if (!(dry instanceof ErrorReply)) {
      const told = await inTurn(connection, words, (command) => ['ACL', 'DRYRUN', user, ...command]);
      return new Map([...told].filter(([, text]) => text !== 'OK'));
    }
    return await askByCalling(connection, needs);
  } catch (error) {
    // The wire, or what the server takes it for; anything else is a defect.
    if (error instanceof KeyferryError || connection instanceof ControlConnection) return undefined;
    throw error;
  } finally {
    if (connection instanceof ControlConnection) connection.end();
  }
}

async function askByCalling(connection: ControlConnection, needs: readonly Need[]): Promise<Map<string, string>> {
  const commandsThat = (writes: boolean) =>
    needs.filter((need) => (need.writes ?? false) === writes).flatMap(({ commands }) => commands);
  const alone = ([name = '']: Words) => /^(?:WATCH|EXEC)$/.test(name);
  const answers = await inTurn(connection, [...commandsThat(false), ...commandsThat(true).filter(alone)]);
  const opened = await connection.ask('MULTI', []);
  if (opened instanceof ErrorReply) {
    for (const command of commandsThat(true)) if (!alone(command)) answers.set(nameOf(command), UNASKED);
    return answers.set('MULTI', opened.text);
  }
  for (const command of commandsThat(true)) {
    const [name = '', ...args] = command;
    if (alone(command) || name === 'MULTI') continue;
    const reply = await connection.ask(name, args);
    if (reply instanceof ErrorReply) answers.set(nameOf(command), reply.text);
    // What runs it at once does not know what MULTI means.
    else if (String(reply) !== 'QUEUED') break;
  }
  return answers;
}

/** Runs commands one after another: what each answers, as text. */
async function inTurn(
  connection: ControlConnection,
  commands: readonly Words[],
  form: (command: Words) => Words = (command) => command,
): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  for (const command of commands) {
    const [name = '', ...args] = form(command);
    const reply = await connection.ask(name, args);
    answers.set(nameOf(command), reply instanceof ErrorReply ? reply.text : String(reply));
  }
  return answers;
}
