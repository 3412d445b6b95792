// Puts a value that takes several lines together again.
import type { LogicalValue } from '../../rdb/value.ts';
import { formatCount } from '../../text/count.ts';
import { LineProblem } from './line-problem.ts';
import type { KeyLine, LineValue } from './line-shape.ts';

/** A key whose value is complete. */
export interface WholeKey {
  readonly head: KeyLine;
  readonly value: LogicalValue;
  /** Where it begins. */
  readonly line: number;
}

export class PartJoiner {
  #parts: KeyLine[] = [];
  /** Of the first part. */
  #line = 0;

  /** Line of the first part of a value whose last part is still to come; `undefined` when there is none. */
  get openLine(): number | undefined {
    return this.#parts.length === 0 ? undefined : this.#line;
  }

  /**
   * Takes the next line of a key.
   *
   * @returns the key, when its value is complete
   * @throws {LineProblem} `JSON_PARTS` for parts that do not follow each other
   */
  add(part: KeyLine, line: number): WholeKey | undefined {
    if (part.part === undefined) {
      this.close();
      return { head: part, value: part.value as LogicalValue, line };
    }
    this.#check(part, part.part);
    if (part.part === 1) this.#line = line;
    this.#parts.push(part);
    if (!part.last) return undefined;
    const head = this.#parts[0] as KeyLine;
    const value = joined(this.#parts.map(({ value }) => value));
    this.#parts = [];
    return { head, value, line: this.#line };
  }

  /** @throws {LineProblem} `JSON_PARTS` where a value is not complete, whatever follows */
  close(): void {
    if (this.openLine === undefined) return;
    throw problem(`the value that begins in line ${formatCount(this.#line)} has no last part before this`);
  }

  #check(next: KeyLine, number: number): void {
    const head = this.#parts[0];
    if (head === undefined || number === 1) {
      this.close();
      if (number !== 1) throw problem(`part ${number} comes without those before it`);
      return;
    }
    if (next.db !== head.db || next.type !== head.type || !next.key.equals(head.key)) this.close();
    const expected = this.#parts.length + 1;
    if (number !== expected) throw problem(`part ${number} comes where part ${expected} should be`);
    const isPathHash = head.value.kind === 'path-hash';
    if (isPathHash !== (next.value.kind === 'path-hash')) throw problem('some parts have paths and some have fields');
  }
}

function problem(message: string): LineProblem {
  return new LineProblem('JSON_PARTS', message);
}

/** Values of one kind as one; the last has what is more than elements. */
function joined(values: readonly LineValue[]): LogicalValue {
  const last = values.at(-1) as LogicalValue;
  switch (last.kind) {
    case 'string':
      return { kind: 'string', bytes: Buffer.concat(values.map((each) => (each as typeof last).bytes)) };
    case 'list':
      return { kind: 'list', items: values.flatMap((each) => (each as typeof last).items) };
    case 'set':
      return { kind: 'set', members: values.flatMap((each) => (each as typeof last).members) };
    case 'zset':
      return { kind: 'zset', entries: values.flatMap((each) => (each as typeof last).entries) };
    case 'hash':
      return { kind: 'hash', fields: values.flatMap((each) => (each as typeof last).fields) };
    case 'path-hash':
      return { kind: 'path-hash', paths: values.flatMap((each) => (each as typeof last).paths) };
    case 'stream':
      return { ...last, entries: values.flatMap((each) => (each as typeof last).entries) };
    case 'array':
      return { ...last, items: values.flatMap((each) => (each as typeof last).items) };
    case 'module':
      return last;
  }
}
