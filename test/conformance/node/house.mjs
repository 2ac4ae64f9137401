// What the programs of the clients share: the house that they are told of on standard
// input, the person with the browser, and the line that each flow prints.
import { createPrivateKey, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';

export const house = JSON.parse(readFileSync(0, 'utf8'));

// tell runs one flow and prints how it went.
export async function tell(flow, run) {
  let error = '';
  try {
    await run();
  } catch (e) {
    error = describe(e);
  }
  console.log(JSON.stringify({ flow, error }));
}

// describe keeps what a server said, which the clients hide in causes and bodies.
function describe(e) {
  const said = [e.name, e.code, e.message, e.error, e.error_description, e.data?.payload && JSON.stringify(e.data.payload)];
  const text = [...new Set(said.filter((s) => typeof s === 'string' && s))].join(': ');
  const cause = e.cause instanceof Error ? describe(e.cause) : e.cause && JSON.stringify(e.cause);
  return cause ? `${text} (${cause})` : text;
}

export function check(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

// visit lets a person open a URL, sign in and allow what is asked. It returns the request
// that the browser ended with: a GET of a URL, or a POST of a form. One name is one person.
export async function visit(url, name = 'john') {
  const res = await fetch(`${house.browser}/${name}`, { method: 'POST', body: JSON.stringify({ url: String(url) }) });
  const text = await res.text();
  check(res.ok, `the person says: ${text}`);
  const arrived = JSON.parse(text);
  if (!arrived.body) return new Request(arrived.url);
  return new Request(arrived.url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: arrived.body,
  });
}

// privateKey reads the private key of a client.
export async function privateKey(client) {
  const jwk = createPrivateKey(client.pem).export({ format: 'jwk' });
  const key = await webcrypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
  return { key, kid: client.kid };
}
