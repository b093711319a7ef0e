// An OpenID provider in Okta's place: a public client with PKCE, device grant, rotating refresh tokens and a groups claim.
// A login is answered at once, without a browser, as the account that `login_hint` names; everything lives in memory.
// Run as `node server.mjs PORT`.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Provider } from 'oidc-provider';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

const ACCOUNTS = {
  kim: { name: 'Kim Okafor', email: 'kim@landfall.example', groups: ['engineering', 'on-call'] },
  lee: { name: 'Lee Sandoval', email: 'lee@landfall.example', groups: ['support'] },
};
const FIRST = 'kim';

const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: 'prove', alg: 'RS256', use: 'sig' }] },
  cookies: { keys: [randomBytes(32).toString('hex')] },
  clients: [
    {
      client_id: 'landfall',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
      response_types: ['code'],
      // A native client's loopback address is good with any port (RFC 8252, 7.3).
      redirect_uris: ['http://127.0.0.1/callback'],
    },
  ],
  pkce: { required: () => true },
  scopes: ['openid', 'offline_access', 'profile', 'email', 'groups'],
  claims: { openid: ['sub'], profile: ['name'], email: ['email'], groups: ['groups'] },
  // As Okta: what a scope grants is in the ID token, and not only at userinfo.
  conformIdTokenClaims: false,
  // As Okta: offline_access alone gives a refresh token, and each is good once.
  issueRefreshToken: async (ctx, client, code) => code.scopes.has('offline_access'),
  rotateRefreshToken: true,
  ttl: { AccessToken: 3600, IdToken: 3600, RefreshToken: 86400, DeviceCode: 600, Grant: 86400, Interaction: 600, Session: 86400 },
  features: {
    devInteractions: { enabled: false },
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
  },
  findAccount: (ctx, id) => ACCOUNTS[id] && { accountId: id, claims: () => ({ sub: id, ...ACCOUNTS[id] }) },
  interactions: { url: (ctx, interaction) => `/answer/${interaction.uid}` },
});

// What a person would do in a browser: sign in, and let the client have what it asks for.
async function answer(request, response) {
  const { params, grantId } = await provider.interactionDetails(request, response);
  const accountId = params.login_hint ?? FIRST;
  if (!ACCOUNTS[accountId]) {
    const refused = { error: 'access_denied', error_description: `there is no ${accountId}` };
    return provider.interactionFinished(request, response, refused);
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const result = { login: { accountId }, consent: { grantId: await grant.save() } };
  return provider.interactionFinished(request, response, result);
}

const serve = provider.callback();
createServer((request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname.startsWith('/answer/')) {
    return answer(request, response).catch((error) => response.writeHead(500).end(`${error}`));
  }
  // As Okta: offline_access is granted without a prompt for consent being asked for.
  if (url.pathname === '/auth' && url.searchParams.has('scope') && !url.searchParams.has('prompt')) {
    url.searchParams.set('prompt', 'consent');
    request.url = `${url.pathname}${url.search}`;
  }
  return serve(request, response);
}).listen(port, '127.0.0.1');
