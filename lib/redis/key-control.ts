// Single commands on a key, sent to whichever server has the key now.
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes, redirects } from './batch.ts';
import { connectionFailure } from './connect-errors.ts';
import type { ControlReply } from './control.ts';
import { showEndpoint } from './endpoint.ts';
import type { Fleet } from './fleet.ts';
import { refusal } from './refusals.ts';

export interface KeyControlOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** How long a server that is not there, or not ready, is tried again, in ms. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Proxies know few commands, and of RESTORE at most the oldest form; a script goes to the server of its key, where every
 * command can be called.
 */
const ANY_COMMAND = 'return redis.pcall(unpack(ARGV))';

/** A key's command and where in its arguments nothing but the caller knows. */
type Words = (string | Buffer | number)[];

export class KeyControl {
  readonly #options: KeyControlOptions;

  constructor(options: KeyControlOptions) {
    this.#options = options;
  }

  /**
   * Runs a command and gives its reply. What breaks is tried again: the command may then have been run twice.
   *
   * @param key decides which server is asked; it is not added to the arguments
   * @throws {TargetError} what the server's refusal means; {@link answer} gives the refusal itself instead
   */
  async call(key: Buffer, db: number, name: string, ...args: Words): Promise<ControlReply> {
    const reply = await this.answer(key, db, name, ...args);
    if (reply instanceof ErrorReply) throw refusal(reply, { where: this.#options.fleet.name, command: name });
    return reply;
  }

  /** The same, error replies included; those that pass by themselves are waited out. */
  async answer(key: Buffer, db: number, name: string, ...args: Words): Promise<ControlReply | ErrorReply> {
    const { fleet, clock, patienceMs, signal } = this.#options;
    if (fleet.kind === 'proxy')
      return fleet.control(fleet.locate(key)).answer(0, 'EVAL', ANY_COMMAND, 1, key, name, ...args);
    const backoff = new Backoff(clock, patienceMs);
    let at = fleet.locate(key);
    let asking = false;
    for (;;) {
      const reply = await fleet.control(at).once(db, asking, name, args);
      const moved =
        reply instanceof ErrorReply && redirects(reply) && (fleet.kind === 'cluster' || fleet.kind === 'sentinel');
      if (!moved && !(reply instanceof Error) && !(reply instanceof ErrorReply && passes(reply))) return reply;
      if (moved && reply.code === 'ASK' && !asking) {
        at = fleet.redirect(reply) ?? at;
        asking = true;
        continue;
      }
      const wait = backoff.fail();
      if (wait === undefined) {
        if (reply instanceof ErrorReply) return reply;
        throw connectionFailure(showEndpoint(at), reply as Error, at);
      }
      await clock.sleep(wait, signal);
      await fleet.refresh();
      at = fleet.locate(key);
      asking = false;
    }
  }
}
