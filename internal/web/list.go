package web

import (
	"net/http"
	"net/url"
	"strconv"
)

// perPage is how many things of a long list stand on one page.
const perPage = 50

// part is a page of a long list, with the links to the pages beside it.
type part struct {
	From, To int // half open
	Before   string
	After    string
}

// partOf returns the page of n things that the parameter page asks for.
func partOf(r *http.Request, n int) part {
	number, err := strconv.Atoi(r.URL.Query().Get("page"))
	last := max(1, (n+perPage-1)/perPage)
	if err != nil || number < 1 {
		number = 1
	}
	number = min(number, last)
	p := part{From: (number - 1) * perPage, To: min(n, number*perPage)}
	if number > 1 {
		p.Before = pageLink(r.URL, number-1)
	}
	if number < last {
		p.After = pageLink(r.URL, number+1)
	}
	return p
}

func pageLink(u *url.URL, number int) string {
	query := u.Query()
	query.Set("page", strconv.Itoa(number))
	return u.Path + "?" + query.Encode()
}
