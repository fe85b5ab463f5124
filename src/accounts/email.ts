import { domainToASCII } from 'node:url';

export type NormalisedEmail = {
  ok: true;
  /** What is shown and sent to: as it was typed, the domain as A-labels in lower case. */
  email: string;
  /**
   * What is compared: the same for all spellings that a person could take for one address. Never a mail
   * recipient, since two mailboxes may share it; mail goes to the `email` that the account has.
   */
  lookup: string;
};

/** RFC 5321 4.5.3.1.1 and erratum 1690 to RFC 3696, in octets. */
const longestLocalPart = 64;
const longestAddress = 254;

/** Controls, invisible format characters, lone surrogates, unassigned code points, white space. */
const unprintable = /[\p{C}\p{Z}]/u;
/** A dot-atom (RFC 5322 3.2.3) with the letters of RFC 6531. Quoted local parts are not taken. */
const localPart = /^[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+(\.[\w!#$%&'*+/=?^`{|}~\u{80}-\u{10ffff}-]+)*$/u;
/** Signs by which the host parser of URLs would see more than a host, or decode one. */
const noDomain = /[/?#@:%\\[\]]/;
/** At least two labels, and no number as the last: neither a host of the local network nor an IP address. */
const domainName = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

export function normaliseEmail(input: string): NormalisedEmail | { ok: false; problem: 'invalid' } {
  const invalid = { ok: false, problem: 'invalid' } as const;
  // Nothing of a valid length is lost: each octet of an address takes at most one unit here, and
  // canonical decomposition makes a character at most four times as long.
  if (input.length > 5 * longestAddress) return invalid;
  const typed = input.trim().normalize('NFC');
  const at = typed.lastIndexOf('@');
  const local = typed.slice(0, Math.max(at, 0));
  const domain = typed.slice(at + 1);
  if (unprintable.test(typed) || !localPart.test(local) || noDomain.test(domain)) return invalid;

  const host = domainToASCII(domain);
  if (!domainName.test(host)) return invalid;
  const email = `${local}@${host}`;
  if (Buffer.byteLength(local) > longestLocalPart || Buffer.byteLength(email) > longestAddress)
    return invalid;

  // Compatibility forms may unfold into signs that have a meaning, such as a full-width "@".
  const folded = foldCase(local);
  if (!localPart.test(folded)) return invalid;
  return { ok: true, email, lookup: `${folded}@${host}` };
}

/** Mailboxes that differ in case alone are one in practice, whatever RFC 5321 2.4 allows. */
function foldCase(text: string): string {
  // Lower case of "Σ" depends on its place in the word; comparison must not.
  return text.normalize('NFKC').toLowerCase().replaceAll('ς', 'σ').normalize('NFKC');
}
