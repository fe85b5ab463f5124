import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { CommandFailed } from './run.ts';

/**
 * Reads a secret: asked for twice without echo at a terminal, or the whole of standard input (without the line
 * end) when that is a pipe or a file.
 */
export async function readSecret(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    const given = (await text(process.stdin)).replace(/\r?\n$/, '');
    if (given === '')
      throw new CommandFailed('Nothing came on standard input; the secret is expected there.');
    return given;
  }
  const first = await ask(`${question}: `);
  if (first !== (await ask('Once more: ')))
    throw new CommandFailed('The two did not match. Nothing was changed.');
  return first;
}

/** Reads a line that may be seen: from the terminal, or the first of standard input. */
export async function readLine(question: string): Promise<string> {
  process.stderr.write(question);
  if (!process.stdin.isTTY) return ((await text(process.stdin)).split('\n')[0] ?? '').trim();
  const lines = createInterface({ input: process.stdin });
  for await (const line of lines) {
    lines.close();
    return line.trim();
  }
  return '';
}

/** One line from the terminal, in raw mode so that nothing of it is shown. */
function ask(question: string): Promise<string> {
  const { stdin, stderr } = process;
  stderr.write(question);
  return new Promise((resolve, reject) => {
    let line = '';
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.resume();
    const end = () => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', onData);
      stderr.write('\n');
    };
    const onData = (chunk: string) => {
      for (const key of chunk) {
        if (key === '\r' || key === '\n') {
          end();
          resolve(line);
          return;
        }
        if (key === '\u0003' || key === '\u0004') {
          end();
          reject(new CommandFailed('Stopped. Nothing was changed.'));
          return;
        }
        line = key === '\u007f' || key === '\b' ? [...line].slice(0, -1).join('') : line + key;
      }
    };
    stdin.on('data', onData);
  });
}
