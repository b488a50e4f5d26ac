/** `shardctl systemd service|socket`: prints a unit, and writes nothing. */

import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliFailure, exitCodes } from './exit.ts';
import { print } from './output.ts';
import { type UnitKind, unitText } from './systemd-units.ts';

type SystemdOptions = { readonly user: string; readonly data: string; readonly listen: string };

export function systemdCommand(kind: UnitKind, { user, data, listen }: SystemdOptions): void {
  if (!/^[a-z_][\w-]*\$?$/i.test(user)) {
    throw new CliFailure(
      exitCodes.usage,
      `--user is ${JSON.stringify(user)}, but must be the name of a user, such as shardlite.`,
    );
  }
  if (!/^(\d{1,3}(\.\d{1,3}){3}|\[[\da-f:]+\]):\d{1,5}$/i.test(listen)) {
    const allowed = 'an address and a port, such as 127.0.0.1:7700 or [::]:7700';
    throw new CliFailure(exitCodes.usage, `--listen is ${JSON.stringify(listen)}, but must be ${allowed}.`);
  }
  if (/\p{Cc}/u.test(resolve(data))) {
    throw new CliFailure(
      exitCodes.usage,
      `--data is ${JSON.stringify(data)}, but must be a path without line breaks and other control characters.`,
    );
  }
  const program = [process.execPath, realpathSync(process.argv[1] as string)];
  print(unitText(kind, { user, data: resolve(data), listen, program }));
}
