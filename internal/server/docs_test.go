package server_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"html"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/go-jose/go-jose/v4"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/apistore"
	"github.com/gatehouse/gatehouse/internal/gatehousetest"
	"github.com/gatehouse/gatehouse/internal/organization"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// docs runs what docs/grants prints, in a shell, against a server, with the program on
// its path and the variables that the pages name.
type docs struct {
	*gatehousetest.Server
	t    *testing.T
	env  map[string]string
	john *gatehouse.Member
}

var shellBlock = regexp.MustCompile("(?s)```sh\n(.*?)```")

// commands returns the commands of a page, as they are printed.
func commands(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/grants/" + page + ".md")
	check(t, err)
	var all []string
	for _, block := range shellBlock.FindAllSubmatch(text, -1) {
		all = append(all, string(block[1]))
	}
	return all
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns the JSON that it prints, nil when it prints none.
func (d *docs) run(command string) map[string]any {
	d.t.Helper()
	cmd := exec.CommandContext(d.t.Context(), "sh", "-euc", command)
	for name, value := range d.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		d.t.Fatalf("%s\n%v\n%s", command, err, errs.String())
	}
	var answer map[string]any
	if strings.HasPrefix(out.String(), "{") {
		check(d.t, json.Unmarshal(out.Bytes(), &answer))
	}
	return answer
}

// token runs a command and fails the test unless it prints a token.
func (d *docs) token(command string) {
	d.t.Helper()
	answer := d.run(command)
	access, _ := answer["access_token"].(string)
	if access == "" {
		d.t.Fatalf("%s\nprints %v", command, answer)
	}
	d.env["ACCESS_TOKEN"] = access
	if refresh, ok := answer["refresh_token"].(string); ok {
		d.env["REFRESH_TOKEN"] = refresh
	}
}

func newDocs(t *testing.T) *docs {
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	bin, data := t.TempDir(), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(bin, "gatehouse"), "../../cmd/gatehouse")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	d := &docs{Server: gatehousetest.Start(t, "GATEHOUSE_DATA="+data), t: t}
	d.env = map[string]string{
		"PATH": bin + ":" + os.Getenv("PATH"), "GATEHOUSE_DATA": data, "GATEWAY": d.GatewayURL, "ORG": "johnsorg", "USERNAME": "john@johns.org@johnsorg", "PASSWORD": "correct horse & 100% +staple",
	}
	d.furnish()
	return d
}

func (d *docs) furnish() {
	ctx := context.Background()
	_, err := d.Organization.CreateOrganization(ctx, "johnsorg", "John's")
	check(d.t, err)
	d.john, err = d.Organization.CreateUser(ctx, organization.NewUser{
		Username: "john@johns.org", Password: d.env["PASSWORD"], OrgKey: "johnsorg", Roles: []gatehouse.Role{gatehouse.Publisher},
	})
	check(d.t, err)
	_, _, err = d.Publisher.Import(ctx, d.john, []byte(newsWithScope), publisher.Changes{})
	check(d.t, err)
	app, err := d.APIStore.CreateApplication(ctx, d.john, apistore.NewApplication{Name: "reader"})
	check(d.t, err)
	k, secret, err := d.APIStore.GenerateKeys(ctx, d.john, app.ID, apistore.NewKeys{Grants: gatehouse.SupportedGrants, Callbacks: []string{callback}})
	check(d.t, err)
	d.env["KEY"], d.env["SECRET"] = k.ConsumerKey, secret
}

const callback = "https://app.example/back"

// newsWithScope defines the scope that the pages ask for.
const newsWithScope = `openapi: 3.0.3
info: {title: News, version: 1.0.0}
servers: [{url: 'https://backend.example'}]
paths: {/news: {get: {security: [{default: [read]}], responses: {'200': {description: News}}}}}
components: {securitySchemes: {default: {type: oauth2, flows: {implicit: {authorizationUrl: 'https://localhost/authorize', scopes: {read: Look}}}}}}
`

// Every command of docs/grants does what its page says, as it is printed.
func TestTheGrantsPagesRunAsPrinted(t *testing.T) {
	d := newDocs(t)
	for _, page := range []struct {
		name string
		run  func(t *testing.T, printed []string)
	}{
		{"password", func(_ *testing.T, printed []string) { d.token(printed[0]) }},
		{"refresh-token", func(_ *testing.T, printed []string) { d.token(printed[0]) }},
		{"token-exchange", func(_ *testing.T, printed []string) { d.token(printed[0]) }},
		{"client-credentials", func(_ *testing.T, printed []string) { d.token(printed[0]) }},
		{"authorization-code", d.code},
		{"device-code", d.device},
		{"jwt-bearer", d.jwt},
		{"saml2-bearer", d.saml},
	} {
		t.Run(page.name, func(t *testing.T) {
			d.t = t
			page.run(t, commands(t, page.name))
		})
	}
}

func (d *docs) device(t *testing.T, printed []string) {
	begun := d.run(printed[0])
	userCode, _ := begun["user_code"].(string)
	d.env["DEVICE_CODE"], _ = begun["device_code"].(string)
	if waits := d.run(printed[1]); waits["error"] != "authorization_pending" {
		t.Errorf("a poll prints %v", waits)
	}
	d.allow(userCode)
	d.token(printed[1])
}

// visit opens a page in the browser of the test, or sends a form to it, and returns where
// the answer leads or what it holds.
func (d *docs) visit(method, address string, form url.Values) (location, body string) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.t.Context(), method, address, strings.NewReader(form.Encode()))
	check(d.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := d.Client.Do(r)
	check(d.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(d.t, err)
	return answer.Header.Get("Location"), string(text)
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)"`)

// fields are the hidden fields of a page's form, with more.
func (d *docs) fields(page string, more ...string) url.Values {
	form := url.Values{}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// signIn signs john in.
func (d *docs) signIn() {
	d.t.Helper()
	_, page := d.visit("GET", d.PortalURL+"/login", nil)
	d.visit("POST", d.PortalURL+"/login", d.fields(page, "username", d.env["USERNAME"], "password", d.env["PASSWORD"]))
}

// allow answers a device.
func (d *docs) allow(userCode string) {
	d.t.Helper()
	d.signIn()
	_, page := d.visit("GET", d.PortalURL+"/device?user_code="+userCode, nil)
	d.visit("POST", d.PortalURL+"/device/answer", d.fields(page, "answer", "allow"))
}

func (d *docs) code(t *testing.T, printed []string) {
	d.env["VERIFIER"], d.env["CALLBACK"] = strings.Repeat("v", 43), callback
	challenge := sha256.Sum256([]byte(d.env["VERIFIER"]))
	d.signIn()
	location, page := d.visit("GET", d.GatewayURL+"/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {d.env["KEY"]}, "redirect_uri": {callback}, "scope": {"read"}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode(), nil)
	if !strings.HasPrefix(location, d.PortalURL+"/consent") {
		t.Fatalf("sent to %q: %.500s", location, page)
	}
	_, page = d.visit("GET", location, nil)
	location, page = d.visit("POST", d.PortalURL+"/consent", d.fields(page, "decision", "allow"))
	back, err := url.Parse(location)
	check(t, err)
	query := back.Query()
	if !strings.HasPrefix(location, callback+"?") || query.Get("state") != "s" || query.Get("iss") != d.GatewayURL {
		t.Fatalf("sent back to %q: %.500s", location, page)
	}
	d.env["CODE"] = query.Get("code")
	d.token(printed[0])
}

func (d *docs) jwt(t *testing.T, printed []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey}}})
	check(t, err)
	d.env["ISSUER"], d.env["JWKS"] = "https://login.example", d.file("keys.json", set)
	d.run(printed[0])
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, nil)
	check(t, err)
	claims, err := json.Marshal(map[string]any{"iss": d.env["ISSUER"], "sub": "john@johns.org", "aud": d.GatewayURL, "exp": time.Now().Add(time.Minute).Unix()})
	check(t, err)
	signed, err := signer.Sign(claims)
	check(t, err)
	d.env["ASSERTION"], err = signed.CompactSerialize()
	check(t, err)
	d.token(printed[1])
}

func (d *docs) file(name string, text []byte) string {
	path := filepath.Join(d.t.TempDir(), name)
	check(d.t, os.WriteFile(path, text, 0o600))
	return path
}

func (d *docs) saml(t *testing.T, printed []string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	now := time.Now().UTC()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	d.env["ISSUER"] = "https://idp.example"
	d.env["CERTIFICATE"] = d.file("idp.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	d.run(printed[0])
	end := now.Add(time.Minute).Format(time.RFC3339)
	doc := etree.NewDocument()
	check(t, doc.ReadFromString(`<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1" Version="2.0"><Issuer>https://idp.example</Issuer>`+
		`<Subject><NameID>john@johns.org</NameID><SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><SubjectConfirmationData NotOnOrAfter="`+end+`" Recipient="`+d.GatewayURL+`/token"/></SubjectConfirmation></Subject>`+
		`<Conditions NotOnOrAfter="`+end+`"><AudienceRestriction><Audience>`+d.GatewayURL+`</Audience></AudienceRestriction></Conditions></Assertion>`))
	signing, err := dsig.NewSigningContext(key, [][]byte{der})
	check(t, err)
	check(t, signing.SetSignatureMethod(dsig.ECDSASHA256SignatureMethod))
	signed, err := signing.SignEnveloped(doc.Root())
	check(t, err)
	out := etree.NewDocument()
	out.SetRoot(signed)
	text, err := out.WriteToBytes()
	check(t, err)
	d.env["ASSERTION"] = base64.RawURLEncoding.EncodeToString(text)
	d.token(printed[1])
}
