// The talk with a server while a value is built: transactions, and what its refusals mean for the build.

import { passes, redirects } from '../../redis/batch.ts';
import type { Command, CommandPipe } from '../../redis/command-pipe.ts';
import { refusal, stopsTheJob } from '../../redis/refusals.ts';
import { ErrorReply, type Reply } from '../../resp/reply-reader.ts';

/** The build can't go on as it stands; begun anew, perhaps on another server, it may succeed. */
export class BuildInterrupted extends Error {
  /** The server's words; `undefined` when the temporary key was gone. */
  readonly reply: ErrorReply | undefined;

  constructor(reply: ErrorReply | undefined) {
    super(reply?.text ?? 'the server dropped the key while it was built');
    this.reply = reply;
  }
}

/** The server refuses this one value. */
export class ValueRefused extends Error {}

const ASKING: Command = ['ASKING'];
const MULTI: Command = ['MULTI'];
const EXEC: Command = ['EXEC'];
/** What EXEC says where a command was refused; servers since 6.2 append why. */
const ABORTED = /^EXECABORT Transaction discarded because of: /;

export class BuildSession {
  readonly #pipe: CommandPipe;
  /** Each command is asked for: its slot is on its way to this server. */
  readonly #asking: boolean;
  /** The server's name in errors. */
  readonly #where: string;

  constructor(pipe: CommandPipe, asking: boolean, where: string) {
    this.#pipe = pipe;
    this.#asking = asking;
    this.#where = where;
  }

  /** Runs commands in turn and gives their replies. */
  async run(...commands: Command[]): Promise<Reply[]> {
    const replies = await this.#pipe.send(this.#asked(commands));
    const own = replies.filter((_, index) => !this.#asking || index % 2 === 1);
    for (const reply of own) this.check(reply);
    return own;
  }

  /**
   * Runs commands as one.
   *
   * @returns their replies, which may be errors; `null` when a watched key was touched: none was run then
   */
  async transact(commands: readonly Command[]): Promise<Reply[] | null> {
    // A server remembers ASKING from MULTI to EXEC.
    const head = this.#asking ? [ASKING, MULTI] : [MULTI];
    const replies = await this.#pipe.send([...head, ...commands, EXEC]);
    const errors = replies.filter((reply) => reply instanceof ErrorReply);
    const first = errors.find(({ code }) => code !== 'EXECABORT') ?? errors[0];
    if (first !== undefined) this.check(new ErrorReply(first.text.replace(ABORTED, '')));
    return replies.at(-1) as Reply[] | null;
  }

  /** A last word, whatever has happened. */
  leave(commands: Command[], withinMs: number): Promise<void> {
    return this.#pipe.leave(this.#asked(commands), withinMs);
  }

  /**
   * @throws {TargetError} for answers that hold for every key; {BuildInterrupted} for those that pass or lead elsewhere;
   * {ValueRefused} for all other errors
   */
  check(reply: Reply): void {
    if (!(reply instanceof ErrorReply)) return;
    if (passes(reply) || redirects(reply)) throw new BuildInterrupted(reply);
    if (stopsTheJob(reply)) throw refusal(reply, { where: this.#where });
    throw new ValueRefused(reply.text);
  }

  #asked(commands: readonly Command[]): readonly Command[] {
    return this.#asking ? commands.flatMap((command) => [ASKING, command]) : commands;
  }
}
