/** The only reader of the clock. Expiry and consumption themselves are stamped with Redis time, in scripts. */

/** Milliseconds since the epoch. */
export function nowMs(): number {
  return Date.now();
}

/** Whole seconds since the epoch, as in JWT claims. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
