// The code of a function as an asset: prebuilt in the npm package, bundled when asked for in the checkout. No Docker.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { bundleFunction } from './bundle.ts';

/** Gives the code of `functions/NAME.ts`: a folder of its own with an `index.mjs` that exports `handler`. */
export type FunctionCode = (name: string) => lambda.Code;

const here = fileURLToPath(import.meta.url);
/** `dist` of the package, or the checkout. */
const root = dirname(dirname(here));
const isCheckout = here.endsWith('.ts');

/** keyferry's own functions. */
export const ownCode: FunctionCode = isCheckout
  ? codeFrom(join(root, 'functions'))
  : (name) => lambda.Code.fromAsset(join(root, 'functions', name));

/** Functions bundled from a folder of sources, each once a process. */
export function codeFrom(sources: string): FunctionCode {
  const bundled = new Map<string, string>();
  return (name) => {
    const folder = bundled.get(name) ?? join(bundleTo(name, sources), name);
    bundled.set(name, folder);
    return lambda.Code.fromAsset(folder);
  };
}

function bundleTo(name: string, sources: string): string {
  const out = mkdtempSync(join(tmpdir(), 'keyferry-bundle-'));
  process.once('exit', () => rmSync(out, { recursive: true, force: true }));
  bundleFunction(name, sources, out);
  return out;
}
