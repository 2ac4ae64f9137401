package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // net/http's transport tells of strange answers there
	goleak.VerifyTestMain(m)
}

// served is a server of ours that answers with h until the test ends.
func served(tb testing.TB, h http.HandlerFunc, change func(*Server)) (s *Server, address string) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s = &Server{Handler: h, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(s)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	tb.Cleanup(func() {
		s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			tb.Error(err)
		}
	})
	return s, l.Addr().String()
}

// dial connects for at most ten seconds.
func dial(tb testing.TB, address string) (net.Conn, *bufio.Reader) {
	tb.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		tb.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

// Handlers do what they may with a writer; a client must read of our server what it reads
// of net/http's.
func TestAnswersAreWrittenAsNetHTTPDoes(t *testing.T) {
	long := strings.Repeat("0123456789", 10_000)
	flush := func(w http.ResponseWriter) {
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
	}
	for name, h := range map[string]http.HandlerFunc{
		"nothing":        func(http.ResponseWriter, *http.Request) {},
		"a status alone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"a short body":   func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<p>short") },
		"a type of its own": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "a/b")
			io.WriteString(w, "x")
		},
		"no type":     func(w http.ResponseWriter, _ *http.Request) { w.Header()["Content-Type"] = nil; io.WriteString(w, "x") },
		"a long body": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, long) },
		"a long body in pieces": func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(long); i += 1000 {
				io.WriteString(w, long[i:i+1000])
			}
		},
		"a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "01234")
		},
		"a length and a long body": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(long)))
			io.WriteString(w, long)
		},
		"a length that is too small": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "2")
			_, err := io.WriteString(w, "012")
			fmt.Fprint(w, err == http.ErrContentLength)
		},
		"a length that is too large": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "9")
			io.WriteString(w, "012")
		},
		"a flush":            func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "a"); flush(w); io.WriteString(w, "b") },
		"a flush before all": func(w http.ResponseWriter, _ *http.Request) { flush(w) },
		"204": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(204)
			_, err := io.WriteString(w, "x")
			if err != http.ErrBodyNotAllowed {
				t.Error(err)
			}
		},
		"304 with a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			w.WriteHeader(304)
		},
		"headers behind the status": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-A", "b")
			w.WriteHeader(200)
			w.Header().Set("X-A", "c")
		},
		"two statuses":               func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(404) },
		"a status of its own":        func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(499) },
		"a header that breaks lines": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", "b\r\nX-B: c") },
		"a name that breaks lines":   func(w http.ResponseWriter, _ *http.Request) { w.Header()["X-A: b\r\nX-B"] = []string{"c"} },
		"a date":                     func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Date", "today") },
		"announced trailers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Trailer", "X-A, x-b")
			io.WriteString(w, "x")
			w.Header().Set("X-A", "1")
			w.Header().Set("X-B", "2")
			w.Header().Set("X-C", "3")
		},
		"late trailers": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, "x")
			flush(w)
			w.Header().Set(http.TrailerPrefix+"X-A", "1")
		},
		"103": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Link", "x")
			w.WriteHeader(103)
			w.Header().Del("Link")
			io.WriteString(w, "x")
		},
		"the connection ends": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			io.WriteString(w, "x")
		},
		"the request comes back":  func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body); fmt.Fprint(w, r.Trailer) },
		"the request is not read": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") },
		"what stands in the context": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Context().Err(), r.Context().Value(http.ServerContextKey) != nil, r.Context().Value(http.LocalAddrContextKey) != nil)
		},
		"a panic that cuts the answer": func(w http.ResponseWriter, _ *http.Request) {
			io.WriteString(w, long)
			flush(w)
			panic(http.ErrAbortHandler)
		},
	} {
		_, own := served(t, h, nil)
		std := httptest.NewUnstartedServer(h)
		std.Config.ErrorLog = log.New(io.Discard, "", 0)
		std.Start()
		t.Cleanup(std.Close)
		for _, request := range []string{"GET / HTTP/1.1\nHost: a\n", "HEAD / HTTP/1.1\nHost: a\n", "GET / HTTP/1.0\n", "GET / HTTP/1.0\nConnection: keep-alive\n",
			"POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc", "POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\nTrailer: T\n\n3\nabc\n0\nT: u\n", "POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n"} {
			t.Run(name+"/"+strings.ReplaceAll(request, "\n", " "), func(t *testing.T) {
				if differs(name, request) {
					t.SkipNow()
				}
				raw := strings.ReplaceAll(request, "\n", "\r\n")
				if !strings.HasSuffix(request, "abc") {
					raw += "\r\n"
				}
				got, want := conversation(t, own, raw), conversation(t, std.Listener.Addr().String(), raw)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("own %q\n std %q", got, want)
				}
			})
		}
	}
}

// differs lists what we do better: net/http sends interim answers to HTTP/1.0, which has
// none (RFC 9110, section 15.2), and waits for a body that it has not asked for before it
// ends an answer that breaks off.
func differs(name, request string) bool {
	return name == "103" && strings.Contains(request, "HTTP/1.0") ||
		(strings.HasPrefix(name, "a length that is too") || strings.HasPrefix(name, "a panic")) && strings.Contains(request, "Expect")
}

// conversation sends a request, and the body when it is asked for, and tells what came
// back, twice on one connection if that is possible.
func conversation(t *testing.T, address, raw string) (told []string) {
	c, in := dial(t, address)
	defer c.Close()
	method, _, _ := strings.Cut(raw, " ")
	for range 2 {
		if _, err := io.WriteString(c, raw); err != nil {
			return append(told, "the connection has ended")
		}
		for {
			res, err := http.ReadResponse(in, &http.Request{Method: method})
			if err != nil {
				return append(told, "the connection has ended")
			}
			body, err := io.ReadAll(res.Body)
			if res.Close {
				delete(res.Header, "Connection")
			}
			if date := res.Header.Get("Date"); date != "today" {
				_, err := time.Parse(http.TimeFormat, date)
				res.Header.Set("Date", fmt.Sprint(err))
			}
			if res.StatusCode == http.StatusContinue {
				io.WriteString(c, "abc")
			}
			if res.StatusCode == http.StatusNotModified {
				delete(res.Header, "Content-Type")
			}
			told = append(told, fmt.Sprint(res.StatusCode, res.Header, res.ContentLength, res.TransferEncoding, res.Close, res.Trailer, string(body), err))
			if res.StatusCode >= 200 {
				break
			}
		}
	}
	return told
}

// Check 127: whoever is slow with a head is cut, from its first byte on; an idle connection
// is waited for longer.
func TestSlowHeadsAreCut(t *testing.T) {
	_, address := served(t, func(http.ResponseWriter, *http.Request) {}, func(s *Server) { s.HeadTimeout, s.IdleTimeout = 50*time.Millisecond, time.Minute })
	for _, begin := range []string{"", "GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /"} {
		c, in := dial(t, address)
		io.WriteString(c, begin)
		if rest, err := io.ReadAll(in); err != nil || strings.Count(string(rest), "HTTP/1.1") != strings.Count(begin, "Host") {
			t.Errorf("%q: read %q, %v", begin, rest, err)
		}
	}
	c, in := dial(t, address)
	for range 2 {
		fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if _, err := http.ReadResponse(in, nil); err != nil {
			t.Fatal(err)
		}
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := in.ReadByte(); err == io.EOF {
			t.Error("an idle connection was cut")
		}
		c.SetReadDeadline(time.Now().Add(10 * time.Second))
	}
}

func TestIdleConnectionsAreClosed(t *testing.T) {
	_, address := served(t, func(http.ResponseWriter, *http.Request) {}, func(s *Server) { s.IdleTimeout = 50 * time.Millisecond })
	c, in := dial(t, address)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if rest, err := io.ReadAll(in); err != nil || !strings.HasPrefix(string(rest), "HTTP/1.1 200") {
		t.Errorf("read %q, %v", rest, err)
	}
}

// A client that leaves ends the context of its request, however long the handler waits,
// and whether or not it had a body.
func TestClientThatLeavesIsSeen(t *testing.T) {
	for name, request := range map[string]string{
		"without a body": "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"with a body":    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
	} {
		t.Run(name, func(t *testing.T) {
			began, left := make(chan context.Context), make(chan bool)
			_, address := served(t, func(_ http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				below, cancel := context.WithTimeout(context.WithValue(r.Context(), keyOfTest{}, "b"), time.Minute)
				defer cancel()
				began <- below
				<-below.Done()
				left <- errors.Is(below.Err(), context.Canceled)
			}, nil)
			c, _ := dial(t, address)
			io.WriteString(c, request)
			<-began
			c.Close()
			if !<-left {
				t.Error("the context did not end by itself")
			}
		})
	}
}

// A client that has sent its next request already has not left.
func TestClientThatTalksOnHasNotLeft(t *testing.T) {
	next := make(chan bool)
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/first" {
			<-next
		}
		fmt.Fprint(w, r.URL.Path, r.Context().Err())
	}, nil)
	c, in := dial(t, address)
	fmt.Fprint(c, "GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
	fmt.Fprint(c, "GET /second HTTP/1.1\r\nHost: a\r\n\r\n")
	time.AfterFunc(3*lookEvery, func() { close(next) })
	for _, want := range []string{"/first<nil>", "/second<nil>"} {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); string(body) != want {
			t.Errorf("%q, %v, want %q", body, err, want)
		}
	}
}

// What a handler that has returned left behind of a body is read away, up to a bound; its
// connection is kept only when that ends well. Nothing in it is a request.
func TestBodiesThatNobodyReads(t *testing.T) {
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }, nil)
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for _, tt := range []struct {
		name, body string
		headers    string
		kept       bool
	}{
		{"a short one", smuggled, fmt.Sprintf("Content-Length: %d", len(smuggled)), true},
		{"chunks", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled), "Transfer-Encoding: chunked", true},
		{"a long one", strings.Repeat(smuggled, 10_000), fmt.Sprintf("Content-Length: %d", 10_000*len(smuggled)), false},
		{"one that is waited for", "", fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue", len(smuggled)), false},
		{"a broken one", "x\r\n" + smuggled, "Transfer-Encoding: chunked", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, in := dial(t, address)
			go fmt.Fprintf(c, "POST /first HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n%sGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", tt.headers, tt.body)
			all, _ := io.ReadAll(in)
			if got := strings.Count(string(all), "HTTP/1.1 200"); strings.Contains(string(all), "/smuggled") || !strings.Contains(string(all), "/first") || (got == 2) != tt.kept {
				t.Errorf("check 124: read %q", all)
			}
		})
	}
}

// A body may still be read elsewhere when its handler has returned: that ends, and the
// connection with it.
func TestBodyThatIsReadBehindItsHandler(t *testing.T) {
	ended := make(chan error, 1)
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		reading := make(chan bool)
		go func() {
			close(reading)
			_, err := io.ReadAll(r.Body)
			ended <- err
		}()
		<-reading
		io.WriteString(w, "early")
	}, nil)
	c, in := dial(t, address)
	fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
	if all, _ := io.ReadAll(in); !strings.Contains(string(all), "early") {
		t.Errorf("read %q", all)
	}
	if err := <-ended; err == nil {
		t.Error("the body came to an end")
	}
}

func TestHijackedConnections(t *testing.T) {
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		if _, err := w.Write(nil); err != http.ErrHijacked {
			t.Error(err)
		}
		line, err := rw.ReadString('\n')
		fmt.Fprintf(rw, "%s%v", line, err)
		rw.Flush()
	}, nil)
	c, in := dial(t, address)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\nhello\n")
	if all, err := io.ReadAll(in); string(all) != "hello\n<nil>" {
		t.Errorf("read %q, %v", all, err)
	}
}

func TestPanicsEndTheirConnectionAlone(t *testing.T) {
	lines := make(chan string, 10)
	_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panic" {
			panic("a bug")
		}
	}, func(s *Server) { s.Log = slog.New(slog.NewTextHandler(writer(lines), nil)) })
	c, in := dial(t, address)
	fmt.Fprint(c, "GET /panic HTTP/1.1\r\nHost: a\r\n\r\n")
	if all, err := io.ReadAll(in); len(all) != 0 {
		t.Errorf("read %q, %v", all, err)
	}
	if line := <-lines; !strings.Contains(line, "a bug") {
		t.Errorf("logged %q", line)
	}
	c, in = dial(t, address)
	fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := http.ReadResponse(in, nil); err != nil {
		t.Error(err)
	}
}

// writer sends what is written.
type writer chan string

func (w writer) Write(p []byte) (int, error) {
	w <- string(p)
	return len(p), nil
}

// Shutdown closes idle connections at once, waits for those that work, and tells their
// clients that it was the last answer.
func TestShutdown(t *testing.T) {
	began, release := make(chan bool), make(chan bool)
	s, address := served(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			began <- true
			<-release
		}
		io.WriteString(w, "whole")
	}, nil)
	idler, atIdle := dial(t, address)
	fmt.Fprint(idler, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	if res, err := http.ReadResponse(atIdle, nil); err != nil || res.Close {
		t.Fatal(res, err)
	}
	atIdle.Discard(len("whole"))
	worker, atWork := dial(t, address)
	fmt.Fprint(worker, "GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it did not wait: %v", err)
	}
	if _, err := atIdle.ReadByte(); err != io.EOF {
		t.Errorf("the idle connection: %v", err)
	}
	ended := make(chan error)
	go func() { ended <- s.Shutdown(t.Context()) }()
	close(release)
	res, err := http.ReadResponse(atWork, nil)
	if err != nil || !res.Close {
		t.Errorf("%+v, %v", res, err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// HTTP/2 is spoken by somebody else, who gets what was read.
func TestHTTP2IsHandedOn(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	got := make(chan net.Conn, 1)
	_, address := served(t, http.NotFound, func(s *Server) { s.HTTP2 = func(c net.Conn) { got <- c } })
	c, _ := dial(t, address)
	io.WriteString(c, preface+"more")
	other := <-got
	defer other.Close()
	read := make([]byte, len(preface)+4)
	if _, err := io.ReadFull(other, read); err != nil || string(read) != preface+"more" {
		t.Errorf("read %q, %v", read, err)
	}
}

// A client that still sends a body when it is refused reads why, also over TLS.
func TestRefusalsArriveWhileTheBodyDoes(t *testing.T) {
	certificate := httptest.NewTLSServer(nil)
	defer certificate.Close()
	body := strings.Repeat("x", 8<<20)
	for scheme, change := range map[string]func(*Server){"http": nil, "https": func(s *Server) { s.TLS = certificate.TLS.Clone() }} {
		t.Run(scheme, func(t *testing.T) {
			_, address := served(t, func(w http.ResponseWriter, r *http.Request) {
				io.CopyN(io.Discard, r.Body, 64<<10)
				w.WriteHeader(http.StatusRequestEntityTooLarge)
			}, change)
			client := &http.Transport{TLSClientConfig: certificate.Client().Transport.(*http.Transport).TLSClientConfig}
			defer client.CloseIdleConnections()
			for range 10 {
				res, err := client.RoundTrip(request(t, "POST", scheme+"://"+address, strings.NewReader(body)))
				if err != nil {
					t.Fatal(err)
				}
				if res.Body.Close(); res.StatusCode != http.StatusRequestEntityTooLarge {
					t.Error(res.Status)
				}
			}
		})
	}
}

// keyOfTest is a key that nobody else has.
type keyOfTest struct{}
