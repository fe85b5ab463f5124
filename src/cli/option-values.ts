import { CommandFailed } from './run.ts';

/** For an option that may be repeated. */
export function many(value: string, earlier: string[]): string[] {
  return [...earlier, value];
}

export function wholeNumber(text: string, option: string, most = 1000): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1 || number > most) {
    throw new CommandFailed(`${option} must be a whole number from 1 to ${most}, not ${text}.`);
  }
  return number;
}
