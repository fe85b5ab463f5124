/** Reads the Dockerfile into what the tests ask of it. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Copy, DockerfileParser, type From, type Instruction } from 'dockerfile-ast';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
export const dockerfileText = readFileSync(`${repository}Dockerfile`, 'utf8');

export type Step =
  | { kind: 'run'; script: string }
  | { kind: 'workdir'; path: string }
  | { kind: 'copy'; from: string | undefined; sources: string[]; target: string }
  | { kind: 'other'; keyword: string; text: string };

export type Stage = { name: string; image: string; steps: Step[] };

export function readStages(): Stage[] {
  const stages: Stage[] = [];
  for (const instruction of DockerfileParser.parse(dockerfileText).getInstructions()) {
    if (instruction.getKeyword() === 'FROM') {
      const from = instruction as From;
      stages.push({ name: from.getBuildStage() ?? '', image: from.getImage() ?? '', steps: [] });
    } else {
      stages.at(-1)?.steps.push(readStep(instruction));
    }
  }
  return stages;
}

function readStep(instruction: Instruction): Step {
  const text = instruction.getArgumentsContent() ?? '';
  switch (instruction.getKeyword()) {
    case 'RUN':
      return { kind: 'run', script: text };
    case 'WORKDIR':
      return { kind: 'workdir', path: text };
    case 'COPY': {
      const copy = instruction as Copy;
      const paths = copy.getArguments().map((argument) => argument.getValue());
      const target = paths.pop() ?? '';
      return { kind: 'copy', from: copy.getFromFlag()?.getValue() ?? undefined, sources: paths, target };
    }
    default:
      return { kind: 'other', keyword: instruction.getKeyword(), text };
  }
}

/** The arguments of the last instruction of this kind in a stage. */
export function argumentsOf(stage: Stage | undefined, keyword: string): string {
  const found = stage?.steps.filter((step) => step.kind === 'other' && step.keyword === keyword).at(-1);
  return found?.kind === 'other' ? found.text : '';
}

/** An instruction in exec form, as an array. */
export function execForm(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}

/** What an ENV instruction sets. */
export function environmentOf(stage: Stage | undefined): Record<string, string> {
  const pairs = argumentsOf(stage, 'ENV').matchAll(/(\w+)=(\S+)/g);
  return Object.fromEntries([...pairs].map(([, name = '', value = '']) => [name, value]));
}
