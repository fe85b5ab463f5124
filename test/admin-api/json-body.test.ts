import { expect } from 'chai';
import { parseJson } from '../../src/admin/api/json-body.ts';
import { ApiProblem } from '../../src/admin/api/problem.ts';

/** One body, one meaning. */
describe('the JSON that the admin API reads', () => {
  function faultOf(text: string): ApiProblem {
    try {
      parseJson(text);
    } catch (error) {
      if (error instanceof ApiProblem) return error;
    }
    throw new Error(`was taken: ${text}`);
  }

  it('takes what is JSON, whatever stands in its texts', () => {
    for (const value of [
      { a: { b: [1, { a: '{"a":1,"a":2}' }] }, b: 'x: "a":' },
      [{ a: 1 }, { a: 2 }],
      'a"b\\',
      { 'a"b': 1, 'a\\': { 'a"b': 2 }, '': null },
      42,
      null,
    ]) {
      expect(parseJson(JSON.stringify(value))).to.deep.equal(value);
      expect(parseJson(JSON.stringify(value, null, 2))).to.deep.equal(value);
    }
  });

  it('refuses a name that comes twice, in any spelling and at any depth', () => {
    for (const text of [
      '{"role":"auditor","role":"owner"}',
      '{"a":{"b":1, "b" :2}}',
      '[{"a":1},{"a":1,"x":[{}],"a":1}]',
      '{"a":1,"\\u0061":2}',
      '{"\\"":1,"\\"":2}',
    ]) {
      expect(faultOf(text).kind, text).to.equal('invalid-request');
      expect(faultOf(text).faults[0]?.detail, text).to.equal('is there twice');
    }
  });

  it('refuses what would change an object’s prototype', () => {
    for (const text of ['{"__proto__":{}}', '{"a":[{"\\u005f_proto__":1}]}']) {
      expect(faultOf(text).faults[0]?.pointer, text).to.equal('/__proto__');
    }
  });

  it('refuses what is no JSON, or nested beyond reason', () => {
    for (const text of ['', '{', "{'a':1}", '{"a":1,}', '\ufeff{}', 'NaN', '{"a":1}{"a":1}']) {
      expect(faultOf(text).message, text).to.equal('The body is not JSON.');
    }
    expect(faultOf(`${'['.repeat(40)}${']'.repeat(40)}`).message).to.match(/nested/);
  });
});
