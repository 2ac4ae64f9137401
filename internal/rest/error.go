package rest

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/publisher"
	"github.com/gatehouse/gatehouse/internal/respond"
)

// wireError is the body of every error.
type wireError struct {
	Code        int          `json:"code"` // one of WSO2's where clients look for it, else the status
	Message     string       `json:"message"`
	Description string       `json:"description"`
	MoreInfo    string       `json:"moreInfo"`
	Errors      []wireDetail `json:"error"`
}

// wireDetail is one problem of many, as an OpenAPI document may have.
type wireDetail struct {
	Code        string `json:"code"` // line and column
	Message     string `json:"message"`
	Description string `json:"description"` // the path in the document
}

// WSO2's codes that clients tell conflicts apart by.
const (
	codeNameTaken    = 900250
	codeContextTaken = 900251
	codeVersionTaken = 900252
)

// codedError is an error with one of WSO2's codes.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

// refuse writes err, and logs it when it is ours.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = gatehouse.Errorf(gatehouse.TooLarge, "the body is longer than %d bytes", tooLong.Limit)
	}
	status := respond.Status(err)
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", challenge(r))
	case http.StatusForbidden:
		w.Header().Set("WWW-Authenticate", `Bearer realm="Management API", error="insufficient_scope"`)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusInternalServerError:
		h.Log.ErrorContext(r.Context(), "management request failed", "method", r.Method, "route", r.Pattern, "err", err)
	}
	body := wireError{Code: status, Description: gatehouse.MessageOf(err)}
	if coded, ok := errors.AsType[*codedError](err); ok {
		body.Code = coded.code
	}
	if refused, ok := errors.AsType[*publisher.DefinitionError](err); ok {
		for _, p := range refused.Problems {
			body.Errors = append(body.Errors, wireDetail{Code: strconv.Itoa(p.Line) + ":" + strconv.Itoa(p.Column), Message: p.Message, Description: p.Path})
		}
	}
	writeError(w, status, body)
}

// challenge says how to come back with credentials (RFC 9110, section 11.6.1).
func challenge(r *http.Request) string {
	switch {
	case r.URL.Path == registrationPath:
		return `Basic realm="Management API", charset="UTF-8"`
	case r.Header.Get("Authorization") == "":
		return `Bearer realm="Management API"`
	}
	return `Bearer realm="Management API", error="invalid_token"`
}

func writeError(w http.ResponseWriter, status int, body wireError) {
	body.Message = http.StatusText(status)
	if body.Errors == nil {
		body.Errors = []wireDetail{} // clients read a list
	}
	respond.JSON(w, status, body)
}
