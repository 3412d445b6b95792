// Module ids: nine characters of six bits and a version of ten, in one 64-bit number (rdb-format.md 1.5).

const CHARSET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** The name of the module type (such as `ReJSON-RL`) and the version of its encoding. */
export function parseModuleId(id: bigint): { name: string; version: number } {
  let name = '';
  for (let shift = 58n; shift >= 10n; shift -= 6n) name += CHARSET[Number((id >> shift) & 63n)];
  return { name, version: Number(id & 1023n) };
}
