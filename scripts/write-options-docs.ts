// Writes docs/options.md: what each command can be told, as its help has it.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { Io } from '../cli/io.ts';
import { type Actions, buildProgram } from '../cli/program.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const OPTIONS_PAGE = join(root, 'docs', 'options.md');

const BEGIN = '<!-- written by scripts/write-options-docs.ts: begin -->';
const END = '<!-- written by scripts/write-options-docs.ts: end -->';

/** The command line of which the page tells. Nothing of it is run. */
export function documentedProgram(io: Io = { ...process, argv: [] }): Command {
  const run = async () => undefined;
  return buildProgram(new Proxy({} as Actions, { get: () => run }), io);
}

/** The page with its tables as the commands have them; what stands outside the marks stays. */
export function withOptions(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/options.md has lost its marks: ${BEGIN} and ${END}`);
  const sections = documentedProgram().commands.flatMap((command) => section(command, 'keyferry'));
  return `${page.slice(0, from)}${BEGIN}\n\n${sections.join('\n')}\n${page.slice(to)}`;
}

/** A command, or each of the commands that are in it. */
function section(command: Command, before: string): string[] {
  const name = `${before} ${command.name()}`;
  const inner = command.commands.filter((each) => each.name() !== 'help');
  if (inner.length > 0) return inner.flatMap((each) => section(each, name));
  const usage = command.usage().replace(/ ?\[options\]/, '');
  const rows = command.options.map(({ flags, description }) => {
    // Descriptions say their default at their end: "…; default 4", "… (required)".
    const [, meaning = '', value = ''] =
      /^(.*?)(?:; default:? (.*)| \((required)\))?$/s.exec(
        description.replace(/ \(required\)$/, '; default required'),
      ) ?? [];
    return `| \`${flags}\` | ${cell(meaning)} | ${cell(value)} |`;
  });
  return [
    `## \`${name}\`\n\n${command.summary()}\n\n\`${`${name} ${usage}`.trim()}\`\n`,
    ...(rows.length === 0 ? [] : [`| option | meaning | default |\n| --- | --- | --- |\n${rows.join('\n')}\n`]),
  ];
}

/** Stars and bars would be Markdown's. */
const cell = (text: string): string => text.replace(/[|*<>]/g, (sign) => `\\${sign}`);

if (import.meta.main) writeFileSync(OPTIONS_PAGE, withOptions(readFileSync(OPTIONS_PAGE, 'utf8')));
