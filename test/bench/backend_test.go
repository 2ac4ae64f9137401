package bench

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"
)

// serveBackend answers every request with 1 KiB of JSON, and does no more for it than it
// must: it looks for the end of a request's head and takes it that there is no body.
func serveBackend() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + l.Addr().String())
	body := `{"text":"` + strings.Repeat("x", 1024-len(`{"text":""}`)) + `"}`
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	for {
		conn, err := l.Accept()
		if err != nil {
			panic(err)
		}
		go answerAll(conn, answer)
	}
}

func answerAll(conn net.Conn, answer []byte) {
	defer conn.Close()
	var head [16 << 10]byte
	for n := 0; n < len(head); {
		read, err := conn.Read(head[n:])
		if err != nil {
			return
		}
		n += read
		for end := bytes.Index(head[:n], []byte("\r\n\r\n")); end >= 0; end = bytes.Index(head[:n], []byte("\r\n\r\n")) {
			if _, err := conn.Write(answer); err != nil {
				return
			}
			n = copy(head[:], head[end+len("\r\n\r\n"):n])
		}
	}
}

// startBackend starts the backend's process and returns its URL.
func startBackend(b *testing.B) string {
	b.Helper()
	address, _ := startRole(b, backendRole)
	return address
}
