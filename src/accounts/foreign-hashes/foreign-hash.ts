import { timingSafeEqual } from 'node:crypto';

/** A password hash that another system made, read and ready to be checked. */
export type ForeignHash = {
  scheme: string;
  /** To check it would take more time or memory than one sign-in may have. */
  isTooCostly: boolean;
  /** Takes its time in libuv's pool or in a thread, never in the event loop. */
  matches(password: string): Promise<boolean>;
};

export type ForeignScheme = {
  /** @returns undefined for what is not of this scheme, or not well-formed */
  read(stored: string): ForeignHash | undefined;
};

/** Padded or not, and with "." for "+" as passlib writes it; undefined for what is no base64. */
export function fromBase64(text: string): Buffer | undefined {
  if (!/^[A-Za-z0-9+/.]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}

export function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other);
}
