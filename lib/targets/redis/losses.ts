// Everything that a value can lose on its way to a target, by re-encoding or by commands, and words for it.
import { LOSSES, type Loss } from '../../rdb/reencode.ts';
import { COMMAND_LOSSES, type CommandLoss } from './value-commands.ts';

export type AnyLoss = Loss | CommandLoss;

/** Each kind in words that follow “what is lost: ”. */
export const LOSS_WORDS: Readonly<Record<AnyLoss, string>> = { ...LOSSES, ...COMMAND_LOSSES };
