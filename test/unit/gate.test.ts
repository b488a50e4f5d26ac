/** Who comes in: whoever has a token that was given out or signed here, and nobody with anything that looks like one. */

import fc from 'fast-check';
import { base64url, exportSPKI, importJWK, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, test } from 'vitest';
import { Gate } from '../../src/access/gate.ts';
import { type Grant, prefixesOf, prefixesWithin } from '../../src/access/grant.ts';
import { inAnHour, jwtAlgorithms, rulesOf, signerOf, tokenOf } from '../support/access.ts';

const noon = Date.now();

async function verdictOf(gate: Gate, token: string | undefined, nowMs = noon) {
  return gate.decide(token === undefined ? undefined : `Bearer ${token}`, nowMs);
}

async function codeOf(gate: Gate, token: string, nowMs = noon): Promise<string> {
  const verdict = await verdictOf(gate, token, nowMs);
  return verdict.kind === 'grant' ? 'in' : verdict.code;
}

describe('a token', () => {
  test('lets in as what it was made for, however the header is written', async () => {
    const { token, record } = tokenOf({ name: 'app', prefixes: ['b/', 'a/', 'a/b'], write: false });
    const gate = await Gate.of(rulesOf([record]));
    for (const header of [`Bearer ${token}`, `bearer ${token}`, `BEARER   ${token} `]) {
      expect(gate.decide(header, noon)).toMatchObject({ kind: 'grant', name: 'token app', read: true, write: false });
      expect((gate.decide(header, noon) as Grant).prefixes.map(String)).toEqual(['a/', 'b/']);
    }
  });

  test('lets nobody in when it was altered anywhere, cut, lengthened, or put into another scheme', async () => {
    const { token, record } = tokenOf();
    const gate = await Gate.of(rulesOf([record]));
    expect(await codeOf(gate, token)).toBe('in');
    for (let at = 0; at < token.length; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      expect(await codeOf(gate, token.slice(0, at) + other + token.slice(at + 1))).toBe('token-invalid');
      expect(await codeOf(gate, token.slice(0, at) + token.slice(at + 1))).toBe('token-invalid');
      expect(await codeOf(gate, token.slice(0, at) || 'x')).toBe('token-invalid');
    }
    for (const header of [
      '',
      token,
      'Bearer',
      'Bearer ',
      `Basic ${btoa(`app:${token}`)}`,
      `Bearer ${token}, Bearer x`,
    ]) {
      expect(gate.decide(header, noon)).toMatchObject({ code: 'token-required' });
    }
    for (const wrong of [`${token}A`, `${token}=`, token.toLowerCase(), record.hash, `shardlite_${record.hash}`]) {
      expect(await codeOf(gate, wrong)).toBe('token-invalid');
    }
  });

  test('counts until its time, also when it was seen before, and what it gave counts as long', async () => {
    const { token, record } = tokenOf({ expiresAtMs: noon + 1_000 });
    const gate = await Gate.of(rulesOf([record]));
    const grant = (await verdictOf(gate, token, noon + 999)) as Grant;
    expect([grant.kind, gate.vouchesFor(grant, noon + 999)]).toEqual(['grant', true]);
    expect([await codeOf(gate, token, noon + 1_000), gate.vouchesFor(grant, noon + 1_000)]).toEqual([
      'token-invalid',
      false,
    ]);
    expect(await codeOf(await Gate.of(rulesOf([record])), token, noon + 1_000)).toBe('token-invalid');
    const later = await Gate.of(rulesOf([tokenOf({ name: 'app' }).record]));
    expect(later.vouchesFor(grant, noon)).toBe(false);
  });
});

const allowing = { scope: 'kv:read kv:write', kv_prefixes: ['users/'] };

describe.each(jwtAlgorithms)('a JSON Web Token of %s', (algorithm) => {
  const keySetOf = (...keys: object[]) => JSON.stringify({ keys });

  async function gateAndSigner(audiences: readonly string[] = []) {
    const signer = await signerOf(algorithm);
    return { signer, gate: await Gate.of(rulesOf([], { keys: keySetOf(signer.jwk), audiences })) };
  }

  test('lets in with the scope and the prefixes that it names', async () => {
    const { signer, gate } = await gateAndSigner();
    const untilS = inAnHour();
    expect(await verdictOf(gate, await signer.sign({ sub: 'ada', ...allowing }, untilS))).toMatchObject({
      name: 'subject ada',
      read: true,
      write: true,
      prefixes: prefixesOf(['users/']),
      expiresAtMs: untilS * 1_000,
    });
    expect(await verdictOf(gate, await signer.sign({ scope: 'openid kv:read' }))).toMatchObject({
      read: true,
      write: false,
    });
    expect(await verdictOf(gate, await signer.sign({}))).toMatchObject({ read: false, write: false });
  });

  test('is refused before and after its time, without an end, for another audience, or with claims of another form', async () => {
    const { signer, gate } = await gateAndSigner();
    const nowS = Math.floor(noon / 1_000);
    const refused: readonly (readonly [JWTPayload, (number | null)?])[] = [
      [allowing, nowS - 1],
      [allowing, null],
      [{ ...allowing, nbf: nowS + 60 }],
      [{ ...allowing, aud: 'other' }],
      [{ ...allowing, exp: 'soon' as never }, null],
      [{ ...allowing, scope: ['kv:read'] }],
      [{ scope: 'kv:read', kv_prefixes: 'users/' }],
      [{ scope: 'kv:read', kv_prefixes: [] }],
      [{ scope: 'kv:read', kv_prefixes: [''] }],
      [{ scope: 'kv:read', kv_prefixes: [null] }],
      [{ scope: 'kv:read', kv_prefixes: { 0: 'users/' } }],
      [{ scope: 'kv:read', kv_prefixes: Array.from({ length: 17 }, (_, n) => `${n}/`) }],
    ];
    for (const [claims, expiresAtS] of refused) {
      expect([claims, await codeOf(gate, await signer.sign(claims, expiresAtS))]).toEqual([claims, 'token-invalid']);
    }
    const seen = await signer.sign(allowing, nowS + 5);
    expect([await codeOf(gate, seen), await codeOf(gate, seen, noon + 6_000)]).toEqual(['in', 'token-invalid']);
  });

  test('names one of the audiences, where there are any', async () => {
    const { signer, gate } = await gateAndSigner(['kv', 'backup']);
    for (const [aud, code] of [
      ['kv', 'in'],
      [['other', 'backup'], 'in'],
      ['other', 'token-invalid'],
      [undefined, 'token-invalid'],
    ] as const) {
      const token = await signer.sign({ ...allowing, ...(aud !== undefined && { aud: aud as string }) });
      expect([aud, await codeOf(gate, token)]).toEqual([aud, code]);
    }
  });

  test('of another key, of no algorithm, or altered, lets nobody in', async () => {
    const { signer, gate } = await gateAndSigner();
    const token = await signer.sign(allowing);
    const [header = '', payload = '', signature = ''] = token.split('.');
    const encoded = (value: object) => base64url.encode(JSON.stringify(value));
    const forged = [
      await (await signerOf(algorithm)).sign(allowing),
      `${encoded({ alg: 'none' })}.${payload}.`,
      `${encoded({ alg: 'none' })}.${payload}.${signature}`,
      `${encoded({ alg: 'NONE', typ: 'JWT' })}.${payload}.`,
      `${encoded({})}.${payload}.${signature}`,
      `${header}.${encoded({ ...allowing, exp: inAnHour(), sub: 'root' })}.${signature}`,
      `${header}.${payload}.`,
      `${header}.${payload}`,
      `${header}..${signature}`,
      `${header}.${payload}.${signature}.${signature}.x`,
      `${encoded({ alg: algorithm, kid: '../../key' })}.${payload}.${signature}`,
      `${encoded({ alg: algorithm, jku: 'https://evil.example/keys' })}.${payload}.${signature}`,
      `${encoded({ alg: algorithm, jwk: signer.jwk })}.${payload}.${signature}`,
      `${encoded({ alg: algorithm, b64: false, crit: ['b64'] })}.${payload}.${signature}`,
      ...jwtAlgorithms.filter((one) => one !== algorithm).map((alg) => `${encoded({ alg })}.${payload}.${signature}`),
    ];
    for (const one of forged) expect([one, await codeOf(gate, one)]).toEqual([one, 'token-invalid']);
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'Aa0-_.'), async (at, character) => {
        const altered = token.slice(0, at) + character + token.slice(at + 1);
        // The last character of a part has bits that stand for nothing: another character may spell the same bytes.
        const isSame = altered
          .split('.')
          .every((part, n) =>
            Buffer.from(part, 'base64url').equals(Buffer.from(token.split('.')[n] ?? '', 'base64url')),
          );
        if (!isSame) expect(await codeOf(gate, altered)).toBe('token-invalid');
      }),
      { numRuns: 100 },
    );
    expect(await codeOf(gate, token)).toBe('in');
  });

  test('is verified by the key that it names, where several could be meant', async () => {
    const [one, other] = [await signerOf(algorithm, 'one'), await signerOf(algorithm, 'other')];
    const gate = await Gate.of(rulesOf([], { keys: keySetOf(one.jwk, other.jwk), audiences: [] }));
    expect(await codeOf(gate, await one.sign(allowing))).toBe('in');
    expect(await codeOf(gate, await other.sign(allowing))).toBe('in');
    expect(await codeOf(gate, await one.sign(allowing, inAnHour(), { kid: 'other' }))).toBe('token-invalid');
    const left = await Gate.of(rulesOf([], { keys: keySetOf(one.jwk), audiences: [] }));
    const grant = (await verdictOf(gate, await other.sign(allowing))) as Grant;
    expect([gate.vouchesFor(grant, noon), left.vouchesFor(grant, noon)]).toEqual([true, false]);
  });
});

test('a public key is not taken for a secret', async () => {
  const { jwk } = await signerOf('RS256');
  const gate = await Gate.of(rulesOf([], { keys: JSON.stringify({ keys: [jwk] }), audiences: [] }));
  const spki = await exportSPKI(
    (await importJWK(jwk, 'RS256')) as Exclude<Awaited<ReturnType<typeof importJWK>>, Uint8Array>,
  );
  for (const secret of [spki, `${spki}\n`, JSON.stringify(jwk), jwk.n as string]) {
    const forged = await new SignJWT(allowing)
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime('1h')
      .sign(new TextEncoder().encode(secret));
    expect(await codeOf(gate, forged)).toBe('token-invalid');
  }
});

test.each([
  ['{', 'it is not JSON'],
  ['[]', 'it is no {"keys": [...]} with a key in it'],
  ['{"keys": []}', 'it is no {"keys": [...]} with a key in it'],
  ['{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}', 'key 0 is a secret of less than 32 bytes'],
  ['{"keys": [{"kty": "EC", "crv": "P-384"}]}', 'key 0 is none of HS256, RS256, ES256 (P-256) and EdDSA (Ed25519)'],
  ['{"keys": [{"kty": "RSA", "alg": "HS256"}]}', 'key 0 is of RS256, and says HS256'],
  ['{"keys": [{"kty": "RSA", "use": "enc"}]}', 'key 0 is not for signatures'],
  ['{"keys": [{"kty": "OKP", "crv": "Ed25519", "d": "x"}]}', 'key 0 is a private key'],
  ['{"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]}', 'key 0 has a modulus of less than 2048 bits'],
  ['{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}', 'key 0 cannot be read'],
  ['{"keys": [null]}', 'key 0 is no object'],
])('the key set %s is refused, and it is said why', async (keys, why) => {
  await expect(Gate.of(rulesOf([], { keys, audiences: [] }))).rejects.toThrow(why);
});

const bytes = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 5 });

test('the prefixes within a prefix cover exactly the keys that have it and are allowed', () => {
  fc.assert(
    fc.property(fc.array(bytes.filter(Boolean), { minLength: 1, maxLength: 6 }), bytes, bytes, (texts, asked, key) => {
      const within = prefixesWithin({ prefixes: prefixesOf(texts) }, Buffer.from(asked)).map(String);
      const isAllowed = texts.some((text) => key.startsWith(text)) && key.startsWith(asked);
      expect(within.filter((prefix) => key.startsWith(prefix)).length).toBe(isAllowed ? 1 : 0);
      expect(within).toEqual([...within].sort());
    }),
  );
});
