// JSON of a job's own state, which holds what JSON has no form for: 64-bit numbers, maps and bytes.

/** Plain data with bigints, maps and buffers. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, name: string, shown: unknown) {
    // A buffer has turned itself into something else by now.
    const given = this[name];
    if (Buffer.isBuffer(given)) return { $bytes: given.toString('base64') };
    if (typeof given === 'bigint') return { $bigint: String(given) };
    if (given instanceof Map) return { $map: [...given] };
    return shown;
  });
}

/** What {@link toJson} was given; its shape is the caller's word. */
export function fromJson<T>(text: string): T {
  return JSON.parse(text, (_, value: unknown) => {
    const { $bytes, $bigint, $map } = (value ?? {}) as {
      $bytes?: string;
      $bigint?: string;
      $map?: [unknown, unknown][];
    };
    if ($bytes !== undefined) return Buffer.from($bytes, 'base64');
    if ($bigint !== undefined) return BigInt($bigint);
    return $map === undefined ? value : new Map($map);
  }) as T;
}
