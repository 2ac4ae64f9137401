package gateway

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"
)

// newAnswer makes what a policy answers in the backend's stead.
func newAnswer(status int, header http.Header, body []byte) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	if status != http.StatusNoContent && status != http.StatusNotModified {
		header["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body))}
}

// answerInstead answers the call with res, which no backend gave. It goes the way of a
// backend's answer: what a backend must not say is removed, the policies of the response
// side run, and the gateway adds what it says of every answer. The header of res is
// changed, so it is the call's own.
func (c *call) answerInstead(res *http.Response) {
	defer res.Body.Close()
	res.Request = c.r
	if err := c.answered(res); err != nil {
		c.failed(c.w, c.r, err)
		return
	}
	maps.Copy(c.w.Header(), res.Header)
	c.w.WriteHeader(res.StatusCode)
	if c.r.Method != http.MethodHead {
		io.Copy(c.w, res.Body) // a caller that has left cannot be told so
	}
}
