// Keys in JSON: text where they are text, base64 where they are not, so that no byte is lost.

/** `key` is `null` for a key that is not valid UTF-8; `keyBase64` then holds its bytes. */
export type KeyJson = { key: string } | { key: null; keyBase64: string };

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function keyJson(key: Uint8Array): KeyJson {
  try {
    return { key: utf8.decode(key) };
  } catch {
    return { key: null, keyBase64: Buffer.from(key.buffer, key.byteOffset, key.length).toString('base64') };
  }
}

/** One line of JSON that a terminal may show: control characters that JSON leaves as they are, are escaped too. */
export function jsonLine(value: unknown): string {
  const text = JSON.stringify(value).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}
