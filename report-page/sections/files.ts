// Each file as it describes itself: server, version, time, and the fields of its head.
import type { InspectFile } from '../../lib/targets/inspect/report.ts';
import { h } from '../dom.ts';
import { nameElement } from '../name.ts';
import { shown, visible } from '../names.ts';
import { formatBytes, formatCount, formatTime } from '../numbers.ts';
import { type Section, section } from '../section.ts';
import { rdbText } from './headline.ts';

export const files: Section = ({ report }) => {
  if (report.files.length === 0) return null;
  return section(
    'files',
    report.files.length === 1 ? 'File' : 'Files',
    null,
    h('div', { class: 'files' }, ...report.files.map(fileFacts)),
  );
};

function fileFacts(file: InspectFile): HTMLElement {
  const rows: [string | Node, string | Node][] = [
    ['Format', visible(rdbText(file.rdb))],
    ['Written by', file.server === null ? 'the file does not say' : visible(file.server)],
    ['Written at', file.createdAt === null ? 'the file does not say' : formatTime(file.createdAt)],
    ['Memory of that server', file.usedMemory === null ? 'the file does not say' : formatBytes(file.usedMemory)],
    ['Size', `${formatBytes(file.bytes)} (${formatCount(file.bytes)} bytes)`],
    ['Keys', formatCount(file.keys)],
    ...file.aux.map(({ name, value }): [Node, Node] => [nameElement(name), nameElement(value, '(empty)')]),
  ];
  return h(
    'div',
    { class: 'part file' },
    h('h3', {}, h('bdi', { class: 'name' }, shown(file.name))),
    h('dl', {}, ...rows.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)))),
  );
}
