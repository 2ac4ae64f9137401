package page

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"
)

// Sample is code to copy and run. Its child is a note below the code.
type Sample struct {
	ID    string
	Title string
	Code  []Span
	// Fill says which placeholders the Copy button replaces by the value of which
	// element: "$SECRET #secret, $TOKEN #token".
	Fill string
}

// Span is a piece of code of one colour.
type Span struct{ Class, Text string }

// Plain is code as it is, Quoted a string, Faint a remark.
func Plain(text string) Span  { return Span{"", text} }
func Quoted(text string) Span { return Span{"hs", text} }
func Faint(text string) Span  { return Span{"hc", text} }

// Own is a value of the reader's own: their key, their name. Hole is a place they fill.
func Own(text string) Span  { return Span{"hot", text} }
func Hole(text string) Span { return Span{"ph", text} }

// pre writes the code itself. A template would put white space of its own between the
// spans, and here every byte goes to the clipboard.
func (s Sample) pre() templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		b.WriteString(`<pre tabindex="0" role="group" id="` + templ.EscapeString(s.ID) + `" aria-label="` + templ.EscapeString(s.Title) + `"`)
		if s.Fill != "" {
			b.WriteString(` data-fill="` + templ.EscapeString(s.Fill) + `"`)
		}
		b.WriteString("><code>")
		for _, span := range s.Code {
			if span.Class == "" {
				b.WriteString(templ.EscapeString(span.Text))
			} else {
				b.WriteString(`<span class="` + templ.EscapeString(span.Class) + `">` + templ.EscapeString(span.Text) + `</span>`)
			}
		}
		b.WriteString("</code></pre>")
		_, err := io.WriteString(w, b.String())
		return err
	})
}
