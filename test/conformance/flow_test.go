package conformance

// flow is one thing that a client and the Token API do with each other.
type flow string

// The flows, in the order of the table. A client that can neither begin nor check one has
// no part in it.
const (
	discovery         flow = "discovery"
	registration      flow = "dynamic registration"
	password          flow = "password"
	clientCredentials flow = "client credentials"
	refresh           flow = "refresh token, rotating"
	code              flow = "code with PKCE"
	publicCode        flow = "code with PKCE, public client"
	formPost          flow = "code by form_post"
	pushed            flow = "pushed request (PAR)"
	device            flow = "device code"
	jwtBearer         flow = "JWT bearer"
	exchange          flow = "token exchange"
	privateKey        flow = "private_key_jwt"
	dpop              flow = "DPoP"
	fapi              flow = "PAR, private_key_jwt and DPoP in one"
	idToken           flow = "ID token verified"
	userinfo          flow = "userinfo"
	introspection     flow = "introspection"
	revocation        flow = "revocation"
	endSession        flow = "sign-out (end session)"
	apiCall           flow = "call of an API"
	apiMetadata       flow = "metadata of an API"
	accessToken       flow = "access token verified (RFC 9068)"
)

var flows = []flow{
	discovery, registration, password, clientCredentials, refresh, code, publicCode, formPost, pushed, device, jwtBearer, exchange,
	privateKey, dpop, fapi, idToken, userinfo, introspection, revocation, endSession, apiCall, apiMetadata, accessToken,
}
