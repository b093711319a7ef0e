// A certified OpenID provider on loopback, in Okta's place, for tests.
//
// Owns its configuration: one public application, people whose groups are their names' endings, tokens as short as asked for.
// Takes one JSON object in the environment variable PROVIDER: {port, key, certificate, redirects, seconds}, and may take
// `told`, a file to which every secret that it gives or is shown is added, a JSON object {is, value} a line, and `delay`,
// milliseconds that each answer of the token endpoint takes more, so that two at once would be seen.
// Says one line, its issuer, once it listens, and answers each word on its standard input with a line:
//   busy       503 to everything       closed     hangs up on everything       well       ends both
//   seconds N  what tokens live from now on      revoke     ends every sign-in that there is
//   count      what it was asked so far
// It ends with its standard input.

import { appendFileSync } from 'node:fs';
import https from 'node:https';
import { createInterface } from 'node:readline';
import Provider from 'oidc-provider';

// The library's remarks are no answers.
console.info = console.error;
console.warn = console.error;

const wanted = JSON.parse(process.env.PROVIDER);
const issuer = `https://127.0.0.1:${wanted.port}`;
let seconds = wanted.seconds;

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
  // `id` and `login` are what GitHub says of a person.
  claims: { openid: ['sub', 'id', 'login'], email: ['email'], profile: ['name'], groups: ['groups'] },
  conformIdTokenClaims: false,
  findAccount: (_context, login) => ({
    accountId: login,
    claims: () => ({ sub: login, id: 7, login, email: login, name: login.split(/[+@]/)[0], groups: groups(login) }),
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
    AccessToken: () => seconds,
    IdToken: () => seconds,
    AuthorizationCode: 60,
    DeviceCode: 300,
    Grant: 14 * 24 * 3600,
    Interaction: 3600,
    RefreshToken: 24 * 3600,
    Session: 14 * 24 * 3600,
  },
  cookies: { keys: ['only for tests'] },
});

/** What it was asked: requests, of these to the token endpoint, refreshes given, tokens refused, the most at once. */
const counted = { requests: 0, tokens: 0, signIns: 0, refreshes: 0, refused: 0, most: 0 };
const grants = new Set();

const tell = (is, value) => {
  if (wanted.told && value) appendFileSync(wanted.told, `${JSON.stringify({ is, value })}\n`);
};

provider.use(async (context, next) => {
  await next();
  const location = context.response.get('location');
  if (location) tell('code', new URL(location, issuer).searchParams.get('code'));
  if (context.path === '/device/auth') tell('device code', context.body?.device_code);
  if (context.path !== '/token') return;
  const { grant_type: grant, code_verifier: verifier } = context.oidc?.params ?? {};
  if (context.status !== 200) counted.refused += 1;
  else if (grant === 'refresh_token') counted.refreshes += 1;
  else counted.signIns += 1;
  tell('verifier', verifier);
  for (const is of ['access_token', 'id_token', 'refresh_token']) tell(is, context.body?.[is]);
  if (wanted.delay) await new Promise((over) => setTimeout(over, wanted.delay));
});
provider.on('refresh_token.saved', (token) => grants.add(token.grantId));

const answer = provider.callback();
let mood = 'well';
let underWay = 0;

https
  .createServer({ key: wanted.key, cert: wanted.certificate }, (request, response) => {
    counted.requests += 1;
    if (request.url.startsWith('/token') && request.method === 'POST' && !request.url.includes('/', 1)) {
      counted.tokens += 1;
      underWay += 1;
      counted.most = Math.max(counted.most, underWay);
      response.on('close', () => (underWay -= 1));
    }
    if (mood === 'well') return answer(request, response);
    if (mood === 'closed') return request.socket.destroy();
    response.writeHead(503, { 'content-type': 'application/json' });
    response.end('{"error":"server_error","error_description":"overloaded"}');
  })
  .listen(wanted.port, '127.0.0.1', () => console.log(issuer));

const revoke = async () => {
  for (const grant of grants) {
    for (const kind of [provider.RefreshToken, provider.AccessToken, provider.AuthorizationCode]) {
      await kind.revokeByGrantId(grant);
    }
  }
  grants.clear();
};

const words = createInterface({ input: process.stdin });
words.on('line', async (line) => {
  const [word, number] = line.trim().split(' ');
  if (word === 'count') return console.log(JSON.stringify(counted));
  if (word === 'revoke') await revoke();
  else if (word === 'seconds') seconds = Number(number);
  else mood = word === 'busy' || word === 'closed' ? word : 'well';
  console.log(word === 'busy' || word === 'closed' || word === 'revoke' || word === 'seconds' ? word : 'well');
});
words.on('close', () => process.exit(0));
