// A name from the file as an element: its own direction, escapes marked as binary, long ones opened by a click.
import type { InspectName } from '../lib/targets/inspect/report.ts';
import { h } from './dom.ts';
import { shown } from './names.ts';

/** Beyond so many characters a name is cut by its cell, and becomes a button that shows it whole. */
const FITS = 40;

/** @param empty what stands for a name without a character, as `(empty name)` */
export function nameElement(name: InspectName, empty = '(empty name)'): HTMLElement {
  if (name.text === '') return h('span', { class: 'nameless' }, empty);
  const text = shown(name.text);
  const element = h('bdi', { class: 'name' }, text);
  const parts: Node[] = [element];
  if (name.base64 !== undefined) {
    parts.push(h('span', { class: 'mark', title: `base64: ${name.base64.slice(0, 200)}` }, 'binary'));
  }
  if (text.length <= FITS) return h('span', { class: 'name-cell' }, ...parts);
  const button = h('button', { type: 'button', class: 'name-cell long', 'aria-expanded': 'false' }, ...parts);
  button.addEventListener('click', () => {
    button.setAttribute('aria-expanded', String(button.getAttribute('aria-expanded') !== 'true'));
  });
  return button;
}
