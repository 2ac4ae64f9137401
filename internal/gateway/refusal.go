package gateway

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse/gatehouse/internal/proof"
)

// Refusal is an answer the gateway gives of its own. The codes and words are those
// that clients of the platform know; none repeats anything of the request.
type Refusal struct {
	Status      int
	Code        string
	Message     string
	Description string

	tokenError string // error of RFC 6750, section 3.1, when a token was sent
	proven     bool   // the challenge is DPoP's (RFC 9449, section 7.1)
	body       []byte
}

// Error makes a refusal an error, for policies that refuse a backend's answer.
func (r *Refusal) Error() string { return r.Message + ": " + r.Description }

// The refusals, in the order of the checks.
var (
	badTarget = status(http.StatusBadRequest, "Bad Request",
		"The path must be in plain form: no dot segments, empty segments, semicolons, backslashes or control characters, no escaped slash or percent sign, no http:// before it; and the query without spaces and #")
	longTarget = status(http.StatusRequestURITooLong, "URI Too Long",
		"The path and the query may have 16384 bytes together: send long parameters in the body")
	badAuthorization = status(http.StatusBadRequest, "Bad Request",
		"Send the Authorization header once")
	unknownMethod = status(http.StatusNotImplemented, "Not Implemented",
		"Methods are GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS, in upper case")
	unknownAPI = status(http.StatusNotFound, "Not Found",
		"The requested resource is not available.")
	blockedAPI = typed(&Refusal{Status: http.StatusServiceUnavailable, Code: "700700", Message: "API blocked",
		Description: "This API has been blocked temporarily. Please try again later or contact the system administrators."}, "API blocked")
	unknownResource = status(http.StatusNotFound, "Runtime Error",
		"No matching resource found for given API Request")
	wrongMethod = status(http.StatusMethodNotAllowed, "Runtime Error",
		"Method not allowed for given API resource")

	missingCredentials = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900902", Message: "Missing Credentials",
		Description: "Invalid Credentials. Make sure your API invocation call has a header: 'Authorization : Bearer ACCESS_TOKEN'"})
	invalidToken = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "Invalid Credentials. Make sure you have provided the correct security credentials", tokenError: "invalid_token"})
	expiredToken = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "The access token has expired. Get a new one with the refresh token or sign in again", tokenError: "invalid_token"})
	wrongScheme = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "A token that is bound to a key goes with 'Authorization: DPoP' and a proof in the header DPoP, every other with 'Authorization: Bearer'", tokenError: "invalid_token", proven: true})
	badProof = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "The DPoP proof does not hold: make a new one for each request, for its method, URL and access token, with the key that the token is bound to", tokenError: "invalid_dpop_proof", proven: true})
	missingCertificate = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "The token is bound to a certificate: present it in the TLS handshake", tokenError: "invalid_token"})
	otherAudience = plain(&Refusal{Status: http.StatusForbidden, Code: "900914", Message: "Access Denied",
		Description: "The token was asked for other resources than this API. Ask for this one when you get the token", tokenError: "invalid_token"})
	unclassified = plain(&Refusal{Status: http.StatusInternalServerError, Code: "900900", Message: "Unclassified Authentication Failure",
		Description: "The credentials cannot be checked at the moment. Try again later"})
	wrongTokenType = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900905", Message: "Incorrect Access Token Type is provided",
		Description: "This resource is open to the other kind of access token: an application's or a user's", tokenError: "invalid_token"})
	notSubscribed = plain(&Refusal{Status: http.StatusForbidden, Code: "900908", Message: "Resource forbidden",
		Description: "API Subscription validation failed. The application that the token was issued to must be subscribed to this API"})
	blockedSubscription = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900907", Message: "The requested API is temporarily blocked",
		Description: "The subscription to the API has been blocked. Ask the API's publisher", tokenError: "invalid_token"})
	inactiveSubscription = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900909", Message: "The subscription to the API is inactive",
		Description: "The subscription waits for approval, or was rejected", tokenError: "invalid_token"})
	missingScope = plain(&Refusal{Status: http.StatusForbidden, Code: "900910",
		Message:     "The access token does not allow you to access the requested resource",
		Description: "The token holds none of the scopes that open this resource. Ask for one when you get the token", tokenError: "insufficient_scope"})
	invalidCredentials = plain(&Refusal{Status: http.StatusUnauthorized, Code: invalidToken.Code, Message: invalidToken.Message, Description: invalidToken.Description})
	repeatedKey        = status(http.StatusBadRequest, "Bad Request",
		"Send the API key once: in its header, or as the parameter apikey")
	expiredKey = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "The API key has expired. Generate a new one in the API Store"})
	unknownCertificate = plain(&Refusal{Status: http.StatusUnauthorized, Code: "900901", Message: "Invalid Credentials",
		Description: "Invalid Credentials. Present a client certificate in the TLS handshake that the API's publisher knows, and that has not ended"})
	busy = status(http.StatusServiceUnavailable, "Service Unavailable",
		"Too many people are signing in: try again in a moment")
	otherAPI = plain(&Refusal{Status: http.StatusForbidden, Code: "900908", Message: "Resource forbidden",
		Description: "The key opens another API alone"})
	wrongAddress = plain(&Refusal{Status: http.StatusForbidden, Code: "900908", Message: "Resource forbidden",
		Description: "The API key may not be used from this address"})
	wrongPage = plain(&Refusal{Status: http.StatusForbidden, Code: "900908", Message: "Resource forbidden",
		Description: "The API key may not be used by this page: the header Referer names none of those that it is for"})
	wrongAudience = plain(&Refusal{Status: http.StatusForbidden, Code: "900914", Message: "Access Denied",
		Description: "The access token does not allow you to access the requested resource. It is for none of the audiences that the API is for", tokenError: "invalid_token"})
	// foreignAddress does not tell the address: behind a proxy that nobody trusts it is the proxy's.
	foreignAddress = plain(&Refusal{Status: http.StatusForbidden, Code: "900805", Message: "Message blocked",
		Description: "You have been blocked from accessing the resource: calls may not come from your address. Ask the API's publisher to list it"})
	noSandbox = plain(&Refusal{Status: http.StatusForbidden, Code: "900901", Message: "Sandbox key offered to the API with no sandbox endpoint",
		Description: "Sandbox key offered to the API with no sandbox endpoint"})
	noProduction = plain(&Refusal{Status: http.StatusForbidden, Code: "900901", Message: "Production key offered to the API with no production endpoint",
		Description: "Production key offered to the API with no production endpoint"})

	deniedCall = plain(&Refusal{Status: http.StatusForbidden, Code: "900805", Message: "Message blocked",
		Description: "You have been blocked from accessing the resource. Ask the administrators of the API's organization"})

	// overLimit holds what is said when a limit is used up, by its level.
	overLimit = [levels]*Refusal{
		APILevel: over(http.StatusTooManyRequests, "900800", "Message throttled out",
			"You have exceeded your quota: the API has had all that its tier allows, from all callers together. Call again at nextAccessTime"),
		CapacityLevel: over(http.StatusServiceUnavailable, "900801", "API Limit Reached",
			"API not accepting requests: its backends have had all the calls that they take, from all callers together. Call again at nextAccessTime"),
		ResourceLevel: over(http.StatusTooManyRequests, "900802", "Message throttled out",
			"You have exceeded your quota: the resource has had all that its tier allows, from all callers together. Call again at nextAccessTime"),
		ApplicationLevel: over(http.StatusTooManyRequests, "900803", "Message throttled out",
			"You have exceeded your quota: the application has had all that its tier allows, with all its tokens together. Call again at nextAccessTime"),
		SubscriptionLevel: over(http.StatusTooManyRequests, "900804", "Message throttled out",
			"You have exceeded your quota: the application has had all of this API that its subscription's tier allows. Call again at nextAccessTime, or subscribe on a higher tier"),
		AddressLevel: over(http.StatusTooManyRequests, "900804", "Message throttled out",
			"You have exceeded your quota: your address has made all the calls without a token that this API allows. Call again at nextAccessTime"),
		SubscriptionBurstLevel: over(http.StatusTooManyRequests, "900807", "Message throttled out",
			"You have exceeded your quota: the application calls this API faster than its subscription's tier allows. Call again at nextAccessTime, and spread your calls"),
		ApplicationBurstLevel: over(http.StatusTooManyRequests, "900809", "Message throttled out",
			"You have exceeded your quota: the application calls faster than its tier allows. Call again at nextAccessTime, and spread your calls"),
	}

	incompleteBody = plain(&Refusal{Status: http.StatusBadRequest, Code: "102511", Message: "Incomplete payload",
		Description: "The body of the request did not arrive in full"})
	largeBody = status(http.StatusRequestEntityTooLarge, "Payload Too Large",
		"The body is larger than the gateway lets through")
	otherMedia = status(http.StatusUnsupportedMediaType, "Unsupported Media Type",
		"Bodies of this Content-Type are not taken here")
	encodedBody = status(http.StatusUnsupportedMediaType, "Unsupported Media Type",
		"The body is read on its way: send it in UTF-8 and without Content-Encoding")
	unclearMedia = status(http.StatusBadRequest, "Bad Request",
		"Send the headers Content-Type and Content-Encoding once")
	notKept = status(http.StatusGatewayTimeout, "Gateway Timeout",
		"No answer is kept here, and the request says only-if-cached")
	noConnection = report(http.StatusServiceUnavailable, "101503", "Runtime Error",
		"Error connecting to the back end")
	backendTimeout = report(http.StatusGatewayTimeout, "101504", "Runtime Error",
		"The back end did not answer in time")
	noTarget = report(http.StatusServiceUnavailable, "303001", "Runtime Error",
		"The back end is not ready: it failed, and is left alone for a while. Try again later")
	busyBackend = plain(&Refusal{Status: http.StatusServiceUnavailable, Code: "900801", Message: "API Limit Reached",
		Description: "API not accepting requests: as many calls as may wait for its back end do. Try again later"})
	noSignIn = report(http.StatusBadGateway, "101500", "Runtime Error",
		"The gateway could not sign in at the back end")
	badAnswer = report(http.StatusBadGateway, "101500", "Runtime Error",
		"The back end could not be called, or its answer was broken")
)

// over is a refusal because a limit is used up.
func over(status int, code, message, description string) *Refusal {
	return plain(&Refusal{Status: status, Code: code, Message: message, Description: description})
}

// missingOf is missingCredentials for an API that looks at others than access tokens in
// the header Authorization, and names what it looks at.
func missingOf(s *security) *Refusal {
	var headers []string
	if s.token {
		headers = append(headers, "'"+s.header+" : Bearer ACCESS_TOKEN'")
	}
	if s.password {
		headers = append(headers, "'"+s.header+" : Basic CREDENTIALS'")
	}
	if s.key {
		headers = append(headers, "'"+s.keyHeader+" : API_KEY'")
	}
	r := *missingCredentials
	r.Description = "Invalid Credentials. Make sure your API invocation call has a header: " + strings.Join(headers, " or ")
	return plain(&r)
}

// status is a refusal of the request as such, with the status for its code.
func status(status int, message, description string) *Refusal {
	return report(status, strconv.Itoa(status), message, description)
}

func report(status int, code, message, description string) *Refusal {
	return typed(&Refusal{Status: status, Code: code, Message: message, Description: description}, "Status report")
}

// plain is a refusal without a type: of the caller, not of the request.
func plain(r *Refusal) *Refusal { return typed(r, "") }

// typed writes the body of r once and for all.
func typed(r *Refusal, kind string) *Refusal {
	body, err := json.Marshal(struct {
		Code        string `json:"code"`
		Type        string `json:"type,omitempty"`
		Message     string `json:"message"`
		Description string `json:"description"`
	}{r.Code, kind, r.Message, r.Description})
	if err != nil {
		panic(err) // strings can always be marshaled
	}
	r.body = append(body, '\n')
	return r
}

// write answers with d's refusal: the one place where it becomes HTTP. gateway is what
// the world calls the gateway.
func (d *Decision) write(w http.ResponseWriter, gateway string) {
	r, body := d.Refusal, d.Refusal.body
	h := w.Header()
	d.Quota.head(h)
	if d.Quota.Full {
		h.Set("Retry-After", strconv.FormatInt(d.Quota.Wait, 10)) // RFC 6585, section 4
		body = d.Quota.tell(body)
	}
	if r == busy {
		h.Set("Retry-After", "1")
	}
	if d.grpc {
		r.tellGRPC(h)
		w.WriteHeader(http.StatusOK)
		return
	}
	h.Set("Content-Type", "application/json;charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	if challenges := d.challenges(gateway); challenges != nil {
		h["Www-Authenticate"] = challenges
	}
	if r.Status == http.StatusMethodNotAllowed {
		h.Set("Allow", d.Allow)
	}
	w.WriteHeader(r.Status)
	w.Write(body) // a caller that has left cannot be told so
}

// challenges returns what WWW-Authenticate says (RFC 9110, section 11.6.1): a line for
// each scheme that the API looks at.
func (d *Decision) challenges(gateway string) []string {
	r, s := d.Refusal, d.security
	if s == nil || r.tokenError == "" && r.Status != http.StatusUnauthorized {
		return nil
	}
	var lines []string
	if s.token {
		lines = d.tokenChallenges(gateway)
	}
	if r.Status != http.StatusUnauthorized {
		return lines
	}
	if s.password {
		lines = append(lines, `Basic realm="Gatehouse", charset="UTF-8"`) // RFC 7617, section 2.1
	}
	if s.key {
		lines = append(lines, `API Key realm="Gatehouse"`) // as clients of the platform know it
	}
	if lines == nil {
		lines = []string{`ClientCertificate realm="Gatehouse"`}
	}
	return lines
}

// tokenChallenges are those for access tokens (RFC 6750, section 3): the realm alone to a
// call without a token, which may bring either kind, else what is wrong with the token.
// They tell where to get one (RFC 9728, section 5.1).
func (d *Decision) tokenChallenges(gateway string) []string {
	r := d.Refusal
	says := ` realm="Gatehouse"`
	if r.tokenError != "" {
		says += `, error="` + r.tokenError + `", error_description="` + r.Description + `"`
	}
	if r.tokenError == "insufficient_scope" {
		says += `, scope="` + strings.Join(d.Resource.Scopes, " ") + `"`
	}
	if gateway != "" {
		says += `, resource_metadata="` + gateway + MetadataPath + d.API.BasePath() + `"`
	}
	switch {
	case r.proven:
		return []string{"DPoP" + says + proofAlgorithms}
	case r.tokenError == "":
		return []string{"Bearer" + says, "DPoP" + says + proofAlgorithms}
	}
	return []string{"Bearer" + says}
}

// proofAlgorithms is the parameter algs of the DPoP challenge.
var proofAlgorithms = func() string {
	var names []string
	for _, a := range proof.Algorithms {
		names = append(names, string(a))
	}
	return `, algs="` + strings.Join(names, " ") + `"`
}()

// grpcStatuses are the codes of gRPC for the statuses of refusals; others are 2, unknown.
var grpcStatuses = map[int]string{
	http.StatusBadRequest: "3", http.StatusUnauthorized: "16", http.StatusForbidden: "7", http.StatusNotFound: "12", http.StatusMethodNotAllowed: "12",
	http.StatusRequestEntityTooLarge: "8", http.StatusTooManyRequests: "8", http.StatusInternalServerError: "13", http.StatusBadGateway: "14",
	http.StatusServiceUnavailable: "14", http.StatusGatewayTimeout: "4",
}

// tellGRPC gives a refusal the form that gRPC clients read: status and message in the
// header, and no body. The status of HTTP stays 200, or they would not look.
func (r *Refusal) tellGRPC(h http.Header) {
	status, ok := grpcStatuses[r.Status]
	if !ok {
		status = "2"
	}
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", status)
	h.Set("Grpc-Message", url.PathEscape(r.Code+" "+r.Description))
}
