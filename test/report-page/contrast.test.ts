// The report page's colours: text is readable on what it stands on, in both themes (WCAG 2.2, 1.4.3: 4.5 to 1).
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const style = readFileSync(new URL('../../report-page/style.css', import.meta.url), 'utf8');
const THEMES = { light: /:root \{([^}]*)\}/, dark: /:root\[data-theme="dark"\] \{([^}]*)\}/ };
const PAIRS = [
  ...['paper', 'raised', 'group', 'tile-rest'].map((ground) => ['ink', ground] as const),
  ...['paper', 'raised'].map((ground) => ['soft', ground] as const),
  ['accent', 'paper'],
  ['accent-strong', 'paper'],
  ['on-accent', 'accent'],
  ['ink', 'chosen'],
  ['ink', 'damage-wash'],
  ['ink', 'warning-wash'],
  ['damage', 'damage-wash'],
  ['warning', 'warning-wash'],
  ...[0, 1, 2, 3, 4].map((step) => [`heat-ink-${step}`, `heat-${step}`] as const),
] as const;

test.for(Object.entries(THEMES))('%s', ([, block]) => {
  const text = style.match(block)?.[1] ?? '';
  const colours = new Map(
    [...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [name, hex]),
  );
  const poor = PAIRS.filter(([ink, ground]) => contrast(colours.get(ink), colours.get(ground)) < 4.5);
  expect(poor).toEqual([]);
});

/** From 1, equal, to 21, black on white; 0 where a colour is not there. */
function contrast(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return 0;
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
