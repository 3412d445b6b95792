// What the documents say of the command line, of files and of each other is so.
import { copyFileSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { EXIT_MEANINGS } from '../../cli/exit-codes.ts';
import { run } from '../../cli/main.ts';
import { documentedProgram, withOptions } from '../../scripts/write-options-docs.ts';
import { fakeIo } from '../cli/fake-io.ts';
import { temporaryFolder } from '../support/folder.ts';
import { blocks, commands, documents, exists, read, root, rows, section } from './documents.ts';

const readme = read('README.md');
describe('the command line', () => {
  const shown = documents.flatMap((document) =>
    blocks(read(document))
      .filter(({ language }) => language === '')
      .flatMap(({ text }) => commands(text, 'keyferry').map((words) => ({ document, words }))),
  );

  test('every command that is shown can be parsed', async () => {
    expect(shown.length).toBeGreaterThan(15);
    const wrong: string[] = [];
    for (const { document, words } of shown) {
      const io = fakeIo(words.slice(1));
      const parsing = documentedProgram(io).parseAsync(io.argv);
      await parsing.catch((error: Error) => wrong.push(`${document}: ${words.join(' ')}: ${error.message}`));
    }
    expect(wrong).toEqual([]);
  });

  test('docs/options.md is what scripts/write-options-docs.ts writes', () => {
    const page = read('docs/options.md');
    expect(withOptions(page)).toBe(page);
  });

  test('an option that is spoken of anywhere exists', () => {
    const optionsOf = ({ options, commands }: Command): (string | undefined)[] => [
      ...options.map(({ long }) => long ?? undefined),
      ...commands.flatMap(optionsOf),
    ];
    const known = new Set(optionsOf(documentedProgram()));
    const strangers = documents
      .filter((document) => document === 'README.md' || document.startsWith('docs/'))
      .flatMap((document) =>
        [...read(document).matchAll(/`(--[a-z][a-z-]+)[^`]*`/g)].map(([, option]) => `${document}: ${option}`),
      )
      .filter((each) => !known.has(each.split(': ')[1]));
    expect(strangers).toEqual([]);
  });

  test('the exit codes are those of the tool', () => {
    const named = rows(section(readme, '## Exit codes')).map(([code, meaning]) => [Number(code), meaning]);
    expect(named).toEqual(EXIT_MEANINGS);
  });
});

test('the plan that is shown is what the tool shows of the sample', async () => {
  const folder = temporaryFolder();
  copyFileSync(join(root, 'test', 'fixtures', 'sample.rdb'), join(folder, 'sample.rdb'));
  const io = fakeIo(['plan', join(folder, 'sample.rdb')]);
  expect(await run(io)).toBe(0);
  const shown = blocks(readme).find(({ text }) => text.startsWith('$ keyferry plan sample.rdb\n'))?.text;
  const [, , ...lines] = shown?.split('\n') ?? [];
  expect(io.out().replaceAll(`${folder}/`, '').split('\n')).toEqual(lines);
});

test('scripts of package.json that are spoken of exist', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const missing = documents.flatMap((document) =>
    [...read(document).matchAll(/npm (?:run ([\w:]+)|(start|test)\b)/g)]
      .map(([, named, known]) => named ?? known ?? '')
      .filter((name) => !(name in scripts))
      .map((name) => `${document}: npm run ${name}`),
  );
  expect(missing).toEqual([]);
});

test('every link leads to a file and a heading that are there', () => {
  const dead = documents.flatMap((document) =>
    [...withoutBlocks(read(document)).matchAll(/\]\((?!https?:)([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !leads(document, target))
      .map((target) => `${document}: ${target}`),
  );
  expect(dead).toEqual([]);
});

test('no document names a path of the machine that it was written on, or a package registry', () => {
  const telling: [what: string, pattern: RegExp][] = [
    ['a path of a machine', /(?<![\w.])\/(?:work|root|home|Users|opt|tmp)\//],
    ['a registry', /registry\.|artifactory|nexus|npmjs|jfrog|\.internal\b/i],
  ];
  const found = documents.flatMap((document) =>
    read(document)
      .split('\n')
      .flatMap((line, at) =>
        telling.filter(([, pattern]) => pattern.test(line)).map(([what]) => `${document}:${at + 1}: ${what}: ${line}`),
      ),
  );
  expect(found).toEqual([]);
});

const withoutBlocks = (markdown: string): string => markdown.replace(/^```.*?^```$/gms, '');

function leads(document: string, target: string): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? document : posix.join(posix.dirname(document), file);
  if (!exists(path)) return false;
  return anchor === undefined || anchors(read(path)).includes(anchor);
}

/** The anchors that GitHub gives to headings. */
function anchors(markdown: string): string[] {
  return [...withoutBlocks(markdown).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
