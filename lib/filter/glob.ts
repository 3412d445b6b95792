// Globs over bytes, with the meaning that KEYS and SCAN give them (util.c: stringmatchlen).

/** One step of a pattern: a run of anything, any one byte, or one byte of a set. */
type Step = 'any-run' | 'any-one' | ((byte: number) => boolean);

/**
 * Compiles a glob: `*` any run, `?` any byte, `[abc]`, `[a-z]`, `[^abc]` sets, `\` takes the next character as it is.
 * Matching takes time proportional to pattern × key at worst: it never backtracks further than the last `*`.
 */
export function compileGlob(pattern: string): (key: Uint8Array) => boolean {
  const steps = parse(Buffer.from(pattern));
  // A server looks at a pattern only while the key lasts, but for `*`: `**` does not match the empty key.
  const matchesEmpty = pattern === '' || pattern === '*';
  return (key) => (key.length === 0 ? matchesEmpty : matches(steps, key));
}

function parse(pattern: Buffer): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const byte = pattern[at] as number;
    if (byte === 0x2a) {
      if (steps.at(-1) !== 'any-run') steps.push('any-run');
    } else if (byte === 0x3f) {
      steps.push('any-one');
    } else if (byte === 0x5b) {
      const set = parseSet(pattern, at + 1);
      steps.push(set.step);
      at = set.end;
    } else {
      // A backslash at the very end stands for itself.
      const literal = byte === 0x5c && at + 1 < pattern.length ? (pattern[++at] as number) : byte;
      steps.push((other) => other === literal);
    }
  }
  return steps;
}

/** A set from behind its `[`. Without a `]` it ends with the pattern, as the servers have it. */
function parseSet(pattern: Buffer, start: number): { step: Step; end: number } {
  const members = new Uint8Array(256);
  const negated = pattern[start] === 0x5e;
  let at = negated ? start + 1 : start;
  for (; at < pattern.length && pattern[at] !== 0x5d; at++) {
    if (pattern[at] === 0x5c && at + 1 < pattern.length) {
      members[pattern[++at] as number] = 1;
    } else if (pattern[at + 1] === 0x2d && at + 2 < pattern.length) {
      const [low, high] = [pattern[at] as number, pattern[at + 2] as number].sort((a, b) => a - b) as [number, number];
      members.fill(1, low, high + 1);
      at += 2;
    } else {
      members[pattern[at] as number] = 1;
    }
  }
  return { step: (byte) => (members[byte] === 1) !== negated, end: at };
}

function matches(steps: readonly Step[], key: Uint8Array): boolean {
  let step = 0;
  let at = 0;
  let runStep = -1;
  let runAt = 0;
  while (at < key.length) {
    const wanted = steps[step];
    if (wanted === 'any-run') {
      runStep = step++;
      runAt = at;
    } else if (wanted === 'any-one' || wanted?.(key[at] as number)) {
      step++;
      at++;
    } else if (runStep >= 0) {
      // The last run takes one byte more.
      step = runStep + 1;
      at = ++runAt;
    } else {
      return false;
    }
  }
  while (steps[step] === 'any-run') step++;
  return step === steps.length;
}
