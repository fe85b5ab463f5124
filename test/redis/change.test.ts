import { expect } from 'chai';
import { Change, readOutcome } from '../../src/redis/change.ts';

/** How a change is put into words for scripts/commit.lua; what that does with it is in commit.test.ts. */
describe('a change', () => {
  /** Name, key and arguments of each operation, as the script reads them; with keys instead of their numbers. */
  function operations({ keys, args }: Change): unknown[][] {
    const read: unknown[][] = [];
    for (let at = 0; at < args.length; ) {
      const [name, key, count, ...rest] = args.slice(at);
      const given = rest.slice(0, Number(count));
      const named = (index: string | undefined) => keys[Number(index) - 1];
      read.push([name, named(key), ...(name === 'unspent' ? given.map(named) : given)]);
      at += 3 + Number(count);
    }
    return read;
  }

  it('names each key once, and each operation in turn', () => {
    const change = new Change()
      .requireAlive('{g}')
      .requireSame('{g}', 'p', 'old')
      .set('{g}', 1000, { p: 'new', q: '' })
      .drop('{g}', ['a', 'b'])
      .stamp('{g}', 'until', 500)
      .remove('{g}:x');
    expect(change.keys).to.deep.equal(['{g}', '{g}:x']);
    expect(operations(change)).to.deep.equal([
      ['alive', '{g}'],
      ['same', '{g}', 'p', 'old'],
      ['set', '{g}', '1000', 'p', 'new', 'q', ''],
      ['drop', '{g}', 'a', 'b'],
      ['stamp', '{g}', 'until', '500'],
      ['remove', '{g}:x'],
    ]);
  });

  it('hands the key of the answer over too, so that the script may touch it', () => {
    const change = new Change().requireUnspent('{g}:t', '{g}:t:again');
    expect(change.keys).to.have.members(['{g}:t', '{g}:t:again']);
    expect(operations(change)).to.deep.equal([['unspent', '{g}:t', '{g}:t:again']]);
  });

  it('is empty, and not durable, until somebody says otherwise', () => {
    expect(new Change().isEmpty).to.equal(true);
    expect(new Change().drop('k', []).isEmpty).to.equal(true);
    expect(new Change().requireAlive('k').isEmpty).to.equal(false);
    expect(new Change().isDurable).to.equal(false);
    expect(new Change().durable().isDurable).to.equal(true);
  });

  it('takes whole milliseconds, never less than none', () => {
    const change = new Change().set('k', 0.2, {}).extend('k', -5).expireIn('k', 1500.5).text('k', 7, 'v');
    expect(operations(change)).to.deep.equal([
      ['set', 'k', '1'],
      ['extend', 'k', '0'],
      ['expire', 'k', '1501'],
      ['text', 'k', '7', 'v'],
    ]);
  });

  it('merges with others in their order, whatever keys they share', () => {
    const one = new Change().requireAlive('a').requireUnspent('b', 'b:again').set('c', 5, { f: '1' });
    const two = new Change().requireUnspent('c', 'a').spend('c').durable();
    const merged = Change.merge([one, two]);
    expect(merged.keys).to.have.members(['a', 'b', 'b:again', 'c']);
    expect(operations(merged)).to.deep.equal([
      ['alive', 'a'],
      ['unspent', 'b', 'b:again'],
      ['set', 'c', '5', 'f', '1'],
      ['unspent', 'c', 'a'],
      ['spend', 'c'],
    ]);
    expect(merged.isDurable).to.equal(true);
  });

  it('reads which key stood in the way, and the answer that was left there', () => {
    const change = new Change().requireAlive('a').requireUnspent('b', 'b:again');
    expect(readOutcome(change, [1])).to.deep.equal({ ok: true });
    const numberOf = (key: string) => change.keys.indexOf(key) + 1;
    expect(readOutcome(change, [0, numberOf('a'), 'gone', ''])).to.deep.equal({
      ok: false,
      key: 'a',
      reason: 'gone',
      answer: undefined,
    });
    expect(readOutcome(change, [0, numberOf('b'), 'spent', 'sealed'])).to.deep.equal({
      ok: false,
      key: 'b',
      reason: 'spent',
      answer: 'sealed',
    });
  });
});
