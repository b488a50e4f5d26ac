/** The units with which systemd runs the service: a socket that outlives it, and the service itself. Pure. */

export const unitKinds = ['service', 'socket'] as const;
export type UnitKind = (typeof unitKinds)[number];

export type UnitOptions = {
  readonly user: string;
  /** Absolute. */
  readonly data: string;
  /** ADDRESS:PORT */
  readonly listen: string;
  /** Absolute paths: of Node, and of the program that it runs. */
  readonly program: readonly string[];
};

export function unitText(kind: UnitKind, options: UnitOptions): string {
  return kind === 'socket' ? socketUnit(options) : serviceUnit(options);
}

function socketUnit({ listen }: UnitOptions): string {
  return `# /etc/systemd/system/shardlite.socket
[Unit]
Description=Socket of Shardlite, a sharded key-value service

[Socket]
# It outlives the service: connections wait while that is replaced.
ListenStream=${listen}
NoDelay=yes

[Install]
WantedBy=sockets.target
`;
}

function serviceUnit({ user, data, program }: UnitOptions): string {
  return `# /etc/systemd/system/shardlite.service
[Unit]
Description=Shardlite, a sharded key-value service
Documentation=man:shardctl(1)
Requires=shardlite.socket
After=network.target shardlite.socket

[Service]
Type=notify
# systemd-notify tells, a process of its own.
NotifyAccess=all
ExecStart=${program.map(quoted).join(' ')} start --data ${quoted(data)}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=1
# An upgrade copies files first.
TimeoutStartSec=15min
TimeoutStopSec=15
WatchdogSec=30
# The primary ends its children, in order.
KillMode=mixed
LimitNOFILE=65536

User=${user}
UMask=0077
ReadWritePaths=${quoted(data)}
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
SystemCallArchitectures=native
# Not MemoryDenyWriteExecute: V8 compiles.

[Install]
WantedBy=multi-user.target
`;
}

/** A word of a unit: % and $ stand for something there. */
function quoted(text: string): string {
  const plain = text.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(plain) ? plain : `"${plain.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
