package e2e

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// A developer who has never been here gets to a 200: from the Store to an API, by sign-up
// to a subscription, keys and a token at one press, and with what the page shows to the
// gateway. It works without script, too.
func TestNewcomerGetsToFirst200(t *testing.T) {
	needCurl(t)
	h := furnish(t)
	for name, scripts := range map[string]bool{"with script": true, "without script": false} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t, scripts)
			v.open(h.Portal + "/o/johnsorg/")
			v.follow(link("Orgnews"))
			v.follow(button("Subscribe and get a token"))
			v.see("Make an account")
			v.fill("Username", strings.ReplaceAll(name, " ", "-")+"@example.org")
			v.fill("Password", "a newcomer's password")
			v.follow(button("Sign up"))
			v.follow(button("Subscribe and get a token"))

			token, secret := v.value("Access token"), v.value("Consumer secret")
			h.call(t, "GET", orgnews+"/articles", token).is(t, "the token that the page shows", http.StatusOK, "")
			shown := v.text(`//*[@id="call"]`)
			if out := shell(t, shown, "TOKEN="+token); !strings.Contains(out, `"Target":"/v1/articles"`) {
				t.Errorf("%s\n→ %s", shown, out)
			}
			app := application{key: v.value("Consumer key"), secret: secret}
			if r := h.post(t, "/token", app, "grant_type=client_credentials"); r.status != http.StatusOK {
				t.Errorf("the keys that the page shows: %d %s", r.status, r.body)
			}
			if scripts {
				v.copies(shown, token)
			}
			// check 151: loaded again, the page shows no secret
			v.follow(link("My Subscriptions"))
			if content := v.text("//body"); strings.Contains(content, secret) || strings.Contains(content, token) {
				t.Error("a secret is shown a second time")
			}
		})
	}
}

// Someone who is known signs in, sees the organization key, and signs out.
func TestMemberSignsInAndOut(t *testing.T) {
	h := furnish(t)
	v := newVisitor(t, false)
	v.open(h.Portal + "/org")
	v.fill("Username", john.qualified())
	v.fill("Password", john.password+"x")
	v.follow(button("Sign in"))
	v.see("Sign in") // a wrong password leads nowhere
	v.fill("Username", john.qualified())
	v.fill("Password", john.password)
	v.follow(button("Sign in"))
	if key := v.value("Organization key"); key != "johnsorg" {
		t.Errorf("Organization key: %q", key)
	}
	v.follow(link("Publisher"))
	v.see("Orgnews")
	v.do("open the account menu", chromedp.Click(`//summary[contains(normalize-space(.), "Account of")]`))
	v.follow(button("Sign out"))
	v.open(h.Portal + "/org")
	v.see("Sign in")
}

// visitor is a person at a browser of their own.
type visitor struct {
	t   *testing.T
	ctx context.Context
}

func newVisitor(t *testing.T, scripts bool) *visitor {
	t.Helper()
	path := chromium()
	if path == "" {
		t.Skip("Chromium is not installed: apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	tab, leave := chromedp.NewContext(allocator)
	t.Cleanup(func() { leave(); stop() })
	if err := chromedp.Do(tab); err != nil { // the browser lives as long as the context it was started with
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(tab, time.Minute)
	t.Cleanup(cancel)
	if _, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts}); err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, ctx: ctx}
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// People find things by what is written on them.
func link(text string) string   { return `//a[contains(normalize-space(.), "` + text + `")]` }
func button(text string) string { return `//button[normalize-space(.)="` + text + `"]` }
func field(label string) string {
	return `//*[@id=//label[starts-with(normalize-space(.), "` + label + `")]/@for]`
}

func (v *visitor) do(what string, action chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	if err := chromedp.Do(v.ctx, action); err != nil {
		content, _ := chromedp.Run(context.WithoutCancel(v.ctx), chromedp.Text("//body"))
		v.t.Fatalf("%s: %v\nthe page says:\n%s", what, err, content)
	}
}

func (v *visitor) open(url string) {
	v.t.Helper()
	v.do("open "+url, chromedp.Navigate(url))
}

// follow presses what leads to another page and waits for that.
func (v *visitor) follow(selector string) {
	v.t.Helper()
	if _, err := chromedp.Run(v.ctx, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(selector, chromedp.NodeVisible))); err != nil {
		v.t.Fatalf("follow %s: %v", selector, err)
	}
}

func (v *visitor) fill(label, text string) {
	v.t.Helper()
	v.do("fill "+label, chromedp.SetValue(field(label), text))
}

func (v *visitor) see(text string) {
	v.t.Helper()
	if content := v.text("//body"); !strings.Contains(content, text) {
		v.t.Fatalf("the page does not say %q:\n%s", text, content)
	}
}

// value is what stands in a field.
func (v *visitor) value(label string) string {
	v.t.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Value(field(label)))
	if err != nil {
		v.t.Fatalf("field %s: %v", label, err)
	}
	return text
}

func (v *visitor) text(selector string) string {
	v.t.Helper()
	text, err := chromedp.Run(v.ctx, chromedp.Text(selector))
	if err != nil {
		v.t.Fatalf("text of %s: %v", selector, err)
	}
	return text
}

// copies presses Copy at the request and checks that the clipboard holds it with the
// token in its place.
func (v *visitor) copies(shown, token string) {
	v.t.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		allow := browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted}
		if _, err := chromedp.CallBrowser(v.ctx, browser.SetPermission, allow); err != nil {
			v.t.Fatal(err)
		}
	}
	v.do("press Copy", chromedp.Click(`//button[@data-copy="#call"]`))
	v.do("see Copied", chromedp.WaitVisible(`//button[@data-copy="#call"]//span[.="Copied"]`))
	got, err := chromedp.Run(v.ctx, chromedp.Evaluate[string]("navigator.clipboard.readText()", chromedp.EvalAwaitPromise))
	if want := strings.ReplaceAll(strings.TrimSpace(shown), "$TOKEN", token); err != nil || got != want {
		v.t.Errorf("Copy copied %q %v, want %q", got, err, want)
	}
}
