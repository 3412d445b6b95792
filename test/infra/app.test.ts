// The app as the CDK CLI runs it: one process, one configuration, no Docker; mistakes end it in words.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { FUNCTIONS } from '../../scripts/build-functions.ts';
import { temporaryFolder } from '../support/folder.ts';
import { WITH_SOURCE } from './synthesised.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const { context } = JSON.parse(readFileSync(join(ROOT, 'cdk.json'), 'utf8')) as { context: object };

/** Runs the app on a configuration, with nothing but node on the path; gives what it said and left. */
function run(toml: string) {
  const folder = temporaryFolder();
  const config = join(folder, 'keyferry.toml');
  writeFileSync(config, toml);
  const outdir = join(folder, 'assembly');
  mkdirSync(outdir);
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'infra', 'app.ts')], {
    cwd: ROOT,
    encoding: 'utf8',
    env: {
      PATH: dirname(process.execPath),
      CDK_OUTDIR: outdir,
      CDK_CONTEXT_JSON: JSON.stringify({ ...context, config }),
    },
  });
  return { status, stderr, config, outdir };
}

test('the example deploys as it is: synthesised without Docker, twice the same', () => {
  const toml = readFileSync(join(ROOT, 'keyferry.toml'), 'utf8');
  const [one, two] = [run(toml), run(toml)];
  expect(one).toMatchObject({ status: 0, stderr: '' });
  const templateOf = ({ outdir }: typeof one) => readFileSync(join(outdir, 'Keyferry.template.json'), 'utf8');
  expect(templateOf(one)).toBe(templateOf(two));
}, 120_000);

test('each function is an asset of its own with nothing but its code in it; a doubt is a warning', () => {
  const doubtful = WITH_SOURCE.replace('rediss://orders.example.com:6379', 'rediss://127.0.0.1');
  const { status, stderr, config, outdir } = run(doubtful);
  expect(status).toBe(0);
  const line = doubtful.slice(0, doubtful.indexOf('127.0.0.1')).split('\n').length;
  expect(stderr).toContain(`warning: ${config}:${line}:12: targets.orders.endpoint: `);
  const assets = readdirSync(outdir).filter((name) => name.startsWith('asset.'));
  // All but empty-bucket, which only try-outs have.
  expect(assets).toHaveLength(FUNCTIONS.length - 1);
  for (const asset of assets) {
    const files = readdirSync(join(outdir, asset));
    expect(files).toContain('index.mjs');
    expect(files.filter((name) => !name.endsWith('.mjs'))).toEqual([]);
  }
}, 120_000);

test('a mistake in the configuration ends the synth with file, line and key, and no stack trace', () => {
  const { status, stderr, config } = run(
    '[targets.cache]\nendpoint = "redis://cache.example.com"\non-conflct = "skip"\n',
  );
  expect(status).toBe(1);
  expect(stderr).toContain(`${config}:3:1: targets.cache.on-conflct: there is no such key. Did you mean on-conflict?`);
  expect(stderr).not.toContain('    at ');
});

test('a password in the configuration ends the synth, and is not repeated', () => {
  const { status, stderr } = run('[targets.cache]\nendpoint = "redis://cache.example.com"\npassword = "hunter2"\n');
  expect(status).toBe(1);
  expect(stderr).toContain('CONFIG_SECRET');
  expect(stderr).not.toContain('hunter2');
});
