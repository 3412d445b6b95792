// Writes one value by commands, in parts: it is built under a temporary name and gets its own when it is whole.
//
// What may happen on the way and is provided for:
// - The job is killed: the temporary key has a TTL from the first transaction on, which each further one renews.
// - The server drops the temporary key (eviction, FLUSHDB): the next batch would begin a new one in the middle of the
//   value. Each batch sees by its PEXPIRE whether the key was still there, and so does the end, under WATCH.
// - A connection breaks and what it carried arrives late: each build has another name, each batch renews the TTL.
import { randomInt } from 'node:crypto';
import { ConnectionError, type KeyferryError, quoteKey, TargetError } from '../../errors.ts';
import type { ValuePart } from '../../rdb/value-parts.ts';
import { Backoff } from '../../redis/backoff.ts';
import { passes } from '../../redis/batch.ts';
import { type Command, CommandPipe, PipeBroken } from '../../redis/command-pipe.ts';
import { connectionFailure, isPermanent } from '../../redis/connect-errors.ts';
import { type Endpoint, showEndpoint } from '../../redis/endpoint.ts';
import { CONFIRM_MS } from '../../redis/fleet.ts';
import type { Locator } from '../../redis/locator.ts';
import { refusal } from '../../redis/refusals.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { BuildInterrupted, BuildSession, ValueRefused } from './build-session.ts';
import type { CommandSupport } from './command-support.ts';
import { PacedWriter } from './paced-writer.ts';
import type { ConflictPolicy } from './policy.ts';
import { temporaryKeys } from './temporary-key.ts';
import { type CommandLoss, type ValueFacts, valueCommands } from './value-commands.ts';

export interface WriteInParts {
  readonly key: Buffer;
  readonly db: number;
  /** Absolute, ms since the epoch. */
  readonly expiry: bigint | undefined;
  /** What the key loses by commands whatever its value is. */
  readonly lost?: readonly CommandLoss[] | undefined;
  readonly policy: ConflictPolicy;
  /** The value from its beginning; called for each pass and each try. */
  parts(): AsyncIterable<ValuePart>;
  /** Bytes of a string, where that is known. */
  readonly stringBytes?: number | undefined;
  readonly locator: Locator;
  readonly support: CommandSupport;
  /** Stays the same when a job is resumed. */
  readonly jobId: string;
  readonly clock: Clock;
  /** How long trouble may last, from the first failure after progress; ms. */
  readonly patienceMs: number;
  readonly replyTimeoutMs: number;
  readonly signal: AbortSignal;
  /** Replicas follow the server: one of them is asked whether it has the value too. */
  readonly replicas?: boolean | undefined;
  /** The largest batch of commands, 128 bytes for each argument included; bytes. Some are in memory. Default 1 MiB. */
  readonly partBytes?: number | undefined;
  /** Told of bytes as they are sent; holds them to a rate. */
  onPiece(bytes: number): Promise<void>;
}

export type WrittenInParts =
  | {
      readonly outcome: 'written';
      readonly losses: readonly CommandLoss[];
      /** The server that has it. */
      readonly endpoint: Endpoint;
      /** A replica has it too; false where `replicas` did not ask for that. */
      readonly replicated: boolean;
    }
  /** The key exists and was left alone. `uncertain`: perhaps it is ours, written before a connection broke. */
  | { readonly outcome: 'exists'; readonly uncertain: boolean }
  /** Its time has come; nothing is left of it, nor, under `rewrite`, of what was there before. */
  | { readonly outcome: 'expired' }
  /** The server refuses this value, not others. */
  | { readonly outcome: 'refused'; readonly reason: string };

/** How long an abandoned temporary key lives; ms. */
const TEMPORARY_TTL_MS = 24 * 60 * 60 * 1000;
const PART_BYTES = 1024 * 1024;
/** A value that breaks off so often in the middle will not be written by one more try. */
const MOST_BUILDS = 20;
/** How long the removal of a temporary key is waited for; ms. */
const FAREWELL_MS = 2000;

/** Where the next try goes. */
interface Place {
  readonly endpoint: Endpoint;
  /** The slot is on its way there. */
  readonly asking: boolean;
}

/**
 * Writes the value. No reader ever sees a part of it, or all of it without its expiry.
 *
 * @throws {TargetError} what stops the job: a full server, a missing right; {ConnectionError} when patience has run out;
 * whatever `parts` and `onPiece` throw; the signal's reason. The temporary key is removed, or goes by its TTL.
 */
export async function writeInParts(task: WriteInParts): Promise<WrittenInParts> {
  const names = temporaryKeys(task.key, task.db, task.jobId);
  const backoff = new Backoff(task.clock, task.patienceMs);
  let redirected: Place | undefined;
  let uncertain = false;
  let builds = 0;
  for (let turn = randomInt(names.length); ; turn = (turn + 1) % names.length) {
    task.signal.throwIfAborted();
    const place = redirected ?? { endpoint: task.locator.locate(task.key), asking: false };
    const build = new Build(task, place, names, turn);
    let problem: PipeBroken | BuildInterrupted;
    try {
      const result = await build.run();
      return result.outcome === 'exists' ? { ...result, uncertain } : result;
    } catch (error) {
      if (error instanceof ValueRefused) return { outcome: 'refused', reason: error.message };
      if (!(error instanceof PipeBroken || error instanceof BuildInterrupted)) throw error;
      problem = error;
    }
    uncertain ||= build.mayHaveWritten;
    if (build.advanced) {
      builds++;
      backoff.succeed();
    }
    const hopeless = builds === MOST_BUILDS || isPermanent(causeOf(problem));
    const wait = hopeless ? undefined : backoff.fail();
    if (wait === undefined) throw givenUp(problem, task, place);
    redirected = redirection(problem, task.locator);
    await task.locator.refresh();
    await task.clock.sleep(wait, task.signal);
  }
}

/** One try, on one connection. */
class Build {
  /** A batch was taken, so the server is not in trouble for good. */
  advanced = false;
  /** The value may have got its name; the answer was lost. */
  mayHaveWritten = false;
  readonly #task: WriteInParts;
  readonly #place: Place;
  readonly #names: readonly Buffer[];
  readonly #name: Buffer;

  constructor(task: WriteInParts, place: Place, names: readonly Buffer[], turn: number) {
    this.#task = task;
    this.#place = place;
    this.#names = names;
    this.#name = names[turn] as Buffer;
  }

  async run(): Promise<WrittenInParts> {
    const { endpoint, asking } = this.#place;
    const pipe = await CommandPipe.open({ ...this.#task, endpoint });
    const session = new BuildSession(pipe, asking, this.#where);
    try {
      return await this.#build(session);
    } finally {
      await session.leave(this.#removals(), FAREWELL_MS);
    }
  }

  async #build(session: BuildSession): Promise<WrittenInParts> {
    const { key, policy, lost } = this.#task;
    const asked = performance.now();
    // One by one: a command of several keys is refused while their slot moves.
    await session.run(...this.#removals());
    const roundTripMs = performance.now() - asked;
    if (policy !== 'rewrite') {
      const [there] = await session.run(['EXISTS', key]);
      if (there === 1n) return { outcome: 'exists', uncertain: false };
    }
    if (this.#hasExpired()) return this.#nothing(session);
    const facts: ValueFacts = { losses: new Set(lost), expiredFields: 0 };
    if (!(await this.#fill(session, facts, roundTripMs))) {
      if (facts.expiredFields > 0) return this.#nothing(session);
      throw new ValueRefused('the value is empty: servers keep no such key');
    }
    return this.#publish(session, facts);
  }

  /** Writes the value under its temporary name; false when there was nothing to write. */
  async #fill(session: BuildSession, facts: ValueFacts, roundTripMs: number): Promise<boolean> {
    const { parts, stringBytes, support, clock, signal, partBytes = PART_BYTES } = this.#task;
    let batches = 0;
    const writer = new PacedWriter({
      send: (batch) => this.#batch(session, batch, batches++ === 0),
      onPiece: (bytes) => this.#task.onPiece(bytes),
      mostBytes: partBytes,
      roundTripMs,
    });
    const options = { key: this.#name, parts, stringBytes, support, limits: writer.limits, now: () => clock.now() };
    for await (const command of valueCommands(options, facts)) {
      signal.throwIfAborted();
      await writer.add(command);
    }
    await writer.settled();
    return batches > 0;
  }

  /** Runs a batch and renews the TTL, as one. */
  async #batch(session: BuildSession, batch: readonly Command[], first: boolean): Promise<Reply[]> {
    // Before the first, what arrived late from a broken connection goes; later on, the key must still be there.
    const before = first ? this.#removal(this.#name) : this.#renewal();
    const replies = (await session.transact([before, ...batch, this.#renewal()])) ?? [];
    for (const reply of replies) session.check(reply);
    if (!first && replies[0] !== 1n) throw new BuildInterrupted(undefined);
    this.advanced = true;
    return replies;
  }

  /** Gives the value its key and its expiry. A slot on the move holds that up until it has arrived. */
  async #publish(session: BuildSession, facts: ValueFacts): Promise<WrittenInParts> {
    const { clock, patienceMs, signal, locator } = this.#task;
    const backoff = new Backoff(clock, patienceMs);
    for (;;) {
      let problem = new BuildInterrupted(undefined);
      try {
        const result = await this.#exchange(session, facts);
        if (result !== undefined) return result;
      } catch (error) {
        if (!(error instanceof BuildInterrupted && error.reply !== undefined && passes(error.reply))) throw error;
        problem = error;
      }
      const wait = backoff.fail();
      if (wait === undefined) throw givenUp(problem, this.#task, this.#place);
      await locator.refresh();
      if (this.#hasMoved()) throw problem;
      await clock.sleep(wait, signal);
    }
  }

  /** The slot is another server's by now: this one, perhaps no node of the cluster any more, may never tell. */
  #hasMoved(): boolean {
    const { locator, key } = this.#task;
    const { endpoint, asking } = this.#place;
    return !asking && showEndpoint(locator.locate(key)) !== showEndpoint(endpoint);
  }

  /** One try to publish; `undefined` when the temporary key was touched meanwhile, as by a field that expired. */
  async #exchange(session: BuildSession, facts: ValueFacts): Promise<WrittenInParts | undefined> {
    const { key, policy } = this.#task;
    // In this order: what one does oneself counts for WATCH, too.
    const [, , there] = await session.run(this.#renewal(), ['WATCH', this.#name], ['EXISTS', this.#name]);
    if (there !== 1n) throw new BuildInterrupted(undefined);
    if (this.#hasExpired()) return this.#nothing(session);
    const rewrites = policy === 'rewrite';
    const commands = rewrites
      ? [this.#lifetime(), this.#removal(key), ['RENAME', this.#name, key]]
      : [this.#lifetime(), ['RENAMENX', this.#name, key], this.#removal(this.#name)];
    this.mayHaveWritten = true;
    const replies = await session.transact(commands).catch((error: unknown) => {
      this.mayHaveWritten = error instanceof PipeBroken;
      throw error;
    });
    this.mayHaveWritten = false;
    if (replies === null) return undefined;
    const renamed = replies[rewrites ? 2 : 1];
    if (renamed instanceof ErrorReply && /no such key/i.test(renamed.text)) return { outcome: 'expired' };
    for (const reply of replies) session.check(reply);
    if (renamed === 0n) return { outcome: 'exists', uncertain: false };
    const replicated = this.#task.replicas === true && (await this.#replicated(session));
    return { outcome: 'written', losses: [...facts.losses].sort(), endpoint: this.#place.endpoint, replicated };
  }

  async #replicated(session: BuildSession): Promise<boolean> {
    try {
      const [replicas] = await session.run(['WAIT', '1', String(CONFIRM_MS)]);
      return typeof replicas === 'bigint' && replicas > 0n;
    } catch {
      return false; // the value itself was confirmed before
    }
  }

  /** The key's time has come, or that of all its fields: as RESTORE REPLACE would, `rewrite` removes what is there. */
  async #nothing(session: BuildSession): Promise<WrittenInParts> {
    if (this.#task.policy === 'rewrite') await session.run(this.#removal(this.#task.key));
    return { outcome: 'expired' };
  }

  #hasExpired(): boolean {
    const { expiry, clock } = this.#task;
    return expiry !== undefined && expiry <= BigInt(clock.now());
  }

  #lifetime(): Command {
    const { expiry } = this.#task;
    return expiry === undefined ? ['PERSIST', this.#name] : ['PEXPIREAT', this.#name, String(expiry)];
  }

  #renewal(): Command {
    return ['PEXPIRE', this.#name, String(TEMPORARY_TTL_MS)];
  }

  #removal(key: Buffer): Command {
    return [this.#task.support.unlink ? 'UNLINK' : 'DEL', key];
  }

  #removals(): Command[] {
    return this.#names.map((name) => this.#removal(name));
  }

  get #where(): string {
    return placeInWords(this.#task, this.#place);
  }
}

function redirection(problem: PipeBroken | BuildInterrupted, locator: Locator): Place | undefined {
  const reply = problem instanceof BuildInterrupted ? problem.reply : undefined;
  if (reply === undefined) return undefined;
  const endpoint = locator.redirect(reply);
  return endpoint === undefined ? undefined : { endpoint, asking: reply.code === 'ASK' };
}

const causeOf = (problem: Error): Error => (problem.cause instanceof Error ? problem.cause : problem);

/** The error when no further try is worth it. */
function givenUp(problem: PipeBroken | BuildInterrupted, task: WriteInParts, place: Place): KeyferryError {
  if (problem instanceof PipeBroken) {
    return connectionFailure(showEndpoint(place.endpoint), causeOf(problem), place.endpoint);
  }
  const where = placeInWords(task, place);
  const { reply } = problem;
  if (reply === undefined) {
    return new TargetError('TARGET_KEY_DROPPED', 'the server dropped the key time and again while it was built.', {
      where,
      remedy:
        'Probably it evicts keys with an expiry, as this one has until it is whole: give it more memory, or set maxmemory-policy noeviction until the job is done.',
    });
  }
  if (!passes(reply)) return refusal(reply, { where });
  return new ConnectionError('TARGET_NOT_READY', `the server keeps answering ${reply.text}`, {
    where,
    remedy: 'When it has become ready, run the same command again: it goes on from here.',
  });
}

function placeInWords({ db, key }: WriteInParts, { endpoint }: Place): string {
  return `${showEndpoint(endpoint)}, db ${db}, key ${quoteKey(key)}`;
}
