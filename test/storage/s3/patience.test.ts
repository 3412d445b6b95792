// Which trouble is borne, how long, and what ends a call that stalls.
import { describe, expect, test } from 'vitest';
import { isForbidden, isTransient, OddAnswer, Stalled } from '../../../lib/storage/s3/aws-failure.ts';
import { Patience, patiently, unlessStalled } from '../../../lib/storage/s3/patience.ts';
import { TestClock } from '../../support/test-clock.ts';

/** An error as the SDK's clients throw it. */
const failure = (name: string, status?: number, code?: string): Error =>
  Object.assign(new Error(name), { name, code, $metadata: { httpStatusCode: status } });

describe('trouble that passes', () => {
  test.each([
    failure('SlowDown', 503),
    failure('InternalError', 500),
    failure('ThrottlingException', 400),
    failure('ProvisionedThroughputExceededException', 400),
    failure('TooManyRequests', 429),
    failure('Error', undefined, 'ECONNRESET'),
    failure('TimeoutError'),
    failure('SyntaxError', 200),
    new Stalled(1000),
    new OddAnswer('short'),
  ])('%s is tried again', async (trouble) => {
    let tries = 0;
    const clock = new TestClock();
    const answer = await patiently({ clock }, async () => {
      if (++tries < 4) throw trouble;
      return 'done';
    });
    expect([answer, tries, isTransient(trouble)]).toEqual(['done', 4, true]);
  });

  test.each([
    failure('AccessDenied', 403),
    failure('NoSuchKey', 404),
    failure('PreconditionFailed', 412),
    failure('ValidationException', 400),
    failure('CredentialsProviderError'),
    failure('Error', undefined, 'ENOTFOUND'),
    new TypeError('a defect'),
  ])('%s is not', async (trouble) => {
    let tries = 0;
    const trying = patiently({ clock: new TestClock() }, async () => {
      tries++;
      throw trouble;
    });
    await expect(trying).rejects.toBe(trouble);
    expect(tries).toBe(1);
  });

  test('of permission is told from other trouble', () => {
    expect(
      [failure('AccessDeniedException', 400), failure('x', 403), failure('ExpiredToken', 400)].map(isForbidden),
    ).toEqual([true, true, true]);
    expect(isForbidden(failure('ValidationException', 400))).toBe(false);
  });
});

describe('patience', () => {
  test('waits longer each time, up to 10 s, and runs out', async () => {
    const clock = new TestClock();
    const trouble = failure('SlowDown', 503);
    await expect(patiently({ clock, patienceMs: 60_000 }, () => Promise.reject(trouble))).rejects.toBe(trouble);
    clock.waits.forEach((wait, i) => {
      const bound = Math.min(10_000, 50 * 2 ** i);
      expect(wait).toBeGreaterThanOrEqual(bound / 2);
      expect(wait).toBeLessThanOrEqual(bound);
    });
    const sum = clock.waits.reduce((a, b) => a + b, 0);
    expect(sum).toBeGreaterThanOrEqual(60_000);
    expect(sum).toBeLessThan(70_000);
  });

  test('is new after progress', async () => {
    const clock = new TestClock();
    const patience = new Patience({ clock, patienceMs: 1000 });
    for (let i = 0; i < 50; i++) {
      await patience.bear(failure('SlowDown', 503));
      patience.progressed();
    }
    expect(Math.max(...clock.waits)).toBeLessThanOrEqual(50);
  });

  test('ends with the job', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const trying = patiently({ signal: stop.signal }, async () => {
      stop.abort(reason);
      throw failure('SlowDown', 503);
    });
    await expect(trying).rejects.toBe(reason);
  });
});

describe('a call that stalls', () => {
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));

  test('is ended, and what it says then is not what is told', async () => {
    await expect(unlessStalled(20, undefined, never)).rejects.toBeInstanceOf(Stalled);
    const stop = new AbortController();
    const calling = unlessStalled(60_000, stop.signal, never);
    stop.abort(new Error('enough'));
    await expect(calling).rejects.toThrow('enough');
    await expect(unlessStalled(60_000, stop.signal, never), 'aborted before').rejects.toThrow('enough');
  });

  test('is not one that goes on giving signs of life', async () => {
    const answer = unlessStalled(100, undefined, async (_, alive) => {
      for (let i = 0; i < 10; i++) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        alive();
      }
      return 'done';
    });
    expect(await answer).toBe('done');
  });
});
