/** Says on standard error how far something is: on a terminal in one line, elsewhere at every tenth. */
export function createProgress(what: string, total: number): { add(count: number): void } {
  const { isTTY } = process.stderr;
  let done = 0;
  let told = 0;
  return {
    add(count) {
      done += count;
      const part = Math.floor((done / total) * (isTTY ? 100 : 10));
      if (part <= told) return;
      told = part;
      const text = `${done} of ${total} ${what}`;
      process.stderr.write(isTTY ? `\r${text}${done >= total ? '\n' : ''}` : `${text}\n`);
    },
  };
}

/** The same of something whose end is not known: how many so far, on a terminal often, elsewhere now and then. */
export function createCounter(what: string): { add(): void; end(): void } {
  const { isTTY } = process.stderr;
  const every = isTTY ? 100 : 10_000;
  let done = 0;
  return {
    add() {
      done += 1;
      if (done % every === 0) process.stderr.write(isTTY ? `\r${done} ${what}` : `${done} ${what}\n`);
    },
    end() {
      if (isTTY && done >= every) process.stderr.write(`\r${done} ${what}\n`);
    },
  };
}
