// CRC16-XMODEM, which a cluster's slots are reckoned with.

const POLYNOMIAL = 0x1021;

const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ POLYNOMIAL : crc << 1;
  return crc;
});

/** The checksum with one byte more. It begins at 0. */
export function crc16Step(crc: number, byte: number): number {
  return ((crc << 8) & 0xffff) ^ (TABLE[(crc >>> 8) ^ byte] as number);
}

/** The checksum of the bytes from `start` to `end`: 0x31c3 for `123456789`. */
export function crc16(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let crc = 0;
  for (let at = start; at < end; at++) crc = crc16Step(crc, bytes[at] as number);
  return crc;
}
