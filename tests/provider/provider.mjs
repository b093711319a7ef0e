// A certified OpenID provider on loopback, in Okta's place, for tests.
//
// Owns its configuration: one public application, people whose groups are their names' endings, tokens as short as asked for.
// Takes one JSON object in the environment variable PROVIDER: {port, key, certificate, redirects, seconds}. Says one line,
// its issuer, once it listens. On its standard input `busy` makes it answer 503 to everything, `well` ends that; it ends with it.

import https from 'node:https';
import Provider from 'oidc-provider';

const wanted = JSON.parse(process.env.PROVIDER);
const issuer = `https://127.0.0.1:${wanted.port}`;

/** `mia+dev+sre@tidewater.example` is in the groups dev and sre. */
const groups = (login) => login.split('@')[0].split('+').slice(1);

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'landfall',
      token_endpoint_auth_method: 'none',
      application_type: 'native',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
      redirect_uris: wanted.redirects,
    },
  ],
  scopes: ['openid', 'offline_access', 'email', 'profile', 'groups'],
  claims: { openid: ['sub'], email: ['email'], profile: ['name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  findAccount: (_context, login) => ({
    accountId: login,
    claims: () => ({ sub: login, email: login, name: login.split(/[+@]/)[0], groups: groups(login) }),
  }),
  features: {
    deviceFlow: { enabled: true },
    revocation: { enabled: true },
    devInteractions: { enabled: true },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (_context, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  ttl: {
    AccessToken: wanted.seconds,
    IdToken: wanted.seconds,
    AuthorizationCode: 60,
    DeviceCode: 300,
    Grant: 14 * 24 * 3600,
    Interaction: 3600,
    RefreshToken: 24 * 3600,
    Session: 14 * 24 * 3600,
  },
  cookies: { keys: ['only for tests'] },
});

const answer = provider.callback();
let isBusy = false;

https
  .createServer({ key: wanted.key, cert: wanted.certificate }, (request, response) => {
    if (!isBusy) return answer(request, response);
    response.writeHead(503, { 'content-type': 'application/json' });
    response.end('{"error":"server_error","error_description":"overloaded"}');
  })
  .listen(wanted.port, '127.0.0.1', () => console.log(issuer));

process.stdin.on('data', (word) => {
  isBusy = word.toString().trim() === 'busy';
  console.log(isBusy ? 'busy' : 'well');
});
process.stdin.on('end', () => process.exit(0));
