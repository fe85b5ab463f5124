/** In UTF-16 units. */
const longestRecord = 1024 * 1024;

export type FoundRecord = {
  /** Where it begins, from 1. */
  line: number;
  /** Undefined for what is no JSON object, and for one that is cut off or far too long. */
  record: Record<string, unknown> | undefined;
};

/**
 * The objects of a file, one after another, without ever holding all of it: one in each line, or those of a list
 * that is the whole file or stands in its object under the name `users`.
 */
export async function* readJsonRecords(chunks: AsyncIterable<string>): AsyncGenerator<FoundRecord> {
  const scanner = createScanner();
  for await (const chunk of chunks) yield* scanner.take(chunk);
  yield* scanner.end();
}

/** Follows brackets and strings only; what is between them is for JSON.parse. */
function createScanner() {
  let found: FoundRecord[] = [];
  /** The brackets that are open, innermost last. */
  let open: string[] = [];
  let isInString = false;
  let isEscaped = false;
  let line = 1;
  let isLineStart = true;
  /** The object that may be a record: how many brackets are open around it, where it begins, and its text. */
  let record: { depth: number; line: number; text: string } | undefined;
  /** The last string directly in the file's object; a list behind `users` is the one to read. */
  let lastString = '';
  let isInUsers = false;
  let strayLine = 0;

  function isRecordPlace(): boolean {
    if (isInUsers) return open.length === 2;
    return open.length === 0 || (open.length === 1 && open[0] === '[');
  }

  function finish(): void {
    if (!record) return;
    found.push({
      line: record.line,
      record: record.text.length > longestRecord ? undefined : parse(record.text),
    });
    record = undefined;
  }

  /** The record ends here, though it is not whole: what follows must not be lost with it. */
  function giveUp(): void {
    if (!record) return;
    found.push({ line: record.line, record: undefined });
    open = open.slice(0, record.depth);
    isInString = false;
    isEscaped = false;
    record = undefined;
  }

  function stray(): void {
    if (open.length > 0 || strayLine === line) return;
    strayLine = line;
    found.push({ line, record: undefined });
  }

  function takeBracket(sign: string): void {
    if (sign === '{') {
      // One in each line, and the one before has no end.
      if (isLineStart && record?.depth === 0) giveUp();
      if (!record && isRecordPlace()) record = { depth: open.length, line, text: '' };
      open.push(sign);
    } else if (sign === '[') {
      if (record?.depth === 0 && open.length === 1 && lastString === 'users') {
        isInUsers = true;
        record = undefined;
      }
      open.push(sign);
    } else if (open.length === 0) {
      stray();
    } else {
      open.pop();
      if (isInUsers && open.length < 2) isInUsers = false;
    }
  }

  function step(sign: string): void {
    // No string has a line end in it.
    if (sign === '\n' && isInString) giveUp();
    const isBracket = !isInString && '{}[]'.includes(sign);
    if (isBracket) takeBracket(sign);
    if (record && record.text.length <= longestRecord) record.text += sign;
    if (isBracket && record && open.length === record.depth) finish();

    if (isInString) {
      if (isEscaped) isEscaped = false;
      else if (sign === '\\') isEscaped = true;
      else if (sign === '"') isInString = false;
      else if (open.length === 1) lastString += sign;
    } else if (sign === '"') {
      isInString = true;
      lastString = '';
      stray();
    } else if (!isBracket && !/[\s,\uFEFF]/.test(sign)) {
      stray();
    }
    isLineStart = sign === '\n';
    if (isLineStart) line += 1;
  }

  return {
    take(chunk: string): FoundRecord[] {
      found = [];
      for (const sign of chunk) step(sign);
      return found;
    },
    end(): FoundRecord[] {
      found = [];
      if (record) giveUp();
      else if (open.length > 0 || isInString) found.push({ line, record: undefined });
      return found;
    },
  };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
