// Builds elements. Everything from a report becomes text or an attribute here, never markup.

export type Child = Node | string | number | null | undefined | false;

/** Attributes by their HTML names; `on` holds listeners, `style` custom properties and widths (inline styles are barred). */
export interface Attributes {
  readonly [name: string]: unknown;
  readonly on?: { readonly [event: string]: (event: Event) => void };
  readonly style?: Readonly<Record<string, string>>;
}

/** An element with attributes and children; `null`, `undefined` and `false` leave an attribute or a child out. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'on' || key === 'style' || value === undefined || value === null || value === false) continue;
    element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const [event, listener] of Object.entries(attributes.on ?? {})) element.addEventListener(event, listener);
  for (const [property, value] of Object.entries(attributes.style ?? {})) element.style.setProperty(property, value);
  element.append(...nodes(children));
  return element;
}

/** Children without those that are left out. */
export function nodes(children: readonly Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === 'number' ? String(child) : (child as Node | string)));
}
