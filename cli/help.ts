// The part of the help below the options: examples, exit codes, environment, files. At most 80 columns wide.
import { NEWEST_REDIS_RDB, NEWEST_VALKEY_RDB, OLDEST_VALKEY_RDB } from '../lib/rdb/dialect.ts';
import { EXIT_MEANINGS } from './exit-codes.ts';
import { colourStyle } from './style.ts';

/** Commander takes the escape sequences out again where there is no colour. */
export const section = (title: string, lines: readonly string[]): string =>
  `\n${colourStyle.bold(`${title}:`)}\n${lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')}\n`;

/** Commands, each under the sentence that says what it does. */
export const examples = (...list: readonly (readonly [what: string, command: string])[]): string =>
  section(
    'Examples',
    list.flatMap(([what, command], at) => [
      ...(at === 0 ? [] : ['']),
      colourStyle.dim(`# ${what}`),
      ...command.split('\n'),
    ]),
  );

export const exitCodes = (...wanted: number[]): string =>
  section(
    'Exit codes',
    EXIT_MEANINGS.filter(([code]) => wanted.length === 0 || wanted.includes(code)).map(
      ([code, meaning]) => `${String(code).padStart(3)}  ${meaning}`,
    ),
  );

const environment = (...names: string[]): string =>
  section(
    'Environment',
    ENVIRONMENT.filter(([name]) => names.length === 0 || names.includes(name)).map(
      ([name, meaning]) => `${name.padEnd(26)} ${meaning}`,
    ),
  );

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ['KEYFERRY_PASSWORD', 'password of the target, where the URL has none'],
  ['KEYFERRY_SOURCE_PASSWORD', 'password of a source (dump: KEYFERRY_PASSWORD too)'],
  ['KEYFERRY_SENTINEL_PASSWORD', 'password of the sentinels of redis-sentinel://'],
  ['NO_COLOR', 'no colour'],
  ['KEYFERRY_DEBUG', '1 shows the stack trace of a defect'],
];

export const rootHelp =
  examples(
    ['what does this file hold, and is it whole?', 'keyferry plan dump.rdb'],
    ['what fills the memory?', 'keyferry inspect dump.rdb'],
    ['is this server fit for it?', 'keyferry doctor --to redis://10.0.0.7:6379 dump.rdb'],
    ['write it into a server', 'keyferry restore dump.rdb --to redis://10.0.0.7:6379'],
    [
      'make a backup, and see that it is good',
      'keyferry dump --from redis://10.0.0.7:6379 -o dump.rdb\nkeyferry verify dump.rdb',
    ],
    ['all options of a command', 'keyferry help restore'],
  ) +
  exitCodes() +
  environment();

export const restoreHelp = {
  about: `Writes the keys of RDB files into a running Redis or Valkey server.

A FILE is an RDB (Redis versions 1 to ${NEWEST_REDIS_RDB}, Valkey ${OLDEST_VALKEY_RDB} to ${NEWEST_VALKEY_RDB}) or an append-only file with an RDB part, as it is or packed as .gz or .zst. It is read once from end to end, planned, and its checksum verified. Then the target is checked. Only then keys are written, several chunks in parallel: values of every type with their expiries, idle times and access frequencies, and functions.

What the target has confirmed is noted in a ledger. When a job stops, for whatever reason, the same command again goes on where it was.`,
  after:
    section('Values', [
      'SIZE      8MiB, 64kB, 1.5GB, or plain bytes: 4096  (K, M, G are KiB, MiB, GiB)',
      'DURATION  500ms, 90s, 1h30m, 7d, with a sign where that makes sense: -1h, +7d',
      'RATE      50MB/s, 20000keys/s, or both: 50MB/s,20000keys/s',
      'GLOB      * ? [a-z] [^x] and \\ as KEYS has them; quote it for the shell',
    ]) +
    examples(
      ['into an empty server', 'keyferry restore dump.rdb --to redis://10.0.0.7:6379'],
      [
        'as a user, with a password that nobody else on this machine sees',
        'export KEYFERRY_PASSWORD="$(cat secret)"\nkeyferry restore dump.rdb --to redis://ferry@10.0.0.7',
      ],
      [
        'over TLS, with a CA of your own and a client certificate',
        'keyferry restore dump.rdb --to rediss://10.0.0.7 --tls-ca ca.pem \\\n  --tls-cert client.pem --tls-key client.key',
      ],
      [
        'to whichever server is the master by the word of its sentinels',
        'keyferry restore dump.rdb --to redis-sentinel://10.0.0.7,10.0.0.8/mymaster',
      ],
      [
        'straight from a backup in S3, replacing keys that exist',
        'aws s3 cp s3://backups/dump.rdb.gz - |\n  keyferry restore - --to redis://10.0.0.7 --on-conflict rewrite',
      ],
      [
        'only sessions and users, from database 3 into 0, with a week longer to live',
        "keyferry restore dump.rdb --to redis://10.0.0.7 --only-db 3 --db-map 3:0 \\\n  --match 'session:*' --match 'user:*' --ttl-shift +7d",
      ],
      [
        'beside live traffic: gently, and never over a key of the application',
        'keyferry restore dump.rdb --to redis://10.0.0.7 --on-conflict skip \\\n  --rate 10MB/s,20000keys/s',
      ],
      [
        'in a script: check first, then do it and keep the report',
        'keyferry restore dump.rdb --to redis://10.0.0.7 --dry-run --quiet &&\nkeyferry restore dump.rdb --to redis://10.0.0.7 --report report.json',
      ],
    ) +
    exitCodes() +
    environment() +
    section('Files, beside each FILE or in --work-dir', [
      'NAME.plan.json          what the file holds; reused while it does not change',
      'NAME.chunks.jsonl       its chunks, one a line',
      'NAME.ID.ledger.jsonl    what the target has confirmed; goes with the job',
      'NAME.unpacked.rdb       of a packed or piped FILE; goes with the job',
    ]),
};

export const planHelp = {
  about: `Shows what RDB files hold and proves that they are whole: structure and checksum, from end to end.

The plan that is written beside the file is what a later restore of it begins with. It holds counts and byte offsets, no keys and no values.`,
  after:
    examples(
      ['look into a backup', 'keyferry plan dump.rdb'],
      ['is the copy whole? Nothing is written', 'keyferry plan dump.rdb --no-write --quiet > /dev/null && echo whole'],
      ['keys and bytes of each type, for a script', "keyferry plan dump.rdb --json | jq '.files[0].types'"],
      ['one that is elsewhere', 'ssh db1 cat /var/lib/redis/dump.rdb | keyferry plan -'],
    ) +
    exitCodes(0, 1, 2, 70, 130) +
    environment('NO_COLOR', 'KEYFERRY_DEBUG') +
    section('Files, beside each FILE or in --work-dir', [
      'NAME.plan.json       what the file holds; reused while it does not change',
      'NAME.chunks.jsonl    its chunks, one a line',
      'NAME.unpacked.rdb    of a packed FILE; a later restore uses and removes it',
    ]),
};

export const decodeHelp = {
  about: `Writes RDB files as JSON Lines: one line a key, nothing lost, so that the lines can be read by jq, DuckDB, Athena and every strict parser.

The format is docs/json-format.md. A file gets its name when it is whole: until then, and where the RDB turns out damaged, it is NAME.partial, with all lines before the damage.`,
  after:
    examples(
      ['look at a few keys', 'keyferry decode dump.rdb | head'],
      [
        'the keys without an expiry',
        "keyferry decode dump.rdb --no-value | jq -r 'select(.db != null and .expiry == null).key'",
      ],
      ['a whole backup, packed', 'keyferry decode dump.rdb.gz -o dump.jsonl.zst'],
      ['what is left of a damaged one', 'keyferry decode dump.rdb --salvage -o dump.jsonl'],
    ) +
    exitCodes(0, 1, 2, 4, 70, 130) +
    environment('NO_COLOR', 'KEYFERRY_DEBUG'),
};

export const loadHelp = {
  about: `Writes JSON Lines, as decode writes them, into a running server, or into an RDB that redis-server loads.

All lines are read first and made into an RDB (in --work-dir; it goes at the end); a line that is not in order is named by file and number, and nothing is written. Then that RDB is restored, with all that a restore does and all of its options.`,
  after:
    examples(
      ['back into a server', 'keyferry load dump.jsonl.zst --to redis://10.0.0.7:6379'],
      ['into an RDB', 'keyferry load dump.jsonl -o dump.rdb'],
      ['mend some keys on the way', "keyferry decode dump.rdb | jq -c 'del(.expiry)' | keyferry load - -o forever.rdb"],
    ) +
    exitCodes(0, 1, 2, 3, 4, 70, 130) +
    environment(),
};

export const inspectHelp = {
  about: `Shows what fills the memory of the server that wrote RDB files: by type, database, prefix, time to live and size, and the biggest keys.

The files are read once from end to end and verified; no server is asked. The memory of each key is reckoned from the structures and the allocator of the server that wrote the file. A damaged file gives a report of what stood before the damage, marked as not whole. The report's fields and how near the estimates come are in docs/inspect.md.`,
  after:
    examples(
      ['what fills the memory?', 'keyferry inspect dump.rdb'],
      ['as a page to click through', 'keyferry inspect dump.rdb --html report.html'],
      ['a cluster: one file of each shard', 'keyferry inspect shard-*.rdb.gz --shards 3'],
      [
        'the biggest keys without an expiry',
        "keyferry inspect dump.rdb --json |\n  jq -r '.bigKeys.byMemory[] | select(.expireAt == null) | .key.text'",
      ],
      ['to show it to somebody else', 'keyferry inspect dump.rdb --hash-keys --html report.html'],
    ) +
    exitCodes(0, 1, 2, 70, 130) +
    environment('NO_COLOR', 'KEYFERRY_DEBUG'),
};

export const doctorHelp = {
  about: `Checks a target as a restore would before its first write, tells of everything that it finds, and writes nothing.

Does it answer, and let the user in? What is it, has it room, which commands may the user run? With a FILE, also whether the file is whole and fits. Each check is a line: ok, a warning (a restore works, with something lost, slower or at a risk), a problem (it would stop), or unknown (it cannot be asked).`,
  after:
    examples(
      ['is this server fit for a restore?', 'keyferry doctor --to redis://10.0.0.7:6379'],
      ['and this file for the server?', 'keyferry doctor --to redis://10.0.0.7:6379 dump.rdb'],
      [
        'as the user that will restore',
        'KEYFERRY_PASSWORD="$(cat secret)" keyferry doctor --to redis://ferry@10.0.0.7',
      ],
      [
        'a cluster behind a NAT',
        'keyferry doctor --to redis://203.0.113.7:7001 \\\n  --address-map 10.0.0.7:6379=203.0.113.7:7001',
      ],
      [
        'what speaks against it, for a script',
        'keyferry doctor --to redis://10.0.0.7 --json |\n  jq \'.findings[] | select(.verdict == "problem")\'',
      ],
    ) +
    section('Exit codes', [
      '  0  nothing speaks against a restore; there may be warnings',
      '  1  wrong usage or configuration, or trouble on this machine (disk, folders)',
      '  2  a file is missing, damaged, or no RDB',
      '  3  there is a problem with the target',
    ]) +
    environment(),
};

export const rumpHelp = {
  about: `Copies the keys of a running server or cluster into another one: SCAN, DUMP and RESTORE, many at once.

It needs no right to replicate, so that it also works where a service forbids PSYNC. What it copies is no point in time: each key has a value that it had while the job ran. What is written or deleted on the source after its key was read does not come along; --passes 2 looks once more and writes what has changed, but deletes nothing.

What the target has confirmed is noted in a ledger. When a job stops, for whatever reason, the same command again goes on where it was. A node of the source that is restarted or replaced meanwhile is scanned anew.`,
  after:
    section('What the user of the source needs', [
      'always             +scan +dump +pexpiretime +info  (before 7.0 +pttl +time instead of +pexpiretime)',
      'several databases  +select',
      'a cluster          +cluster|slots',
      'functions          +function|list',
      'to leave no trace  +client|no-touch  (7.2 and above)',
      '--access-times     +object|idletime +object|freq',
      'more than 256 MiB  +memory|usage',
      'values in parts    +type +strlen +getrange +lrange +sscan +zscan +hscan +hpexpiretime',
      '                   +xrange +xpending +xinfo|stream',
    ]) +
    examples(
      ['between two servers', 'keyferry rump --from redis://10.0.0.7 --to redis://10.0.0.8'],
      [
        'out of a service into a cluster, gently, and once more for what has changed',
        'keyferry rump --from rediss://cache.example.com --to redis://10.0.0.8:7000 \\\n  --rate 20000keys/s --merge-dbs --passes 2',
      ],
      [
        'with passwords that nobody else on this machine sees',
        'export KEYFERRY_SOURCE_PASSWORD="$(cat old)" KEYFERRY_PASSWORD="$(cat new)"\nkeyferry rump --from redis://reader@10.0.0.7 --to redis://ferry@10.0.0.8',
      ],
    ) +
    exitCodes() +
    environment(),
};

export const dumpHelp = {
  about: `Backs up a live server, or every shard of a cluster, as RDB files.

The source is joined as a replica would join it: it saves its data as of one moment, and goes on serving. What it sends is written under another name while its structure and checksum are checked and its keys counted. Last of all the manifest is written: what the files hold, their SHA-256, and where the source's stream goes on behind them. A backup without a manifest is none, and a dump that is cut short leaves nothing that looks like one.`,
  after:
    section('What the user of the source needs', [
      'by psync       +psync +replconf',
      'by sync        +sync +replconf',
      'by scan        what rump needs of its source (keyferry help rump)',
      'of a cluster   +info +cluster too, and on each node',
      'from sentinel  +info, or +role, on the master',
    ]) +
    examples(
      ['into a folder for backups', 'keyferry dump --from redis://10.0.0.7:6379 -o backups'],
      ['into one file, packed', 'keyferry dump --from redis://10.0.0.7:6379 -o dump.rdb.zst'],
      [
        'a cluster, without work for its masters',
        'keyferry dump --from redis://10.0.0.7:7000 --prefer replica -o backups',
      ],
      [
        'a cluster as one file, which a single server loads',
        'keyferry dump --from redis://10.0.0.7:7000 --merge -o dump.rdb',
      ],
      [
        'as a user that may do nothing else',
        'export KEYFERRY_SOURCE_PASSWORD="$(cat secret)"\nkeyferry dump --from redis://ferry@10.0.0.7 -o backups',
      ],
      [
        'where PSYNC was renamed',
        'keyferry dump --from redis://10.0.0.7:6379 -o backups \\\n  --psync-name 10.0.0.7:6379@nmfu2sl5osync',
      ],
      ['is it good?', 'keyferry verify backups/10.0.0.7-6379-20261123T204200Z'],
    ) +
    exitCodes() +
    environment('NO_COLOR', 'KEYFERRY_DEBUG', 'KEYFERRY_SOURCE_PASSWORD', 'KEYFERRY_SENTINEL_PASSWORD') +
    section('Files, in the folder NAME or beside one FILE', [
      'dump.rdb, shard-00000-05460.rdb  the data, of a cluster by first slots',
      'manifest.json                    what they are',
      'FILE.manifest.json               the same for one FILE',
      'NAME.partial                     while it is written',
    ]),
};

export const verifyHelp = {
  about: `Proves that a backup is what its manifest says: that the manifest is as it was written, that all files are there, that no byte of them has changed, that every key in them can be read and is there once. With --level restore a server of this machine loads them, and its keys are counted.`,
  after:
    examples(
      ['every byte and every key', 'keyferry verify backups/10.0.0.7-6379-20261123T204200Z'],
      ['as a server sees it', 'keyferry verify --level restore dump.rdb.zst'],
      ['all of them, quickly', 'keyferry verify --level quick backups/*/manifest.json'],
    ) +
    exitCodes(0, 1, 2, 70, 130) +
    environment('NO_COLOR', 'KEYFERRY_DEBUG'),
};

export const backupsHelp = {
  about: `Lists the backups in a folder, the newest first, or removes old ones. The folder may be in S3.

prune removes a backup when no rule keeps it: its manifest first. Only good backups count, and the last good one of each source stays whatever the rules say. What is damaged or unfinished is listed, and left for somebody to look at.`,
  after:
    examples(
      ['which are there?', 'keyferry backups list backups'],
      ['a week of days, a month of weeks', 'keyferry backups prune backups --keep-daily 7 --keep-weekly 4 --dry-run'],
      ['in a bucket', 'keyferry backups list s3://BUCKET/backups'],
    ) +
    exitCodes(0, 1, 2, 70) +
    environment('NO_COLOR', 'KEYFERRY_DEBUG'),
};
