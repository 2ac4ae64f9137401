package gateway

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/gatehouse/gatehouse"
)

// mockSettings answers every call in the backend's stead, so that callers can be written
// before the backend is. The call is checked and counted like any other. Where every resource
// of an API is answered so, the API needs no endpoint.
type mockSettings struct {
	// Status is that of the answer, 200 to 599. By default 200.
	Status int `json:"status,omitempty"`
	// Headers are those of the answer.
	Headers map[string]string `json:"headers,omitempty"`
	// Body is a text, or any other JSON value, which is sent as JSON. By default there is none.
	Body json.RawMessage `json:"body,omitempty"`
	// ContentType is the kind of the body. By default text/plain for a text, else application/json.
	ContentType string `json:"contentType,omitempty"`
}

// mock is the compiled form.
type mock struct {
	status  int
	headers [][2]string
	body    []byte
}

func newMock(s mockSettings, _ place) (any, error) {
	m := &mock{status: s.Status}
	if s.Status == 0 {
		m.status = http.StatusOK
	}
	if m.status < 200 || m.status > 599 {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "the status is %d: use 200 to 599", m.status)
	}
	if len(s.Headers) > maxHeaderChanges {
		return nil, gatehouse.Errorf(gatehouse.Invalid, "there are %d headers: name up to %d", len(s.Headers), maxHeaderChanges)
	}
	var err error
	if m.headers, err = headerPairs(s.Headers, validHeaderValue); err != nil {
		return nil, err
	}
	kind, err := m.setBody(s.Body)
	if err != nil || len(m.body) == 0 {
		return m, err
	}
	if s.ContentType != "" {
		kind = s.ContentType
	}
	m.headers = append(m.headers, [2]string{"Content-Type", kind})
	return m, validHeaderValue(kind)
}

// setBody sets the body and returns what kind it is.
func (m *mock) setBody(said json.RawMessage) (kind string, err error) {
	if len(said) == 0 {
		return "", nil
	}
	if m.status == http.StatusNoContent || m.status == http.StatusNotModified {
		return "", gatehouse.Errorf(gatehouse.Invalid, "an answer with the status %d has no body", m.status)
	}
	if said[0] == '"' {
		var text string
		err := json.Unmarshal(said, &text)
		m.body = []byte(text)
		return "text/plain; charset=utf-8", err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, said)
	m.body = compact.Bytes()
	return "application/json", err
}

func (m *mock) standsIn() {}

func (m *mock) answer(c *call) bool {
	header := http.Header{}
	for _, h := range m.headers {
		header[h[0]] = []string{h[1]}
	}
	c.answerInstead(newAnswer(m.status, header, m.body))
	return true
}
