import * as oauth from 'oauth4webapi';
import { check, house, privateKey, tell, visit } from './house.mjs';

const issuer = new URL(house.issuer);
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';
let as;

// basic, and so on, are a client with its way of authentication.
const by = (client, auth) => ({ client: { client_id: client.id }, auth });
const store = by(house.store, oauth.ClientSecretBasic(house.store.secret));
const posting = by(house.store, oauth.ClientSecretPost(house.store.secret));
const reader = by(house.reader, oauth.ClientSecretBasic(house.reader.secret));
const phone = by(house.public, oauth.None());
const bank = by(house.bound, oauth.ClientSecretBasic(house.bound.secret));
const vault = by(house.keyed, oauth.PrivateKeyJwt(await privateKey(house.keyed)));

// proofs makes what signs proofs of a key that exists here alone.
const proofs = async ({ client }) => oauth.DPoP(client, await oauth.generateKeyPair('ES256'));

// generic asks the token endpoint with a grant type.
async function generic({ client, auth }, grant, parameters, options) {
  const ask = () => oauth.genericTokenEndpointRequest(as, client, auth, grant, new URLSearchParams(parameters), options);
  const read = async () => oauth.processGenericTokenEndpointResponse(as, client, await ask());
  return again(read);
}

// again repeats a request once when the server asks for a nonce in the proof.
const again = (run) => run().catch((e) => (oauth.isDPoPNonceError(e) ? run() : Promise.reject(e)));

const password = (who, options) => generic(who, 'password', { username: house.username, password: house.password, scope: 'read' }, options);

async function refreshed({ client, auth }, token, options) {
  return again(async () => oauth.processRefreshTokenResponse(as, client, await oauth.refreshTokenGrantRequest(as, client, auth, token, options)));
}

// signIn goes through the code flow; push says how the request gets to the server.
async function signIn({ client, auth }, { scope = 'openid email offline_access', mode, push, DPoP } = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const nonce = oauth.generateRandomNonce();
  let parameters = new URLSearchParams({
    client_id: client.client_id, redirect_uri: house.redirectURI, response_type: 'code', scope, state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  });
  if (mode) parameters.set('response_mode', mode);
  if (push) {
    const pushed = await again(async () => oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, auth, parameters, { DPoP })));
    parameters = new URLSearchParams({ client_id: client.client_id, request_uri: pushed.request_uri });
  }
  const arrived = await visit(`${as.authorization_endpoint}?${parameters}`);
  check(!mode || arrived.method === 'POST', 'the answer came without a form');
  const answer = arrived.method === 'GET' ? new URL(arrived.url).searchParams : new URLSearchParams(await arrived.text());
  const valid = oauth.validateAuthResponse(as, client, answer, state);
  return again(async () => {
    const res = await oauth.authorizationCodeGrantRequest(as, client, auth, valid, house.redirectURI, verifier, { DPoP });
    const got = await oauth.processAuthorizationCodeResponse(as, client, res, { expectedNonce: nonce, requireIdToken: true });
    await oauth.validateApplicationLevelSignature(as, res);
    return got;
  });
}

async function introspected({ client, auth }, token) {
  return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, auth, token));
}

await tell('discovery', async () => {
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oidc' }));
  const plain = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2' }));
  check(plain.token_endpoint === as.token_endpoint, 'the two documents differ');
});

await tell('dynamic registration', async () => {
  const metadata = { client_name: 'Registered', redirect_uris: [house.redirectURI], token_endpoint_auth_method: 'client_secret_post' };
  const made = await oauth.processDynamicClientRegistrationResponse(await oauth.dynamicClientRegistrationRequest(as, metadata, { initialAccessToken: house.management }));
  await signIn({ client: made, auth: oauth.ClientSecretPost(made.client_secret) }, { scope: 'openid' });
});

await tell('password', async () => {
  for (const who of [store, posting]) {
    const got = await password(who);
    check(got.scope === 'read' && got.refresh_token && got.expires_in > 0, JSON.stringify(Object.keys(got)));
  }
});

await tell('client credentials', async () => {
  const res = await oauth.clientCredentialsGrantRequest(as, store.client, store.auth, { scope: 'read' });
  const got = await oauth.processClientCredentialsResponse(as, store.client, res);
  check(got.access_token && !got.refresh_token, 'there is no token, or one to refresh it');
});

await tell('refresh token, rotating', async () => {
  const first = await password(store);
  const next = await refreshed(store, first.refresh_token);
  check(next.refresh_token !== first.refresh_token, 'the refresh token did not rotate');
  const error = await refreshed(store, first.refresh_token).then(() => '', (e) => e.error);
  check(error === 'invalid_grant', `the used refresh token is answered with ${error}`);
});

let tokens;
await tell('code with PKCE', async () => { tokens = await signIn(reader); });
await tell('code with PKCE, public client', () => signIn(phone));
await tell('code by form_post', () => signIn(reader, { mode: 'form_post' }));
await tell('pushed request (PAR)', () => signIn(reader, { push: true }));

await tell('device code', async () => {
  const { client, auth } = phone;
  const asked = await oauth.processDeviceAuthorizationResponse(as, client, await oauth.deviceAuthorizationRequest(as, client, auth, { scope: 'openid read' }));
  const poll = async () => oauth.processDeviceCodeResponse(as, client, await oauth.deviceCodeGrantRequest(as, client, auth, asked.device_code));
  const pending = await poll().then(() => '', (e) => e.error);
  check(pending === 'authorization_pending', `a device that waits is answered with ${pending}`);
  await visit(asked.verification_uri_complete);
  await new Promise((resolve) => setTimeout(resolve, (asked.interval ?? 5) * 1000));
  check((await poll()).access_token, `no token for ${deviceGrant}`);
});

await tell('JWT bearer', async () => {
  const got = await generic(store, 'urn:ietf:params:oauth:grant-type:jwt-bearer', { assertion: house.assertion, scope: 'read' });
  check(got.scope === 'read', `the scope is ${got.scope}`);
});

await tell('token exchange', async () => {
  const type = 'urn:ietf:params:oauth:token-type:access_token';
  const subject = await password(store);
  const got = await generic(store, 'urn:ietf:params:oauth:grant-type:token-exchange', { subject_token: subject.access_token, subject_token_type: type });
  check(got.issued_token_type === type, `the type is ${got.issued_token_type}`);
});

await tell('private_key_jwt', async () => {
  const res = await oauth.clientCredentialsGrantRequest(as, vault.client, vault.auth, {});
  await oauth.processClientCredentialsResponse(as, vault.client, res);
});

await tell('DPoP', async () => {
  const DPoP = await proofs(bank);
  const got = await password(bank, { DPoP });
  check(got.token_type === 'dpop', `the token is of type ${got.token_type}`);
  const next = await refreshed(bank, got.refresh_token, { DPoP });
  const res = await again(() => oauth.protectedResourceRequest(next.access_token, 'GET', new URL(house.api), undefined, undefined, { DPoP }));
  check(res.status === 200, `the API answers ${res.status}`);
  const stolen = await oauth.protectedResourceRequest(next.access_token, 'GET', new URL(house.api)).then((r) => r.status, (e) => e.status);
  check(stolen === 401, `without a proof the API answers ${stolen}`);
});

await tell('PAR, private_key_jwt and DPoP in one', async () => {
  const DPoP = await proofs(vault);
  const got = await signIn(vault, { push: true, DPoP });
  check(got.token_type === 'dpop', `the token is of type ${got.token_type}`);
  await refreshed(vault, got.refresh_token, { DPoP });
});

await tell('ID token verified', async () => {
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  check(claims.sub && claims.auth_time, JSON.stringify(claims));
});

await tell('userinfo', async () => {
  const { sub } = oauth.getValidatedIdTokenClaims(tokens);
  const info = await oauth.processUserInfoResponse(as, reader.client, sub, await oauth.userInfoRequest(as, reader.client, tokens.access_token));
  check(info.email, JSON.stringify(info));
});

await tell('introspection', async () => {
  const said = await introspected(store, (await password(store)).access_token);
  check(said.active && said.scope === 'read', JSON.stringify(said));
});

await tell('revocation', async () => {
  const got = await password(store);
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, store.client, store.auth, got.refresh_token));
  check(!(await introspected(store, got.access_token)).active, 'the access token of the pair still works');
});

await tell('call of an API', async () => {
  const res = await oauth.protectedResourceRequest((await password(store)).access_token, 'GET', new URL(house.api));
  check(res.status === 200, `the API answers ${res.status}`);
});

await tell('metadata of an API', async () => {
  const resource = new URL(house.api.replace(/\/articles$/, ''));
  const found = await oauth.processResourceDiscoveryResponse(resource, await oauth.resourceDiscoveryRequest(resource));
  check(found.authorization_servers?.includes(house.issuer), JSON.stringify(found));
});

await tell('access token verified (RFC 9068)', async () => {
  const { access_token } = await password(store);
  const call = new Request(house.api, { headers: { authorization: `Bearer ${access_token}` } });
  const claims = await oauth.validateJwtAccessToken(as, call, house.issuer);
  check(claims.client_id === house.store.id && claims.scope === 'read', JSON.stringify(claims));
});
