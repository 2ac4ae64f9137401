package gatehouse_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/gatehouse/gatehouse"
)

// wantKind fails the test unless err is of a kind; ok means no error at all.
func wantKind(t *testing.T, err error, ok bool, kind gatehouse.Kind) {
	t.Helper()
	switch {
	case ok && err != nil:
		t.Errorf("refused: %v", err)
	case !ok && err == nil:
		t.Errorf("accepted, want an error of kind %d", kind)
	case !ok && gatehouse.KindOf(err) != kind:
		t.Errorf("error %v has kind %d, want %d", err, gatehouse.KindOf(err), kind)
	}
}

// check 8: the cause of an error is for logs, and an error nobody classed says nothing.
func TestStrangersReadTheMessageAndNotTheCause(t *testing.T) {
	cause := fmt.Errorf("dial tcp 10.0.0.7:5432: %w", io.ErrUnexpectedEOF)
	for name, row := range map[string]struct {
		err  error
		kind gatehouse.Kind
		want string
	}{
		"classed":         {&gatehouse.Error{Kind: gatehouse.Unavailable, Message: "try again later", Err: cause}, gatehouse.Unavailable, "try again later"},
		"classed, nested": {fmt.Errorf("load: %w", gatehouse.Errorf(gatehouse.NotFound, "there is no such API")), gatehouse.NotFound, "there is no such API"},
		"not classed":     {cause, gatehouse.Internal, "internal error"},
		"zero kind":       {&gatehouse.Error{Message: "pq: syntax error", Err: cause}, gatehouse.Internal, "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gatehouse.MessageOf(row.err); got != row.want {
				t.Errorf("message %q, want %q", got, row.want)
			}
			if got := gatehouse.KindOf(row.err); got != row.kind {
				t.Errorf("kind %d, want %d", got, row.kind)
			}
		})
	}
	err := error(&gatehouse.Error{Kind: gatehouse.Unavailable, Message: "try again later", Err: cause})
	if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "10.0.0.7") {
		t.Error("the log does not learn the cause")
	}
}
