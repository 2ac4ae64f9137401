package gatehouse

import (
	"errors"
	"fmt"
)

// Kind classes an error by what the caller can do about it. Each entry point maps
// kinds to its own wire form, in one place.
type Kind uint8

// The kinds of errors. Internal is the zero value, so that an error nobody classed
// is never shown to a client.
const (
	Internal        Kind = iota
	Invalid              // the request is malformed or breaks a rule
	Unauthenticated      // no valid credentials
	Forbidden            // valid credentials, not enough rights
	NotFound             // not there, or not the caller's to see
	Conflict             // it exists already, or its state does not allow this
	TooLarge             // over a stated limit of size
	TooMany              // over a stated limit of rate; try again later
	Unavailable          // something Gatehouse needs does not answer; try again later
)

// Error is the only error type that crosses a package boundary with a meaning.
type Error struct {
	Kind    Kind
	Message string // shown to clients: says what is wrong and what to do
	Err     error  // the cause; logged, never shown
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the hidden cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an error of a kind with a message fit for clients.
func Errorf(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err, Internal when it has none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}

// MessageOf returns what a client may read of err.
func MessageOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok && e.Kind != Internal {
		return e.Message
	}
	return "internal error"
}
