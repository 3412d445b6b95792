// The head of the page: which files, who wrote them, and the five figures that people come for.
import type { InspectModel, InspectReport } from '../../lib/targets/inspect/report.ts';
import { type Child, h } from '../dom.ts';
import { shown, visible } from '../names.ts';
import { formatBytes, formatCount, formatRough, formatShare, formatTime } from '../numbers.ts';
import { themeButton } from '../theme.ts';

/** Above it a count is shown rounded, and exactly in the line below. */
const LONGEST_COUNT = 1e9;

/** What the report is of, in the window's title and the page's: a file without its folders. */
export function titleOf({ files }: InspectReport): string {
  const [first] = files;
  if (first === undefined) return 'no file';
  return files.length === 1
    ? shown(first.name.replace(/^.*[/\\](?=.)/s, ''), 80)
    : `${formatCount(files.length)} files`;
}

export function headline(report: InspectReport): HTMLElement {
  const { totals, files } = report;
  const none = totals.keys === 0;
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return h(
    'header',
    { class: 'top' },
    h('div', { class: 'brand' }, h('span', {}, h('strong', {}, 'keyferry'), ' inspect'), themeButton()),
    h('h1', {}, h('bdi', {}, titleOf(report))),
    h('p', { class: 'origin' }, ...origin(report)),
    h(
      'dl',
      { class: 'figures' },
      figure(
        'Keys',
        count(totals.keys),
        totals.filtered > 0
          ? `${formatCount(totals.filtered)} more left out by a filter`
          : none
            ? null
            : `${count(totals.elements)} elements in them`,
      ),
      figure(
        'Estimated memory',
        formatBytes(totals.memory + totals.tables),
        modelText(report.model),
        totals.tables > 0 ? `${formatBytes(totals.tables)} of it hash tables` : null,
      ),
      figure('In the file', formatBytes(bytes), none ? null : `${formatBytes(totals.bytes / totals.keys)} a key`),
      figure(
        'With an expiry',
        formatShare(totals.expiring, totals.keys),
        none ? null : `${formatCount(totals.expiring)} keys`,
      ),
      figure(
        'Expired already',
        formatShare(totals.expired.keys, totals.keys),
        totals.expired.keys === 0
          ? `at ${formatTime(report.now)}`
          : `${formatCount(totals.expired.keys)} keys, ${formatBytes(totals.expired.memory)}`,
      ),
    ),
  );
}

/** Server, version and time of the files; what they share where there are several. */
function origin({ files, keyferry, now }: InspectReport): Child[] {
  const parts = [
    shared(files.map(({ server }) => server ?? 'unknown server')),
    shared(files.map(({ rdb }) => rdbText(rdb))),
    ...(files.length === 1 && files[0]?.createdAt != null ? [`written ${formatTime(files[0].createdAt)}`] : []),
    `inspected ${formatTime(now)} by keyferry ${keyferry}`,
  ];
  return parts.map((text) => h('span', {}, visible(text)));
}

function shared(values: readonly string[]): string {
  return [...new Set(values)].slice(0, 3).join(', ');
}

function figure(term: string, value: string, ...notes: readonly (string | null)[]): HTMLElement {
  const lines = notes.map((note) => note !== null && h('span', { class: 'note' }, note));
  return h('div', {}, h('dt', {}, term), h('dd', {}, h('span', { class: 'value' }, value), ...lines));
}

/** `redis 10` as `RDB version 10`, another family's with its name. */
export function rdbText(rdb: string): string {
  if (rdb === '') return 'unknown RDB version';
  const [family = '', version = ''] = rdb.split(' ');
  return family === 'redis' ? `RDB version ${version}` : `RDB version ${version} (${family})`;
}

function count(value: number): string {
  return value >= LONGEST_COUNT ? formatRough(value) : formatCount(value);
}

/** `redis-7.0` as people write it, and whose memory allocator. */
function modelText({ name, allocator }: InspectModel): string {
  const [product = '', version = ''] = name.split('-');
  return `as ${product.charAt(0).toUpperCase()}${product.slice(1)} ${version} with ${allocator}`;
}
