// Databases of the files go where the rules say, or the rules are refused.
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../lib/errors.ts';
import { type DatabaseRules, mapDatabases } from '../../lib/jobs/databases.ts';

/** Where each of the databases goes. */
const mapped = (rules: DatabaseRules) =>
  rules.planned.filter((db) => rules.only?.includes(db) ?? true).map((db) => [db, mapDatabases(rules)(db)]);

function refused(rules: DatabaseRules): UsageError {
  try {
    mapDatabases(rules);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('databases go', () => {
  test('to those of the same number', () => {
    expect(mapped({ planned: [0, 3, 15] })).toEqual([
      [0, 0],
      [3, 3],
      [15, 15],
    ]);
  });

  test('where a rule sends them, the others to the same number', () => {
    expect(mapped({ planned: [0, 3, 5], map: new Map([[3, 7]]) })).toEqual([
      [0, 0],
      [3, 7],
      [5, 5],
    ]);
  });

  test('to the URL’s, where there is only one', () => {
    expect(mapped({ planned: [3], urlDb: 9 })).toEqual([[3, 9]]);
    expect(mapped({ planned: [3, 3], urlDb: 0 })).toEqual([
      [3, 0],
      [3, 0],
    ]);
    expect(mapped({ planned: [0, 3, 5], only: [3], urlDb: 9 })).toEqual([[3, 9]]);
  });

  test('to the URL’s, where rules send all the others', () => {
    const map = new Map([
      [0, 1],
      [3, 2],
    ]);
    expect(mapped({ planned: [0, 3, 5], map, urlDb: 9 })).toEqual([
      [0, 1],
      [3, 2],
      [5, 9],
    ]);
  });

  test('together where rules say so', () => {
    const map = new Map([
      [0, 4],
      [1, 4],
    ]);
    expect(mapped({ planned: [0, 1], map })).toEqual([
      [0, 4],
      [1, 4],
    ]);
  });

  test('nowhere where there are none', () => {
    expect(mapped({ planned: [], urlDb: 5 })).toEqual([]);
  });
});

describe('what cannot be meant is refused', () => {
  test.each<[string, DatabaseRules, RegExp]>([
    [
      'a rule for a database that no file has',
      { planned: [0, 3], map: new Map([[5, 0]]) },
      /database 5; they hold 0, 3/,
    ],
    ['a choice of a database that no file has', { planned: [3, 0, 3], only: [0, 9] }, /database 9; they hold 0, 3/],
    ['a choice where no file has any', { planned: [], only: [0] }, /database 0; they hold none/],
  ])('%s', (_, rules, message) => {
    const error = refused(rules);
    expect(error.code).toBe('DB_NOT_IN_FILE');
    expect(error.message).toMatch(message);
    expect(error.remedy).toContain('keyferry plan');
  });

  test('a URL whose database would swallow several', () => {
    const error = refused({ planned: [0, 3, 5], map: new Map([[3, 3]]), urlDb: 9 });
    expect(error.code).toBe('DB_AMBIGUOUS');
    expect(error.message).toContain('database 9, but the keys come from databases 0, 5');
    expect(error.remedy).toContain('--db-map 0:9,5:9');
  });
});
