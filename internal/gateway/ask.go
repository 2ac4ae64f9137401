package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Ask answers what would become of a call that nobody makes: by the decision that serves
// traffic, on the table in force. Nothing is counted, sent or remembered. Whoever asks is
// taken to hold the key or the certificate that the token is bound to.
func (g *Gateway) Ask(ctx context.Context, q gatehouse.Question) (*gatehouse.Call, error) {
	g.once.Do(g.open)
	target := q.Target
	if !strings.HasPrefix(target, "/") {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the path must begin with /, like /petstore/v1/pets")
	}
	r := &http.Request{Method: strings.ToUpper(q.Method), RequestURI: target, Header: http.Header{}}
	switch {
	case gatehouse.ValidAPIKey(q.Token):
		r.RequestURI += querySeparator(target) + gatehouse.APIKeyHeader + "=" + q.Token
	case q.Token != "":
		r.Header["Authorization"] = []string{"Bearer " + q.Token}
	}
	s := seen{at: g.Now(), method: r.Method}
	s.path, _, _ = strings.Cut(target, "?")
	var h Head
	if s.decision.Refusal = h.read(r); s.decision.Refusal == nil {
		h.Gateway = g.URL
		f := &supposed{ctx: ctx, gateway: g}
		if a, err := netip.ParseAddr(q.Address); err == nil {
			f.address = a.Unmap()
		} else if q.Address != "" {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "%q is no IP address", q.Address)
		}
		s.path, s.decision = h.Path, Decide(g.current(), f, &h)
	}
	if s.decision.Refusal != nil {
		s.status = s.decision.Refusal.Status
	}
	if s.decision.Err != nil {
		return nil, s.decision.Err
	}
	c := s.call()
	return &c, nil
}

func querySeparator(target string) string {
	if strings.Contains(target, "?") {
		return "&"
	}
	return "?"
}

// supposed are the facts of a call that nobody makes.
type supposed struct {
	ctx     context.Context
	gateway *Gateway
	address netip.Addr
	bound   gatehouse.Binding // of the token
	began   *stream           // the call that was made, when it lasts; its limits do not matter any more
}

func (s *supposed) Token(token string) (*gatehouse.Authorization, error) {
	a, err := s.gateway.Tokens.Verify(s.ctx, token)
	if err == nil {
		s.bound = a.Binding
	}
	return a, err
}

func (s *supposed) Client(consumerKey string) (*gatehouse.Client, error) {
	return s.gateway.Clients.Client(s.ctx, consumerKey)
}

func (s *supposed) Proof(string) (string, error) { return s.bound.JKT, nil }

func (s *supposed) Certificate() string { return s.bound.X5T }

// Presented takes whoever asks to present a certificate that the API knows.
func (s *supposed) Presented(of *certificates) *gatehouse.ClientCertificate {
	if s.began != nil {
		return of.match(s.began.chain, s.gateway.Now())
	}
	for _, known := range of.known {
		return known
	}
	return nil
}

func (s *supposed) APIKey(key string) (*gatehouse.APIKey, *gatehouse.Client, error) {
	return s.gateway.apiKey(s.ctx, key)
}

func (s *supposed) Internal(key string) (*gatehouse.Authorization, error) {
	return s.gateway.Tokens.VerifyInternal(key)
}

// Person asks for no password again: what has ended since names what it opened.
func (s *supposed) Person(string, string, string) (*gatehouse.Authorization, error) {
	if s.began == nil || s.began.person == nil || !s.gateway.Tokens.Stands(s.began.person) {
		return nil, gatehouse.Errorf(gatehouse.Unauthenticated, "nobody has signed in")
	}
	return s.began.person, nil
}

func (s *supposed) Address() netip.Addr { return s.address }

func (s *supposed) Count(limits Limits) Quota {
	if s.began != nil {
		return Quota{}
	}
	return s.gateway.counts.peek(&limits, s.gateway.Now())
}
