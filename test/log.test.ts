import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { createLog, flushLog } from '../src/log.ts';

describe('the log', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('is one JSON object a line, without secrets, with the causes of an error', async () => {
    const file = join(directory, 'log');
    const log = createLog('info', 'pod-a', openSync(file, 'w'));
    const error = new Error('outer', { cause: new Error('inner') });
    const request = { token: 'canary-1', client_id: 'c' };
    log.info({ password: 'canary-2', request, err: error }, 'said');
    log.debug('not said');
    await flushLog(log);
    const [line = '', ...rest] = readFileSync(file, 'utf8').trim().split('\n');
    expect(rest).to.deep.equal([]);
    expect(line).to.not.include('canary');
    const said = JSON.parse(line);
    expect(said).to.include({ level: 'info', pod: 'pod-a', msg: 'said', password: '[cut]' });
    expect(said.request).to.deep.equal({ token: '[cut]', client_id: 'c' });
    expect(said.err).to.include({ message: 'outer' });
    expect(said.err.cause).to.include({ message: 'inner' });
    expect(request.token).to.equal('canary-1');
  });
});
