// The known word that someone probably meant.

/** The nearest of the known words, where one is near enough to be meant: some letters differ, or only case and dashes. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: { name: string; steps: number } | undefined;
  const given = plain(word);
  for (const name of known) {
    const steps = editSteps(given, plain(name));
    if (steps <= Math.max(1, Math.floor(name.length / 3)) && (best === undefined || steps < best.steps)) {
      best = { name, steps };
    }
  }
  return best?.name;
}

/** `Did you mean X?` with a space before it, or nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const name = nearest(word, known);
  return name === undefined ? '' : ` Did you mean ${name}?`;
}

const plain = (word: string): string => word.toLowerCase().replace(/[-_]/g, '');

/** Letters to add, remove, change or swap with their neighbour (optimal string alignment). */
function editSteps(from: string, to: string): number {
  let [older, before] = [[] as number[], Array.from({ length: to.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (before[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let least = Math.min((before[j] as number) + 1, (row[j - 1] as number) + 1, changed);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) least = Math.min(least, (older[j - 2] as number) + 1);
      row.push(least);
    }
    [older, before] = [before, row];
  }
  return before[to.length] as number;
}
