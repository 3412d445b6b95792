// What tells an element of a container from the others: no two in a container agree in it.
import type { ArrayItem, HashField, HashPath, ZsetEntry } from '../value.ts';

export function ofMember(member: Buffer): Buffer {
  return member;
}

export function ofEntry({ member }: ZsetEntry): Buffer {
  return member;
}

export function ofField({ field }: HashField): Buffer {
  return field;
}

export function ofPath({ path }: HashPath): Buffer {
  return path;
}

export function ofItem({ index }: ArrayItem): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(index);
  return bytes;
}
