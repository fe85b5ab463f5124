/** The two kinds of patches that kustomizations have, applied to a manifest in place. */
export type Item = Record<string, unknown>;

export type JsonStep = { op: string; path: string; value?: unknown };

/** What tells the entries of a list apart; a list of any other field is replaced whole. */
const mergeKeys: Record<string, string[]> = {
  containers: ['name'],
  initContainers: ['name'],
  volumes: ['name'],
  env: ['name'],
  volumeMounts: ['mountPath'],
  ports: ['containerPort', 'port'],
};

/** Kubernetes' own kind: objects are merged, null takes away, new entries of a list come first. */
export function mergeStrategically(target: Item, patch: Item): void {
  for (const [field, value] of Object.entries(patch)) {
    const there = target[field];
    if (value === null) delete target[field];
    else if (isItem(value) && isItem(there)) mergeStrategically(there, value);
    else if (Array.isArray(value) && Array.isArray(there) && mergeKeys[field]) {
      target[field] = mergeLists(there as Item[], value as Item[], mergeKeys[field]);
    } else target[field] = value;
  }
}

function mergeLists(target: Item[], patch: Item[], keys: string[]): Item[] {
  const added: Item[] = [];
  for (const entry of patch) {
    const same = target.find((each) => keys.some((key) => key in each && each[key] === entry[key]));
    if (same) mergeStrategically(same, entry);
    else added.push(entry);
  }
  return [...added, ...target];
}

/** RFC 6902, as far as adding, replacing and removing. */
export function applyJsonPatch(target: Item, steps: JsonStep[]): void {
  for (const { op, path, value } of steps) {
    const parts = path
      .slice(1)
      .split('/')
      .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = parts.pop() ?? '';
    let parent: unknown = target;
    for (const part of parts) parent = (parent as Item | undefined)?.[part];
    if (typeof parent !== 'object' || parent === null) throw new Error(`there is no ${path}`);
    if (op !== 'add' && !(last in parent)) throw new Error(`there is no ${path} to ${op}`);
    if (op === 'remove' && Array.isArray(parent)) parent.splice(Number(last), 1);
    else if (op === 'remove') delete (parent as Item)[last];
    else if (op === 'add' && Array.isArray(parent)) {
      parent.splice(last === '-' ? parent.length : Number(last), 0, value);
    } else if (op === 'add' || op === 'replace') (parent as Item)[last] = value;
    else throw new Error(`a patch that would ${op} is not known here`);
  }
}

function isItem(value: unknown): value is Item {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
