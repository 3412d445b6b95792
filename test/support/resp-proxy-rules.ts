// What the proxies in front of Redis let through: by the sources of Twemproxy 0.4 (nc_redis.c) and Codis 3.2 (mapper.go).

export type ProxyKind = 'twemproxy' | 'codis';

/** How many arguments follow the key: exactly so many, or any number. */
type Arity = number | 'any';

/** Twemproxy knows these; at any other command, or another number of arguments, it closes the connection. */
const TWEMPROXY: Readonly<Record<string, Arity>> = {
  ...every(['DUMP', 'EXISTS', 'GET', 'HGETALL', 'HKEYS', 'HLEN', 'LLEN', 'PERSIST', 'PTTL', 'SCARD', 'SMEMBERS'], 0),
  ...every(['STRLEN', 'TTL', 'TYPE', 'ZCARD'], 0),
  ...every(['APPEND', 'EXPIRE', 'EXPIREAT', 'GETSET', 'HGET', 'LINDEX', 'PEXPIRE', 'PEXPIREAT'], 1),
  ...every(['SETNX', 'SISMEMBER', 'ZSCORE'], 1),
  // RESTORE without REPLACE, ABSTTL, IDLETIME and FREQ; HSET of one field
  ...every(['HSET', 'HSETNX', 'LRANGE', 'LTRIM', 'PSETEX', 'RESTORE', 'SETEX', 'SETRANGE'], 2),
  ...every(['DEL', 'EVAL', 'EVALSHA', 'HDEL', 'HMGET', 'HMSET', 'HSCAN', 'LPUSH', 'MGET', 'MSET', 'PFADD'], 'any'),
  ...every(['RPUSH', 'SADD', 'SET', 'SREM', 'SSCAN', 'ZADD', 'ZRANGE', 'ZREM', 'ZSCAN'], 'any'),
};

/** Codis refuses these and sends all others, also those that it does not know, to where their first argument belongs. */
const CODIS_REFUSES = new Set([
  ...['BITOP', 'BLPOP', 'BRPOP', 'BRPOPLPUSH', 'CLIENT', 'CONFIG', 'DBSIZE', 'DEBUG', 'DISCARD', 'EXEC', 'FLUSHALL'],
  ...['FLUSHDB', 'KEYS', 'LASTSAVE', 'MIGRATE', 'MONITOR', 'MOVE', 'MSETNX', 'MULTI', 'OBJECT', 'PSYNC', 'PUBLISH'],
  ...['RANDOMKEY', 'RENAME', 'RENAMENX', 'REPLCONF', 'RESTORE', 'SAVE', 'SCAN', 'SCRIPT', 'SLOWLOG', 'SYNC', 'TIME'],
  ...['SUBSCRIBE', 'UNWATCH', 'WATCH'],
]);

/** Whether the proxy lets a command of so many parts, its name included, through to a server. */
export function passes(kind: ProxyKind, command: string, parts: number): boolean {
  if (kind === 'codis') return !CODIS_REFUSES.has(command);
  const arity = TWEMPROXY[command];
  return arity !== undefined && parts >= 2 && (arity === 'any' || parts === 2 + arity);
}

/** How many arguments make one key's share of a command that a proxy splits by keys. */
export const SPLIT: Readonly<Record<ProxyKind, Readonly<Record<string, number>>>> = {
  twemproxy: { DEL: 1, MGET: 1, MSET: 2 },
  codis: { DEL: 1, EXISTS: 1, MGET: 1, MSET: 2 },
};

function every(names: readonly string[], arity: Arity): Record<string, Arity> {
  return Object.fromEntries(names.map((name) => [name, arity]));
}
