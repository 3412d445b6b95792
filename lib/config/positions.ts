// Where each key and value of a TOML document stands in its text, which the parser does not tell.
import { parse } from 'smol-toml';

/** Names of keys and indexes of array elements, from the document's root on. */
export type KeyPath = readonly PropertyKey[];

/** Offsets in the text, in UTF-16 code units. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A key or an array's element, and what lies below it. */
export interface Place {
  /** The key, or the header that names a table; an element's own beginning. */
  readonly key: Span;
  /** The value as written; for a table with a header the header. */
  value: Span;
  readonly children: Map<string, Place>;
  /** Made by `[[NAME]]`: a later header that goes through it means its last element. */
  readonly tables: boolean;
}

/**
 * Finds all keys and values. The text must be one that smol-toml takes: nothing is checked again here.
 *
 * @see https://toml.io/en/v1.0.0
 */
export function findPlaces(text: string): Place {
  return new Scanner(text).document();
}

/** The place of a path, or that of the nearest table around it. */
export function placeOf(root: Place, path: KeyPath): Place {
  let place = root;
  for (const part of path) {
    const child = place.children.get(String(part));
    if (child === undefined) return place;
    place = child;
  }
  return place;
}

/** Line and column of an offset, from 1 on; a column is a character. */
export function lineAndColumn(text: string, offset: number): { line: number; column: number } {
  const lines = text.slice(0, offset).split('\n');
  return { line: lines.length, column: [...(lines.at(-1) as string)].length + 1 };
}

/** A part of a key: decoded, and where it stands. */
interface KeyPart {
  readonly name: string;
  readonly span: Span;
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Place {
    const root = place({ start: 0, end: 0 });
    let table = root;
    for (this.#skip(/[\s\uFEFF]/); this.#at < this.#text.length; this.#skip(/\s/)) {
      if (this.#text[this.#at] === '[') table = this.#header(root);
      else this.#pair(table);
    }
    return root;
  }

  /** `[a.b]` or `[[a.b]]`: the table that the pairs below it belong to. */
  #header(root: Place): Place {
    const start = this.#at;
    const repeated = this.#text.startsWith('[[', start);
    this.#at += repeated ? 2 : 1;
    const parts = this.#key(']');
    this.#at += repeated ? 2 : 1;
    const span = { start, end: this.#at };
    const last = parts.pop() as KeyPart;
    const parent = descend(root, parts);
    const known = parent.children.get(last.name);
    if (!repeated) {
      const table = known ?? add(parent, last.name, place(last.span, span));
      table.value = span;
      return table;
    }
    const list = known ?? add(parent, last.name, place(last.span, span, true));
    return add(list, String(list.children.size), place(last.span, span));
  }

  /** `a.b = value`. */
  #pair(table: Place): void {
    const parts = this.#key('=');
    this.#at++;
    this.#skip(/[ \t]/);
    const last = parts.pop() as KeyPart;
    const parent = descend(table, parts);
    this.#value(add(parent, last.name, place(last.span)));
  }

  /** Reads up to the sign that ends the key, and stops there. */
  #key(end: '=' | ']'): KeyPart[] {
    const parts: KeyPart[] = [];
    for (;;) {
      this.#skip(/[ \t]/);
      const start = this.#at;
      const quote = this.#text[start];
      if (quote === '"' || quote === "'") this.#string();
      else while (/[\w-]/.test(this.#text[this.#at] ?? '')) this.#at++;
      const span = { start, end: this.#at };
      // The parser itself decodes quotes and escapes.
      const [name = ''] = Object.keys(parse(`${this.#text.slice(start, this.#at)} = 0`));
      parts.push({ name, span });
      this.#skip(/[ \t]/);
      if (this.#text[this.#at] === end) return parts;
      this.#at++;
    }
  }

  #value(at: Place): void {
    const start = this.#at;
    const first = this.#text[start];
    if (first === '[') this.#array(at);
    else if (first === '{') this.#inlineTable(at);
    else if (first === '"' || first === "'") this.#string();
    else {
      while (!/[,\]}#\r\n]/.test(this.#text[this.#at] ?? '\n')) this.#at++;
      while (/[ \t]/.test(this.#text[this.#at - 1] ?? '')) this.#at--;
    }
    at.value = { start, end: this.#at };
  }

  #array(list: Place): void {
    this.#at++;
    for (;;) {
      this.#skip(/[\s,]/);
      if (this.#text[this.#at] === ']') break;
      const element = place({ start: this.#at, end: this.#at });
      this.#value(add(list, String(list.children.size), element));
    }
    this.#at++;
  }

  #inlineTable(table: Place): void {
    this.#at++;
    for (;;) {
      this.#skip(/[\s,]/);
      if (this.#text[this.#at] === '}') break;
      this.#pair(table);
    }
    this.#at++;
  }

  /** From its first quote to behind its last. */
  #string(): void {
    const quote = this.#text[this.#at] as string;
    const triple = this.#text.startsWith(quote.repeat(3), this.#at);
    const end = triple ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (!this.#text.startsWith(end, this.#at)) this.#at += quote === '"' && this.#text[this.#at] === '\\' ? 2 : 1;
    this.#at += end.length;
    // Up to two quotes may stand right before those that end it.
    if (triple) while (this.#text[this.#at] === quote) this.#at++;
  }

  /** Skips these characters, and comments between them. */
  #skip(these: RegExp): void {
    for (;;) {
      while (these.test(this.#text[this.#at] ?? 'x')) this.#at++;
      if (this.#text[this.#at] !== '#') return;
      while (!/\n/.test(this.#text[this.#at] ?? '\n')) this.#at++;
    }
  }
}

const place = (key: Span, value: Span = key, tables = false): Place => ({ key, value, children: new Map(), tables });

function add(parent: Place, name: string, child: Place): Place {
  parent.children.set(name, child);
  return child;
}

/** Goes down the names, making what is not there yet; in an array of tables to its last one. */
function descend(from: Place, parts: readonly KeyPart[]): Place {
  let at = from;
  for (const { name, span } of parts) {
    at = at.children.get(name) ?? add(at, name, place(span));
    if (at.tables) at = at.children.get(String(at.children.size - 1)) as Place;
  }
  return at;
}
