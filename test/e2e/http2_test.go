package e2e

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// framed is an HTTP/2 connection that is written frame by frame.
type framed struct {
	*http2.Framer
	t    *testing.T
	conn net.Conn
	next uint32 // id of the next stream
}

func (h *house) http2(t *testing.T) *framed {
	t.Helper()
	u, err := url.Parse(h.Gateway)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	f := &framed{Framer: http2.NewFramer(conn, conn), t: t, conn: conn, next: 1}
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	f.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	f.must(f.WriteSettings())
	return f
}

func (f *framed) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// block writes header fields, given as name and value by turns.
func block(fields ...string) []byte {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := encoder.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}); err != nil {
			panic(err) // a buffer takes everything
		}
	}
	return b.Bytes()
}

// ask opens a stream with a header block and a body, and returns the status of its answer:
// 0 when the stream was reset, -1 when the whole connection ended.
func (f *framed) ask(fields []byte, body string) int {
	f.t.Helper()
	id := f.next
	f.next += 2
	f.must(f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: fields, EndHeaders: true, EndStream: body == ""}))
	if body != "" {
		f.must(f.WriteData(id, true, []byte(body)))
	}
	return f.status(id)
}

func (f *framed) status(id uint32) int {
	f.t.Helper()
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return -1
		}
		switch frame := frame.(type) {
		case *http2.MetaHeadersFrame:
			if frame.StreamID == id {
				status := 0
				fmt.Sscan(frame.PseudoValue("status"), &status)
				return status
			}
		case *http2.RSTStreamFrame:
			if frame.StreamID == id {
				return 0
			}
		case *http2.GoAwayFrame:
			if frame.ErrCode != http2.ErrCodeNo {
				return -1
			}
		case *http2.SettingsFrame:
			if !frame.IsAck() {
				f.must(f.WriteSettingsAck())
			}
		}
	}
}

// Check 125: what HTTP/2 allows no client to send ends the stream or the connection, and
// never reaches a backend.
func TestHTTP2RequestsThatCheat(t *testing.T) {
	h := furnish(t)
	token := "Bearer " + h.token(t, john, "update").Access
	h.backend.saw()
	call := func(more ...string) []string {
		return append([]string{":method", "PUT", ":scheme", "https", ":path", orgnews + "/articles/1", ":authority", "localhost", "authorization", token}, more...)
	}
	for name, tt := range map[string]struct {
		fields []string
		body   string
		passes bool
	}{
		"a plain request":                      {call("content-length", "3"), "abc", true},
		"a length that the body does not have": {call("content-length", "2"), "abc", false},
		"a length longer than the body":        {call("content-length", "4"), "abc", false},
		"capitals in a name":                   {call("X-Capital", "a"), "", false},
		"a colon in a name":                    {call("a:b", "c"), "", false},
		"a line's end in a value":              {call("x-split", "a\r\nx-more: b"), "", false},
		"a NUL in a value":                     {call("x-nul", "a\x00b"), "", false},
		"a header of the connection":           {call("connection", "close"), "", false},
		"transfer-encoding":                    {call("transfer-encoding", "chunked"), "", false},
		"te: gzip":                             {call("te", "gzip"), "", false},
		"a pseudo-header behind another":       {append(call(), ":path", "/x"), "", false},
		"an unknown pseudo-header":             {append([]string{":unknown", "x"}, call()...), "", false},
		"no path":                              {[]string{":method", "GET", ":scheme", "https", ":authority", "localhost"}, "", false},
		"a path without a slash":               {[]string{":method", "GET", ":scheme", "https", ":path", "x", ":authority", "localhost"}, "", false},
	} {
		status := h.http2(t).ask(block(tt.fields...), tt.body)
		seen := h.backend.saw()
		if tt.passes && (status != http.StatusOK || len(seen) != 1 || seen[0].Body != tt.body) {
			t.Errorf("%s: %d, and the backend saw %+v", name, status, seen)
		}
		if !tt.passes {
			for _, s := range seen {
				if !s.Cut {
					t.Errorf("%s: the backend saw %+v", name, s)
				}
			}
			if status == http.StatusOK {
				t.Errorf("%s: answered %d", name, status)
			}
		}
	}
}

// Check 125: streams that are reset at once, and headers without end, are bounded, and
// others are served meanwhile.
func TestHTTP2Floods(t *testing.T) {
	h := furnish(t)
	token := h.token(t, john, "").Access
	headers := block(":method", "GET", ":scheme", "https", ":path", orgnews+"/articles", ":authority", "localhost", "authorization", "Bearer "+token)
	flood := h.http2(t)
	go func() { // whoever floods reads nothing of what is said
		for range 50_000 {
			id := flood.next
			flood.next += 2
			if flood.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: headers, EndHeaders: true, EndStream: true}) != nil ||
				flood.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
				return // cut off
			}
		}
	}()
	h.call(t, http.MethodGet, orgnews+"/status", "").is(t, "amid a flood of resets", http.StatusOK, "")

	endless := h.http2(t)
	endless.must(endless.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers}))
	var err error
	piece := block("x-more", strings.Repeat("a", 8000))
	for sent := 0; err == nil; sent += len(piece) {
		if sent > 64<<20 {
			t.Fatal("64 MiB of headers were taken")
		}
		err = endless.WriteContinuation(1, false, piece)
	}
	if errors.Is(err, http2.ErrFrameTooLarge) {
		t.Fatal(err)
	}
	h.call(t, http.MethodGet, orgnews+"/status", "").is(t, "behind headers without end", http.StatusOK, "")
}
