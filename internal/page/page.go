// Package page is how Gatehouse looks: the frame every page hangs in, the parts pages
// are made of, and their styles.
//
//	page.go           Frame and Render: one page, its headers and its bytes
//	frame.templ       head, header with the areas and the account, footer
//	form.templ        Button, Field, Errors, Segment
//	block.templ       Notice, Table, Empty, Pill, Method, Scope, Tracker
//	credential.templ  Ticket, CopyLine, TierCard, ScopePick
//	sample.go         Sample: code to copy and run
//	mark.templ        Mark, the picture an API gets from its id
//	moment.templ      Ago, a moment as people say it
//	problem.go        Problem, the page of an error
//	static.go         the style sheet, the script and the icons, under hashed names
//
// Parts are values: fill in the fields and write @page.Button{…}.View() in a template.
// No part carries a style attribute, a handler attribute or an inline script, so that
// the Content-Security-Policy of Render can forbid them all.
//
// It does not own any page: what stands on them and what a press does belongs to login
// and web.
package page

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/gatehouse/gatehouse"
)

// Frame is what surrounds the body of a page.
type Frame struct {
	Title        string                  // the page's own; area and organization are added
	Area         string                  // what stands behind the organization's name: API Store, Publisher, Organization
	Organization *gatehouse.Organization // whose Store this is
	Member       *gatehouse.Member       // who is signed in, or nil
	Here         string                  // path of the page, with its query where that matters: where sign-in leads back to
	Nav          string                  // path of the header link the page belongs to
	Query        string                  // what the header's search holds
	CSRF         string                  // token for the forms in the header
	Theme        Theme
	Notice       *Notice // stands above the body
	FormTo       string  // where an answer to the page's forms may lead besides here, as a policy names it
}

// The areas of the web UI.
const (
	Store        = "API Store"
	Publisher    = "Publisher"
	Organization = "Organization"
)

// Theme is the side of the colours a reader chose.
type Theme string

// The themes. System follows the reader's own settings.
const (
	System Theme = "system"
	Light  Theme = "light"
	Dark   Theme = "dark"
)

// ThemeCookie is the name of the cookie that keeps a Theme.
const ThemeCookie = "theme"

// ParseTheme reads a theme; anything unknown is System.
func ParseTheme(s string) Theme {
	switch t := Theme(s); t {
	case Light, Dark:
		return t
	}
	return System
}

// ThemeOf returns the theme of the one who asks, so that the first byte of a page
// already has it and nothing flashes.
func ThemeOf(r *http.Request) Theme {
	cookie, err := r.Cookie(ThemeCookie)
	if err != nil {
		return System
	}
	return ParseTheme(cookie.Value)
}

// policy forbids everything that does not come from here, and all inline styles and
// scripts; nobody may put a page in a frame of theirs. It ends with form-action, which
// Frame.FormTo adds to.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"

// Render writes body in its frame with a status. Everything is rendered before the
// first byte is sent, so an error never leaves half a page.
func Render(w http.ResponseWriter, r *http.Request, status int, frame Frame, body templ.Component) error {
	var buffer bytes.Buffer
	if err := layout(frame, body).Render(r.Context(), &buffer); err != nil {
		return fmt.Errorf("rendering the page %q: %w", frame.Title, err)
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", strings.TrimSuffix(policy+" "+frame.FormTo, " "))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(status)
	_, err := w.Write(buffer.Bytes())
	return err
}

// StorePath returns the path of an organization's API Store as visitor sees it, with a
// slash at its end. For a member the Store at / is their own organization's.
func StorePath(org *gatehouse.Organization, visitor *gatehouse.Member) string {
	own := gatehouse.DefaultOrganization
	if visitor != nil {
		own = visitor.Organization.Key
	}
	if org.Key == own {
		return "/"
	}
	return "/o/" + org.Key + "/"
}

func (f *Frame) home() string { return StorePath(f.Organization, f.Member) }

// title names the page as a browser's history shows it.
func (f *Frame) title() string { return f.Title + " · " + f.Organization.Name + " " + f.Area }

// wayIn leads to a door of this organization and back to this page.
func (f *Frame) wayIn(door string) string {
	back := url.Values{"next": {f.Here}, "o": {f.Organization.Key}}
	if f.Here == "" || f.Here == "/" {
		back.Del("next")
	}
	if f.Organization.Key == gatehouse.DefaultOrganization {
		back.Del("o")
	}
	if len(back) == 0 {
		return door
	}
	return door + "?" + back.Encode()
}

// navLink is one link of the header.
type navLink struct {
	Href  templ.SafeURL
	Label string
	Here  bool
}

// links are the areas, as far as the member may enter them. Every member sees
// Organization, because it shows the organization key.
func (f *Frame) links() []navLink {
	links := []navLink{f.link(f.home(), "APIs"), f.link("/subscriptions", "My Subscriptions")}
	if f.Member.May(gatehouse.CreateAPIs) {
		links = append(links, f.link("/publisher", "Publisher"))
	}
	if f.Member != nil {
		links = append(links, f.link("/org", "Organization"))
	}
	return links
}

func (f *Frame) link(path, label string) navLink {
	return navLink{Href: templ.SafeURL(path), Label: label, Here: f.Nav == path}
}
