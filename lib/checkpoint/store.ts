// Where a job remembers how far it got. A file implements it for the terminal; a table will for AWS.

/** What a finished unit did: enough to make the report of a resumed job whole. */
export interface UnitResult {
  /** The server processes that took the writes: what one of them confirmed, its successor may have lost. */
  readonly server: string;
  readonly written: number;
  readonly already: number;
  readonly skipped: number;
  readonly expired: number;
  readonly filtered: number;
  /** Keys by what they lost. */
  readonly losses: Readonly<Record<string, number>>;
}

/**
 * `started`: writes may have reached the target. `done`: all of them did. A unit that was done but for some refused keys
 * stays `started`, so that the next run tries them again.
 */
export type UnitState = { readonly state: 'started' } | { readonly state: 'done'; readonly result: UnitResult };

/**
 * The memory of one job. A unit is a part of it that can be done again without harm, such as a chunk; its name is the
 * job's choice. Both writes are durable when their promise resolves.
 */
export interface CheckpointStore {
  /** Where each unit stands, by earlier runs and this one. Units that nobody began are not in it. */
  readonly units: ReadonlyMap<string, UnitState>;
  /** True when an earlier run of this job left something. */
  readonly resumed: boolean;
  /** Notes that a unit is about to be written. To be awaited before its first write. */
  started(unit: string): Promise<void>;
  /** Notes that every write of a unit was confirmed. */
  done(unit: string, result: UnitResult): Promise<void>;
  /** Forgets the job: it is complete. */
  finish(): Promise<void>;
  /** Lets go of the job, which another run may then take up. */
  close(): Promise<void>;
}

/** What a job is: two runs with equal descriptions continue each other. Shown to people where they differ. */
export type JobDescription = Readonly<Record<string, string>>;
