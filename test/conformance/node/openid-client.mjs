import * as oidc from 'openid-client';
import { check, house, privateKey, tell, visit } from './house.mjs';

const issuer = new URL(house.issuer);
const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';

// configure discovers the server for a client and has every ID token verified by the keys.
async function configure(client, auth) {
  const config = await oidc.discovery(issuer, client.id, undefined, auth ?? oidc.ClientSecretBasic(client.secret));
  oidc.enableNonRepudiationChecks(config);
  return config;
}

// signIn goes through the code flow; push says how the request gets to the server.
async function signIn(config, { scope = 'openid email offline_access', mode, push, DPoP, person } = {}) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const expectedState = oidc.randomState();
  const expectedNonce = oidc.randomNonce();
  const parameters = {
    redirect_uri: house.redirectURI, scope, state: expectedState, nonce: expectedNonce, max_age: '600',
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  };
  if (mode) parameters.response_mode = mode;
  const url = push ? await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }) : oidc.buildAuthorizationUrl(config, parameters);
  const arrived = await visit(url, person);
  const back = arrived.method === 'GET' ? new URL(arrived.url) : arrived;
  check(!mode || arrived.method === 'POST', 'the answer came without a form');
  return oidc.authorizationCodeGrant(config, back, { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 600, idTokenExpected: true }, undefined, { DPoP });
}

let store, reader, tokens;

await tell('discovery', async () => {
  store = await configure(house.store);
  reader = await configure(house.reader);
});

await tell('dynamic registration', async () => {
  const made = await oidc.dynamicClientRegistration(issuer, { client_name: 'Registered', redirect_uris: [house.redirectURI], grant_types: ['authorization_code', 'refresh_token'] },
    undefined, { initialAccessToken: house.management });
  check(made.clientMetadata().client_id, 'there is no client_id');
  check((await signIn(made, { scope: 'openid' })).access_token, 'the registered client gets no token');
});

const password = (config, options) => oidc.genericGrantRequest(config, 'password', { username: house.username, password: house.password, scope: 'read' }, options);

await tell('password', async () => {
  const got = await password(store);
  check(got.scope === 'read' && got.refresh_token && got.expiresIn() > 0, JSON.stringify(Object.keys(got)));
});

await tell('client credentials', async () => {
  const got = await oidc.clientCredentialsGrant(store, { scope: 'read' });
  check(got.access_token && !got.refresh_token, 'there is no token, or one to refresh it');
});

await tell('refresh token, rotating', async () => {
  const first = await password(store);
  const next = await oidc.refreshTokenGrant(store, first.refresh_token);
  check(next.refresh_token !== first.refresh_token, 'the refresh token did not rotate');
});

await tell('code with PKCE', async () => {
  tokens = await signIn(reader);
  check(tokens.refresh_token, 'there is no refresh token');
});

await tell('code with PKCE, public client', async () => {
  await signIn(await configure(house.public, oidc.None()));
});

await tell('code by form_post', () => signIn(reader, { mode: 'form_post' }));

await tell('pushed request (PAR)', () => signIn(reader, { push: true }));

await tell('device code', async () => {
  const phone = await configure(house.public, oidc.None());
  const asked = await oidc.initiateDeviceAuthorization(phone, { scope: 'openid read' });
  await visit(asked.verification_uri_complete);
  check((await oidc.pollDeviceAuthorizationGrant(phone, asked)).access_token, `no token for ${deviceCode}`);
});

await tell('JWT bearer', async () => {
  const got = await oidc.genericGrantRequest(store, 'urn:ietf:params:oauth:grant-type:jwt-bearer', { assertion: house.assertion, scope: 'read' });
  check(got.scope === 'read', `the scope is ${got.scope}`);
});

await tell('token exchange', async () => {
  const type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = await password(store);
  const got = await oidc.genericGrantRequest(store, 'urn:ietf:params:oauth:grant-type:token-exchange', { subject_token: subject.access_token, subject_token_type: type });
  check(got.issued_token_type === type, `the type is ${got.issued_token_type}`);
});

await tell('private_key_jwt', async () => {
  const vault = await configure(house.keyed, oidc.PrivateKeyJwt(await privateKey(house.keyed)));
  check((await oidc.clientCredentialsGrant(vault)).access_token, 'there is no token');
});

await tell('DPoP', async () => {
  const bank = await configure(house.bound);
  const DPoP = oidc.getDPoPHandle(bank, await oidc.randomDPoPKeyPair('ES256'));
  const got = await password(bank, { DPoP });
  check(got.token_type === 'dpop', `the token is of type ${got.token_type}`);
  const next = await oidc.refreshTokenGrant(bank, got.refresh_token, undefined, { DPoP });
  const res = await oidc.fetchProtectedResource(bank, next.access_token, new URL(house.api), 'GET', undefined, undefined, { DPoP });
  check(res.status === 200, `the API answers ${res.status} ${await res.text()}`);
  const signedIn = await signIn(bank, { scope: 'openid', DPoP });
  await oidc.fetchUserInfo(bank, signedIn.access_token, signedIn.claims().sub, { DPoP });
});

await tell('PAR, private_key_jwt and DPoP in one', async () => {
  const vault = await configure(house.keyed, oidc.PrivateKeyJwt(await privateKey(house.keyed)));
  const DPoP = oidc.getDPoPHandle(vault, await oidc.randomDPoPKeyPair('ES256'));
  const got = await signIn(vault, { push: true, DPoP });
  check(got.token_type === 'dpop', `the token is of type ${got.token_type}`);
  await oidc.refreshTokenGrant(vault, got.refresh_token, undefined, { DPoP });
});

await tell('ID token verified', async () => {
  const claims = tokens.claims();
  check(claims.sub && claims.auth_time, JSON.stringify(claims));
});

await tell('userinfo', async () => {
  const info = await oidc.fetchUserInfo(reader, tokens.access_token, tokens.claims().sub);
  check(info.email, JSON.stringify(info));
});

await tell('introspection', async () => {
  const said = await oidc.tokenIntrospection(store, (await password(store)).access_token);
  check(said.active && said.scope === 'read', JSON.stringify(said));
});

await tell('revocation', async () => {
  const got = await password(store);
  await oidc.tokenRevocation(store, got.refresh_token);
  check(!(await oidc.tokenIntrospection(store, got.access_token)).active, 'the access token of the pair still works');
});

await tell('sign-out (end session)', async () => {
  const arrived = await visit(oidc.buildEndSessionUrl(reader, { post_logout_redirect_uri: house.signedOutURI, id_token_hint: tokens.id_token, state: 'bye' }));
  check(arrived.url === `${house.signedOutURI}?state=bye`, `the browser arrived at ${arrived.url}`);
});

await tell('call of an API', async () => {
  const res = await oidc.fetchProtectedResource(store, (await password(store)).access_token, new URL(house.api), 'GET');
  check(res.status === 200, `the API answers ${res.status} ${await res.text()}`);
});
