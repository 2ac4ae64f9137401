package gateway

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gatehouse/gatehouse"
)

func TestKeptAnswersAreBounded(t *testing.T) {
	served := petstore("pets", "/pets", nil)
	table, err := NewTable([]*gatehouse.API{served})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := table.find("/pets/v1")
	if r == nil {
		t.Fatal("the API is not served")
	}
	old := *served
	var a answers
	put := func(api *gatehouse.API, path string, size int, vary string) {
		s := &stored{shelf: shelf{api: api, path: path}, variant: variant{query: "a=1"}, body: make([]byte, size)}
		if vary != "" {
			s.varies, s.values = []string{"Accept"}, [][]string{{vary}}
		}
		_, changes := a.find(s.shelf, nil)
		a.put(s, changes)
	}
	holds := func(path, accept string) bool {
		s, _ := a.find(shelf{api: &r.api, path: path}, http.Header{"Accept": {accept}}, variant{query: "a=1"})
		return s != nil
	}

	for i := range maxVariants + 1 {
		put(&r.api, "/x", 10, fmt.Sprint(i))
	}
	if a.recent.Len() != maxVariants || holds("/x", "0") || !holds("/x", "1") {
		t.Errorf("of %d variants %d are kept, the first: %v", maxVariants+1, a.recent.Len(), holds("/x", "0"))
	}
	put(&r.api, "/x", 10, "1")
	if a.recent.Len() != maxVariants {
		t.Errorf("an answer was kept beside the one that it replaces: %d", a.recent.Len())
	}
	for i := range 9 {
		if holds("/x", "1"); i == 8 { // what is asked for stays
			break
		}
		put(&r.api, fmt.Sprint("/large", i), 8<<20, "")
	}
	if a.bytes > maxAnswerBytes || holds("/x", "2") || !holds("/x", "1") || holds("/large0", "") || !holds("/large7", "") {
		t.Errorf("%d bytes are kept, of %d", a.bytes, maxAnswerBytes)
	}
	a = answers{}
	for i := range maxAnswers + 1 {
		put(&r.api, fmt.Sprint("/", i), 0, "")
	}
	if a.recent.Len() != maxAnswers || holds("/0", "") || !holds("/1", "") {
		t.Errorf("%d answers are kept", a.recent.Len())
	}
	for i := range 10 {
		put(&old, fmt.Sprint("/", i), 0, "")
	}
	a.sweep(table)
	if holds("/20", "") != true || a.recent.Len() != maxAnswers-10 {
		t.Errorf("%d answers are kept of APIs that are served", a.recent.Len())
	}
	a.sweep(&Table{})
	if a.recent.Len() != 0 || a.bytes != 0 || len(a.shelves) != 0 {
		t.Errorf("%d answers with %d bytes on %d shelves are kept of nobody's API", a.recent.Len(), a.bytes, len(a.shelves))
	}
}
