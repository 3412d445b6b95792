// What a value may lose when it is written as an older type: the kinds, and words for them.

/** A kind of loss. The names are stable: reports and scripts count by them. */
export type Loss =
  | 'field-ttl'
  | 'field-ttl-capped'
  | 'stream-entries-added'
  | 'stream-max-deleted-id'
  | 'stream-entries-read'
  | 'stream-active-time'
  | 'stream-idempotence'
  | 'stream-nacked'
  | 'key-metadata';

/** Each kind in words that follow “what is lost: ”. */
export const LOSSES: Readonly<Record<Loss, string>> = {
  'field-ttl': 'the expiries of hash fields: the fields stay for good',
  'field-ttl-capped':
    'the exact expiries of hash fields beyond the year 10889: they become the latest that Redis holds',
  'stream-entries-added': 'how many entries were ever added to a stream',
  'stream-max-deleted-id': 'the highest id that was deleted from a stream',
  'stream-entries-read': 'how many entries a consumer group has read',
  'stream-active-time': 'when a consumer last got an entry: its last attempt counts instead',
  'stream-idempotence': 'which messages a stream’s producers have sent already, and for how long it remembers them',
  'key-metadata': 'what modules attached to a key (Redis 8.6 and above)',
  'stream-nacked': 'that pending entries have no owner: the consumer keyferry-nacked holds them',
};
