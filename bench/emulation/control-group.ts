/**
 * Linux control groups, version 1 or 2: how much CPU and memory some processes may have together. They are made
 * below the group that the benchmark itself is in, and need root, or a group that was delegated to this user.
 */

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The kernel's own. In periods of 10 ms each process stops ten times as often, and begins with cold caches: a GET of
 * eight clones then took 117 µs of CPU instead of 62, where one on real cores takes 43.
 */
const periodUs = 100_000;

type Controller = 'cpu' | 'memory';

/** Where a controller's groups lie, or null where this user cannot make any. */
type Hierarchy = { readonly version: 1 | 2; readonly parent: string };

export type ControlGroup = {
  /** Of one core: 0.125 is an eighth. */
  readonly limitCpu: (cores: number) => void;
  readonly limitMemory: (bytes: number) => void;
  /** One whose processes have what both allow. This one can then have no processes of its own. */
  readonly within: (name: string) => ControlGroup | null;
  /** With all threads. */
  readonly add: (pid: number) => void;
  /** Once its processes are gone. Idempotent. */
  readonly remove: () => void;
};

/** Null where there is no such controller, or none that this user may use. */
export function createControlGroup(controller: Controller, name: string): ControlGroup | null {
  const hierarchy = hierarchyOf(controller);
  return hierarchy && groupIn(hierarchy, controller, name);
}

function groupIn(hierarchy: Hierarchy, controller: Controller, name: string): ControlGroup | null {
  const path = join(hierarchy.parent, name);
  try {
    mkdirSync(path);
  } catch {
    return null;
  }
  const write = (file: string, text: string | number) => writeFileSync(join(path, file), String(text));
  const isOld = hierarchy.version === 1;
  return {
    limitCpu: (cores) => {
      const quotaUs = Math.max(1_000, Math.round(cores * periodUs));
      if (!isOld) return write('cpu.max', `${quotaUs} ${periodUs}`);
      write('cpu.cfs_period_us', periodUs);
      write('cpu.cfs_quota_us', quotaUs);
    },
    limitMemory: (bytes) => write(isOld ? 'memory.limit_in_bytes' : 'memory.max', bytes),
    within: (inner) => {
      if (!isOld) write('cgroup.subtree_control', `+${controller}`);
      return groupIn({ ...hierarchy, parent: path }, controller, inner);
    },
    add: (pid) => write('cgroup.procs', pid),
    remove: () => {
      if (existsSync(path)) rmdirSync(path);
    },
  };
}

/** Whether groups of this controller can be made and limited here. */
export function canLimit(controller: Controller): boolean {
  const probe = createControlGroup(controller, `shardlite-bench-${process.pid}-probe`);
  if (probe === null) return false;
  try {
    if (controller === 'cpu') probe.limitCpu(1);
    else probe.limitMemory(1024 ** 3);
    return true;
  } catch {
    return false;
  } finally {
    probe.remove();
  }
}

function hierarchyOf(controller: Controller): Hierarchy | null {
  if (!existsSync('/proc/self/mountinfo')) return null;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter(Boolean).map(mountOf);
  const own = readFileSync('/proc/self/cgroup', 'utf8').split('\n').filter(Boolean);
  for (const line of own) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers.split(',').includes(controller)) {
      const mount = mounts.find(({ type, options }) => type === 'cgroup' && options.includes(controller));
      if (mount !== undefined) return { version: 1, parent: join(mount.at, path) };
    }
    if (controllers !== '') continue;
    const mount = mounts.find(({ type }) => type === 'cgroup2');
    const parent = mount === undefined ? undefined : join(mount.at, path);
    if (parent !== undefined && canDelegate(parent, controller)) return { version: 2, parent };
  }
  return null;
}

/** Version 2 hands a controller on to groups below only when told to, and not from every group. */
function canDelegate(parent: string, controller: Controller): boolean {
  try {
    if (!readFileSync(join(parent, 'cgroup.controllers'), 'utf8').split(/\s/).includes(controller)) return false;
    writeFileSync(join(parent, 'cgroup.subtree_control'), `+${controller}`);
    return true;
  } catch {
    return false;
  }
}

/** proc(5): `36 35 98:0 / /sys/fs/cgroup/cpu rw,relatime master:1 - cgroup cgroup rw,cpu` */
function mountOf(line: string): { at: string; type: string; options: readonly string[] } {
  const [left = '', right = ''] = line.split(' - ');
  const [type = '', , options = ''] = right.split(' ');
  return { at: left.split(' ')[4] ?? '', type, options: options.split(',') };
}
