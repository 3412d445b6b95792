// The names of encodings in keyferry's JSON: what OBJECT ENCODING says where servers have a word, else the type's own.
import { stringEncoding } from '../../rdb/strings.ts';
import type { ValueType } from '../../rdb/types.ts';

/** By the type's name; strings are told by their first byte. */
const NAMES: Readonly<Record<string, string>> = {
  LIST: 'linkedlist',
  SET: 'hashtable',
  ZSET: 'skiplist',
  HASH: 'hashtable',
  ZSET_2: 'skiplist',
  MODULE_2: 'module',
  HASH_ZIPMAP: 'zipmap',
  LIST_ZIPLIST: 'ziplist',
  SET_INTSET: 'intset',
  ZSET_ZIPLIST: 'ziplist',
  HASH_ZIPLIST: 'ziplist',
  LIST_QUICKLIST: 'quicklist',
  STREAM_LISTPACKS: 'stream',
  HASH_LISTPACK: 'listpack',
  ZSET_LISTPACK: 'listpack',
  LIST_QUICKLIST_2: 'quicklist',
  STREAM_LISTPACKS_2: 'stream',
  SET_LISTPACK: 'listpack',
  STREAM_LISTPACKS_3: 'stream',
  HASH_METADATA_PRE_GA: 'hashtable',
  HASH_LISTPACK_EX_PRE_GA: 'listpackex',
  HASH_METADATA: 'hashtable',
  HASH_LISTPACK_EX: 'listpackex',
  STREAM_LISTPACKS_4: 'stream',
  STREAM_LISTPACKS_5: 'stream',
  ARRAY: 'array',
  HASH_TMPL_LP: 'template',
  HASH_TMPL_LP_REF: 'template',
  HASH_TMPL_ARRAY: 'template',
  HASH_TMPL_ARRAY_REF: 'template',
  HASH_2: 'hashtable',
  PATH_HASH: 'pathhash',
};

/** @param first the value's first byte, which tells how a string is written */
export function encodingName(type: ValueType, first: number): string {
  if (type.kind === 'string') return stringEncoding(first) ?? 'raw';
  const name = NAMES[type.name];
  if (name === undefined) throw new Error(`the encoding of ${type.name} has no name`);
  return name;
}
