// An authorization server of somebody else: oidc-provider, with access tokens that are JWTs (RFC 9068) for the resource that
// was asked for (RFC 8707). The file that is named as its argument says in JSON all that it is to be:
//
//   {"port", "keys": [JWK…], "scopes": […], "groups": {login: […]}, "clients": […], "claims": {…}, "alg"}
//
// As an identity provider: "profiles": {login: {claim: …}}, "idTokenClaims": whether the id_token has them itself.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Provider } from 'oidc-provider'

const wanted = JSON.parse(readFileSync(process.argv[1]))
const alg = wanted.alg ?? 'RS256'

const provider = new Provider(`http://127.0.0.1:${wanted.port}`, {
  jwks: { keys: wanted.keys },
  clients: wanted.clients ?? [],
  scopes: ['openid', 'offline_access', ...wanted.scopes],
  claims: { openid: ['sub'], profile: ['name'], email: ['email', 'email_verified'], groups: ['groups'] },
  conformIdTokenClaims: !wanted.idTokenClaims,
  cookies: { keys: ['only for tests'] },
  clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' },
  routes: { authorization: '/authorize', registration: '/register', token: '/token', jwks: '/jwks' },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 3600, IdToken: 600, Interaction: 600, RefreshToken: 3600, Session: 3600, ClientCredentials: 600 },
  findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, name: `${id} of elsewhere`, ...wanted.profiles?.[id] }) }),
  extraTokenClaims: (ctx, token) => ({
    ...(wanted.groups?.[token.accountId] ? { groups: wanted.groups[token.accountId] } : {}),
    ...(wanted.claims ?? {}),
  }),
  features: {
    devInteractions: { enabled: true },
    registration: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client, oneOf) => oneOf,
      useGrantedResource: () => true,
      getResourceServerInfo: (ctx, resource) => ({
        scope: wanted.scopes.join(' '),
        audience: resource,
        accessTokenTTL: 600,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg } },
      }),
    },
  },
})
provider.on('server_error', (ctx, error) => console.log(`defect: ${error.stack}`))

const answer = provider.callback()
createServer((request, response) => {
  response.on('finish', () => console.log(`${request.method} ${request.url.split('?')[0]} ${response.statusCode}`))
  answer(request, response)
}).listen(wanted.port, '127.0.0.1', () => console.log('listening'))
