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

/** Not of the language. */
const isOurs = (declaration: ts.Declaration) => declaration.getSourceFile().fileName.includes('/src/');

/** Exported functions, and methods of exported classes and of the types of objects that functions give. */
function findFunctions(): readonly Documented[] {
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
  return modules.flatMap((path) => {
    const module = checker.getSymbolAtLocation(program.getSourceFile(path) as ts.SourceFile) as ts.Symbol;
    return checker.getExportsOfModule(module).flatMap((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
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

test('every function that Keyv calls says what it does', () => {
  const functions = all.filter(({ name }) => calledByKeyv.test(name));
  expect(functions.length).toBeGreaterThan(5);
  expect(functions.filter(({ text, tags }) => text === '' && tags.length === 0)).toEqual([]);
});
