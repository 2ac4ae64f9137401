package wire

import (
	"net/http"
	"strings"
)

// parseResponse reads the head of an answer into res, and returns the length of the body
// behind it, as bodyLength does.
func parseResponse(text string, res *http.Response) (int64, error) {
	end := strings.IndexByte(text, '\n')
	if end < 0 {
		return 0, errStatusLine
	}
	if err := statusLine(text[:end-1], res); err != nil {
		return 0, err
	}
	var err error
	if res.Header, err = fields(text[end+1:]); err != nil {
		return 0, err
	}
	length, err := bodyLength(res.Header, res.ProtoMinor)
	if err != nil {
		return 0, err
	}
	if res.Trailer, err = announced(res.Header, length); err != nil {
		return 0, err
	}
	res.ContentLength = max(length, -1)
	if length == chunked {
		res.TransferEncoding = chunkedEncoding
	}
	res.Close = leaves(res.Header, res.ProtoMinor)
	return length, nil
}

// statusLine reads the first line (RFC 9112, section 4). The reason may be missing, and
// many leave its space out then.
func statusLine(line string, res *http.Response) error {
	version, rest, _ := strings.Cut(line, " ")
	switch version {
	case "HTTP/1.1":
		res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.1", 1, 1
	case "HTTP/1.0":
		res.Proto, res.ProtoMajor, res.ProtoMinor = "HTTP/1.0", 1, 0
	default:
		return errStatusLine
	}
	if len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' || !validValue(rest) {
		return errStatusLine
	}
	status := 0
	for i := range 3 {
		if rest[i] < '0' || rest[i] > '9' {
			return errStatusLine
		}
		status = status*10 + int(rest[i]-'0')
	}
	if status < 100 {
		return errStatusLine
	}
	res.Status, res.StatusCode = rest, status
	return nil
}
