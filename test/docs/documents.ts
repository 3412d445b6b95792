// The project's documents as tests read them: fenced blocks, tables, links, command lines.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Paths of all documents, from the checkout's root on. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'bench', 'test/fixtures'].flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
];

export function read(document: string): string {
  return readFileSync(join(root, document), 'utf8');
}

export const exists = (path: string): boolean => existsSync(join(root, path));

/** A fenced block: its language and what is in it. */
export interface Block {
  readonly language: string;
  readonly text: string;
}

export function blocks(markdown: string): Block[] {
  return [...markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language = '', text = '']) => ({ language, text }));
}

/** The text under a heading, up to the next one of its level or above. */
export function section(markdown: string, heading: string): string {
  const [marks = ''] = /^#+/.exec(heading) ?? [];
  const from = markdown.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`there is no heading "${heading}"`);
  const body = markdown.slice(from + heading.length + 2);
  const end = body.search(new RegExp(`^#{1,${marks.length}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** The rows of all tables, heads and rulers left out: their cells, trimmed. */
export function rows(markdown: string): string[][] {
  const lines = markdown.split('\n');
  return lines.flatMap((line, at) => {
    const isHead = /^\|[ :|-]+\|$/.test(lines[at + 1] ?? '');
    if (!line.startsWith('|') || isHead || /^\|[ :|-]+\|$/.test(line)) return [];
    return [
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    ];
  });
}

/** The words of each command that starts with `program`, wherever it stands in lines of a shell. */
export function commands(shell: string, program: string): string[][] {
  const lines = shell.replaceAll('\\\n', ' ').replaceAll('|\n', '| ').replaceAll('&&\n', '&& ').split('\n');
  return lines
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => split(line.replace(/^\$ /, '')))
    .filter(([name]) => name === program);
}

/** Splits a line as a POSIX shell does, at spaces, pipes and `&&`; redirections are left out. */
function split(line: string): string[][] {
  const found: string[][] = [[]];
  const parts = line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"|&<>])+|\|\|?|&&|\d?>\s*\S+/g);
  for (const [part] of parts) {
    if (/^(\|\|?|&&)$/.test(part)) found.push([]);
    else if (!/^\d?>/.test(part)) found.at(-1)?.push(part.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return found;
}
