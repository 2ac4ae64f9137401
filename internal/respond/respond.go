// Package respond writes JSON answers: the one place where a kind of error becomes
// an HTTP status. It does not own the shape of any interface's errors; each entry
// point has one adapter of its own that asks Status and gatehouse.MessageOf.
package respond

import (
	"encoding/json"
	"net/http"

	"github.com/gatehouse/gatehouse"
)

var statuses = map[gatehouse.Kind]int{
	gatehouse.Internal:        http.StatusInternalServerError,
	gatehouse.Invalid:         http.StatusBadRequest,
	gatehouse.Unauthenticated: http.StatusUnauthorized,
	gatehouse.Forbidden:       http.StatusForbidden,
	gatehouse.NotFound:        http.StatusNotFound,
	gatehouse.Conflict:        http.StatusConflict,
	gatehouse.TooLarge:        http.StatusRequestEntityTooLarge,
	gatehouse.TooMany:         http.StatusTooManyRequests,
	gatehouse.Unavailable:     http.StatusServiceUnavailable,
}

// Status returns the HTTP status for err.
func Status(err error) int { return statuses[gatehouse.KindOf(err)] }

// JSON writes v with a status.
func JSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // a wire type that cannot be marshaled is a bug
	}
	Text(w, status, body)
}

// Text writes what is JSON already with a status.
func Text(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(body, '\n'))
}
