// Remembers which server processes took a chunk's writes, and tells later whether they can have lost them.
//
// Replication is asynchronous: what a master confirmed, its successor may not have, and a process that was started anew
// may have lost what it had not saved.
import { ErrorReply } from '../resp/reply-reader.ts';
import type { Clock } from '../telemetry/clock.ts';
import { Backoff } from './backoff.ts';
import { passes } from './batch.ts';
import { connectionFailure } from './connect-errors.ts';
import { showEndpoint } from './endpoint.ts';
import type { Fleet, Master } from './fleet.ts';
import { parseInfo } from './server-info.ts';

/** A server whose run id could not be asked: nothing proves later that it is still the same process. */
const UNKNOWN = '?';

export interface WitnessOptions {
  readonly fleet: Fleet;
  readonly clock: Clock;
  /** How long a master that is not there may take to come back or be replaced, in ms. */
  readonly patienceMs: number;
  readonly signal?: AbortSignal | undefined;
}

export class Witness {
  readonly #options: WitnessOptions;
  readonly #fleet: Fleet;
  /** By the master's id: the run id of its process. */
  #runs = new Map<string, string>();
  /** From shown endpoint to id, of every master seen. */
  readonly #ids = new Map<string, string>();

  constructor(options: WitnessOptions) {
    this.#options = options;
    this.#fleet = options.fleet;
  }

  /**
   * Asks every master for its run id. One that is gone is waited for, or its successor.
   *
   * @throws {ConnectionError} when neither comes
   */
  async look(): Promise<void> {
    const { clock, patienceMs, signal } = this.#options;
    const backoff = new Backoff(clock, patienceMs);
    for (;;) {
      await this.#fleet.refresh();
      const runs = new Map<string, string>();
      const failures = await Promise.all(this.#fleet.masters.map((master) => this.#ask(master, runs)));
      const gone = failures.findIndex((failure) => failure !== undefined);
      if (gone < 0) {
        this.#runs = runs;
        return;
      }
      const wait = backoff.fail();
      const { endpoint } = this.#fleet.masters[gone] as Master;
      if (wait === undefined) throw connectionFailure(showEndpoint(endpoint), failures[gone], endpoint);
      await clock.sleep(wait, signal);
    }
  }

  /**
   * What a ledger notes of a chunk: each server that took its writes, and whether a replica has them too.
   *
   * @param sentTo    shown endpoints
   * @param confirmed those of them whose writes a replica has
   */
  async note(sentTo: Iterable<string>, confirmed: ReadonlySet<string>): Promise<string> {
    const entries: string[] = [];
    for (const name of sentTo) {
      // A master that took over, or joined, since the last look.
      const joined = this.#fleet.masters.find(({ endpoint }) => showEndpoint(endpoint) === name);
      if (!this.#ids.has(name) && joined !== undefined) await this.#ask(joined, this.#runs);
      const id = this.#ids.get(name) ?? name;
      entries.push(`${id} ${this.#runs.get(id) ?? UNKNOWN}${confirmed.has(name) ? '+' : ''}`);
    }
    return entries.sort().join(', ');
  }

  /** True when every server of the note is still the same process, or has left a replica behind that has the writes. */
  holds(note: string): boolean {
    if (note === '') return true;
    return note.split(', ').every((entry) => {
      const [id = '', run = ''] = entry.split(' ');
      const now = this.#runs.get(id);
      return now === undefined ? run.endsWith('+') : now === run.replace('+', '');
    });
  }

  /** @returns why a master could not be asked just now */
  async #ask({ id, endpoint }: Master, runs: Map<string, string>): Promise<Error | undefined> {
    if (this.#fleet.kind === 'proxy') {
      // Which servers stand behind it nobody tells.
      runs.set(id, '');
      this.#ids.set(showEndpoint(endpoint), id);
      return undefined;
    }
    const reply = await this.#fleet.control(endpoint).once(0, false, 'INFO', ['server']);
    if (reply instanceof Error) return reply;
    if (reply instanceof ErrorReply && passes(reply)) return new Error(reply.text);
    // Where it may not be asked, it counts as the same process for ever.
    runs.set(id, reply instanceof ErrorReply ? '' : parseInfo(String(reply)).runId);
    this.#ids.set(showEndpoint(endpoint), id);
    return undefined;
  }
}
