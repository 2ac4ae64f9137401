package bench

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/config"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/server"
)

const password = "a password for benchmarks"

// callers is how many connections call the gateway at once.
const callers = 64

// house is the real program with one API, a subscribed application and its keys.
type house struct {
	*gatehousetest.Process
	furnished
	client  *http.Client
	backend string
}

// furnished is what is known of a store outside of it.
type furnished struct {
	key, secret string  // of the application, which may use every grant
	issuer      *issuer // whom the organization trusts
}

// callback is where browsers go with codes. Nobody follows.
const callback = "https://app.example/back"

// furnish makes what the benchmarks need in a new store and starts the program on it.
func furnish(b *testing.B) *house {
	b.Helper()
	h, data := &house{backend: startBackend(b), client: newClient(b)}, b.TempDir()
	h.furnished = store(b, data, h.backend)
	h.Process = gatehousetest.Run(b, "serve", "GATEHOUSE_DATA="+data)
	return h
}

func newClient(b *testing.B) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: callers, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	b.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// openServices opens the store of a data folder as a command line does.
func openServices(b *testing.B, data string) *server.Services {
	b.Helper()
	c, err := config.Load(nil, []string{"GATEHOUSE_DATA=" + data}, data)
	if err != nil {
		b.Fatal(err)
	}
	s, err := server.OpenServices(b.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// store furnishes the store of a data folder.
func store(b *testing.B, data, backend string) furnished {
	b.Helper()
	must := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	s := openServices(b, data)
	_, err := s.Organization.CreateOrganization(b.Context(), "johnsorg", "Johns")
	must(err)
	john, err := s.Organization.CreateUser(b.Context(), organization.NewUser{
		Username: "john@johns.org", Password: password, OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Admin, "reader"},
	})
	must(err)
	api, _, err := s.Publisher.Import(b.Context(), john, []byte(definition), publisher.Changes{Production: &backend})
	must(err)
	_, err = s.Publisher.Do(b.Context(), john, api.ID, gatehouse.Publish)
	must(err)
	app, err := s.APIStore.CreateApplication(b.Context(), john, apistore.NewApplication{Name: "Bench"})
	must(err)
	_, err = s.APIStore.Subscribe(b.Context(), john, app.ID, api.ID, "Unlimited")
	must(err)
	keys, secret, err := s.APIStore.GenerateKeys(b.Context(), john, app.ID, apistore.NewKeys{Grants: gatehouse.SupportedGrants, Callbacks: []string{callback}})
	must(err)
	trusted, err := newIssuer()
	must(err)
	for _, says := range trusted.introductions() {
		_, err := s.Organization.TrustIssuer(b.Context(), "johnsorg", says)
		must(err)
	}
	must(s.Close())
	return furnished{key: keys.ConsumerKey, secret: secret, issuer: trusted}
}

// definition has fifty resources, so that finding one is work.
var definition = func() string {
	var b strings.Builder
	b.WriteString("openapi: 3.0.3\ninfo: {title: Bench, version: 1.0.0}\npaths:\n")
	for i := range 50 {
		fmt.Fprintf(&b, "  /things%d/{id}:\n    get: {security: [{default: [read]}], responses: {'200': {description: OK}}}\n", i)
	}
	b.WriteString(`components:
  securitySchemes:
    default:
      type: oauth2
      flows:
        password: {tokenUrl: https://127.0.0.1/token, scopes: {read: Read}, x-scopes-bindings: {read: reader}}
`)
	return b.String()
}()

const path = "/t/johnsorg/bench/1.0.0/things25/7"

// ask asks for a token with a form.
func (h *house) ask(form string) (access, refresh string, err error) { return h.prove(form, "") }

// prove asks for a token with a form and a DPoP proof, if there is one.
func (h *house) prove(form, proof string) (access, refresh string, err error) {
	var got struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	err = h.post("/token", form, proof, &got)
	return got.Access, got.Refresh, err
}

// post sends a form to the Token API, as the application, and reads the answer.
func (h *house) post(path, form, proof string, answer any) error {
	r, err := http.NewRequest(http.MethodPost, h.GatewayHTTP+path, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if proof != "" {
		r.Header.Set("DPoP", proof)
	}
	r.SetBasicAuth(h.key, h.secret)
	res, err := h.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s %v", res.Status, body, err)
	}
	return json.Unmarshal(body, answer)
}

func passwordForm() string {
	return url.Values{"grant_type": {"password"}, "username": {"john@johns.org@johnsorg"}, "password": {password}, "scope": {"read"}}.Encode()
}

// send sends a request and drops the answer.
func (h *house) send(method, url, token string) error { return send(h.client, method, url, token) }

func send(client *http.Client, method, url, token string) error {
	r, err := http.NewRequest(method, url, nil)
	if err != nil {
		return err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %v", url, res.Status, err)
	}
	return nil
}
