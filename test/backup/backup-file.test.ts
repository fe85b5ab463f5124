import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { BackupFault, type BackupKey } from '../../src/backup/backup-file.ts';
import { openWriter } from '../../src/backup/backup-writer.ts';
import type { KeyRecord } from '../../src/backup/record.ts';
import { verifyBackup } from '../../src/backup/verify-backup.ts';

const key: BackupKey = { id: 'one', secret: Buffer.alloc(32, 1) };
const end = { issuer: 'https://id.example.com', form: 1, reader: 1, version: '0', endedAt: 5 };

describe('the file of a backup', () => {
  let directory: string;
  let path: string;
  let bytes: Buffer;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-backup-'));
    path = join(directory, 'whole');
    await write(path);
    bytes = readFileSync(path);
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const record = (i: number): KeyRecord => ({
    name: `{a:account-${i}}`,
    type: 'hash',
    expiresAt: 0,
    offset: 0,
    items: [
      Buffer.from('email'),
      Buffer.from(`person-${i}@example.com`),
      Buffer.from('x'),
      Buffer.alloc(300_000, i),
    ],
  });

  async function write(to: string, count = 12): Promise<void> {
    const writer = await openWriter<{ at: number }>(to, key, false);
    for (let i = 0; i < count; i += 1) {
      await writer.add(record(i));
      await writer.reach({ at: i });
    }
    await writer.end(end);
    await writer.close();
  }

  async function faultOf(changed: Buffer, keys = [key]): Promise<string> {
    const other = join(directory, 'changed');
    writeFileSync(other, changed);
    const result = await verifyBackup(other, keys).catch((error: unknown) => error);
    if (!(result instanceof BackupFault)) throw new Error(`not refused: ${String(result)}`);
    return result.message;
  }

  /** Where each chunk begins, and the end. */
  function chunkStarts(file = bytes): number[] {
    const headEnd = 18 + 4 + file.readUInt32BE(18) + 32;
    const starts = [headEnd];
    for (let at = headEnd; at < file.length; ) {
      at += 5 + file.readUInt32BE(at);
      starts.push(at);
    }
    return starts;
  }
  const piece = (index: number) => {
    const starts = chunkStarts();
    return bytes.subarray(starts[index], starts[index + 1]);
  };

  it('is whole when all is there, and can be read by its owner alone', async () => {
    const seen: string[] = [];
    const found = await verifyBackup(path, [key], ({ name }) => seen.push(name));
    expect(found.end.counts).to.deep.equal({ accounts: 12, clients: 0, events: 0, keys: 12 });
    expect(seen[11]).to.equal('{a:account-11}');
    expect(chunkStarts().length).to.be.greaterThan(4);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(bytes.includes('example.com')).to.equal(false);
  });

  it('is refused when it is cut off, wherever', async () => {
    const starts = chunkStarts();
    for (const at of [
      0,
      10,
      30,
      starts[0],
      starts[1],
      (starts[1] ?? 0) + 3,
      starts.at(-2),
      bytes.length - 1,
    ]) {
      expect(await faultOf(bytes.subarray(0, at)), String(at)).to.match(/no end|cut off|no backup/);
    }
  });

  it('is refused when a byte of it was changed, wherever', async () => {
    const starts = chunkStarts();
    for (const at of [
      3,
      25,
      (starts[0] ?? 0) - 5,
      (starts[0] ?? 0) + 9,
      (starts[1] ?? 0) + 4,
      bytes.length - 3,
    ]) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8((changed.readUInt8(at) + 1) % 256, at);
      expect(await faultOf(changed), String(at)).to.match(/changed|no backup|no end|not here/);
    }
  });

  it('is refused when chunks were put in another order, left out, or given twice', async () => {
    const head = bytes.subarray(0, chunkStarts()[0]);
    const rest = bytes.subarray(chunkStarts()[2]);
    expect(await faultOf(Buffer.concat([head, piece(1), piece(0), rest]))).to.include('not in its place');
    expect(await faultOf(Buffer.concat([head, piece(0), rest]))).to.include('not in its place');
    expect(await faultOf(Buffer.concat([head, piece(0), piece(0), piece(1), rest]))).to.include(
      'not in its place',
    );
  });

  it('is refused when it has chunks of another backup with the same key', async () => {
    const other = join(directory, 'other');
    await write(other);
    const theirs = readFileSync(other);
    const [from, to] = chunkStarts(theirs).slice(1, 3);
    const mixed = Buffer.concat([
      bytes.subarray(0, chunkStarts()[1]),
      theirs.subarray(from, to),
      bytes.subarray(chunkStarts()[2]),
    ]);
    expect(await faultOf(mixed)).to.include('not in its place');
  });

  it('is refused when something was put behind its end', async () => {
    expect(await faultOf(Buffer.concat([bytes, Buffer.from('more')]))).to.include('behind the end');
    const last = piece(chunkStarts().length - 2);
    expect(await faultOf(Buffer.concat([bytes, last]))).to.match(/behind the end|not in its place/);
  });

  it('says whether the key is not there, or is another one', async () => {
    expect(await faultOf(bytes, [{ ...key, id: 'two' }])).to.include('with the key "one", which is not here');
    expect(await faultOf(bytes, [{ ...key, secret: Buffer.alloc(32, 2) }])).to.include('is not the one');
  });

  it('goes on after a kill from the last whole chunk, and is then whole', async () => {
    for (const cut of [chunkStarts()[2] ?? 0, (chunkStarts()[2] ?? 0) + 1000, bytes.length - 1]) {
      const half = join(directory, `half-${cut}`);
      writeFileSync(half, bytes.subarray(0, cut));
      const writer = await openWriter<{ at: number }>(half, key, true);
      const from = (writer.place?.at ?? -1) + 1;
      expect(from).to.be.within(1, 12);
      for (let i = from; i < 12; i += 1) await writer.add(record(i));
      await writer.end(end);
      await writer.close();
      const seen = new Set<string>();
      await verifyBackup(half, [key], ({ name }) => seen.add(name));
      expect(seen.size).to.equal(12);
    }
  });

  it('goes on when it was killed between its end and its name', async () => {
    const ended = join(directory, 'ended');
    writeFileSync(ended, bytes);
    const writer = await openWriter<{ at: number }>(ended, key, true);
    await writer.end(end);
    await writer.close();
    expect((await verifyBackup(ended, [key])).end.counts.accounts).to.equal(12);
  });
});
