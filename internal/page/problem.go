package page

import (
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// titles say what each kind of error means to somebody who looks at a page.
var titles = map[gatehouse.Kind]string{
	gatehouse.Internal:        "That is our fault",
	gatehouse.Invalid:         "That does not work",
	gatehouse.Unauthenticated: "Sign in first",
	gatehouse.Forbidden:       "You may not do that",
	gatehouse.NotFound:        "There is nothing here",
	gatehouse.Conflict:        "That is not possible now",
	gatehouse.TooLarge:        "That is too large",
	gatehouse.TooMany:         "That was too often",
	gatehouse.Unavailable:     "Try again in a moment",
}

// ProblemOf returns the page of err. An error of ours says no more than the number
// under which the log has it.
func ProblemOf(err error, status int, requestID string) Problem {
	kind := gatehouse.KindOf(err)
	p := Problem{Status: status, Title: titles[kind], Text: Sentence(gatehouse.MessageOf(err)), RequestID: requestID}
	switch kind {
	case gatehouse.Internal:
		p.Text = "It is logged under the number below. Tell it to whoever runs this server."
	case gatehouse.NotFound:
		p.Text = "There is nothing at this address, or you may not see it."
	}
	p.Press = &Button{Label: "All APIs", Href: "/"}
	return p
}

// NoSuchPage is the error of an address where nothing is.
func NoSuchPage() error {
	return gatehouse.Errorf(gatehouse.NotFound, "%s", http.StatusText(http.StatusNotFound))
}

// Sentence writes an error's message as people write: with a capital and a full stop.
func Sentence(message string) string {
	if message == "" {
		return ""
	}
	first := message[:1]
	if 'a' <= first[0] && first[0] <= 'z' {
		first = string(first[0] - 'a' + 'A')
	}
	message = first + message[1:]
	switch message[len(message)-1] {
	case '.', '!', '?', ':':
		return message
	}
	return message + "."
}
