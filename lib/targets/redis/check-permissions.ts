// Whether the user may run the commands that a restore needs.
import { quoteKey } from '../../errors.ts';
import { firstControl } from '../../redis/fleet.ts';
import { KeyControl } from '../../redis/key-control.ts';
import { refusal } from '../../redis/refusals.ts';
import { atLeast, type ServerInfo } from '../../redis/server-info.ts';
import { ErrorReply } from '../../resp/reply-reader.ts';
import type { PreflightOptions } from './preflight.ts';

export interface Permitted {
  /** Several strings may be written by one command. */
  readonly groups: boolean;
  /** RESTORE may be called. */
  readonly restores: boolean;
  /** Function libraries can be loaded. */
  readonly functions: boolean;
}

/** The command is refused whatever its key: by an ACL, or because it was renamed. */
const NOT_THE_COMMAND = /unknown command|to run the '?restore'?/i;

/**
 * Commands that are checked for permission before they are checked for sense: each is refused in a way that shows that
 * the user may, and changes nothing.
 *
 * @throws {TargetError} what is refused and needed
 */
export async function checkPermissions(options: PreflightOptions, server: ServerInfo): Promise<Permitted> {
  const { fleet, sample, policy } = options;
  // A server that hides its version gets the benefit of the doubt.
  const knows = server.engine === 'valkey' || atLeast(server, 7) || server.version[0] === 0;
  const functions = fleet.kind !== 'proxy' && knows && (await mayLoadFunctions(options));
  if (sample === undefined) return { groups: !fleet.bySlot, restores: true, functions };
  const { db, key } = sample;
  const control = new KeyControl(options);
  const allows = async (name: string, args: (string | Buffer)[], sense: RegExp) => {
    const reply = await control.answer(key, db, name, ...args);
    return reply instanceof ErrorReply && !sense.test(reply.text) ? reply : undefined;
  };
  const refusesRestore = await allows('RESTORE', [key, '0', ''], /payload|BUSYKEY/i);
  const restores = refusesRestore === undefined;
  // Other commands are no way out for a key that the user may not write, or a user who lacks them too.
  const wayOut = !restores && NOT_THE_COMMAND.test(refusesRestore.text);
  const otherwise = wayOut ? await allows('PEXPIRE', [key, 'x'], /integer/i) : undefined;
  if (!restores && (!wayOut || otherwise !== undefined)) {
    throw refusal(refusesRestore, { where: `${fleet.name}, RESTORE of key ${quoteKey(key)}` });
  }
  const refusesSet = await allows('SET', [key, '', 'NX', 'XX'], /syntax/i);
  if (refusesSet !== undefined) throw refusal(refusesSet, { where: `${fleet.name}, SET of key ${quoteKey(key)}` });
  // A group's keys would have to be of one slot, or of one server behind the proxy.
  const groups =
    !fleet.bySlot &&
    fleet.kind !== 'proxy' &&
    (await allows(policy === 'rewrite' ? 'MSET' : 'MSETNX', [key, '', key], /wrong number/i)) === undefined;
  return { groups, restores, functions };
}

/** A service can forbid FUNCTION to everybody, and an ACL to this user. */
async function mayLoadFunctions({ fleet, demands }: PreflightOptions): Promise<boolean> {
  if (!demands.some((demand) => demand.functions.length > 0)) return true;
  const reply = await firstControl(fleet).answer(0, 'FUNCTION', 'LOAD', '');
  return !(reply instanceof ErrorReply) || /metadata|library|exists/i.test(reply.text);
}
