/** Owns the one exception of the demo services that is not a bug: another party cannot be reached. */

export type Party = 'provider' | 'api' | 'store';

/** Thrown when a party gives no usable answer, after every repetition. The message holds no secret. */
export class Outage extends Error {
  readonly party: Party;

  constructor(party: Party, cause?: unknown) {
    super(`the ${party} cannot be reached`, { cause });
    this.name = 'Outage';
    this.party = party;
  }
}

/** Finds an outage behind an error; the protocol libraries wrap what their fetch function throws. */
export function findOutage(error: unknown): Outage | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof Outage) return cause;
  }
  return undefined;
}
