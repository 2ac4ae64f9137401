package wire

import (
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// requestBody is the body of a request that is served. It may be read elsewhere than in the
// handler, and still be when the handler has returned.
type requestBody struct {
	exchange  *exchange
	r         *http.Request
	expects   bool        // the client waits for 100 Continue
	continued atomic.Bool // it was sent
	closed    atomic.Bool

	mu     sync.Mutex // held while it is read
	reader reader
}

// Read reads on. The first time it asks for the body, if the client waits for that.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.expects && !b.continued.Swap(true) {
		if err := b.exchange.answer.proceed(); err != nil {
			return 0, err
		}
	}
	n, err := b.reader.Read(p)
	if err == io.EOF {
		b.reader.merge(&b.r.Trailer)
		b.exchange.watchable.Store(b.reader.in.have() == 0)
	}
	return n, err
}

// Close ends the reading; what is left of it is the connection's affair.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}

// hopeless reports whether the connection cannot be kept because of what is left of the
// body: it is broken, too much, or the client was never asked for it.
func (b *requestBody) hopeless() bool {
	if !b.mu.TryLock() {
		return false // it is being read; finish sees what comes of it
	}
	defer b.mu.Unlock()
	switch {
	case b.reader.err == io.EOF:
		return false
	case b.reader.err != nil:
		return true
	}
	return b.expects && !b.continued.Load() || b.reader.left > maxDrain
}

// finish ends the body when its request is over, and reads what is left away if the
// connection is to be kept. It reports whether the body is at its end.
func (b *requestBody) finish(keep bool) bool {
	b.closed.Store(true)
	rwc := b.exchange.answer.conn.rwc
	if !b.mu.TryLock() {
		_ = rwc.SetReadDeadline(time.Unix(1, 0)) // whoever reads must let go
		b.mu.Lock()                              // when they have
		defer b.mu.Unlock()
		return false
	}
	defer b.mu.Unlock()
	if b.reader.err == io.EOF {
		return true
	}
	if !keep || b.reader.err != nil || b.expects && !b.continued.Load() || rwc.SetReadDeadline(time.Now().Add(drainTimeout)) != nil {
		return false
	}
	_, err := io.CopyN(io.Discard, &b.reader, maxDrain)
	return err == io.EOF
}
