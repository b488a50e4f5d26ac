/** How a command ends: the exit codes that scripts can rely on, and the failure that carries one. */

export const exitCodes = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;

/** They end a command, which first removes what it has not finished. */
export const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The command cannot do what was asked. The message tells a person why. */
export class CliFailure extends Error {
  override readonly name = 'CliFailure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
  }
}
