package wire

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// join makes one connection of the client's and the backend's, which have switched to
// another protocol, until either ends. An error is for the client, which has got no answer
// yet.
func (p *Proxy) join(w http.ResponseWriter, out *http.Request, res *http.Response, asked string) error {
	backend, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		return errors.New("a switched protocol has no connection")
	}
	defer backend.Close()
	if now := upgradeOf(out.Header); !validValue(asked) || now == "" || !strings.EqualFold(upgradeOf(res.Header), now) {
		return fmt.Errorf("the backend switched to the protocol %q, and not to %q", upgradeOf(res.Header), now)
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("switch protocols: %w", err)
	}
	defer conn.Close()
	cut := &ending{func() { backend.Close() }}
	until := whenEnded(out.Context(), cut)
	defer until.over(cut)
	h := w.Header()
	for name, values := range res.Header {
		h[name] = append(h[name], values...)
	}
	head := append(appendFields(appendStatus(nil, res.StatusCode), h, func(name string) bool {
		return name == "Content-Length" || name == "Transfer-Encoding" // it has no body
	}), "\r\n"...)
	if _, err := conn.Write(head); err != nil {
		return nil // nobody is there to be told
	}
	ended := make(chan error, 2)
	go func() { ended <- pass(backend, rw.Reader) }()
	go func() { ended <- pass(conn, backend) }()
	if <-ended == nil {
		<-ended
	}
	return nil
}

// errEnded is for a direction that has ended, and takes the other one with it.
var errEnded = errors.New("one direction has ended")

// pass copies one direction. Its end is passed on where a connection can be half closed;
// then the other direction goes on.
func pass(to io.Writer, from io.Reader) error {
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errEnded
}
