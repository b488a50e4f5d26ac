/** Whoever hovers over a name of the package reads what it does, what goes wrong, and how it is used. */

import { fileURLToPath } from 'node:url';
import ts from 'typescript-5';
import { expect, test } from 'vitest';

const modules = ['client/public.ts', 'embedding/start-service.ts', 'adapters/keyv.ts', 'adapters/unstorage.ts'].map(
  (module) => fileURLToPath(new URL(`../../src/${module}`, import.meta.url)),
);

type Documented = {
  readonly name: string;
  readonly isClass: boolean;
  readonly text: string;
  readonly tags: readonly string[];
};

type Numeric = { readonly name: string; readonly text: string };

const program = ts.createProgram(modules, {
  allowImportingTsExtensions: true,
  noEmit: true,
  // Nothing is checked, so nothing has to be known of the language's own types.
  noLib: true,
  types: [],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  skipLibCheck: true,
  target: ts.ScriptTarget.ES2023,
});
const checker = program.getTypeChecker();

/** Not of the language. */
const isOurs = (declaration: ts.Declaration) => declaration.getSourceFile().fileName.includes('/src/');

/** Exported functions, and methods of exported classes and of the types of objects that functions give. */
function findFunctions(): readonly Documented[] {
  return exportedSymbols().flatMap((symbol) => {
    const members = checker
      .getDeclaredTypeOfSymbol(symbol)
      .getProperties()
      .filter(({ flags }) => flags & ts.SymbolFlags.Method)
      .filter(({ name, declarations }) => /^[a-z]/.test(name) && declarations?.some(isOurs));
    const isFunction = (symbol.flags & (ts.SymbolFlags.Function | ts.SymbolFlags.Class)) !== 0;
    return [...(isFunction ? [symbol] : []), ...members].map((one) => ({
      name: one === symbol ? symbol.name : `${symbol.name}.${one.name}`,
      isClass: (one.flags & ts.SymbolFlags.Class) !== 0,
      text: ts.displayPartsToString(one.getDocumentationComment(checker)),
      tags: one.getJsDocTags(checker).map(({ name }) => name),
    }));
  });
}

function exportedSymbols(): readonly ts.Symbol[] {
  return modules.flatMap((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path) as ts.SourceFile) as ts.Symbol;
    return checker
      .getExportsOfModule(module)
      .map((exported) => (exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported));
  });
}

/** By what is written: without the language's own types, the checker does not know every type. */
const isNumber = (property: ts.Symbol) =>
  property.declarations?.some(
    (one) =>
      (ts.isPropertySignature(one) || ts.isPropertyDeclaration(one)) &&
      /\b(number|bigint)\b/.test(one.type?.getText() ?? ''),
  );

/** Numbers in exported types: options that are given, and what is told. */
function findNumbers(): readonly Numeric[] {
  return exportedSymbols().flatMap((symbol) => {
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    return (type.isUnion() ? type.types : [type])
      .flatMap((one) => one.getProperties())
      .filter(({ declarations }) => declarations?.some(isOurs))
      .filter((property) => isNumber(property))
      .map((property) => ({
        name: `${symbol.name}.${property.name}`,
        text: ts.displayPartsToString(property.getDocumentationComment(checker)),
      }));
  });
}

const all = findFunctions();

/** What Keyv calls, and nobody else: each says what it does, and the class how it is used. */
const calledByKeyv = /^KeyvShardlite\./;

test('every public function says what it does, what it throws, and shows an example', () => {
  const functions = all.filter(({ name }) => !calledByKeyv.test(name));
  expect(functions.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'connect',
      'ShardliteClient.get',
      'startService',
      'EmbeddedService.stop',
      'KeyvShardlite',
      'default',
    ]),
  );
  const lacking = functions.flatMap(({ name, isClass, text, tags }) => [
    ...(text === '' ? [`${name}: what it does`] : []),
    ...(isClass || tags.includes('throws') || /never (throws|rejects)/i.test(text) ? [] : [`${name}: @throws`]),
    ...(tags.includes('example') ? [] : [`${name}: @example`]),
  ]);
  expect(lacking).toEqual([]);
});

/** A version, a count and a status have none. Settings of a service are described in one table of their own. */
const units = /\b(milliseconds|seconds|bytes|version|keys|HTTP status|adds?|sum)\b/i;
const isSetting = ({ name }: Numeric) => /^ServiceOptions\./.test(name);

test('every number says what it counts, and in which unit', () => {
  const numbers = findNumbers().filter((one) => !isSetting(one));
  expect(numbers.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'ConnectOptions.deadlineMs',
      'PutOptions.ttl',
      'Described.version',
      'ListOptions.pageSize',
    ]),
  );
  expect(numbers.filter(({ text }) => !units.test(text)).map(({ name }) => name)).toEqual([]);
});

test('every function that Keyv calls says what it does', () => {
  const functions = all.filter(({ name }) => calledByKeyv.test(name));
  expect(functions.length).toBeGreaterThan(5);
  expect(functions.filter(({ text, tags }) => text === '' && tags.length === 0)).toEqual([]);
});
