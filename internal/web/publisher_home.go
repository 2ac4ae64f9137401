package web

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse/gatehouse"
	"github.com/gatehouse/gatehouse/internal/page"
	"github.com/gatehouse/gatehouse/internal/publisher"
)

// publisherHomeView is the list of the organization's APIs, with Import beside it.
type publisherHomeView struct {
	CSRF string
	Now  time.Time
	May  bool // publish
	APIs []*gatehouse.API
	Part part

	Ask      publisher.Changes
	Pasted   string
	Problems []string
}

func (h *Handler) publisherHome(v *visit) error {
	return h.showPublisher(v, http.StatusOK, &publisherHomeView{})
}

func (h *Handler) showPublisher(v *visit, status int, view *publisherHomeView) error {
	all, err := h.Publisher.APIs(v.r.Context(), v.Member)
	if err != nil {
		return err
	}
	view.CSRF, view.Now, view.May, view.Part = v.CSRF, h.Now(), v.Member.May(gatehouse.PublishAPIs), partOf(v.r, len(all))
	view.APIs = all[view.Part.From:view.Part.To]
	return v.show(status, "APIs", page.Publisher, "/publisher", publisherHomeBody(view))
}

// publisherImport draws an API up from a file or from pasted text. A document that is
// refused comes back with every problem and, if it was pasted, with its text.
func (h *Handler) publisherImport(v *visit) error {
	document, pasted, err := readDocument(v.r)
	if err != nil {
		return err
	}
	ask := publisher.Changes{Context: strings.TrimSpace(v.r.PostFormValue("context")), Production: given(v.r, "production"), Sandbox: given(v.r, "sandbox")}
	if len(document) == 0 {
		return h.showPublisher(v, http.StatusBadRequest, &publisherHomeView{Ask: ask, Problems: []string{"Choose an OpenAPI file, or paste its text."}})
	}
	a, warnings, err := h.Publisher.Import(v.r.Context(), v.Member, document, ask)
	if problems := problemsOf(err); problems != nil {
		return h.showPublisher(v, http.StatusBadRequest, &publisherHomeView{Ask: ask, Pasted: pasted, Problems: problems})
	}
	if err != nil {
		return err
	}
	if len(warnings) == 0 {
		return v.redirect("/publisher/apis/" + a.ID + "?done=imported")
	}
	v.r.SetPathValue("id", a.ID)
	view, err := h.publisherAPIView(v)
	if err != nil {
		return err
	}
	view.Warnings = warnings
	return h.showPublisherAPI(v, http.StatusOK, view)
}

// problemsOf returns everything that the publisher can put right, nil for other errors.
func problemsOf(err error) []string {
	if refused, ok := errors.AsType[*publisher.DefinitionError](err); ok {
		var problems []string
		for i := range refused.Problems {
			problems = append(problems, page.Sentence(refused.Problems[i].Error()))
		}
		return problems
	}
	if message, ok := said(err); ok {
		return []string{message}
	}
	return nil
}

// readDocument returns the file of the form, else the pasted text.
func readDocument(r *http.Request) (document []byte, pasted string, err error) {
	pasted = r.PostFormValue("text")
	file, _, err := r.FormFile("file")
	if errors.Is(err, http.ErrMissingFile) {
		return []byte(pasted), pasted, nil
	}
	if err != nil {
		return nil, "", err
	}
	defer file.Close()
	document, err = io.ReadAll(io.LimitReader(file, gatehouse.MaxDefinition+1))
	if len(document) == 0 {
		document = []byte(pasted)
	}
	return document, pasted, err
}

// given returns a field that was filled in, or nil.
func given(r *http.Request, name string) *string {
	if value := strings.TrimSpace(r.PostFormValue(name)); value != "" {
		return &value
	}
	return nil
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
