// Replies as JavaScript values: bytes as latin1 text, RESP2's flat name-value lists as records.

/** The same reply with each Buffer as latin1 text, which loses no byte and compares as a string. */
export function asText(reply: unknown): unknown {
  if (Buffer.isBuffer(reply)) return reply.toString('latin1');
  return Array.isArray(reply) ? reply.map(asText) : reply;
}

/** `[name, value, name, value, …]` as a record. Values stay lists: only their meaning tells which are records again. */
export function asMap(reply: unknown): Record<string, unknown> {
  const flat = asText(reply);
  if (!Array.isArray(flat) || flat.length % 2 !== 0)
    throw new Error(`a list of names and values was expected: ${flat}`);
  const map: Record<string, unknown> = {};
  for (let i = 0; i < flat.length; i += 2) map[String(flat[i])] = flat[i + 1];
  return map;
}
