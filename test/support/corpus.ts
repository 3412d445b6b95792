// The corpus of RDB files that other projects test with, and their JSON beside it in terms of our decoded values.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeValue, type LogicalValue } from '../../lib/rdb/decode.ts';
import { readLength, readString } from '../../lib/rdb/strings.ts';
import { idText, text } from './decoded.ts';
import { type RecordFacts, scanFile } from './scan-events.ts';

const FOLDER = fileURLToPath(new URL('../../../shared/corpus', import.meta.url));
const PROJECTS = ['librdb', 'rdb-go'] as const;

/** A note to append to the title of a test that is skipped, empty where the corpus is at hand. */
export const corpusLacks = existsSync(FOLDER) ? '' : ' [skipped: ../shared/corpus is not beside this checkout]';

/** The files, as `PROJECT/NAME.rdb`, in order; none where the corpus is not at hand. */
export function corpusFiles(): string[] {
  if (corpusLacks !== '') return [];
  return PROJECTS.flatMap((project) =>
    readdirSync(join(FOLDER, project))
      .filter((name) => name.endsWith('.rdb'))
      .sort()
      .map((name) => `${project}/${name}`),
  );
}

export function readCorpus(file: string): Buffer {
  return readFileSync(join(FOLDER, file));
}

/** The text of a file of the corpus; `undefined` where there is none. */
export function corpusText(file: string): string | undefined {
  const path = join(FOLDER, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export interface CorpusKey {
  readonly db: number;
  readonly key: Buffer;
  readonly expireAt: bigint | undefined;
  /** The type's byte and the value's bytes. */
  readonly span: Buffer;
  readonly value: LogicalValue;
}

/** A file of the corpus, read and decoded as a whole. */
export interface CorpusContent {
  readonly records: readonly RecordFacts[];
  readonly keys: readonly CorpusKey[];
  readonly aux: Readonly<Record<string, string>>;
  readonly functions: readonly string[];
}

/** @throws {RdbError} */
export function readContent(bytes: Buffer): CorpusContent {
  const { records, scanner } = scanFile(bytes);
  const keys = records.flatMap((record) => {
    if (record.event !== 'KEY') return [];
    const { keyStart = 0, valueStart = 0, end, db, expireAt } = record;
    const type = scanner.dialect?.types[bytes[keyStart - 1] as number];
    if (type === undefined) throw new Error(`no type at ${keyStart - 1}`);
    const value = bytes.subarray(valueStart, end);
    const key = readString(bytes, keyStart).value;
    const span = Buffer.concat([Buffer.of(type.code), value]);
    return { db, key, expireAt, span, value: decodeValue(type, value, { base: valueStart }) };
  });
  const aux = records.flatMap(({ event, start }) => {
    if (event !== 'AUX') return [];
    const name = readString(bytes, start + 1);
    return [[text(name.value), text(readString(bytes, name.end).value)]];
  });
  const functions = records.flatMap(({ event, start }) =>
    event === 'FUNCTION' ? [text(readString(bytes, start + 1).value)] : [],
  );
  return { records, keys, aux: Object.fromEntries(aux), functions };
}

/** What librdb's JSON says besides keys, in our terms, as far as `wanted` has it. */
export function librdbExtras(content: CorpusContent, wanted: object, bytes: Buffer): Record<string, unknown> {
  const extras: Record<string, unknown> = {};
  if ('__aux__' in wanted) extras.__aux__ = content.aux;
  if ('__func__' in wanted) extras.__func__ = content.functions;
  const resize = content.records.find((record) => record.event === 'RESIZEDB');
  if ('__dbsize__' in wanted) extras.__dbsize__ = { size: resize?.resize?.[0], expires: resize?.resize?.[1] };
  const slot = content.records.find((record) => record.event === 'SLOT_INFO');
  if ('__slotinfo__' in wanted && slot !== undefined) {
    const idAt = slot.start + 1;
    const widths = { 0: 1, 1: 2, 2: 5 } as Record<number, number>;
    const sizeAt = idAt + (widths[(bytes[idAt] as number) >> 6] as number);
    extras.__slotinfo__ = {
      slotId: readLength(bytes, idAt),
      slotSize: readLength(bytes, sizeAt),
      slotSExpiresSize: readLength(bytes, sizeAt + 1),
    };
  }
  return extras;
}

type Json = Record<string, unknown>;

/**
 * A value in librdb's shape. Scores are numbers here, members of sets in order: see {@link librdbExpected}. Its JSON
 * drops the sign of -0.
 */
export function asLibrdb(value: LogicalValue, withMeta: boolean): unknown {
  switch (value.kind) {
    case 'string':
      return text(value.bytes);
    case 'list':
      return value.items.map(text);
    case 'set':
      return value.members.map(text).sort();
    case 'zset':
      return Object.fromEntries(value.entries.map(({ member, score }) => [text(member), score === 0 ? 0 : score]));
    case 'hash':
      return Object.fromEntries(value.fields.map((each) => [text(each.field), text(each.value)]));
    case 'module':
      return `<Content of Module '${value.name}'.`;
    case 'stream': {
      const entries = value.entries.map(({ id, fields }) => ({
        id: idText(id),
        items: Object.fromEntries(fields.map((each) => [text(each.field), text(each.value)])),
      }));
      if (!withMeta) return { entries };
      return {
        entries,
        length: Number(value.length),
        entriesAdded: Number(value.entriesAdded),
        firstID: value.firstId && idText(value.firstId),
        lastID: idText(value.lastId),
        maxDelEntryID: value.maxDeletedId && idText(value.maxDeletedId),
        groups: value.groups.map((group) => ({
          name: text(group.name),
          lastid: idText(group.lastId),
          entriesRead: Number(group.entriesRead),
          pending: group.pel.map((each) => ({
            sent: Number(each.deliveredAt),
            id: idText(each.id),
            count: Number(each.count),
          })),
          consumers: group.consumers.map((consumer) => ({
            name: text(consumer.name),
            activeTime: Number(consumer.activeAt),
            seenTime: Number(consumer.seenAt),
            ...(consumer.pel.length > 0 ? { pending: consumer.pel.map((id) => ({ id: idText(id) })) } : {}),
          })),
        })),
      };
    }
  }
  throw new Error(`librdb's JSON has no ${value.kind}`);
}

/** What librdb's JSON says of a value of that kind, with scores as numbers and sets in order. */
export function librdbExpected(kind: LogicalValue['kind'], json: unknown): unknown {
  if (kind === 'set') return [...(json as string[])].sort();
  if (kind === 'zset') {
    const score = (shown: string) => Number(shown.replace('inf', 'Infinity'));
    return Object.fromEntries(Object.entries(json as Record<string, string>).map(([m, s]) => [m, score(s)]));
  }
  // The size of a module's value counts what librdb holds of it, not bytes of the file.
  if (kind === 'module') return String(json).slice(0, String(json).indexOf(' Occupies'));
  return json;
}

/**
 * A value in rdb-go's shape. Its JSON is text: bytes that are no UTF-8 became U+FFFD there, so they do here. It has
 * deleted messages too, which {@link rdbGoExpected} leaves out, and no sizes or encodings are compared: they are
 * estimates and names of its own.
 */
export function asRdbGo({ db, key, expireAt, value }: CorpusKey): Json {
  const utf8 = (bytes: Buffer) => bytes.toString('utf8');
  const expiry = expireAt === undefined ? {} : { expiration: Number(expireAt) };
  const common = { db, key: utf8(key), ...expiry, type: value.kind };
  switch (value.kind) {
    case 'string':
      return { ...common, value: utf8(value.bytes) };
    case 'list':
      return { ...common, values: value.items.map(utf8) };
    case 'set':
      return { ...common, members: value.members.map(utf8).sort() };
    case 'zset':
      return {
        ...common,
        entries: value.entries.map((e) => ({ member: utf8(e.member), score: e.score })).sort(byText),
      };
    case 'hash': {
      const hash = Object.fromEntries(value.fields.map((each) => [utf8(each.field), utf8(each.value)]));
      const expiries = value.fields.map((each) => [utf8(each.field), Number(each.expireAt ?? 0)]);
      const some = value.fields.some((each) => each.expireAt !== undefined);
      return { ...common, hash, ...(some ? { expire: Object.fromEntries(expiries) } : {}) };
    }
    case 'stream':
      return {
        ...common,
        entries: value.entries.map(({ id, fields }) => ({
          id: idText(id),
          fields: Object.fromEntries(fields.map((each) => [utf8(each.field), utf8(each.value)])),
        })),
        len: Number(value.length),
        lastId: idText(value.lastId),
        ...(value.firstId === undefined ? {} : { firstId: idText(value.firstId) }),
        ...(value.maxDeletedId === undefined ? {} : { maxDeletedId: idText(value.maxDeletedId) }),
        ...(value.entriesAdded === undefined ? {} : { addedEntriesCount: Number(value.entriesAdded) }),
        groups: value.groups.map((group) => ({
          name: utf8(group.name),
          lastId: idText(group.lastId),
          ...(group.entriesRead === undefined ? {} : { entriesRead: Number(group.entriesRead) }),
          ...unlessEmpty(
            'pending',
            group.pel.map((each) => ({
              id: idText(each.id),
              deliveryTime: Number(each.deliveredAt),
              deliveryCount: Number(each.count),
            })),
          ),
          ...unlessEmpty(
            'consumers',
            group.consumers.map((consumer) => ({
              name: utf8(consumer.name),
              seenTime: Number(consumer.seenAt),
              // Where the file has none, rdb-go takes the time that it was seen.
              activeTime: Number(consumer.activeAt ?? consumer.seenAt),
              ...unlessEmpty('pending', consumer.pel.map(idText)),
            })),
          ),
        })),
      };
  }
  throw new Error(`rdb-go's JSON has no ${value.kind}`);
}

/** What rdb-go's JSON says of a key, without what cannot be compared. */
export function rdbGoExpected(json: Json): Json {
  const { size: _size, encoding: _encoding, version: _version, isV2: _isV2, expiration, ...rest } = json;
  const expected: Json = {
    ...rest,
    ...(expiration === undefined ? {} : { expiration: Date.parse(String(expiration)) }),
  };
  if (json.type === 'set') expected.members = [...(json.members as string[])].sort();
  if (json.type === 'zset') expected.entries = [...(json.entries as { member: string }[])].sort(byText);
  if (json.type === 'stream') {
    const nodes = (json.entries ?? []) as { msgs: { id: string; fields: object; deleted: boolean }[] }[];
    expected.entries = nodes.flatMap(({ msgs }) =>
      msgs.filter(({ deleted }) => !deleted).map(({ id, fields }) => ({ id, fields })),
    );
    expected.groups = (json.groups as object[] | undefined) ?? [];
  }
  return expected;
}

function unlessEmpty(name: string, items: readonly unknown[]): Json {
  return items.length === 0 ? {} : { [name]: items };
}

function byText(a: { member: string }, b: { member: string }): number {
  return a.member < b.member ? -1 : 1;
}
