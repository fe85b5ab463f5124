/**
 * The file of a backup: a head, and chunks that are sealed one by one (AES-256-GCM), so that it is written and read in
 * constant memory.
 *
 *   head    a line that says what this is, the length of the next, JSON (id, key, time), its MAC
 *   chunk   length, kind, iv, what is sealed, tag; bound to the head, its number and its kind
 *
 * The last chunk is of the kind `end` and has a digest of all before it. A file that is cut off has none; one whose
 * chunks were changed, moved, left out, or taken from another backup does not open.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';

/** What opens a backup: an entry of HOLDFAST_KEYS, or a file of its own. */
export type BackupKey = { id: string; secret: Buffer };

export type Head = {
  /** Random; each backup has a key of its own, derived by it. */
  id: string;
  keyId: string;
  /** ms since the epoch. */
  begunAt: number;
};

export type ChunkKind = 'data' | 'end';

/** @property plain state, JSON of what comes after it; and the records */
export type Chunk = { kind: ChunkKind; number: number; state: unknown; records: Buffer; endsAt: number };

/** A file that is no whole backup; its message is for people. */
export class BackupFault extends Error {}

const firstLine = Buffer.from('Holdfast backup 1\n');
const macBytes = 32;
const ivBytes = 12;
const tagBytes = 16;
const kinds: ChunkKind[] = ['data', 'end'];
const mostHeadBytes = 4096;
/** Of a chunk; far more than is ever written in one. */
const mostChunkBytes = 1 << 30;

export type Sealing = { head: Head; key: Buffer; digest: Buffer; bytes: Buffer };

export function newHead(key: BackupKey, begunAt: number): Sealing {
  const head = { id: randomBytes(16).toString('base64url'), keyId: key.id, begunAt };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([firstLine, length, text]);
  return withKey(key, head, Buffer.concat([plain, macOf(key, head.id, plain)]));
}

/** @throws BackupFault */
export async function readHead(file: FileHandle, keys: BackupKey[]): Promise<Sealing> {
  const start = await readExactly(file, 0, firstLine.length + 4);
  if (!start?.subarray(0, firstLine.length).equals(firstLine)) {
    throw new BackupFault('This is no backup of Holdfast, or of a version that this one does not know.');
  }
  const length = start.readUInt32BE(firstLine.length);
  const bytes =
    length <= mostHeadBytes ? await readExactly(file, 0, start.length + length + macBytes) : undefined;
  if (!bytes) throw new BackupFault('The backup is cut off at its very beginning.');
  const plain = bytes.subarray(0, bytes.length - macBytes);
  const head = parseHead(plain.subarray(start.length));
  const key = keys.find(({ id }) => id === head.keyId);
  if (!key) {
    throw new BackupFault(
      `The backup was made with the key "${head.keyId.slice(0, 64)}", which is not here: put it into HOLDFAST_KEYS (it need not be the first), or name its file with --key-file.`,
    );
  }
  if (!timingSafeEqual(macOf(key, head.id, plain), bytes.subarray(plain.length))) {
    throw new BackupFault(
      `The key "${key.id}" that is here is not the one that the backup was made with, or its beginning was changed.`,
    );
  }
  return withKey(key, head, bytes);
}

function parseHead(text: Buffer): Head {
  try {
    const { id, keyId, begunAt } = JSON.parse(text.toString()) as Head;
    return { id: String(id), keyId: String(keyId), begunAt: Number(begunAt) };
  } catch {
    throw new BackupFault('The beginning of the backup was changed.');
  }
}

/** @param state what is known when all up to here was written: where to go on, or at the end what there is */
export function sealChunk(
  { key, digest }: Sealing,
  kind: ChunkKind,
  number: number,
  state: unknown,
  records: Buffer[],
): { bytes: Buffer; plain: Buffer } {
  const text = Buffer.from(JSON.stringify(state));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.length);
  const plain = Buffer.concat([length, text, ...records]);
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(placeOf(digest, kind, number));
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(ivBytes + plain.length + tagBytes);
  frame.writeUInt8(kinds.indexOf(kind), 4);
  const sealed = [cipher.update(plain), cipher.final()];
  return { bytes: Buffer.concat([frame, iv, ...sealed, cipher.getAuthTag()]), plain };
}

/**
 * The chunks from the first on, each opened. Ends after the last whole one.
 * @param onPlain gets what was sealed, for a digest
 * @throws BackupFault at one that was changed, or is not in its place
 */
export async function* readChunks(
  file: FileHandle,
  { key, digest, bytes }: Sealing,
  onPlain: (plain: Buffer, kind: ChunkKind) => void = () => {},
): AsyncGenerator<Chunk> {
  const { size } = await file.stat();
  let at = bytes.length;
  for (let number = 0; ; number += 1) {
    const frame = await readExactly(file, at, 5);
    if (!frame) return;
    const length = frame.readUInt32BE(0);
    const kind = kinds[frame.readUInt8(4)];
    if (!kind || length < ivBytes + tagBytes || length > mostChunkBytes) throw altered(number);
    if (at + 5 + length > size) return;
    const sealed = (await readExactly(file, at + 5, length)) ?? Buffer.alloc(0);
    const plain = open(key, placeOf(digest, kind, number), sealed);
    if (!plain) throw altered(number);
    onPlain(plain, kind);
    at += 5 + length;
    const stateEnd = 4 + plain.readUInt32BE(0);
    const state = JSON.parse(plain.subarray(4, stateEnd).toString()) as unknown;
    yield { kind, number, state, records: plain.subarray(stateEnd), endsAt: at };
  }
}

export function createDigest() {
  const hash = createHash('sha256');
  return {
    add: (plain: Buffer) => void hash.update(plain),
    value: () => hash.copy().digest('base64url'),
  };
}

function open(key: Buffer, place: Buffer, sealed: Buffer): Buffer | undefined {
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivBytes));
  decipher.setAAD(place);
  decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
  try {
    const opened = decipher.update(sealed.subarray(ivBytes, sealed.length - tagBytes));
    return Buffer.concat([opened, decipher.final()]);
  } catch {
    return undefined;
  }
}

function altered(number: number): BackupFault {
  return new BackupFault(
    `Part ${number + 1} of the backup was changed, or is not in its place. Nothing of the file is to be trusted.`,
  );
}

function placeOf(digest: Buffer, kind: ChunkKind, number: number): Buffer {
  return Buffer.concat([digest, Buffer.from(`${kind} ${number}`)]);
}

function withKey(key: BackupKey, head: Head, bytes: Buffer): Sealing {
  const digest = createHash('sha256').update(bytes).digest();
  return { head, key: derive(key, head.id, 'chunks'), digest, bytes };
}

function macOf(key: BackupKey, id: string, plain: Buffer): Buffer {
  return createHmac('sha256', derive(key, id, 'head'))
    .update(plain)
    .digest();
}

function derive({ secret }: BackupKey, id: string, what: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, id, `holdfast/backup/${what}`, 32));
}

/** @returns undefined where the file ends before */
async function readExactly(file: FileHandle, at: number, length: number): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, at + done);
    if (bytesRead === 0) return undefined;
    done += bytesRead;
  }
  return bytes;
}
