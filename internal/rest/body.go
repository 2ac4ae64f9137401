package rest

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/gatehouse/gatehouse"
)

// Limits of a body, in bytes.
const (
	maxJSON      = 1 << 20
	maxMultipart = gatehouse.MaxDefinition + 64<<10 // a definition, and what is said beside it
)

// form marks a route whose body is multipart/form-data.
type form struct{}

func (r *route) limit() int64 {
	if _, ok := r.body.(form); ok {
		return maxMultipart
	}
	return maxJSON
}

// mediaTypeError says what is wrong with a request's Content-Type, nothing when it is
// right. A page of another site can send text/plain and forms without being asked, but
// not application/json.
func (r *route) mediaTypeError(req *http.Request) string {
	if r.body == nil {
		return ""
	}
	want := "application/json"
	if _, ok := r.body.(form); ok {
		want = "multipart/form-data"
	}
	got, _, err := mime.ParseMediaType(req.Header.Get("Content-Type"))
	if err != nil || got != want {
		return "send the body as Content-Type: " + want
	}
	return ""
}

// decode reads a JSON body into into. Fields that nobody knows are tolerated: clients
// send back what other servers gave them.
func (r *request) decode(into any) error {
	decoder := json.NewDecoder(r.Body)
	err := decoder.Decode(into)
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return nil
		}
		err = errors.Join(err, errors.New("more than one value"))
	}
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLong
	}
	return jsonError("the body", err)
}

// jsonError tells what is wrong with JSON that a client sent.
func jsonError(what string, err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return gatehouse.Errorf(gatehouse.Invalid, "%s: the field %q must not be of the JSON type %s", what, wrong.Field, wrong.Value)
	}
	if gatehouse.KindOf(err) == gatehouse.Invalid {
		return err
	}
	return &gatehouse.Error{Kind: gatehouse.Invalid, Message: what + " is not one whole JSON object", Err: err}
}

// parts are the fields of a multipart body.
type parts map[string][]byte

// parts reads a multipart body; no field may come twice.
func (r *request) parts() (parts, error) {
	reader, err := r.MultipartReader()
	if err != nil {
		return nil, &gatehouse.Error{Kind: gatehouse.Invalid, Message: "the multipart body cannot be read: send its boundary in Content-Type", Err: err}
	}
	read := parts{}
	for {
		part, err := reader.NextRawPart()
		if err == io.EOF {
			return read, nil
		}
		var body []byte
		if err == nil {
			body, err = io.ReadAll(part)
		}
		if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return nil, tooLong
		}
		if err != nil {
			return nil, &gatehouse.Error{Kind: gatehouse.Invalid, Message: "the multipart body ends too early or is malformed", Err: err}
		}
		name := part.FormName()
		if _, twice := read[name]; twice || len(read) == 20 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "the multipart body has a part twice, or more than 20 parts")
		}
		read[name] = body
	}
}

// parameter returns a query parameter that must be there.
func (r *request) parameter(name string) (string, error) {
	value := strings.TrimSpace(r.URL.Query().Get(name))
	if value == "" {
		return "", gatehouse.Errorf(gatehouse.Invalid, "the query parameter %s is missing", name)
	}
	return value, nil
}
