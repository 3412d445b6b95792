// Doubles as text, the way of the tools whose shapes are written.

/** The shortest digits that tell the double, without a point: the value is `0.digits` × 10^`point`. */
interface Digits {
  readonly sign: '' | '-';
  readonly digits: string;
  /** Where the point stands in the digits: 0 before the first. */
  readonly point: number;
}

/** Of a finite double. */
function shortest(value: number): Digits {
  const [mantissa, exponent] = Math.abs(value).toExponential().split('e') as [string, string];
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  return { sign, digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
}

/** Digits with the point among them or before them, and at least one digit on both sides. */
function plain(digits: string, point: number): string {
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return `${digits}${'0'.repeat(point - digits.length)}.0`;
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/** `inf`, `-inf`, `nan`; `undefined` for a finite double. */
export function notFinite(value: number): string | undefined {
  if (Number.isFinite(value)) return undefined;
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
}

/**
 * A finite double as Ruby's Float#to_s has it: `100.0`, `0.0001`, `1.0e-05`, `1.0e+16`. At most 16 digits in front of the
 * point, at most three zeros behind it; beyond that an exponent of two digits or more.
 */
export function rubyFloat(value: number): string {
  const { sign, digits, point } = shortest(value);
  if (value === 0) return `${sign}0.0`;
  if (point > -4 && point <= 16) return sign + plain(digits, point);
  const exponent = String(Math.abs(point - 1)).padStart(2, '0');
  return `${sign}${plain(digits, 1)}e${point > 0 ? '+' : '-'}${exponent}`;
}

/** A finite double as Go's encoding/json has it: as in JavaScript, but that −0 keeps its sign. */
export function goFloat(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Half of the largest 64-bit integer: whole numbers up to it are written with all their digits. */
const LARGEST_WHOLE = 2 ** 62;

/**
 * A double as servers since Redis 7.2 and librdb have it: whole numbers up to 2^62 in full, others as fpconv writes them,
 * without an exponent as long as that adds few zeros.
 */
export function serverDouble(value: number): string {
  const word = notFinite(value);
  if (word !== undefined) return word;
  if (Number.isInteger(value) && Math.abs(value) <= LARGEST_WHOLE) {
    return Object.is(value, -0) ? '-0' : BigInt(value).toString();
  }
  const { sign, digits, point } = shortest(value);
  const zeros = point - digits.length; // behind the digits; below 0: digits behind the point
  const exponent = point - 1;
  if (zeros >= 0 && exponent < digits.length + 7) return sign + digits + '0'.repeat(zeros);
  if (zeros < 0 && (zeros > -7 || Math.abs(exponent) < 4)) return sign + plain(digits, point);
  const mantissa = digits.length === 1 ? digits : plain(digits, 1);
  return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${Math.abs(exponent)}`;
}
