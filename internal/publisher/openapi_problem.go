package publisher

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// maxProblems bounds how many problems of one definition are told.
const maxProblems = 100

// Problem is one thing that is wrong with a definition, and where.
type Problem struct {
	Line, Column int    // counted from 1; the column in characters
	Path         string // a JSON pointer (RFC 6901) in a fragment, like "#/paths/~1pets/get"; empty for the text itself
	Message      string // what is wrong and how to put it right
}

func (p *Problem) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
}

// DefinitionError says that a definition is refused, with everything that is wrong
// with it, in the order of the file.
type DefinitionError struct{ Problems []Problem }

// Error tells the first problem and how many there are.
func (e *DefinitionError) Error() string {
	message := e.Problems[0].Error()
	if more := len(e.Problems) - 1; more > 0 {
		message += fmt.Sprintf(" (and %d more)", more)
	}
	return message
}

// Unwrap gives the error its kind and its message at every entry point.
func (e *DefinitionError) Unwrap() error { return gatehouse.Errorf(gatehouse.Invalid, "%s", e.Error()) }

// findings collects what is wrong with a definition and what is only odd about it.
type findings struct {
	problems []Problem
	warnings []Problem
}

func (f *findings) problem(at *node, path pointer, format string, args ...any) {
	f.problems = note(f.problems, at, path, format, args)
}

func (f *findings) warn(at *node, path pointer, format string, args ...any) {
	f.warnings = note(f.warnings, at, path, format, args)
}

// note adds to found what is not there yet: a shared value is looked at many times.
func note(found []Problem, at *node, path pointer, format string, args []any) []Problem {
	if len(found) == maxProblems {
		return found
	}
	p := Problem{int(at.line), int(at.column), path.String(), fmt.Sprintf(format, args...)}
	if slices.ContainsFunc(found, func(q Problem) bool { return q.Line == p.Line && q.Column == p.Column && q.Message == p.Message }) {
		return found
	}
	return append(found, p)
}

// err returns what must be put right, nil when there is nothing.
func (f *findings) err() error {
	if len(f.problems) == 0 {
		return nil
	}
	sortProblems(f.problems)
	return &DefinitionError{f.problems}
}

// warningTexts returns the warnings as lines to read.
func (f *findings) warningTexts() []string {
	sortProblems(f.warnings)
	var texts []string
	for _, w := range f.warnings {
		texts = append(texts, w.Error())
	}
	return texts
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// pointer is the way from the root to a value.
type pointer []string

// to returns the pointer to a value below p.
func (p pointer) to(keys ...string) pointer { return append(slices.Clip(p), keys...) }

func (p pointer) String() string {
	text := "#"
	for _, key := range p {
		text += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
	}
	return text
}

// likely returns the word of words that somebody who wrote word may have meant, and
// false when none is near.
func likely(word string, words []string) (string, bool) {
	best, distance := "", 3
	for _, w := range words {
		if d := edits(strings.ToLower(word), strings.ToLower(w)); d < distance && d*3 <= len(w) {
			best, distance = w, d
		}
	}
	return best, best != ""
}

// edits is the Levenshtein distance of two short words, and of long ones a large number.
func edits(a, b string) int {
	if max(len(a), len(b)) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
