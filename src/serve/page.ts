/** The part of an OpenAPI document that the page shows. */
export interface OpenApiDocument {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly description?: string;
  };
  readonly paths?: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly description?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, unknown>> };
  readonly responses?: Readonly<Record<string, { readonly description?: string }>>;
}

interface Parameter {
  readonly name: string;
  readonly description?: string;
  readonly schema?: { readonly default?: unknown };
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:48rem;margin:2rem auto;padding:0 1rem}
h2{border-top:1px solid #8886;padding-top:1rem}code{background:#8882;padding:0 .2em}
td,th{text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0}
@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}a{color:#8cf}}`;

/**
 * A page that says what a service takes and answers, for people: plain HTML, which loads nothing.
 * @param json where the document is, as seen from the page
 */
export function documentationPage({ info, paths = {} }: OpenApiDocument, json: string): string {
  const sections = Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => section(method, path, operation)),
  );
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(info.title)}</title><style>${STYLE}</style>
<h1>${escaped(info.title)} <small>${escaped(info.version)}</small></h1>
<p>${escaped(info.description ?? '')} For programs: <a href="${escaped(json)}">OpenAPI</a>.</p>
${sections.join('\n')}
</html>
`;
}

function section(method: string, path: string, operation: Operation): string {
  const {
    summary = '',
    description = '',
    parameters = [],
    requestBody,
    responses = {},
  } = operation;
  const bodies = Object.keys(requestBody?.content ?? {}).map(
    (type) => `<code>${escaped(type)}</code>`,
  );
  return [
    `<h2><code>${escaped(method.toUpperCase())} ${escaped(path)}</code></h2>`,
    `<p>${escaped(summary)}. ${escaped(description)}</p>`,
    bodies.length > 0 ? `<p>Body: ${bodies.join(', ')}</p>` : '',
    table(parameters.map(parameterRow)),
    table(Object.entries(responses).map(([status, answer]) => [status, answer.description ?? ''])),
  ].join('\n');
}

function parameterRow({ name, description = '', schema }: Parameter): [string, string] {
  const initial = schema?.default;
  return [name, initial === undefined ? description : `${description} (${initial})`];
}

function table(rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return '';
  const lines = rows.map(([name, text]) => {
    return `<tr><td><code>${escaped(name)}</code><td>${escaped(text)}`;
  });
  return `<table>${lines.join('')}</table>`;
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replace(/[&<>"]/g, (character) => entities[character] as string);
}
