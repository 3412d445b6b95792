// Makes files once: they are trusted while a stamp beside them says who made them and their sizes are those that it says.
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Recipe<Facts> {
  /** Names the stamp: `NAME.stamp.json`. */
  readonly name: string;
  readonly folder: string;
  /** For people. */
  readonly summary: string;
  /** Whatever decides the bytes; files of another version are made anew. */
  readonly version: string;
  /** Paths of all files that `make` writes. */
  readonly files: readonly string[];
  /** Writes the files, and gives what is worth knowing of them, as JSON can hold it. */
  readonly make: () => Facts;
}

interface Stamp<Facts> {
  readonly version: string;
  readonly sizes: readonly number[];
  readonly facts: Facts;
}

/** The facts of files that lie there, made now if need be. */
export function ensureMade<Facts>({ name, folder, summary, version, files, make }: Recipe<Facts>): Facts {
  const stampPath = join(folder, `${name}.stamp.json`);
  const known = readStamp<Facts>(stampPath);
  const sizes = (): string => JSON.stringify(files.map((path) => statSync(path, { throwIfNoEntry: false })?.size));
  if (known?.version === version && JSON.stringify(known.sizes) === sizes()) return known.facts;
  mkdirSync(folder, { recursive: true });
  rmSync(stampPath, { force: true });
  console.error(`Making ${name}: ${summary} …`);
  const facts = make();
  const stamp: Stamp<Facts> = { version, sizes: JSON.parse(sizes()) as number[], facts };
  writeFileSync(stampPath, `${JSON.stringify(stamp)}\n`);
  return facts;
}

function readStamp<Facts>(path: string): Stamp<Facts> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Stamp<Facts>;
  } catch {
    // no stamp, or one cut short: both mean that the files are made anew
    return undefined;
  }
}
