// Module ids: nine characters of six bits and a version of ten, in one 64-bit number (rdb-format.md 1.5).

const CHARSET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The name of the module type (such as `ReJSON-RL`) and the version of its encoding. */
export function parseModuleId(id: bigint): { name: string; version: number } {
  let name = '';
  for (let shift = 58n; shift >= 10n; shift -= 6n) name += CHARSET[Number((id >> shift) & 63n)];
  return { name, version: Number(id & 1023n) };
}

const NAME_LENGTH = 9;

/** The highest version of a module type's encoding: ten bits. */
export const LATEST_MODULE_VERSION = 1023;

/**
 * The id of a module type: the inverse of {@link parseModuleId}.
 *
 * @returns `undefined` for what is no name: nine characters of 64 (rdb-format.md 1.5)
 */
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
