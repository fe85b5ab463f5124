import { CommandFailed } from './run.ts';

/** For an option that may be repeated. */
export function many(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

export function wholeNumber(text: string, option: string, most = 1000): number {
  const number = Number(text);
  // In digits alone: 0x10 and 1e3 are numbers to JavaScript, and typing errors here.
  if (!/^\d{1,15}$/.test(text) || number < 1 || number > most) {
    throw new CommandFailed(`${option} must be a whole number from 1 to ${most}, not ${text}.`);
  }
  return number;
}
