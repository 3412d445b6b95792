// Each rule of the configuration, and what is said where it is broken: line, column, key, what is wrong, the mend.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseConfig, readConfig } from '../../lib/config/index.ts';
import { accepted, FILE, mistakes, network, refusal, SECRET, target, warnings } from './support.ts';

const SIZE = (least: string, most: string) =>
  `this is no size from ${least} to ${most}. Write a number and its unit, or plain bytes: "8MiB", 65536`;
const DURATION = (least: string, most: string) =>
  `this is no duration from ${least} to ${most}. Write a number and its unit, ms, s, m, h or d: "90s", "1h30m"`;
const RATE =
  'this is no rate. Write bytes a second, keys a second, or both: "50MB/s", "20000keys/s", "50MB/s,20000keys/s"';
const URL =
  'this is no URL of a server that functions can reach over the network. Write redis://HOST:PORT, rediss://HOST:PORT (TLS), either with a user, USER@HOST, and a database, /DB; or redis-sentinel://HOST:PORT,HOST:PORT/MASTER';
const NAME =
  'names have small letters, digits and single dashes between them, begin with a letter, and have at most 32 characters. For example: cache, orders-2';
const TOPIC = 'the ARN of a standard SNS topic belongs here. Its form is arn:aws:sns:eu-central-1:123456789012:NAME';
const KEY =
  'this is not "s3"; else the ARN of a KMS key (of the key, not of an alias) belongs here. Its form is arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const TAG_NAME =
  'the name of a tag has up to 128 letters, digits, spaces and _ . : / = + - @, and does not begin with aws:';
const TAG_VALUE = 'the value of a tag is text of letters, digits, spaces and _ . : / = + - @';

test.each<[rule: string, text: string, ...lines: string[]]>([
  ['keys at the top', 'removl = "destroy"', '1:1: removl: there is no such key. Did you mean removal?'],
  [
    'case and dashes of keys',
    target('onConflict = "skip"'),
    '3:1: targets.cache.onConflict: there is no such key. Did you mean on-conflict?',
  ],
  [
    'keys of other tables',
    target('memory-mb = 512'),
    '3:1: targets.cache.memory-mb: there is no such key here. It belongs in [restore], [decode], [load]',
  ],
  ['keys of no table', '[notify]\nslack = 1', '2:1: notify.slack: there is no such key. Known here are email, topic'],
  [
    'keys that are no words',
    '[notify]\n"a\\nb" = 1',
    '2:1: notify."a\\x0ab": there is no such key. Known here are email, topic',
  ],
  [
    'tables at the top',
    '[target.cache]\nendpoint = "redis://h"',
    '1:2: target: there is no such key. Did you mean targets?',
  ],
  ['kinds: table', 'targets = 5', '1:11: targets: a table belongs here, not a number'],
  ['kinds: tables once', '[[restore]]\ntimeout = "1m"', '1:1: restore: a table belongs here, not a list'],
  [
    'kinds: number',
    target('concurrency = "8"'),
    '3:15: targets.cache.concurrency: a whole number from 1 to 1000 belongs here, not text. Write it without quotes',
  ],
  [
    'kinds: whole number',
    target('concurrency = 1.5'),
    '3:15: targets.cache.concurrency: a whole number from 1 to 1000 belongs here',
  ],
  [
    'kinds: true or false',
    target('strict = "true"'),
    '3:10: targets.cache.strict: true or false belongs here, not text. Write it without quotes',
  ],
  [
    'kinds: a date',
    target('strict = 1979-05-27'),
    '3:10: targets.cache.strict: true or false belongs here, not a date',
  ],
  ['kinds: text', '[restore]\ntimeout = 15', `2:11: restore.timeout: ${DURATION('10s', '15m')}`],
  [
    'concurrency',
    target('concurrency = 1001'),
    '3:15: targets.cache.concurrency: a whole number from 1 to 1000 belongs here',
  ],
  [
    'required keys',
    '[targets.cache]\nmode = "auto"',
    '1:1: targets.cache.endpoint: it is missing. For example: endpoint = "rediss://ferry@cache.example.com:6379"',
  ],
  [
    'required keys in a list',
    `${network()}\n[networks.b]\nvpc = "vpc-0123456789abcdef0"\nsecurity-groups = ["sg-0123456789abcdef0"]\nsubnets = [{ id = "subnet-0123456789abcdef0" }]`,
    '8:12: networks.b.subnets[0].zone: it is missing. For example: zone = "eu-central-1a"',
  ],
  ['account', 'account = 123456789012', '1:11: account: the twelve digits of an AWS account belong here, in quotes'],
  ['region', 'region = "Frankfurt"', '1:10: region: the name of an AWS region belongs here. For example: eu-central-1'],
  ['removal', 'removal = "detroy"', '1:11: removal: one of "retain", "destroy" belongs here. Did you mean destroy?'],
  ['encryption', 'encryption = "kms"', `1:14: encryption: ${KEY}`],
  [
    'encryption by an alias',
    'encryption = "arn:aws:kms:eu-central-1:123456789012:alias/x"',
    `1:14: encryption: ${KEY}`,
  ],
  ['names: case', '[targets.Cache]\nendpoint = "redis://h"', `1:10: targets.Cache: ${NAME}`],
  ['names: dashes', '[targets.a--b]\nendpoint = "redis://h"', `1:10: targets.a--b: ${NAME}`],
  ['names: length', `[targets.${'a'.repeat(33)}]\nendpoint = "redis://h"`, `1:10: targets.${'a'.repeat(33)}: ${NAME}`],
  ['names of networks', network().replace('main', '9'), `1:11: networks.9: ${NAME}`],
  [
    'number of targets',
    Array.from({ length: 13 }, (_, at) => `targets.t${at}.endpoint = "redis://h"`).join('\n'),
    '1:1: targets: 13 targets and 0 sources make some 510 resources, and CloudFormation takes 500 a stack. Give some of them a stack with a configuration of its own',
  ],
  [
    'number of targets and sources',
    Array.from(
      { length: 9 },
      (_, at) => `targets.t${at}.endpoint = "redis://h"\nsources.s${at}.endpoint = "redis://h"`,
    ).join('\n'),
    '1:1: targets: 9 targets and 9 sources make some 617 resources, and CloudFormation takes 500 a stack. Give some of them a stack with a configuration of its own',
  ],
  ...[
    'unix:///tmp/x',
    'http://h',
    'h:6379',
    'redis://',
    'redis://h:65536',
    'redis://h:x',
    'redis://h/a',
    'redis://h?db=1',
    'redis://[1:2]:6379',
    'redis://%ff@h',
    'redis-sentinel://a,b',
    'redis://h#x',
    'redis://a b',
    '',
  ].map((url): [string, string, string] => [
    `endpoints: ${url}`,
    `[targets.cache]\nendpoint = "${url}"`,
    `2:12: targets.cache.endpoint: ${URL}`,
  ]),
  ['mode', target('mode = "cluster"'), '3:8: targets.cache.mode: one of "auto", "proxy" belongs here'],
  [
    'on-conflict',
    target('on-conflict = "rewrit"'),
    '3:15: targets.cache.on-conflict: one of "panic", "rewrite", "skip" belongs here. Did you mean rewrite?',
  ],
  ['only-db', target('only-db = []'), '3:11: targets.cache.only-db: a list of one or more belongs here'],
  [
    'only-db: its elements',
    target('only-db = [0, -1]'),
    '3:15: targets.cache.only-db[1]: a whole number from 0 to 999999999 belongs here',
  ],
  [
    'db-map: from',
    target('db-map = { x = 1 }'),
    '3:12: targets.cache.db-map.x: the number of a database of the file belongs here. For example: { 1 = 0 }',
  ],
  [
    'db-map: to',
    target('db-map.1 = "0"'),
    '3:12: targets.cache.db-map.1: a whole number from 0 to 999999999 belongs here, not text. Write it without quotes',
  ],
  [
    'db-map and only-db',
    target('only-db = [1]', 'db-map = { 1 = 0, 2 = 0 }'),
    '4:23: targets.cache.db-map.2: only-db leaves database 2 out. Add it there, or remove it here',
  ],
  ['rate', target('rate = "50"'), `3:8: targets.cache.rate: ${RATE}`],
  ['rate: zero', target('rate = "0MB/s"'), `3:8: targets.cache.rate: ${RATE}`],
  ['rate: twice the same', target('rate = "1MB/s,2MB/s"'), `3:8: targets.cache.rate: ${RATE}`],
  ['big-key-bytes', target('big-key-bytes = "1GiB"'), `3:17: targets.cache.big-key-bytes: ${SIZE('1KiB', '512MiB')}`],
  [
    'big-key-bytes: plain',
    target('big-key-bytes = 12'),
    `3:17: targets.cache.big-key-bytes: ${SIZE('1KiB', '512MiB')}`,
  ],
  [
    'big-key-bytes: unit',
    target('big-key-bytes = "8 parsecs"'),
    `3:17: targets.cache.big-key-bytes: ${SIZE('1KiB', '512MiB')}`,
  ],
  ['ttl-shift', target('ttl-shift = "7"'), `3:13: targets.cache.ttl-shift: ${DURATION('-36500d', '36500d')}`],
  [
    'ttl-shift and no-expire',
    target('no-expire = true', 'ttl-shift = "7d"'),
    '4:13: targets.cache.ttl-shift: no-expire leaves no expiry to move. Remove one of the two',
  ],
  [
    'iam and secret',
    target(`secret = "${SECRET}"`, 'iam = { user = "u", cache = "c" }'),
    '3:10: targets.cache.secret: iam logs in without a password. Remove secret, or iam',
  ],
  [
    'iam without TLS',
    target('iam = { user = "u", cache = "c" }').replace('rediss', 'redis'),
    '2:12: targets.cache.endpoint: iam needs TLS. Write rediss:// instead of redis://',
  ],
  [
    'iam and a user',
    target('iam = { user = "u", cache = "c" }').replace('//', '//u@'),
    '2:12: targets.cache.endpoint: iam.user is the user, and the URL names one too. Remove it from the URL',
  ],
  [
    'iam: cache',
    target('iam = { user = "u", cache = "Orders" }'),
    '3:29: targets.cache.iam.cache: the name of the cache or cluster belongs here, in small letters: not its address',
  ],
  [
    'iam: user',
    target('iam = { user = "u v", cache = "c" }'),
    '3:16: targets.cache.iam.user: the id of a user belongs here: letters, digits and single dashes',
  ],
  [
    'iam: required',
    target('[targets.cache.iam]'),
    '3:1: targets.cache.iam.user: it is missing. For example: user = "keyferry"',
    '3:1: targets.cache.iam.cache: it is missing. For example: cache = "orders"',
  ],
  [
    'iam: serverless',
    target('iam = { user = "u", cache = "c", service = "memorydb", serverless = true }'),
    '3:69: targets.cache.iam.serverless: MemoryDB has no serverless caches. Remove one of the two',
  ],
  [
    'tls without TLS',
    target('tls = { server-name = "h" }').replace('rediss', 'redis'),
    '3:7: targets.cache.tls: these are settings of TLS, and the endpoint is without. Write rediss:// there, or remove them',
  ],
  [
    'tls: server-name',
    target('tls = { server-name = "h:1" }'),
    '3:23: targets.cache.tls.server-name: the name of a host belongs here. For example: cache.example.com',
  ],
  [
    'tls: ca',
    target('tls = { ca = "" }'),
    '3:14: targets.cache.tls.ca: the path of a PEM file belongs here, or the ARN of a secret that holds the PEM',
  ],
  [
    'tls: ca, no file',
    target('tls = { ca = "no/such.pem" }'),
    '3:14: targets.cache.tls.ca: this file cannot be read (ENOENT). Its path starts at the folder of the configuration',
  ],
  [
    'proxy: sentinels',
    '[targets.a]\nmode = "proxy"\nendpoint = "redis-sentinel://s/m"',
    '2:8: targets.a.mode: sentinels name a server, not a proxy. Remove mode, or name the proxy in endpoint',
  ],
  [
    'proxy: database',
    '[targets.a]\nmode = "proxy"\nendpoint = "redis://h/2"',
    '3:12: targets.a.endpoint: a proxy has database 0 only. Remove the database from the URL',
  ],
  [
    'proxy: db-map',
    target('mode = "proxy"', 'db-map = { 3 = 1 }'),
    '4:16: targets.cache.db-map.3: a proxy has database 0 only. Write 0',
  ],
  [
    'networks: by name',
    `${target('network = "mian"')}\n${network()}`,
    '3:11: targets.cache.network: there is no network of this name. Did you mean main?',
  ],
  [
    'networks: none',
    target('network = "main"'),
    '3:11: targets.cache.network: there is no network of this name. Add a table [networks.NAME] for it',
  ],
  [
    'networks: vpc',
    network().replace('vpc-0', 'vpc_0'),
    '2:7: networks.main.vpc: an id that begins with vpc- belongs here. For example: vpc-0123456789abcdef0',
  ],
  [
    'networks: zone',
    network().replace('1a', '1'),
    '3:54: networks.main.subnets[0].zone: the name of an availability zone belongs here. For example: eu-central-1a',
  ],
  [
    'networks: no subnet',
    '[networks.a]\nvpc = "vpc-0123456789abcdef0"\nsubnets = []\nsecurity-groups = ["sg-0123456789abcdef0"]',
    '3:11: networks.a.subnets: a list of one or more belongs here',
  ],
  [
    'networks: groups',
    network().replace('["sg-0123456789abcdef0"]', '"sg"'),
    '4:19: networks.main.security-groups: a list of one or more, 5 at most, belongs here, not text',
  ],
  [
    'networks: endpoints',
    network('endpoints = "all"'),
    '5:13: networks.main.endpoints: one of "none", "create", "existing" belongs here',
  ],
  [
    'networks: route tables',
    network('endpoints = "create"'),
    '3:12: networks.main.subnets[0]: endpoints = "create" enters gateway endpoints into route tables, and this subnet names none. Write route-table = "rtb-…" (aws ec2 describe-route-tables shows it)',
  ],
  [
    'networks: one maker',
    [network('endpoints = "create"'), network('endpoints = "create"').replace('main', 'other')]
      .join('\n')
      .replaceAll('1a"', '1a", route-table = "rtb-0123456789abcdef0"'),
    '10:13: networks.other.endpoints: networks.main makes the endpoints of this VPC already. Write endpoints = "existing"',
  ],
  ['chunk-bytes', '[restore]\nchunk-bytes = "1kB"', `2:15: restore.chunk-bytes: ${SIZE('64KiB', '256MiB')}`],
  ['memory-mb', '[load]\nmemory-mb = 128', '2:13: load.memory-mb: a whole number from 512 to 10240 belongs here'],
  ['timeout', '[decode]\ntimeout = "1h"', `2:11: decode.timeout: ${DURATION('10s', '15m')}`],
  [
    'shape',
    '[decode]\nshape = "redisdump"',
    '2:9: decode.shape: one of "keyferry", "redis-dump", "redisshake" belongs here. Did you mean redis-dump?',
  ],
  ['pack', '[decode]\npack = true', '2:8: decode.pack: one of "none", "gz", "zst" belongs here, not true or false'],
  [
    'notify: email',
    '[notify]\nemail = "ops"',
    '2:9: notify.email: an e-mail address belongs here. For example: ops@example.com',
  ],
  ['notify: topic', '[notify]\ntopic = "arn:aws:sns:eu-central-1:123456789012:x.fifo"', `2:9: notify.topic: ${TOPIC}`],
  [
    'notify: both',
    '[notify]\nemail = "a@b.c"\ntopic = "arn:aws:sns:eu-central-1:123456789012:x"',
    '2:9: notify.email: topic is yours: subscribe the address to it yourself. Remove email, or topic',
  ],
  [
    'retention: results',
    '[retention]\nresults = 0',
    '2:11: retention.results: a number of days from 1 to 3650 belongs here, or "forever"',
  ],
  ['retention: work', '[retention]\nwork = 1', '2:8: retention.work: a whole number from 2 to 3650 belongs here'],
  [
    'retention: logs',
    '[retention]\nlogs = 31',
    '2:8: retention.logs: one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 belongs here',
  ],
  ['logs', '[logs]\nredact-keys = 1', '2:15: logs.redact-keys: true or false belongs here, not a number'],
  ['tags: names', '[tags]\n"aws:x" = "1"', `2:1: tags."aws:x": ${TAG_NAME}`],
  ['tags: values', '[tags]\na = "1;2"', `2:5: tags.a: ${TAG_VALUE}`],
  ['tags: length', `[tags]\na = "${'x'.repeat(257)}"`, '2:5: tags.a: the value of a tag has at most 256 characters'],
  [
    'tags: number',
    Array.from({ length: 41 }, (_, at) => `tags.t${at} = "1"`).join('\n'),
    '1:1: tags: 40 tags are possible at most',
  ],
  [
    'regions: of ARNs',
    `region = "us-east-1"\nencryption = "arn:aws:kms:eu-central-1:123456789012:key/1"`,
    '2:14: encryption: this is in another region than `region` names. Use one of that region',
  ],
  [
    'regions: of secrets',
    `region = "us-east-1"\n${target(`secret = "${SECRET}"`, `tls = { ca = "${SECRET}", client-cert-secret = "${SECRET}" }`)}`,
    ...['4:10: targets.cache.secret', '5:14: targets.cache.tls.ca', '5:116: targets.cache.tls.client-cert-secret'].map(
      (at) => `${at}: this is in another region than \`region\` names. Use one of that region`,
    ),
  ],
  [
    'regions: of zones',
    `region = "us-east-1"\n${network()}`,
    '4:54: networks.main.subnets[0].zone: this zone is in another region than `region` names',
  ],
])('%s', (_rule, text, ...lines) => {
  expect(mistakes(text)).toEqual(lines);
});

test('all mistakes come in one error, in the order of the file, with its name', () => {
  const text = `${target('rate = 5', 'mode = 1', 'unknown = 1')}\nconcurrency = 0\n[logs]\nkeys = 1`;
  let message = '';
  try {
    parseConfig(text, 'stages/prod.toml');
  } catch (error) {
    message = (error as { describe(): string }).describe();
  }
  expect(message.split('\n')).toEqual([
    'CONFIG_INVALID at stages/prod.toml: 5 mistakes in the configuration.',
    `stages/prod.toml:3:8: targets.cache.rate: ${RATE}`,
    'stages/prod.toml:4:8: targets.cache.mode: one of "auto", "proxy" belongs here, not a number',
    expect.stringMatching(
      /^stages\/prod\.toml:5:1: targets\.cache\.unknown: there is no such key\. Known here are endpoint, /,
    ),
    'stages/prod.toml:6:15: targets.cache.concurrency: a whole number from 1 to 1000 belongs here',
    expect.stringMatching(/^stages\/prod\.toml:8:1: logs\.keys: /),
  ]);
});

describe('what is no TOML', () => {
  const MEND = 'Text stands in quotes, each key in a line of its own, and no table or key twice';
  test.each([
    ['text without quotes', 'removal = destroy', '1:11: this is no TOML: invalid value.'],
    [
      'a key twice',
      'removal = "retain"\nremoval = "destroy"',
      '2:1: this is no TOML: trying to redefine an already defined table or value.',
    ],
    [
      'a dangerous key',
      '[targets.__proto__]\nendpoint = "redis://h"',
      '1:2: this is no TOML: document contains an unsafe property.',
    ],
    [
      'endless lists',
      `a = ${'['.repeat(5000)}`,
      '1:37: this is no TOML: document contains excessively nested structures. aborting.',
    ],
  ])('%s', (_what, text, line) => {
    expect(refusal(text)).toEqual({ code: 'CONFIG_TOML', lines: [`${line} ${MEND}`] });
  });
});

describe('warnings', () => {
  const NO_WAY =
    'functions in this VPC have no way out: without one they reach neither S3 nor DynamoDB nor Secrets Manager. Write endpoints = "create", or endpoints = "existing" where the VPC has them, or nat = true where the subnets lead to a NAT gateway';
  const at = (url: string) => target().replace('rediss://cache.example.com', url);
  const CLUSTER = 'clustercfg.orders.abc.euc1.cache.amazonaws.com';
  const INSIDE =
    'this address is reached from inside its VPC only. Name the network: network = "NAME", with a table [networks.NAME]';
  const ONE_DB = 'this is a cluster, which has database 0 only (unless it is Valkey 9 with cluster-databases)';

  test.each<[string, string, ...string[]]>([
    ['a network without a way out', `${target('network = "main"')}\n${network()}`, `4:1: networks.main: ${NO_WAY}`],
    ['a NAT gateway is one', `${target('network = "main"')}\n${network('nat = true')}`],
    ['endpoints are one', `${target('network = "main"')}\n${network('endpoints = "existing"')}`],
    [
      'a network without a target',
      network(),
      '1:1: networks.main: no target or source uses this network, so nothing is made for it',
    ],
    [
      'a password without TLS',
      `[targets.a]\nendpoint = "redis://h"\nsecret = "${SECRET}"`,
      '2:12: targets.a.endpoint: the password goes over the network as it is. Write rediss:// instead of redis:// if the server has TLS',
    ],
    [
      'no network, for a cache of AWS',
      at('rediss://master.orders.abc.euc1.cache.amazonaws.com:6379'),
      `2:12: targets.cache.endpoint: ${INSIDE}`,
    ],
    [
      'no network, for MemoryDB',
      at('rediss://clustercfg.orders.abc.memorydb.eu-central-1.amazonaws.com:6379'),
      `2:12: targets.cache.endpoint: ${INSIDE}`,
    ],
    ['no network, for a private address', at('redis://172.16.0.1'), `2:12: targets.cache.endpoint: ${INSIDE}`],
    ['a public address', at('redis://172.15.0.1')],
    [
      'loopback',
      at('redis://[::1]:6379'),
      '2:12: targets.cache.endpoint: this address is the function’s own: no server listens there',
    ],
    [
      'a cluster and a db-map',
      `${at(`rediss://${CLUSTER}`)}\ndb-map = { 1 = 2 }`,
      `2:12: targets.cache.endpoint: ${INSIDE}`,
      `3:10: targets.cache.db-map: ${ONE_DB}`,
    ],
    [
      'a cluster and a database',
      at(`rediss://${CLUSTER}/1`),
      `2:12: targets.cache.endpoint: ${INSIDE}`,
      `2:12: targets.cache.endpoint: ${ONE_DB}`,
    ],
    [
      'a cluster and a db-map to 0',
      `${at(`rediss://${CLUSTER}`)}\ndb-map = { 1 = 0 }`,
      `2:12: targets.cache.endpoint: ${INSIDE}`,
    ],
  ])('%s', (_what, text, ...lines) => {
    expect(warnings(text)).toEqual(lines);
  });
});

describe('files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'keyferry-config-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const PEM = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

  test('a CA is read from the folder of the configuration', () => {
    write('ca.pem', PEM);
    const path = write('a.toml', target('tls = { ca = "ca.pem" }'));
    expect(readConfig(path).config.targets.cache?.tls?.ca).toEqual({ pem: PEM });
  });

  test('a CA that is none, or has a private key, is refused', () => {
    write('ca.der', 'MIIB');
    write('both.pem', `${PEM}-----BEGIN PRIVATE KEY-----\nMIIC\n`);
    const ca = (name: string) => refusal(target(`tls = { ca = "${name}" }`), join(folder, FILE));
    expect(ca('ca.der')).toEqual({
      code: 'CONFIG_INVALID',
      lines: [
        '3:14: targets.cache.tls.ca: this file is no PEM of a certificate. Convert it: openssl x509 -inform der -in FILE -out ca.pem',
      ],
    });
    expect(ca('both.pem')).toEqual({
      code: 'CONFIG_SECRET',
      lines: [
        '3:14: targets.cache.tls.ca: this file holds a private key, and would be deployed. Name one with the certificates alone',
      ],
    });
  });

  test('a configuration that is not there, or cannot be read', () => {
    expect(() => readConfig(join(folder, 'no.toml'))).toThrow(
      expect.objectContaining({ code: 'CONFIG_NOT_FOUND', where: join(folder, 'no.toml') }),
    );
    expect(() => readConfig(folder)).toThrow(
      expect.objectContaining({ code: 'CONFIG_UNREADABLE', message: 'the configuration cannot be read (EISDIR).' }),
    );
  });
});

test('a network is put where it is named', () => {
  const { targets } = accepted(`${target('network = "main"')}\n${network('nat = true')}`);
  expect(targets.cache?.network).toEqual({
    name: 'main',
    vpc: 'vpc-0123456789abcdef0',
    subnets: [{ id: 'subnet-0123456789abcdef0', zone: 'eu-central-1a' }],
    securityGroups: ['sg-0123456789abcdef0'],
    endpoints: 'none',
    nat: true,
  });
});
