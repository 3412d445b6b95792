// The configuration's JSON Schema: for editors, for the reference page, and for the words of errors.
import * as z from 'zod';
import { configSchema } from './schema.ts';

/** What of JSON Schema (draft 7, which editors of TOML know) is made here. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly propertyNames?: JsonSchema;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly enum?: readonly (string | number)[];
  readonly const?: string | number;
  readonly anyOf?: readonly JsonSchema[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** The schema of a file as it is written, before defaults. */
export function configJsonSchema(): JsonSchema {
  const made = z.toJSONSchema(configSchema, {
    io: 'input',
    target: 'draft-07',
    override: ({ jsonSchema }) => {
      // Of what is transformed zod drops `examples`, as it can't tell whether they are of before or after.
      if (!('example' in jsonSchema)) return;
      jsonSchema.examples = [jsonSchema.example as never];
      delete jsonSchema.example;
    },
  });
  return { ...made, title: 'keyferry.toml' } as JsonSchema;
}

/** The schema of the value at a path, as far as one is known. */
export function schemaAt(root: JsonSchema, path: readonly PropertyKey[]): JsonSchema | undefined {
  let at: JsonSchema | undefined = root;
  for (const part of path) {
    at = typeof part === 'number' ? at?.items : (property(at, String(part)) ?? (at?.additionalProperties || undefined));
  }
  return at;
}

function property({ properties = {} }: JsonSchema = {}, name: string): JsonSchema | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** The tables that have a key of this name, as their headers would be: `targets.NAME`. */
export function tablesWith(key: string, root: JsonSchema, header = ''): string[] {
  const below = (name: string, schema: JsonSchema) =>
    tablesWith(key, schema, header === '' ? name : `${header}.${name}`);
  return [
    ...(header !== '' && property(root, key) !== undefined ? [header] : []),
    ...Object.entries(root.properties ?? {}).flatMap(([name, schema]) => below(name, schema)),
    ...(root.additionalProperties ? below('NAME', root.additionalProperties) : []),
  ];
}
