/** The thread of password-strength.ts: the lists, and what zxcvbn finds with them. */
import { parentPort } from 'node:worker_threads';
import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as german } from '@zxcvbn-ts/language-de';
import { dictionary as english } from '@zxcvbn-ts/language-en';

export type StrengthQuestion = { text: string; words: string[] };

export type StrengthAnswer = {
  /** How many passwords a guesser would try before. */
  guesses: number;
  /**
   * What it is made of, in order. Nothing of the password itself. `order`: as on a keyboard, in the alphabet or
   * in a calendar; `yours`: one of the words.
   */
  matches: { pattern: 'yours' | 'repeat' | 'order' | 'word' | 'other'; length: number }[];
};

const zxcvbn = new ZxcvbnFactory({
  dictionary: { ...common, ...english, ...prefixed(german) },
  graphs: adjacencyGraphs,
});

parentPort?.on('message', ({ text, words }: StrengthQuestion) => {
  const { guesses, sequence } = zxcvbn.check(text, words);
  const matches = sequence.map((match) => ({ pattern: patternOf(match), length: match.token.length }));
  parentPort?.postMessage({ guesses, matches } satisfies StrengthAnswer);
});

function patternOf(match: {
  pattern: string;
  dictionaryName?: unknown;
}): StrengthAnswer['matches'][number]['pattern'] {
  switch (match.pattern) {
    case 'dictionary':
      return match.dictionaryName === 'userInputs' ? 'yours' : 'word';
    case 'repeat':
      return 'repeat';
    case 'sequence':
    case 'spatial':
    case 'date':
    case 'regex':
      return 'order';
    default:
      return 'other';
  }
}

/** Its lists have no language in their names, and must not take the place of others. */
function prefixed<T>(lists: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(lists).map(([name, list]) => [`${name}-de`, list]));
}
