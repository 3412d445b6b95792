// What happens to a key that exists on the target, and to expiries on the way.

/** `panic` stops at the first existing key, `rewrite` replaces it wholly, `skip` leaves it as it is. */
export type ConflictPolicy = 'panic' | 'rewrite' | 'skip';

export const CONFLICT_POLICIES: readonly ConflictPolicy[] = ['panic', 'rewrite', 'skip'];

/** What is done to expiries, of keys and of hash fields alike. */
export interface ExpiryRule {
  /** Added to every expiry; ms. */
  readonly shiftMs: number;
  /** Writes everything without expiry. What has expired already is not written all the same. */
  readonly drop: boolean;
}

export const KEEP_EXPIRY: ExpiryRule = { shiftMs: 0, drop: false };
