package server

import (
	"context"
	"crypto/tls"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

//go:embed demo/orgnews.yaml
var orgnews []byte

const (
	demoOrg = "johnsorg"
	demoApp = "Newsreader"
)

// demo is what the demo made once and needs to print: it is kept beside the store, so
// that a demo on kept data prints lines that still work.
type demo struct {
	John, Tom   string // their passwords
	JohnID      string
	APIID       string
	ConsumerKey string
	Secret      string
}

// Demo furnishes a server with the main job: organization johnsorg with john, who may
// read and update, and tom, who may read; an API with a backend of its own; an
// application with keys and a subscription. It prints the addresses, the sign-ins and
// curl lines that work when they are pasted. The server must be serving; the backend
// stops when ctx ends.
func Demo(ctx context.Context, s *Server, w io.Writer) error {
	backend, err := serveNewsroom(ctx)
	if err != nil {
		return err
	}
	d, err := s.furnish(ctx, backend)
	if err != nil {
		return fmt.Errorf("furnish the demo: %w", err)
	}
	lines, err := s.demoLines(ctx, d)
	if err != nil {
		return fmt.Errorf("try the demo: %w", err)
	}
	_, err = io.WriteString(w, lines)
	return err
}

// serveNewsroom starts the demo's backend on loopback and returns its URL.
func serveNewsroom(ctx context.Context) (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	srv := &http.Server{Handler: newNewsroom(), ReadHeaderTimeout: headTimeout}
	go srv.Serve(l)
	context.AfterFunc(ctx, func() { srv.Close() })
	return "http://" + l.Addr().String() + "/v1", nil
}

// furnish makes what is not there yet, and points the API at its backend.
func (s *Server) furnish(ctx context.Context, backend string) (*demo, error) {
	path := filepath.Join(s.data, "demo.json")
	if text, err := os.ReadFile(path); err == nil {
		var d demo
		if err := json.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s is damaged: delete the data folder to begin anew: %w", path, err)
		}
		return &d, s.redirectDemo(ctx, &d, backend)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	d, err := s.makeDemo(ctx, backend)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(d)
	if err != nil {
		return nil, err
	}
	return d, os.WriteFile(path, text, 0o600)
}

func (s *Server) makeDemo(ctx context.Context, backend string) (*demo, error) {
	d := &demo{John: gatehouse.RandomText(12), Tom: gatehouse.RandomText(12)}
	if _, err := s.Organization.CreateOrganization(ctx, demoOrg, "John's Organization"); err != nil {
		return nil, err
	}
	john, err := s.Organization.CreateUser(ctx, organization.NewUser{
		Username: "john@johns.org", Name: "John", Password: d.John, OrgKey: demoOrg,
		Roles: []gatehouse.Role{gatehouse.Admin, gatehouse.Publisher, gatehouse.Subscriber, "editor"},
	})
	if err != nil {
		return nil, err
	}
	if _, err := s.Organization.CreateUser(ctx, organization.NewUser{
		Username: "tom@johns.org", Name: "Tom", Password: d.Tom, OrgKey: demoOrg, Roles: []gatehouse.Role{gatehouse.Subscriber},
	}); err != nil {
		return nil, err
	}
	api, _, err := s.Publisher.Import(ctx, john, orgnews, publisher.Changes{Production: &backend})
	if err != nil {
		return nil, err
	}
	if _, err := s.Publisher.Do(ctx, john, api.ID, gatehouse.Publish); err != nil {
		return nil, err
	}
	app, err := s.APIStore.CreateApplication(ctx, john, apistore.NewApplication{Name: demoApp})
	if err != nil {
		return nil, err
	}
	if _, err := s.APIStore.Subscribe(ctx, john, app.ID, api.ID, "Gold"); err != nil {
		return nil, err
	}
	keys, secret, err := s.APIStore.GenerateKeys(ctx, john, app.ID, apistore.NewKeys{})
	if err != nil {
		return nil, err
	}
	d.JohnID, d.APIID, d.ConsumerKey, d.Secret = john.ID, api.ID, keys.ConsumerKey, secret
	return d, nil
}

// redirectDemo points the API of kept data at the backend of this run.
func (s *Server) redirectDemo(ctx context.Context, d *demo, backend string) error {
	org, err := s.Organization.Organization(ctx, demoOrg)
	if err != nil {
		return err
	}
	john, err := s.Organization.Member(ctx, org.ID, d.JohnID)
	if err != nil {
		return err
	}
	_, err = s.Publisher.Update(ctx, john, d.APIID, publisher.Changes{Production: &backend})
	return err
}

// demoLines gets tokens as the lines tell how to, and returns what to print.
func (s *Server) demoLines(ctx context.Context, d *demo) (string, error) {
	pair := func(scopes string) (access, refresh string, err error) {
		form := "grant_type=password&username=john@johns.org@" + demoOrg + "&password=" + d.John + "&scope=" + scopes
		return s.askToken(ctx, d, form)
	}
	both, _, err1 := pair("read+update")
	readOnly, refresh, err2 := pair("read")
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	basic := base64.StdEncoding.EncodeToString([]byte(d.ConsumerKey + ":" + d.Secret))
	articles := s.GatewayURL + "/t/" + demoOrg + "/orgnews/1.0.0/articles"
	ask := func(form string) string {
		return fmt.Sprintf(`curl -k -d "%s" -H "Authorization: Basic %s" -H "Content-Type: application/x-www-form-urlencoded" %s/token`, form, basic, s.GatewayURL)
	}
	change := func(token string) string {
		return fmt.Sprintf(`curl -k -X PUT -H "Authorization: Bearer %s" -H "Content-Type: application/json" -d '{"title":"The gatehouse is wide open"}' %s/1`, token, articles)
	}
	user := "grant_type=password&username=john@johns.org@" + demoOrg + "&password=" + d.John
	var b strings.Builder
	fmt.Fprintf(&b, `
API Store      %[1]s/o/%[2]s/
Gateway        %[3]s
Token API      %[3]s/token

Sign in as     john@johns.org@%[2]s   password %[4]s   (may read and update, publishes, administers)
               tom@johns.org@%[2]s    password %[5]s   (may read)

A token by password. Scope is optional; Tom would get "read" alone:
%[6]s

A call that the token opens:
%[7]s

A call that a token with the scope "read update" opens:
%[8]s

The same call with a token that holds "read" alone is refused, 403 and code 900910:
%[9]s

A new pair for the refresh token (it works once):
%[10]s

Ctrl C stops it.
`, s.PortalURL, demoOrg, s.GatewayURL, d.John, d.Tom,
		ask(user+"&scope=read update"),
		fmt.Sprintf(`curl -k -H "Authorization: Bearer %s" %s`, readOnly, articles),
		change(both), change(readOnly),
		ask("grant_type=refresh_token&refresh_token="+refresh))
	return b.String(), nil
}

// askToken asks the Token API for tokens, as the printed lines do: over the network,
// without checking the certificate of this very process.
func (s *Server) askToken(ctx context.Context, d *demo, form string) (access, refresh string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.GatewayURL+"/token", strings.NewReader(form))
	if err != nil {
		return "", "", err
	}
	r.SetBasicAuth(d.ConsumerKey, d.Secret)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}} // #nosec G402
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return "", "", err
	}
	defer res.Body.Close()
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Error   string `json:"error_description"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return "", "", err
	}
	if answer.Access == "" {
		return "", "", fmt.Errorf("the Token API refused: %s", answer.Error)
	}
	return answer.Access, answer.Refresh, nil
}
