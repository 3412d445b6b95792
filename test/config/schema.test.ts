// The schema, the JSON Schema made from it, and what the rest of keyferry makes of the same settings, agree.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { describe, expect, test } from 'vitest';
import { configJsonSchema, endpointParts, endpointUsdPerMonth } from '../../lib/config/index.ts';
import { RESTORE_OPTIONS } from '../../lib/config/restore-options.ts';
import { parseRedisUrl } from '../../lib/redis/endpoint.ts';
import { CONFLICT_POLICIES } from '../../lib/targets/redis/policy.ts';
import { PAGE_FILE, SCHEMA_FILE, schemaText, withTables } from '../../scripts/write-config-docs.ts';
import { blocks, read, root } from '../docs/documents.ts';
import { seedOr } from '../support/random.ts';
import { accepted, mistakes, network, refusal, SECRET, target } from './support.ts';

const SEED = seedOr(20_261_123);
const validate = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(configJsonSchema());
const example = readFileSync(join(root, 'keyferry.toml'), 'utf8');
/** With what the example has behind a #. */
const filledIn = example.replace(/^# (?=\[|[a-z-]+ = | {2}\{|\])/gm, '');
const withSecret = filledIn.replace(/^\[targets\.cache\.iam\]\n(?:.+\n)+/m, '');
const withIam = filledIn.replace(/^secret = .*\n/m, '');

describe('the example', () => {
  test('is valid as it is, and makes nothing that needs more than an account', () => {
    expect(accepted(example)).toMatchObject({
      targets: {},
      networks: {},
      encryption: 's3',
      removal: 'retain',
      notify: {},
    });
    expect(validate(parse(example)), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each([
    ['a secret', withSecret],
    ['IAM', withIam],
  ])('is valid when it is filled in, with %s', (_what, text) => {
    expect(accepted(text).targets.cache?.network?.name).toBe('main');
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });
});

describe('what is generated', () => {
  test('docs/keyferry.schema.json is fresh (node scripts/write-config-docs.ts)', () => {
    expect(readFileSync(SCHEMA_FILE, 'utf8')).toBe(schemaText());
  });

  test('docs/configuration.md is fresh (node scripts/write-config-docs.ts)', () => {
    const page = readFileSync(PAGE_FILE, 'utf8');
    expect(page).toBe(withTables(page));
  });

  test('every setting is described, and has a default, or an example, or can be left out', () => {
    const silent: string[] = [];
    const walk = (schema: ReturnType<typeof configJsonSchema>, at: string): void => {
      for (const [name, below] of Object.entries(schema.properties ?? {})) {
        if (below.description === undefined) silent.push(`${at}${name}`);
        walk(below, `${at}${name}.`);
        if (below.items !== undefined) walk(below.items, `${at}${name}[].`);
        if (below.additionalProperties) walk(below.additionalProperties, `${at}${name}.*.`);
      }
    };
    walk(configJsonSchema(), '');
    expect(silent).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');

  test('its TOML is valid', () => {
    for (const { text } of blocks(page).filter(({ language }) => language === 'toml')) accepted(text);
  });

  test('its error is what such a file gets', () => {
    const shown = blocks(page)
      .find(({ text }) => text.startsWith('CONFIG_INVALID'))
      ?.text.trim()
      .split('\n')
      .slice(1);
    const text = `\n\n\n\n[targets.cache]\nendpoint = "redis://h"\non-conflct = "skip"\nconcurrency = "8"\n`;
    expect(mistakes(text).map((line) => `keyferry.toml:${line}`)).toEqual(shown);
  });

  test('the price in a month follows from that of an hour', () => {
    expect(page).toContain('$0.01 an hour in each zone ($7.30 a month)');
    expect(endpointUsdPerMonth(3)).toBeCloseTo(21.9);
  });
});

describe('the JSON Schema', () => {
  const valid = [
    '',
    target(),
    target(`secret = "${SECRET}"`, 'rate = "1.5MB/s, 20keys/s"', 'db-map = { 1 = 0 }', 'ttl-shift = "-1h30m"'),
    target('iam = { user = "u", cache = "c" }', 'big-key-bytes = 65536', 'only-db = [0]'),
    network('endpoints = "existing"'),
    '[tags]\n"Kosten stelle" = "ä/1"\n[retention]\nresults = "forever"\nlogs = 365',
  ];
  test.each(valid)('takes what is valid: %j', (text) => {
    accepted(text);
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
  });

  test.each([
    ...['x = 1', 'account = "1"', 'region = "x"', 'removal = "no"', 'encryption = "kms"', 'targets = 1'],
    ...['[targets.A]\nendpoint = "redis://h"', '[targets.a]', '[targets.a]\nendpoint = "redis://u:p@h"'],
    ...[
      'mode = "x"',
      'secret = "x"',
      'concurrency = 0',
      'strict = 1',
      'rate = "5"',
      'ttl-shift = "7"',
      'only-db = []',
    ].map((line) => target(line)),
    ...[
      'db-map = { x = 1 }',
      'big-key-bytes = "x"',
      'big-key-bytes = 1',
      'tls.ca = ""',
      'iam = { user = "u" }',
      'x = 1',
    ].map((line) => target(line)),
    ...[network('endpoints = "x"'), network().replace('vpc-', 'x-'), '[tags]\n"aws:a" = "1"', '[tags]\na = "1;"'],
    ...['[notify]\nemail = "x"', '[retention]\nlogs = 31', '[retention]\nresults = "never"', '[decode]\nshape = "x"'],
  ])('refuses what the schema refuses: %j', (text) => {
    expect(refusal(text).lines).not.toEqual([]);
    expect(validate(parse(text))).toBe(false);
  });
});

describe('the same words mean the same in the terminal', () => {
  test('policies', () => {
    expect(RESTORE_OPTIONS['on-conflict'].options).toEqual(CONFLICT_POLICIES);
  });

  test('URLs: each that is taken here is one there, with the same parts', () => {
    const user = fc.constantFrom('', 'ferry@', 'a%40b@', "~!$&'()*+,;=@", '%ff@');
    const host = fc.constantFrom(
      'h',
      'a.b-c_d',
      '10.0.0.7',
      '[::1]',
      '[fe80::1]',
      '[1:2]',
      'h:1',
      'h:65535',
      'h:65536',
      '[::1]:6379',
      '-',
      '..',
    );
    const path = fc.constantFrom('', '/', '/0', '/15', '/m', '/m/', '/m/3', '/%20', '/1234567890', '/%ff');
    const scheme = fc.constantFrom('redis', 'rediss', 'valkey', 'valkeys', 'redis-sentinel', 'rediss-sentinel', 'unix');
    let taken = 0;
    fc.assert(
      fc.property(scheme, user, fc.array(host, { minLength: 1, maxLength: 2 }), path, (name, login, hosts, end) => {
        const url = `${name}://${login}${hosts.join(',')}${end}`;
        const text = `[targets.a]\nendpoint = "${url}"`;
        if (orUndefined(() => accepted(text)) === undefined) return;
        taken++;
        const { tls, sentinel, db, user: encoded } = endpointParts(url);
        const there = parseRedisUrl(url);
        expect({ tls, sentinel, db, user: encoded && decodeURIComponent(encoded) }, url).toEqual({
          tls: there.tls !== undefined,
          sentinel: there.sentinel !== undefined,
          db: there.db,
          user: there.username,
        });
        expect(endpointParts(url).hosts, url).toEqual(there.sentinel?.nodes.map((node) => node.host) ?? [there.host]);
      }),
      { seed: SEED, numRuns: 2000 },
    );
    expect(taken).toBeGreaterThan(200);
  });
});

function orUndefined<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
