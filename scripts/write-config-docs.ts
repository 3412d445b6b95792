// Writes what follows from the configuration's schema: docs/keyferry.schema.json, and the tables in docs/configuration.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configJsonSchema, type JsonSchema } from '../lib/config/json-schema.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const SCHEMA_FILE = join(root, 'docs', 'keyferry.schema.json');
export const PAGE_FILE = join(root, 'docs', 'configuration.md');

const BEGIN = '<!-- written by scripts/write-config-docs.ts: begin -->';
const END = '<!-- written by scripts/write-config-docs.ts: end -->';

/** The text of docs/keyferry.schema.json. */
export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

/** The page with its tables as the schema has them; what stands outside the marks stays. */
export function withTables(page: string): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/configuration.md has lost its marks: ${BEGIN} and ${END}`);
  return `${page.slice(0, from)}${BEGIN}\n\n${sections(configJsonSchema(), '').join('\n')}\n${page.slice(to)}`;
}

/** A section for a table and for each one in it, in the order of the schema. */
function sections(table: JsonSchema, header: string): string[] {
  const properties = Object.entries(table.properties ?? {});
  const settings = properties.filter(([, { properties, additionalProperties, items }]) => {
    const holdsTables = additionalProperties && additionalProperties.type === 'object';
    return items?.type === 'object' || (properties === undefined && !holdsTables);
  });
  const own = [
    `### ${header === '' ? 'At the top' : `\`${header}\``}\n`,
    ...(header !== '' && table.description !== undefined ? [`${table.description}\n`] : []),
    ...(settings.length === 0 ? [] : [rows(settings, table.required ?? [])]),
  ];
  const below = properties.flatMap(([name, schema]) => {
    const inner = header === '' ? name : `${header.slice(1, -1)}.${name}`;
    if (schema.properties !== undefined) return sections(schema, `[${inner}]`);
    const { additionalProperties: each, items, description } = schema;
    if (each && each.type === 'object')
      return sections({ ...each, ...(description && { description }) }, `[${inner}.NAME]`);
    if (items?.type === 'object') return sections({ ...items, description: 'Each one in the list.' }, `[[${inner}]]`);
    return [];
  });
  return [...own, ...below];
}

function rows(settings: readonly (readonly [string, JsonSchema])[], required: readonly string[]): string {
  const lines = settings.map(([name, schema]) => {
    const preset = required.includes(name) ? 'required' : code(schema.default);
    return `| \`${name}\` | ${form(schema)} | ${preset} | ${schema.description ?? ''} |`;
  });
  return ['| key | value | default | meaning |', '| --- | --- | --- | --- |', ...lines, ''].join('\n');
}

/** What may stand there. */
function form(schema: JsonSchema): string {
  const { type, enum: words, const: word, anyOf, examples, minimum, maximum, pattern = '', items } = schema;
  if (examples !== undefined) return code(examples[0]);
  if (word !== undefined) return code(word);
  if (words !== undefined) return words.map(code).join(', ');
  if (anyOf !== undefined) return anyOf.map(form).join(' or ');
  if (type === 'integer') return `${minimum} to ${maximum}`;
  if (type === 'boolean') return '`true`, `false`';
  if (type === 'array') return items?.type === 'object' ? 'list of tables' : `list of ${form(items ?? {})}`;
  return pattern.startsWith('^arn:') ? 'an ARN' : 'text';
}

/** A value as TOML has it; nothing for none and for empty tables. */
function code(value: unknown): string {
  if (value === undefined || JSON.stringify(value) === '{}') return '';
  return `\`${toml(value)}\``;
}

function toml(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(toml).join(', ')}]`;
  return `{ ${Object.entries(value)
    .map(([key, below]) => `${key} = ${toml(below)}`)
    .join(', ')} }`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(SCHEMA_FILE, schemaText());
  writeFileSync(PAGE_FILE, withTables(readFileSync(PAGE_FILE, 'utf8')));
}
