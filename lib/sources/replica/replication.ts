// Joins a server as a replica: its data as an RDB, and from there on its stream of commands.
import { SourceError } from '../../errors.ts';
import { Backoff } from '../../redis/backoff.ts';
import type { Endpoint } from '../../redis/endpoint.ts';
import { command } from '../../resp/frame-writer.ts';
import type { Clock } from '../../telemetry/clock.ts';
import { type Answer, type HandshakeOptions, shakeHands } from './handshake.ts';
import { ReplicaLink } from './link.ts';
import { parseFraming, payload } from './payload.ts';

export type { ReplicationCommand, StreamPosition } from './handshake.ts';

export interface ReplicationOptions extends HandshakeOptions {
  /** How long a source that is loading, or has lost its own master, is asked again, in ms. */
  readonly patienceMs: number;
  /** How long the source may send nothing, in ms: it shows at least every ten seconds that it lives (repl-ping-replica-period). */
  readonly stallMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Whether the RDB, as far as it was handed out, is whole: see {@link payload}. */
  readonly whole?: (() => boolean) | undefined;
  /** Told what the source said when it has to be asked again later. */
  readonly onWait?: ((said: string) => void) | undefined;
}

/** A real replica says as often where it is, and that it lives. */
const ACK_MS = 1000;
const NEWLINE = Buffer.from('\n');

export class Replication {
  /** `full`: an RDB comes before the stream. `continue`: the stream goes on from the position that was asked for. */
  readonly kind: 'full' | 'continue';
  /** The replication id that the stream has from here on; `undefined` by SYNC, whose answer names none. */
  readonly replid: string | undefined;
  /** Bytes of the stream before the RDB, or before what comes next; `undefined` by SYNC. */
  readonly offset: bigint | undefined;
  readonly #link: ReplicaLink;
  readonly #whole: (() => boolean) | undefined;
  readonly #timer: NodeJS.Timeout;
  /** The RDB is over: what comes from here on is the stream. */
  #streams: boolean;
  #acknowledged: bigint | undefined;
  #rdbBytes: number | undefined;

  private constructor(link: ReplicaLink, answer: Exclude<Answer, { kind: 'later' }>, options: ReplicationOptions) {
    const { from } = options;
    this.#link = link;
    this.#whole = options.whole;
    this.kind = answer.kind;
    this.replid = answer.kind === 'full' ? answer.position?.replid : (answer.replid ?? from?.replid);
    this.offset = answer.kind === 'full' ? answer.position?.offset : from?.offset;
    this.#streams = answer.kind === 'continue';
    this.#acknowledged = this.offset;
    this.#timer = setInterval(() => this.#showLife(), ACK_MS);
    this.#timer.unref();
  }

  /**
   * Connects and asks until the source begins, or its patience ends.
   *
   * @throws {ConnectionError} when it is not there; {TargetError} a refused login; {SourceError} `SOURCE_REFUSED`,
   * `SOURCE_NOT_READY`, `SOURCE_STALLED`, `SOURCE_CLOSED`, `SOURCE_PROTOCOL`; the signal's reason
   */
  static async open(endpoint: Endpoint, options: ReplicationOptions): Promise<Replication> {
    const { clock, patienceMs, signal } = options;
    const backoff = new Backoff(clock, patienceMs);
    for (;;) {
      const link = await ReplicaLink.open({ endpoint, ...options });
      try {
        const answer = await shakeHands(link, endpoint, options);
        if (answer.kind !== 'later') return new Replication(link, answer, options);
        link.end();
        const wait = backoff.fail();
        if (wait === undefined) throw notReady(link.name, answer.said);
        options.onWait?.(answer.said);
        await clock.sleep(wait, signal);
      } catch (error) {
        link.end();
        throw error;
      }
    }
  }

  /** Bytes of the RDB, once its first one has come; `undefined` where the source does not know it before (`$EOF`). */
  get rdbBytes(): number | undefined {
    return this.#rdbBytes;
  }

  /**
   * The RDB, to be read once and to its end, each piece good until the next; nothing where the stream goes on. A source that writes a file first keeps
   * silent but for newlines until that is done.
   *
   * @throws {SourceError} as {@link open}; a source that breaks off ends in `SOURCE_CLOSED`
   */
  async *rdb(): AsyncGenerator<Buffer, void, undefined> {
    if (this.#streams) return;
    const framing = parseFraming(await this.#link.line(), this.#link.name);
    if ('bytes' in framing) this.#rdbBytes = framing.bytes;
    yield* payload(this.#link, framing, this.#whole);
    this.#streams = true;
    // A master that wrote no file begins its stream only when it hears that the RDB has arrived.
    this.#showLife();
  }

  /** What follows: commands as RESP, in pieces as they arrive, each good until the next. Ends only by an error, or by {@link end}. */
  async *stream(): AsyncGenerator<Buffer, never, undefined> {
    for (;;) yield await this.#link.read();
  }

  /** From now on says to the source, each second, that everything before this offset is safe. */
  acknowledge(offset: bigint): void {
    this.#acknowledged = offset;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#link.end();
  }

  /** While a replica loads it sends newlines, and its offset afterwards: either counts as a sign of life. */
  #showLife(): void {
    this.#link.write(this.#streams ? command('REPLCONF', 'ACK', String(this.#acknowledged ?? 0n)) : NEWLINE);
  }
}

function notReady(where: string, said: string): SourceError {
  return new SourceError('SOURCE_NOT_READY', `the source has no data to copy yet. It said: ${said}`, {
    where,
    remedy:
      'Wait until it has loaded, or is connected to its own master (INFO replication), or let keyferry wait longer: --retry-for 10m',
  });
}
