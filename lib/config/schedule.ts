// When a backup is made, in the words of EventBridge Scheduler: rate(1 day), cron(30 3 * * ? *). How far apart two runs can
// be tells when a backup is too old.

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const UNIT_MS: Readonly<Record<string, number>> = { minute: MINUTE_MS, hour: 3_600_000, day: DAY_MS };

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const WEEKDAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

/** What is looked through: a leap year and those around it. */
const FIRST_YEAR = 2025;
const YEARS = 8;

/** One field of a cron expression: whether a value is meant. */
type Field = (value: number) => boolean;
/** Those of days may depend on the month around them. */
type DayField = (day: Date) => boolean;

/**
 * The longest time between two runs of a schedule, in ms.
 *
 * @returns `undefined` for what is no such expression, or never comes twice
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 * @example longestGap('cron(0 3 ? * MON-FRI *)') // three days: from Friday to Monday
 */
export function longestGap(schedule: string): number | undefined {
  const [, count = '', unit = ''] = /^rate\(([1-9]\d{0,5}) (minute|hour|day)s?\)$/.exec(schedule) ?? [];
  if (count !== '') return Number(count) * (UNIT_MS[unit] as number);
  const fields = /^cron\(([^()]*)\)$/.exec(schedule)?.[1]?.split(' ') ?? [];
  return fields.length === 6 ? longestGapOf(fields) : undefined;
}

function longestGapOf([minute = '', hour = '', day = '', month = '', weekday = '', year = '']: string[]) {
  // One of the two says nothing: else which of them counts?
  if ((day === '?') === (weekday === '?')) return undefined;
  const minutes = valuesOf(minute, 0, 59);
  const hours = valuesOf(hour, 0, 23);
  const months = fieldOf(month, 1, 12, MONTHS);
  const years = fieldOf(year, 1970, 2199);
  const days = day === '?' ? weekdayField(weekday) : dayField(day);
  if (minutes === undefined || hours === undefined || !months || !years || !days) return undefined;
  const times = hours.flatMap((each) => minutes.map((of) => (each * 60 + of) * MINUTE_MS));
  const withinDay = Math.max(0, ...times.slice(1).map((time, at) => time - (times[at] as number)));
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  let longest: number | undefined;
  let before: number | undefined;
  for (let at = Date.UTC(FIRST_YEAR, 0); at < Date.UTC(FIRST_YEAR + YEARS, 0); at += DAY_MS) {
    const date = new Date(at);
    if (!months(date.getUTCMonth() + 1) || !years(date.getUTCFullYear()) || !days(date)) continue;
    if (before !== undefined) longest = Math.max(longest ?? 0, withinDay, at + first - before);
    before = at + last;
  }
  return longest;
}

/** Comma-separated: `*`, a value, a range, either with a step. */
function fieldOf(text: string, least: number, most: number, names: readonly string[] = []): Field | undefined {
  const parts = text.split(',').map((part) => rangeOf(part, least, most, names));
  if (parts.some((part) => part === undefined)) return undefined;
  return (value) =>
    (parts as Range[]).some(({ from, to, step }) => value >= from && value <= to && (value - from) % step === 0);
}

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
}

function rangeOf(text: string, least: number, most: number, names: readonly string[]): Range | undefined {
  const [, begin = '', end, every] = /^(\*|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(text) ?? [];
  const numberOf = (word: string): number => {
    const named = names.indexOf(word.toUpperCase());
    return named >= 0 ? named + least : /^\d+$/.test(word) ? Number(word) : Number.NaN;
  };
  const from = begin === '*' ? least : numberOf(begin);
  const to = end !== undefined ? numberOf(end) : begin === '*' || every !== undefined ? most : from;
  const step = Number(every ?? 1);
  const inBounds = from >= least && to <= most && from <= to && step >= 1;
  return begin !== '' && inBounds && !(begin === '*' && end !== undefined) ? { from, to, step } : undefined;
}

function valuesOf(text: string, least: number, most: number): number[] | undefined {
  const field = fieldOf(text, least, most);
  if (field === undefined) return undefined;
  return Array.from({ length: most - least + 1 }, (_, at) => least + at).filter(field);
}

const lastOf = (date: Date): number =>
  new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate();

/** Days of the month, `L` for its last; `15W` for the weekday that is next to it. */
function dayField(text: string): DayField | undefined {
  if (text === 'L') return (date) => date.getUTCDate() === lastOf(date);
  const near = Number(/^(\d{1,2})W$/.exec(text)?.[1]);
  if (near >= 1 && near <= 31) return (date) => date.getUTCDate() === weekdayNear(date, near);
  const field = fieldOf(text, 1, 31);
  return field && ((date) => field(date.getUTCDate()));
}

/** Never in another month. */
function weekdayNear(date: Date, day: number): number {
  const last = lastOf(date);
  if (day > last) return 0;
  const weekday = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), day)).getUTCDay();
  if (weekday === 6) return day === 1 ? 3 : day - 1;
  if (weekday === 0) return day === last ? day - 2 : day + 1;
  return day;
}

/** Days of the week from SUN or 1 on; `6L` for the month's last Friday, `6#2` for its second. */
function weekdayField(text: string): DayField | undefined {
  const [, only = '', nth] = /^([1-7]|[A-Za-z]{3})(?:L|#([1-5]))$/.exec(text) ?? [];
  if (only === '') {
    const field = text === 'L' ? (value: number) => value === 7 : fieldOf(text, 1, 7, WEEKDAYS);
    return field && ((date) => field(date.getUTCDay() + 1));
  }
  const field = fieldOf(only, 1, 7, WEEKDAYS);
  return (
    field &&
    ((date) => {
      const day = date.getUTCDate();
      const meant = nth === undefined ? day > lastOf(date) - 7 : Math.ceil(day / 7) === Number(nth);
      return meant && field(date.getUTCDay() + 1);
    })
  );
}
