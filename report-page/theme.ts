// Dark and light: the system's choice until the reader makes one. Charts are drawn again when it changes.
import { h } from './dom.ts';
import { type Observable, observable } from './observable.ts';

export type Theme = 'light' | 'dark';

const system = matchMedia('(prefers-color-scheme: dark)');

export const theme: Observable<Theme> = observable<Theme>(system.matches ? 'dark' : 'light');
system.addEventListener('change', () => theme.set(system.matches ? 'dark' : 'light'));
theme.watch((value) => {
  document.documentElement.dataset.theme = value;
});

/** A colour of style.css by its name there, as charts on a canvas need it. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** On paper all is light; the screen's theme comes back afterwards. */
export function lightOnPaper(): void {
  let screen = theme.value;
  addEventListener('beforeprint', () => {
    screen = theme.value;
    theme.set('light');
  });
  addEventListener('afterprint', () => theme.set(screen));
}

export function themeButton(): HTMLElement {
  const button = h('button', { type: 'button', class: 'theme' });
  button.addEventListener('click', () => theme.set(theme.value === 'dark' ? 'light' : 'dark'));
  theme.watch((value) => {
    button.textContent = value === 'dark' ? 'Light theme' : 'Dark theme';
  });
  return button;
}
