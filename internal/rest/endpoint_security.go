package rest

import (
	"encoding/json"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// endpointSecurity is how a backend is shown who calls. Secrets are read and never
// written: one that is sent blank stays as it was.
type endpointSecurity struct {
	Enabled bool   `json:"enabled"`
	Type    string `json:"type,omitempty"` // BASIC, APIKEY or OAUTH

	Username string  `json:"username,omitempty"`
	Password *string `json:"password,omitempty"`

	GrantType        string           `json:"grantType,omitempty"` // CLIENT_CREDENTIALS or PASSWORD
	TokenURL         string           `json:"tokenUrl,omitempty"`
	ClientID         string           `json:"clientId,omitempty"`
	ClientSecret     *string          `json:"clientSecret,omitempty"`
	CustomParameters customParameters `json:"customParameters,omitempty"` // of the token request

	APIKeyIdentifier     string  `json:"apiKeyIdentifier,omitempty"`     // the header
	APIKeyIdentifierType string  `json:"apiKeyIdentifierType,omitempty"` // HEADER
	APIKeyValue          *string `json:"apiKeyValue,omitempty"`
}

// customParameters are an object, or one that is written as text.
type customParameters map[string]string

// UnmarshalJSON reads {"scope":"a"}, "{\"scope\":\"a\"}", "" and null.
func (p *customParameters) UnmarshalJSON(text []byte) error {
	var inner string
	if err := json.Unmarshal(text, &inner); err == nil {
		if strings.TrimSpace(inner) == "" {
			return nil
		}
		text = []byte(inner)
	}
	if err := json.Unmarshal(text, (*map[string]string)(p)); err != nil {
		return gatehouse.Errorf(gatehouse.Invalid, "customParameters are an object whose values are texts")
	}
	return nil
}

// read returns the security, none when it is switched off.
func (s endpointSecurity) read() (gatehouse.BackendSecurity, error) {
	if !s.Enabled {
		return gatehouse.BackendSecurity{}, nil
	}
	switch strings.ToUpper(strings.ReplaceAll(s.Type, "_", "")) {
	case "BASIC":
		return gatehouse.BackendSecurity{
			Type: gatehouse.BasicSecurity, Username: s.Username, Password: gatehouse.NewBackendSecret(value(s.Password)),
		}, nil
	case "APIKEY":
		if s.APIKeyIdentifierType != "" && !strings.EqualFold(s.APIKeyIdentifierType, "HEADER") {
			return gatehouse.BackendSecurity{}, gatehouse.Errorf(gatehouse.Invalid, "apiKeyIdentifierType %q is not supported: a key in a URL stands in logs, use HEADER", s.APIKeyIdentifierType)
		}
		return gatehouse.BackendSecurity{
			Type: gatehouse.APIKeySecurity, Header: s.APIKeyIdentifier, Key: gatehouse.NewBackendSecret(value(s.APIKeyValue)),
		}, nil
	case "OAUTH", "OAUTH2":
		oauth := gatehouse.BackendSecurity{
			Type: gatehouse.OAuthSecurity, Grant: gatehouse.BackendGrant(strings.ToUpper(s.GrantType)), TokenURL: s.TokenURL, ClientID: s.ClientID,
			ClientSecret: gatehouse.NewBackendSecret(value(s.ClientSecret)), Parameters: s.CustomParameters,
		}
		if oauth.Grant == gatehouse.BackendPassword {
			oauth.Username, oauth.Password = s.Username, gatehouse.NewBackendSecret(value(s.Password))
		}
		return oauth, nil
	}
	return gatehouse.BackendSecurity{}, gatehouse.Errorf(gatehouse.Invalid, "endpoint_security type %q is not supported: use BASIC, APIKEY or OAUTH", s.Type)
}

// newEndpointSecurity writes security, with its secrets blank.
func newEndpointSecurity(s *gatehouse.BackendSecurity) endpointSecurity {
	blank := new(string)
	wire := endpointSecurity{Enabled: true, Type: string(s.Type), Username: s.Username, GrantType: string(s.Grant), TokenURL: s.TokenURL, ClientID: s.ClientID, CustomParameters: s.Parameters}
	switch s.Type {
	case gatehouse.BasicSecurity:
		wire.Password = blank
	case gatehouse.APIKeySecurity:
		wire.APIKeyIdentifier, wire.APIKeyIdentifierType, wire.APIKeyValue = s.Header, "HEADER", blank
	case gatehouse.OAuthSecurity:
		wire.ClientSecret = blank
		if s.Grant == gatehouse.BackendPassword {
			wire.Password = blank
		}
	}
	return wire
}
