package web

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// text is what the Copy button copies.
func text(s page.Sample, fill ...string) string {
	var b strings.Builder
	for _, span := range s.Code {
		b.WriteString(span.Text)
	}
	return strings.NewReplacer(fill...).Replace(b.String())
}

// run gives a sample to sh with a curl that prints its arguments, one a line.
func run(t *testing.T, script, input string) string {
	t.Helper()
	command := exec.Command("sh", "-c", `curl() { printf '%s\n' "$@"; }; stty() { :; }
`+script)
	command.Stdin = strings.NewReader(input)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s in %s", err, output, script)
	}
	return string(output)
}

// TestSamplesRunAsCopied gives every sample to a shell, with values that hold what
// shells and forms misread (check 12 of the pages' own list).
func TestSamplesRunAsCopied(t *testing.T) {
	h := &Handler{GatewayURL: "https://localhost:8243", SelfSigned: true}
	keys := &gatehouse.Keys{ConsumerKey: "wU62DjlyDBnq87GlBwplfqvmAbAa"}
	m := &gatehouse.Member{User: gatehouse.User{Username: "a+b%c@d.example"}, Organization: gatehouse.Organization{Key: "johnsorg"}}
	scopes := []string{"read", "orders:write$(id)", "it's"}
	const secret, password = "ghs_0123456789", `p&q=100% +"' $x\`
	api := &gatehouse.API{OrgKey: "johnsorg", Context: "/orders", Version: "1", Resources: []gatehouse.Resource{
		{Method: "POST", Template: "/orders"}, {Method: "GET", Template: "/orders/{id}/$x&'*(y)"},
	}}
	tests := []struct {
		name   string
		sample page.Sample
		args   []string
	}{
		{"call", h.call(api, nil), []string{"-k", "-H", "Authorization: Bearer tok", "https://localhost:8243/t/johnsorg/orders/1/orders/1/$x&'*(y)"}},
		{"call to post", h.call(&gatehouse.API{OrgKey: "default", Context: "/o", Version: "1", Resources: api.Resources[:1]}, nil), []string{"-k", "-H", "Authorization: Bearer tok", "-X", "POST", "-H", "Content-Type: application/json", "-d", "{}", "https://localhost:8243/o/1/orders"}},
		{"password request", h.passwordRequest(keys, m, scopes), []string{"-k", "https://localhost:8243/token", "-u", keys.ConsumerKey + ":" + secret, "-d", "grant_type=password",
			"--data-urlencode", "username=a+b%c@d.example@johnsorg", "--data-urlencode", "password=" + password, "--data-urlencode", "scope=read orders:write$(id) it's"}},
		{"password request with the header", h.headerRequest(keys, m, scopes), []string{"-k", "-d", "grant_type=password&username=a%2Bb%25c@d.example@johnsorg&scope=read+orders%3Awrite%24%28id%29+it%27s",
			"--data-urlencode", "password=" + password, "-H", "Authorization: Basic d1U2MkRqbHlEQm5xODdHbEJ3cGxmcXZtQWJBYTpnaHNfMDEyMzQ1Njc4OQ==", "-H", "Content-Type: application/x-www-form-urlencoded", "https://localhost:8243/token"}},
		{"client request", h.clientRequest(keys.ConsumerKey, nil), []string{"-k", "https://localhost:8243/token", "-u", keys.ConsumerKey + ":" + secret, "-d", "grant_type=client_credentials"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := run(t, text(test.sample, secretPlace, secret, tokenPlace, "tok"), password+"\n")
			if want := strings.Join(test.args, "\n") + "\n"; got != want {
				t.Errorf("curl gets\n%swant\n%s", got, want)
			}
		})
	}
}

func TestSamplesCallWhatTheTokenOpens(t *testing.T) {
	resources := []gatehouse.Resource{
		{Method: "GET", Template: "/secret", Scopes: []string{"secret"}},
		{Method: "POST", Template: "/open"},
		{Method: "GET", Template: "/{id}", Scopes: []string{"read"}},
		{Method: "GET", Template: "/list", Scopes: []string{"read", "list"}},
	}
	for _, test := range []struct {
		granted []string
		want    string
	}{
		{[]string{"secret", "read"}, "/secret"},
		{[]string{"read"}, "/list"},
		{[]string{"other"}, "/open"},
		{nil, "/open"},
	} {
		if got := bestResource(resources, test.granted); got.Template != test.want {
			t.Errorf("a token with %v: %s, want %s", test.granted, got.Template, test.want)
		}
	}
	if bestResource(nil, nil) != nil {
		t.Error("there is no resource to choose")
	}
}

func FuzzShellWord(f *testing.F) {
	for _, seed := range []string{"", "a", "it's", "$(id)", "`id`", "a b", "-n", "\\", "*", "~root", "a\nb", `"`, "#", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) || len(s) > 1000 {
			t.Skip() // no argument of a program can hold it
		}
		output, err := exec.Command("sh", "-c", "printf %s. x"+shellWord(s)).Output()
		if err != nil || string(output) != "x"+s+"." {
			t.Errorf("%q becomes %q (%v)", s, output, err)
		}
	})
}
