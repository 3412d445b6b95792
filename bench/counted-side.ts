// A side of a comparison whose runs must have read the whole file.
import type { BenchFiles } from './generate.ts';
import { type Command, type Cost, run, show } from './measure.ts';
import type { Side } from './pairs.ts';

/** A side whose every run must have said how many keys the file has: no time counts that a half-read file took. */
export function countedSide(command: Command, files: BenchFiles): Side<Cost> {
  return {
    label: command.label,
    measure: async () => {
      const cost = await run(command);
      if (!mentions(cost.output, files.keys)) {
        throw new Error(
          `${show(command)}: does not say that there are ${files.keys} keys.\n${cost.output.slice(-2000)}`,
        );
      }
      return cost;
    },
  };
}

/** Whether the number stands in the text, with or without separators of thousands. */
function mentions(text: string, count: number): boolean {
  const numbers = text.match(/\d+(?:[,_]\d{3})*/g) ?? [];
  return numbers.some((number) => Number(number.replaceAll(/[,_]/g, '')) === count);
}
