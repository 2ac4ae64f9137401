package gateway

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
)

// security is what opens an API, compiled.
type security struct {
	token, password, key bool // the schemes that are looked at
	mandatory, alone     bool // a certificate must be there; it suffices
	header, keyHeader    string
	audiences            []string
	certificates         *certificates
	missing              *Refusal // of a call that brings none of what is looked at
}

func newSecurity(api *gatehouse.API) (*security, error) {
	said := &api.Settings.Security
	s := &security{
		token: said.Permits(gatehouse.SchemeOAuth2), password: said.Permits(gatehouse.SchemeBasic), key: said.Permits(gatehouse.SchemeAPIKey),
		mandatory: said.MutualTLS == gatehouse.Mandatory, header: gatehouse.AuthorizationHeader, keyHeader: http.CanonicalHeaderKey(gatehouse.APIKeyHeader),
		audiences: said.Audiences, missing: missingCredentials,
	}
	s.alone = s.mandatory && (said.CertificateAlone || len(said.Schemes) == 0)
	if said.Header != "" {
		s.header = http.CanonicalHeaderKey(said.Header)
	}
	if said.KeyHeader != "" {
		s.keyHeader = http.CanonicalHeaderKey(said.KeyHeader)
	}
	if !s.token || s.password || s.key || s.header != gatehouse.AuthorizationHeader {
		s.missing = missingOf(s)
	}
	if !s.mandatory {
		return s, nil
	}
	var err error
	s.certificates, err = newCertificates(said.Certificates)
	return s, err
}

// authorize runs the checks of a call that needs credentials, in the order in which their
// refusals are promised. Of the credentials that the API looks at, the first that is there
// decides: when it is not good, no other is tried.
func (d *Decision) authorize(f Facts, h *Head) bool {
	d.Stage = StageCredentials
	if h.Header[internalHeader] != nil {
		return d.byInternalKey(f, h)
	}
	s := d.security
	var known *gatehouse.ClientCertificate
	if s.mandatory {
		if known = f.Presented(s.certificates); known == nil {
			return d.refuse(unknownCertificate)
		}
	}
	header := h.Authorization
	if s.header != gatehouse.AuthorizationHeader {
		var ok bool
		if header, ok = single(h.Header[s.header]); !ok {
			return d.refuse(badAuthorization)
		}
	}
	if s.token {
		if token, byProof, ok := credentials(header); ok {
			return d.byToken(f, h, token, byProof)
		}
	}
	if s.password {
		if text, ok := scheme(header, "Basic "); ok {
			return d.byPassword(f, text)
		}
	}
	if s.key {
		key, ok := s.sentKey(h)
		switch {
		case !ok:
			return d.refuse(repeatedKey)
		case key != "":
			return d.byKey(f, h, key)
		}
	}
	if s.alone {
		d.byCertificate(known)
		return true
	}
	return d.refuse(s.missing)
}

// byCertificate lets a call in by its certificate alone, which says which backend it is
// for, and how often such calls may come.
func (d *Decision) byCertificate(known *gatehouse.ClientCertificate) {
	d.Stage, d.brought = StageToken, "certificate"
	d.Authorization = &gatehouse.Authorization{
		ID: known.Alias, OrgKey: d.API.OrgKey, KeyType: known.Type, For: gatehouse.ForApplication, Subject: known.Alias, ExpiresAt: gatehouse.EndOfTime,
	}
	d.Subscription = &gatehouse.Subscription{ID: d.API.ID + "/" + known.Alias, APIID: d.API.ID, Tier: known.Tier, State: gatehouse.Unblocked}
}

// internalHeader carries the key by which publishers try an API out, whatever opens it to
// others.
const internalHeader = "Internal-Key"

// tries reports whether a call is its publisher's, who tries out an API that nobody else
// is shown.
func tries(f Facts, h *Head, apiID string) bool {
	a, _ := internalKey(f, h)
	return a != nil && slices.Contains(a.Audience, apiID)
}

func internalKey(f Facts, h *Head) (*gatehouse.Authorization, error) {
	key, _ := single(h.Header[internalHeader])
	if key == "" {
		return nil, nil
	}
	return f.Internal(key)
}

// byInternalKey lets a call in by an internal key alone: no scheme, subscription or scope
// is asked for.
func (d *Decision) byInternalKey(f Facts, h *Head) bool {
	d.Stage, d.brought = StageToken, "internal key"
	a, err := internalKey(f, h)
	switch {
	case a == nil || err != nil:
		return d.refuse(invalidCredentials)
	case !slices.Contains(a.Audience, d.API.ID):
		return d.refuse(otherAPI)
	}
	d.Authorization = a
	return true
}

// single returns the one value of a header, nothing for none, and false for several.
func single(values []string) (string, bool) {
	switch len(values) {
	case 0:
		return "", true
	case 1:
		return values[0], true
	}
	return "", false
}

// byToken is the scheme oauth2.
func (d *Decision) byToken(f Facts, h *Head, token string, byProof bool) bool {
	if !validToken(token) {
		return d.refuse(invalidToken)
	}
	d.brought = "token"
	return d.identify(f, token) && d.held(f, token, byProof) && d.addressed(h.Gateway) && d.meant(h.Gateway) && d.ofKind() && d.subscribed() && d.opened()
}

// meant checks that a token is for one of the API's audiences: by the resources that it
// was asked for, else by the gateway's URL, or by the client that it was issued to.
func (d *Decision) meant(gateway string) bool {
	audiences := d.security.audiences
	if len(audiences) == 0 {
		return true
	}
	a := d.Authorization
	ok := slices.Contains(audiences, a.ConsumerKey) || len(a.Audience) == 0 && slices.Contains(audiences, gateway) ||
		slices.ContainsFunc(a.Audience, func(resource string) bool { return slices.Contains(audiences, resource) })
	return ok || d.refuse(wrongAudience)
}

// byPassword is the scheme basic_auth (RFC 7617): a member of the API's organization, who
// needs no subscription and has the scopes that their roles may have.
func (d *Decision) byPassword(f Facts, text string) bool {
	name, password, ok := nameAndPassword(text)
	if !ok {
		return d.refuse(invalidCredentials)
	}
	d.Stage, d.brought = StageToken, "password"
	a, err := f.Person(d.API.OrgKey, name, password)
	switch gatehouse.KindOf(err) {
	case gatehouse.Unauthenticated:
		return d.refuse(invalidCredentials)
	case gatehouse.Unavailable:
		return d.refuse(busy)
	}
	if err != nil {
		d.Err = err
		return d.refuse(unclassified)
	}
	d.Authorization = a
	return d.ofKind() && d.opened()
}

// nameAndPassword reads the credentials of RFC 7617, section 2.
func nameAndPassword(text string) (name, password string, ok bool) {
	if len(text) > 4<<10 {
		return "", "", false
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !utf8.Valid(decoded) {
		return "", "", false
	}
	return strings.Cut(string(decoded), ":")
}

// byKey is the scheme api_key. A key says which application calls; scopes and kinds of
// token are not asked of it.
func (d *Decision) byKey(f Facts, h *Head, key string) bool {
	if !gatehouse.ValidAPIKey(key) {
		return d.refuse(invalidCredentials)
	}
	d.Stage, d.brought = StageToken, "API key"
	k, client, err := f.APIKey(key)
	switch {
	case err == nil:
	case errors.Is(err, gatehouse.ErrTokenExpired):
		return d.refuse(expiredKey)
	case gatehouse.KindOf(err) == gatehouse.NotFound:
		return d.refuse(invalidCredentials)
	default:
		d.Err = err
		return d.refuse(unclassified)
	}
	d.Authorization, d.Client = k.Authorize(), client
	referer, _ := single(h.Header["Referer"])
	switch {
	case k.APIID != "" && k.APIID != d.API.ID:
		return d.refuse(otherAPI)
	case !k.From(f.Address()):
		return d.refuse(wrongAddress)
	case !k.By(referer):
		return d.refuse(wrongPage)
	}
	return d.subscribed()
}

// sentKey returns the API key of a call, from its header or from the query; nothing when
// there is none, and false when there are several.
func (s *security) sentKey(h *Head) (string, bool) {
	key, ok := single(h.Header[s.keyHeader])
	for parameter := range strings.FieldsFuncSeq(h.Query, endsParameter) {
		if !isNamed(parameter, gatehouse.APIKeyHeader) {
			continue
		}
		_, value, _ := strings.Cut(parameter, "=")
		value, err := url.QueryUnescape(value)
		if key != "" || err != nil {
			return "", false
		}
		key = value
	}
	return key, ok
}

func endsParameter(c rune) bool { return c == '&' || c == ';' }

// strip removes the headers that carry credentials from the request that the backend gets,
// beside what cleanRequest removes from all.
func (s *security) strip(h http.Header) {
	delete(h, s.header)
	if s.key {
		delete(h, s.keyHeader)
	}
}

// query returns a query without the parameters that carry credentials.
func (s *security) query(sent string) string {
	if s.key {
		return withoutToken(sent, gatehouse.APIKeyHeader)
	}
	return withoutToken(sent)
}
