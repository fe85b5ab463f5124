const longestName = 60;

/**
 * A name that a person gave to a factor, as it is kept: one line without control characters or characters that
 * turn the direction of the text around it, cut at 60 characters as people count them. Empty when nothing is
 * left.
 */
export function cleanFactorName(name: string): string {
  const line = name
    .slice(0, 20 * longestName)
    .normalize('NFC')
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim();
  return [...new Intl.Segmenter().segment(line)]
    .slice(0, longestName)
    .map(({ segment }) => segment)
    .join('')
    .trim();
}
