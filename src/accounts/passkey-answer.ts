import { z } from 'zod';

/**
 * What a browser sends as the answer of an authenticator, in the JSON forms of WebAuthn 5.1, as far as it is
 * read. Anything may come: what has not this shape is no answer.
 */

const base64url = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[\w-]+$/);

/** At most 1023 bytes (WebAuthn 4). */
const credentialId = base64url(1364);
const clientDataJSON = base64url(8192).refine(isFromOwnPage);
const transport = z.string().regex(/^[a-z-]{1,20}$/);

const registration = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON,
    attestationObject: base64url(65_536),
    transports: z.array(transport).max(10).catch([]).default([]),
  }),
  clientExtensionResults: z.object({}).catch({}).default({}),
});

const assertion = z.object({
  id: credentialId,
  rawId: credentialId,
  type: z.literal('public-key'),
  response: z.object({
    clientDataJSON,
    authenticatorData: base64url(8192),
    signature: base64url(8192),
    userHandle: base64url(86).nullish(),
  }),
  clientExtensionResults: z.object({}).catch({}).default({}),
});

export function readRegistration(answer: unknown): z.output<typeof registration> | undefined {
  return registration.safeParse(answer).data;
}

/** @returns accountId what the user handle says; undefined without one */
export function readAssertion(answer: unknown) {
  const { data } = assertion.safeParse(answer);
  if (!data) return undefined;
  const { userHandle, ...response } = data.response;
  const accountId = userHandle ? Buffer.from(userHandle, 'base64url').toString('utf8') : undefined;
  // It becomes part of a key.
  if (accountId !== undefined && !/^[\w-]{1,64}$/.test(accountId)) return undefined;
  return { ...data, response, accountId };
}

/** Our pages are in no frame of another site; an answer that was given in one is none of theirs (7.2 step 14). */
function isFromOwnPage(clientData: string): boolean {
  try {
    const { crossOrigin } = JSON.parse(Buffer.from(clientData, 'base64url').toString('utf8'));
    return crossOrigin === undefined || crossOrigin === false;
  } catch {
    return false;
  }
}
