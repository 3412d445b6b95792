// The RDB opcodes: bytes that stand where a value type could and say something else. Source: rdb.h of Redis and Valkey.

export const Opcode = {
  EOF: 0xff,
  SELECTDB: 0xfe,
  /** Expiry of the next key in seconds, i32 LE. */
  EXPIRETIME: 0xfd,
  /** Expiry of the next key in milliseconds, i64 LE. */
  EXPIRETIME_MS: 0xfc,
  RESIZEDB: 0xfb,
  AUX: 0xfa,
  /** LFU counter of the next key, one raw byte. */
  FREQ: 0xf9,
  /** LRU idle time of the next key, seconds as a length. */
  IDLE: 0xf8,
  MODULE_AUX: 0xf7,
  /** A function as Redis 7.0's release candidates wrote it. Servers refuse it since. */
  FUNCTION_PRE_GA: 0xf6,
  /** A function library: its source. */
  FUNCTION2: 0xf5,
  SLOT_INFO: 0xf4,
  /** Redis ≥ 8.6: metadata classes of the next key. */
  KEY_META: 0xf3,
  /** Valkey ≥ 9.0: a slot import in progress. The same byte as KEY_META: the magic tells them apart. */
  SLOT_IMPORT: 0xf3,
  /** Redis ≥ 8.10: a field-name template that later hashes refer to. */
  HASH_TEMPLATE: 0xf2,
  /** Valkey 9.2: an inline replication command of a forkless save. Its framing is not published: refused by name. */
  UPDATE: 0xf2,
  /** Redis Enterprise: the idle time of a key in RAM, as a length. */
  RAM_LRU: 107,
  /** Redis Enterprise: the slot of the keys that follow, as a length. */
  SLOT_NUM: 121,
} as const;
