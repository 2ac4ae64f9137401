import { createHash, randomBytes } from 'node:crypto';
import { AuthorizationCode, ClientCredentials, ResourceOwnerPassword } from 'simple-oauth2';
import { check, house, tell, visit } from './house.mjs';

const config = (client, more) => ({
  client: { id: client.id, secret: client.secret },
  auth: { tokenHost: house.issuer, tokenPath: '/token', revokePath: '/revoke', ...more },
});

const byPassword = new ResourceOwnerPassword(config(house.store));
const password = () => byPassword.getToken({ username: house.username, password: house.password, scope: 'read' });

await tell('password', async () => {
  const got = await password();
  check(got.token.scope === 'read' && got.token.refresh_token && !got.expired(), JSON.stringify(Object.keys(got.token)));
});

await tell('client credentials', async () => {
  const got = await new ClientCredentials(config(house.store)).getToken({ scope: 'read' });
  check(got.token.access_token && !got.token.refresh_token, 'there is no token, or one to refresh it');
});

await tell('refresh token, rotating', async () => {
  const first = await password();
  const next = await first.refresh();
  check(next.token.refresh_token !== first.token.refresh_token, 'the refresh token did not rotate');
});

await tell('code with PKCE', async () => {
  const byCode = new AuthorizationCode(config(house.reader, { authorizePath: '/authorize' }));
  const verifier = randomBytes(32).toString('base64url');
  const url = byCode.authorizeURL({
    redirect_uri: house.redirectURI, scope: 'openid', state: 'state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  const back = new URL((await visit(url)).url).searchParams;
  check(back.get('state') === 'state' && back.get('code'), `the browser brought ${back}`);
  const got = await byCode.getToken({ code: back.get('code'), redirect_uri: house.redirectURI, code_verifier: verifier });
  check(got.token.id_token, 'there is no ID token');
});

await tell('revocation', async () => {
  const got = await password();
  await got.revokeAll();
  let refreshed = true;
  await got.refresh().catch(() => { refreshed = false; });
  check(!refreshed, 'the refresh token still works');
});

await tell('call of an API', async () => {
  const got = await password();
  const res = await fetch(house.api, { headers: { Authorization: `${got.token.token_type} ${got.token.access_token}` } });
  check(res.status === 200, `the API answers ${res.status}`);
});
