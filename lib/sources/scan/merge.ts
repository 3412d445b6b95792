// Several sequences as one: whatever comes first, each of them read no further than it was asked for.

/** Ends when all have ended; when one fails, or nobody wants more, the others are ended too. */
export async function* merge<T>(
  sequences: readonly AsyncGenerator<T, unknown, undefined>[],
): AsyncGenerator<T, void, undefined> {
  const next = (sequence: AsyncGenerator<T, unknown, undefined>) => {
    const read = sequence.next().then((result) => ({ sequence, result }));
    // It may fail while what came before it is worked on: it is told where it is awaited.
    read.catch(() => undefined);
    return read;
  };
  const waiting = new Map(sequences.map((sequence) => [sequence, next(sequence)]));
  try {
    while (waiting.size > 0) {
      const { sequence, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(sequence);
        continue;
      }
      // Asked for before it is given on: all of them go ahead while it is worked on.
      waiting.set(sequence, next(sequence));
      yield result.value;
    }
  } finally {
    for (const sequence of sequences) void sequence.return(undefined).catch(() => undefined);
  }
}
