// The oldest Node that runs keyferry. Loaded by older ones too, so it imports nothing and keeps to plain syntax.

/** zstd came with 22.15. */
const OLDEST = [22, 15];

/** What is wrong with this version of Node and what to do about it, in one sentence; `undefined` when it will do. */
export function nodeProblem(version: string): string | undefined {
  const parts = version.split('.').map(Number);
  const major = parts[0] ?? 0;
  const minor = parts[1] ?? 0;
  const wanted = OLDEST.join('.');
  if (major > OLDEST[0]! || (major === OLDEST[0] && minor >= OLDEST[1]!)) return undefined;
  return `keyferry needs Node ${wanted} or newer and this is ${version}: install a newer one from https://nodejs.org, or run it once with npx -p node@24 -p keyferry keyferry.`;
}
