// keyferry's own version: inlined when it is bundled, read from package.json in the checkout.
import { createRequire } from 'node:module';

declare const KEYFERRY_VERSION: string | undefined;

export const version: string =
  typeof KEYFERRY_VERSION === 'string'
    ? KEYFERRY_VERSION
    : // By the package's own name: compiled, this file lies deeper.
      (createRequire(import.meta.url)('keyferry/package.json') as { version: string }).version;
