// The 64-bit id of a module type, from its name and version: the inverse of `parseModuleId`.

const CHARSET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const NAME_LENGTH = 9;

/** The highest version of a module type's encoding: ten bits. */
export const LATEST_MODULE_VERSION = 1023;

/** @returns `undefined` for what is no name: nine characters of 64 (rdb-format.md 1.5) */
export function moduleId(name: string, version: number): bigint | undefined {
  if (name.length !== NAME_LENGTH) return undefined;
  let id = 0n;
  for (const character of name) {
    const index = CHARSET.indexOf(character);
    if (index === -1) return undefined;
    id = (id << 6n) | BigInt(index);
  }
  return (id << 10n) | BigInt(version);
}
