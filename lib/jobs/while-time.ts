// Reads a sequence until the time is up.

/** How often the time is looked at while an item is on its way; ms. */
const LOOK_MS = 200;

/** The items of a sequence until the time is up. One that is on its way then is not waited for: it goes lost. */
export async function* whileTime<T>(
  sequence: AsyncGenerator<T, void, undefined>,
  isUp: () => boolean,
): AsyncGenerator<T, void, undefined> {
  try {
    while (!isUp()) {
      const item = await nextOrUp(sequence, isUp);
      if (item === undefined || item.done) return;
      yield item.value;
    }
  } finally {
    // Not awaited: it waits for the item that nobody wants any more.
    sequence.return().catch(() => undefined);
  }
}

/** The next item; `undefined` where the time is up before it is there. */
function nextOrUp<T>(
  sequence: AsyncGenerator<T, void, undefined>,
  isUp: () => boolean,
): Promise<IteratorResult<T, void> | undefined> {
  return new Promise((resolve, reject) => {
    const timer = setInterval(() => {
      if (isUp()) end(() => resolve(undefined));
    }, LOOK_MS);
    const end = (settle: () => void) => {
      clearInterval(timer);
      settle();
    };
    sequence.next().then(
      (item) => end(() => resolve(item)),
      (error: unknown) => end(() => reject(error)),
    );
  });
}
