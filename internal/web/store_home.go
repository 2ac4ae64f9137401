package web

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
)

// storeHomeView is the catalogue.
type storeHomeView struct {
	Org      *gatehouse.Organization
	Home     string // path of this page
	Search   string
	Total    int
	Cards    []apiCard
	Part     part
	Import   bool // the reader may fill an empty catalogue
	SignedIn bool
}

// apiCard is an API in the catalogue.
type apiCard struct {
	API        *gatehouse.API
	Href       string
	Subscribed bool
}

// maxSearch bounds how much of a search is read.
const maxSearch = 200

func (h *Handler) storeHome(v *visit) error {
	search := v.r.URL.Query().Get("q")
	if len(search) > maxSearch {
		return gatehouse.Errorf(gatehouse.Invalid, "a search has at most %d bytes: use fewer words", maxSearch)
	}
	apis, err := h.Store.APIs(v.r.Context(), v.Org, search)
	if err != nil {
		return err
	}
	subscribed, err := h.subscribedAPIs(v)
	if err != nil {
		return err
	}
	view := storeHomeView{
		Org: v.Org, Home: page.StorePath(v.Org, v.Member), Search: search, Total: len(apis), Part: partOf(v.r, len(apis)),
		Import: v.Member.May(gatehouse.CreateAPIs), SignedIn: v.Member != nil,
	}
	for _, a := range apis[view.Part.From:view.Part.To] {
		view.Cards = append(view.Cards, apiCard{API: a, Href: v.apiPath(a.ID), Subscribed: subscribed[a.ID]})
	}
	return v.show(http.StatusOK, "APIs", page.Store, view.Home, storeHomeBody(view))
}

// subscribedAPIs returns the ids of APIs that the member's applications subscribe to.
func (h *Handler) subscribedAPIs(v *visit) (map[string]bool, error) {
	subscribed := map[string]bool{}
	if !v.Member.May(gatehouse.UseStore) {
		return subscribed, nil
	}
	apps, err := h.Store.Applications(v.r.Context(), v.Member)
	if err != nil {
		return nil, err
	}
	for _, app := range apps {
		subs, err := h.Store.Subscriptions(v.r.Context(), v.Member, app.ID)
		if err != nil {
			return nil, err
		}
		for i := range subs {
			subscribed[subs[i].APIID] = true
		}
	}
	return subscribed, nil
}

// headline greets with how much there is.
func (v storeHomeView) headline() string {
	switch {
	case v.Search != "" || v.Total == 0:
		return "APIs of " + v.Org.Name
	case v.Total == 1:
		return "One API to build on"
	}
	return inWords(v.Total) + " APIs to build on"
}

func inWords(n int) string {
	words := []string{"Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten", "Eleven", "Twelve"}
	if n >= 2 && n-2 < len(words) {
		return words[n-2]
	}
	return strconv.Itoa(n)
}

// found says how a search went.
func (v storeHomeView) found() string {
	switch {
	case v.Search == "":
		return "All APIs"
	case v.Total == 1:
		return "One API matches ‘" + v.Search + "’"
	}
	return strconv.Itoa(v.Total) + " APIs match ‘" + v.Search + "’"
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// firstLine is what a card has room for of a description.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	if utf8.RuneCountInString(line) <= 160 {
		return line
	}
	short := string([]rune(line)[:158])
	if i := strings.LastIndexByte(short, ' '); i > 100 {
		short = short[:i]
	}
	return short + "…"
}
