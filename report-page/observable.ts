// A value that tells its watchers when it changes: the measure and the theme are such.

export interface Observable<Value> {
  readonly value: Value;
  set(value: Value): void;
  /** Calls the watcher now and at each change. */
  watch(watcher: (value: Value) => void): void;
}

export function observable<Value>(initial: Value): Observable<Value> {
  const watchers: ((value: Value) => void)[] = [];
  let current = initial;
  return {
    get value() {
      return current;
    },
    set(value) {
      if (value === current) return;
      current = value;
      for (const watcher of watchers) watcher(value);
    },
    watch(watcher) {
      watchers.push(watcher);
      watcher(current);
    },
  };
}
