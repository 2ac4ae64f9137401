package rest

import (
	"net/url"
	"strconv"

	"github.com/gatehouse/gatehouse"
)

// Bounds of a page of a list.
const (
	standardPage = 25
	largestPage  = 1000
)

// list is a page of a list.
type list[T any] struct {
	Count      int        `json:"count"` // of this page: clients ask on until it is 0
	List       []T        `json:"list"`
	Pagination pagination `json:"pagination"`
}

// pagination tells where a page stands in the whole.
type pagination struct {
	Offset   int    `json:"offset"`
	Limit    int    `json:"limit"`
	Total    int    `json:"total"`
	Next     string `json:"next"`     // the request for the next page, empty when there is none
	Previous string `json:"previous"` // the same for the page before
}

// page cuts the page out of all that a request asks for by limit and offset, and writes
// each of its items with wire.
func page[T, W any](r *request, all []T, wire func(T) (W, error)) (*list[W], error) {
	limit, err := r.number("limit", standardPage, largestPage)
	if err != nil {
		return nil, err
	}
	offset, err := r.number("offset", 0, 1<<30)
	if err != nil {
		return nil, err
	}
	p := &list[W]{List: []W{}, Pagination: pagination{Offset: offset, Limit: limit, Total: len(all)}}
	for i := min(offset, len(all)); i < len(all) && len(p.List) < limit; i++ {
		item, err := wire(all[i])
		if err != nil {
			return nil, err
		}
		p.List = append(p.List, item)
	}
	p.Count = len(p.List)
	if limit > 0 && offset+limit < len(all) {
		p.Pagination.Next = r.at(offset+limit, limit)
	}
	if limit > 0 && offset > 0 {
		p.Pagination.Previous = r.at(max(0, offset-limit), limit)
	}
	return p, nil
}

// number reads a number from the query; a larger one than most is most.
func (r *request) number(name string, standard, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, gatehouse.Errorf(gatehouse.Invalid, "the query parameter %s must be a number from 0", name)
	}
	return min(n, most), nil
}

// at is the request for another page of the same list.
func (r *request) at(offset, limit int) string {
	query := url.Values{"offset": {strconv.Itoa(offset)}, "limit": {strconv.Itoa(limit)}}
	if q := r.URL.Query().Get("query"); q != "" {
		query.Set("query", q)
	}
	return r.URL.Path + "?" + query.Encode()
}
