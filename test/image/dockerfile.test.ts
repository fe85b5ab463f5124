import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { validate } from 'dockerfile-utils';
import { isInContext } from './built-image.ts';
import {
  argumentsOf,
  dockerfileText,
  environmentOf,
  execForm,
  readStages,
  repository,
} from './dockerfile.ts';

describe('the Dockerfile', () => {
  const stages = readStages();
  const last = stages.at(-1);

  it('has no fault that a linter finds', () => {
    expect(validate(dockerfileText).map(({ message }) => message)).to.deep.equal([]);
    expect(validate('FROM node\nRUNN x').map(({ message }) => message)).not.to.deep.equal([]);
  });

  it('takes its Node from one image, of the major that everything else runs on, which a digest can pin', () => {
    const [build, ...others] = stages;
    // biome-ignore lint/suspicious/noTemplateCurlyInString: as the Dockerfile has it
    expect(build?.image).to.equal('${NODE_IMAGE}');
    expect(others.map(({ image }) => image)).to.deep.equal(['scratch']);
    const [, usual = ''] = /^ARG NODE_IMAGE=(.*)$/m.exec(dockerfileText) ?? [];
    const { devDependencies } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as {
      devDependencies: { node: string };
    };
    expect(usual).to.match(new RegExp(`^node:${devDependencies.node.split('.')[0]}-[a-z]+-slim$`));
    expect(dockerfileText).to.match(/NODE_IMAGE=node:\S+@sha256:/);
  });

  it('runs nothing by a shell, as nobody in particular', () => {
    for (const keyword of ['ENTRYPOINT', 'CMD', 'HEALTHCHECK']) {
      const words = execForm(argumentsOf(last, keyword));
      expect(words, keyword).not.to.include('sh');
    }
    expect(argumentsOf(last, 'USER')).to.match(/^[1-9]\d+:[1-9]\d+$/);
    expect(last?.steps.filter(({ kind }) => kind === 'run')).to.deep.equal([]);
  });

  it('asks the port that it listens on whether it is well', () => {
    const { HOLDFAST_PORT, HOLDFAST_BIND } = environmentOf(last);
    expect(HOLDFAST_BIND).to.equal('0.0.0.0');
    expect(argumentsOf(last, 'EXPOSE')).to.equal(HOLDFAST_PORT);
    expect(execForm(argumentsOf(last, 'HEALTHCHECK')).at(-1)).to.equal(
      `http://127.0.0.1:${HOLDFAST_PORT}/readyz`,
    );
  });

  it('says what it is, in the words of package.json', () => {
    const { version, license, description } = JSON.parse(
      readFileSync(`${repository}package.json`, 'utf8'),
    ) as {
      version: string;
      license: string;
      description: string;
    };
    const labels = argumentsOf(last, 'LABEL');
    const label = (name: string) =>
      new RegExp(`org\\.opencontainers\\.image\\.${name}="([^"]*)"`).exec(labels)?.[1];
    expect(label('title')).to.equal('Holdfast');
    expect(description).to.include(label('description') ?? '-');
    expect(label('licenses')).to.equal(license);
    expect(dockerfileText).to.include(`ARG VERSION=${version}\n`);
  });

  it('is sent neither keys nor tests nor history', () => {
    for (const path of ['.git', '.holdfast/keys', 'test', 'node_modules', 'bench']) {
      expect(isInContext(path), path).to.equal(false);
    }
    expect(isInContext('src/main.ts')).to.equal(true);
  });
});
