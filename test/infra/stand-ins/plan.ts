// Stands in for plan: five chunks.
import { before, type Payload, put, wishesOf } from './stand-in.ts';

export async function handler(payload: Payload) {
  const wishes = wishesOf(payload);
  if (wishes.includes('damaged')) return { ok: false, done: false, plan: null };
  if (wishes.includes('long') && before(payload.execution) < 2) return { ok: true, done: false, plan: null };
  const chunksKey = `work/${payload.state.claim?.job?.key}/chunks.jsonl`;
  const chunks = wishes.includes('empty') ? [] : [1, 2, 3, 4, 5];
  await put(chunksKey, chunks.map((unit) => `${JSON.stringify({ unit })}\n`).join(''));
  const plan = { chunksBucket: process.env.KEYFERRY_BUCKET, chunksKey, chunks: chunks.length, keys: 5, bytes: 5 };
  return { ok: true, done: true, plan };
}
