// The browser's side of passkeys (WebAuthn Level 3). Options and answers are JSON, as the server makes and reads them.

/** Ends the request that waits while somebody types, since a browser has one at a time. */
let waiting = new AbortController();

export function isSupported() {
  return window.PublicKeyCredential !== undefined && navigator.credentials !== undefined;
}

/** Whether the browser can offer passkeys in the list of an input with autocomplete="webauthn". */
export async function offersWhileTyping() {
  return (await PublicKeyCredential.isConditionalMediationAvailable?.()) === true;
}

/** @returns the new credential as JSON. @throws when the person says no, or nothing fits */
export async function register(options) {
  waiting.abort();
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: toBytes(options.challenge),
    user: { ...options.user, id: toBytes(options.user.id) },
    excludeCredentials: options.excludeCredentials?.map(toDescriptor),
  };
  return toJson(await navigator.credentials.create({ publicKey }));
}

/** @returns the assertion as JSON. @throws when the person says no, or nothing fits */
export async function signIn(options, { conditional = false } = {}) {
  waiting.abort();
  waiting = new AbortController();
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON?.(options) ?? {
    ...options,
    challenge: toBytes(options.challenge),
    allowCredentials: options.allowCredentials?.map(toDescriptor),
  };
  const request = { publicKey, signal: waiting.signal };
  if (conditional) request.mediation = 'conditional';
  return toJson(await navigator.credentials.get(request));
}

function toDescriptor(descriptor) {
  return { ...descriptor, id: toBytes(descriptor.id) };
}

function toJson(credential) {
  if (credential.toJSON) return credential.toJSON();
  const { response } = credential;
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'];
  const texts = parts.flatMap((part) => (response[part] ? [[part, toText(response[part])]] : []));
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
    response: { ...Object.fromEntries(texts), transports: response.getTransports?.() },
  };
}

function toBytes(text) {
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(letters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
