/**
 * Who may come in, as the primary knows it: the tokens of the data directory, and the keys of JSON Web Tokens. And by
 * which certificate clients know that they have come to the right place.
 */

import { AccessRefused } from '../access/access-refused.ts';
import { type AccessRules, Gate } from '../access/gate.ts';
import { type JwtSettings, UnusableKeys } from '../access/jwt-settings.ts';
import type { AccessActions, TokenOrder, TokenView } from '../admin/contract.ts';
import { readText } from '../config/read-text.ts';
import type { ServiceConfig } from '../config/service-config.ts';
import { isLoopback } from '../http/host-guard.ts';
import type { Certificate } from '../http/http-server.ts';
import { readCertificate } from './certificate-files.ts';
import { TokenFile } from './token-file.ts';

type AccessConfig = Pick<ServiceConfig, 'host' | 'open' | 'jwtKeys' | 'jwtAudiences' | 'data' | 'tlsCert' | 'tlsKey'>;

export class AccessBook implements AccessActions {
  /** Those who serve clients are to hear of what is new. */
  onChange: () => void = () => {};
  /** A reload may change it. */
  #config: AccessConfig;
  readonly #file: TokenFile;
  #jwt: JwtSettings | null = null;
  #certificate: Certificate | null = null;
  #rules: AccessRules;

  private constructor(config: AccessConfig, file: TokenFile) {
    this.#config = config;
    this.#file = file;
    this.#rules = this.#rulesNow();
  }

  /** @throws AccessRefused, also when everybody on the network could come in and nobody has said so */
  static async open(config: AccessConfig, tokensFile: string): Promise<AccessBook> {
    const book = new AccessBook(config, new TokenFile(tokensFile));
    await book.reload();
    const { tokens, jwt } = book.rules;
    if (isLoopback(config.host) || config.open || tokens.length > 0 || jwt !== null) return book;
    throw new AccessRefused(
      `At ${config.host} everybody who reaches it could read and write: make a token with \`shardctl token create NAME --data ${config.data}\`, name the keys of JSON Web Tokens with --jwt-keys, or say --open.`,
    );
  }

  get rules(): AccessRules {
    return this.#rules;
  }

  /** For those who serve clients. */
  get announcement(): { readonly rules: AccessRules; readonly certificate: Certificate | null } {
    return { rules: this.#rules, certificate: this.#certificate };
  }

  /**
   * Reads all files again; what was before still counts when one of them is wrong.
   * @param config where the files are from now on
   * @throws AccessRefused
   */
  async reload(config: AccessConfig = this.#config): Promise<void> {
    const jwt = readKeys(config);
    const rules = { ...this.#rules, tokens: this.#file.read(), jwt };
    await Gate.of(rules).catch((error: unknown) => {
      if (!(error instanceof UnusableKeys)) throw error;
      throw new AccessRefused(`The key set ${config.jwtKeys} of --jwt-keys cannot be used: ${error.message}.`, {
        cause: error,
      });
    });
    this.#certificate = readCertificate(config);
    this.#config = config;
    this.#jwt = jwt;
    this.#changed();
  }

  /** Returns the token, which is kept nowhere. @throws AccessRefused */
  create(order: TokenOrder): string {
    const token = this.#file.create(order, Date.now());
    this.#changed();
    return token;
  }

  /** False when there is no such token. @throws AccessRefused */
  revoke(name: string): boolean {
    const isFound = this.#file.revoke(name);
    this.#changed();
    return isFound;
  }

  tokens(): readonly TokenView[] {
    return this.#rules.tokens.map(({ hash: _, ...view }) => view);
  }

  #changed(): void {
    this.#rules = this.#rulesNow();
    this.onChange();
  }

  #rulesNow(): AccessRules {
    const tokens = this.#file.read();
    const { host, open } = this.#config;
    // Without the last token a service that is reached from elsewhere lets nobody in, where it was not told otherwise.
    const isOpenToAll = isLoopback(host) || open;
    return { isLocked: tokens.length > 0 || this.#jwt !== null || !isOpenToAll, tokens, jwt: this.#jwt };
  }
}

/** @throws AccessRefused */
function readKeys({ jwtKeys, jwtAudiences }: AccessConfig): JwtSettings | null {
  if (jwtKeys === undefined) return null;
  try {
    return { keys: readText(jwtKeys), audiences: jwtAudiences };
  } catch (error) {
    throw new AccessRefused(`The key set of --jwt-keys cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
