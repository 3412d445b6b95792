// What one call of a worker has done for its chunk: what the state machine goes by, and what is counted.

export interface ChunkStep {
  /** False where another call has to go on. */
  readonly done: boolean;
  /** Keys that this call dealt with. */
  readonly keys: number;
  /** Size of the chunk in bytes, where this call ended it; else 0. */
  readonly bytes: number;
  /** The chunk was not done before, and is now. */
  readonly ended: boolean;
  /** This call met what ends the job. */
  readonly failed: boolean;
}

/** Nothing was left to do. */
export const PASSED: ChunkStep = { done: true, keys: 0, bytes: 0, ended: false, failed: false };
