// keyferry/infra as a user has it: installed from the package, beside a CDK of one's own, in the example's app.
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FUNCTIONS } from '../../scripts/build-functions.ts';
import { InstalledPackage } from '../support/installed-package.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const EXAMPLE = join(ROOT, 'examples', 'cdk-app');
const { version, peerDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  peerDependencies: Record<string, string>;
};
const PEERS = Object.keys(peerDependencies);

let installed: InstalledPackage;
beforeAll(() => {
  installed = new InstalledPackage();
});
afterAll(() => installed[Symbol.dispose]());

test('the terminal tool installs and runs without CDK', () => {
  expect(PEERS).toEqual(['aws-cdk-lib', 'cdk-nag', 'constructs']);
  for (const peer of PEERS) expect(existsSync(installed.path('node_modules', peer)), peer).toBe(false);
  expect(installed.run(installed.path('node_modules', '.bin', 'keyferry'), '--version').trim()).toBe(version);
});

test('every function of the checkout is in the package, as a folder of its own', () => {
  const functions = installed.path('node_modules', 'keyferry', 'dist', 'functions');
  expect(readdirSync(functions).sort()).toEqual([...FUNCTIONS].sort());
  for (const name of FUNCTIONS) expect(readdirSync(join(functions, name)), name).toContain('index.mjs');
});

describe('beside a CDK of one’s own', () => {
  beforeAll(() => {
    for (const peer of PEERS) symlinkSync(join(ROOT, 'node_modules', peer), installed.path('node_modules', peer));
    for (const file of readdirSync(EXAMPLE)) copyFileSync(join(EXAMPLE, file), installed.path(file));
  });

  test('the example is synthesised, with the prebuilt functions, and without findings of cdk-nag', () => {
    const outdir = installed.path('assembly');
    mkdirSync(outdir);
    // As the CDK CLI does it, with nothing but node on the path: no esbuild, no Docker.
    const { status, stderr } = spawnSync(process.execPath, ['app.ts'], {
      cwd: installed.folder,
      encoding: 'utf8',
      env: { PATH: dirname(process.execPath), CDK_OUTDIR: outdir },
    });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    for (const stack of ['Keyferry', 'Cache']) {
      const template = readFileSync(join(outdir, `${stack}.template.json`), 'utf8');
      expect(template).toContain('"AWS::StepFunctions::StateMachine"');
      expect(template).toContain('"arm64"');
    }
    const assets = readdirSync(outdir).filter((name) => name.startsWith('asset.'));
    const bundle = (path: string) => readFileSync(path, 'utf8');
    const shipped = FUNCTIONS.map((name) =>
      bundle(installed.path('node_modules', 'keyferry', 'dist', 'functions', name, 'index.mjs')),
    );
    expect(assets.length).toBeGreaterThanOrEqual(7);
    for (const asset of assets) expect(shipped).toContain(bundle(join(outdir, asset, 'index.mjs')));
  }, 120_000);

  test('the declarations serve a strict TypeScript user', () => {
    expect(() => installed.checkTypes('app.ts')).not.toThrow();
  }, 60_000);
});
