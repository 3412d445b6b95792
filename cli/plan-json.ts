// What files hold, for machines: `keyferry plan --json`.
import { dialectOf } from '../lib/rdb/dialect.ts';
import type { PlannedFile } from './plan-view.ts';

/** Absent values are `null`; the CRC64 is hexadecimal. */
export function planJson(files: readonly PlannedFile[], version: string): object {
  return { keyferry: version, files: files.map(fileJson) };
}

function fileJson({ name, plan, planPath, unpackedPath, reused }: PlannedFile): object {
  const known = dialectOf(plan.dialect, plan.version).types;
  return {
    name,
    dialect: plan.dialect,
    version: plan.version,
    bytes: plan.bytes,
    checksum: plan.checksum,
    crc64: plan.crc.toString(16).padStart(16, '0'),
    keys: plan.keys,
    expires: plan.expires,
    largest: plan.largest,
    idle: plan.idle,
    freq: plan.freq,
    dbs: plan.dbs,
    types: plan.types.map((type) => ({ kind: known[type.code]?.kind ?? null, ...type })),
    modules: plan.modules,
    functions: plan.functions.length,
    scripts: plan.scripts.length,
    unrestorable: plan.unrestorable,
    aux: Object.fromEntries(plan.aux),
    tail: plan.tail ?? null,
    chunks: plan.chunks,
    plan: planPath ?? null,
    planReused: reused,
    unpacked: unpackedPath ?? null,
  };
}
