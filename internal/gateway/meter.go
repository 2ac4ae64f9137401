package gateway

import (
	"io"
	"net/http"
	"sync/atomic"
)

// meter counts the bytes of a call's bodies against its limits of bytes, as they pass
// between caller and backend: in portions, and at the end of each body.
type meter struct {
	gateway *Gateway
	limits  Limits // those of bytes
	passed  atomic.Int64
}

// portion is how many bytes pass before they are counted, at most.
const portion = 64 << 10

// meterRequest has the bytes of the request's body counted, where a limit asks for it.
func (c *call) meterRequest() {
	var limits Limits
	for _, l := range c.decision.Limits.All() {
		if l.Bytes {
			limits.add(l.Level, l.Group, l.ID, l.Allowance)
		}
	}
	if limits.n == 0 {
		return
	}
	limits.OrgKey = c.decision.Limits.OrgKey
	c.meter = &meter{gateway: c.gateway, limits: limits}
	if c.r.Body != nil && c.r.Body != http.NoBody {
		c.r.Body = &metered{c.r.Body, c.meter}
	}
}

// meterAnswer has the bytes of the answer's body counted, and those of both sides of a
// connection that was switched to another protocol.
func (c *call) meterAnswer(res *http.Response) {
	if c.meter == nil {
		return
	}
	if both, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		res.Body = &meteredStream{metered{both, c.meter}, both}
		return
	}
	res.Body = &metered{res.Body, c.meter}
}

func (m *meter) pass(n int) {
	if m.passed.Add(int64(n)) >= portion {
		m.count()
	}
}

// count counts what has passed and was not counted yet.
func (m *meter) count() {
	if n := m.passed.Swap(0); n > 0 {
		m.gateway.spend(&m.limits, n)
	}
}

// metered is a body whose bytes are counted.
type metered struct {
	io.ReadCloser
	meter *meter
}

func (b *metered) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.meter.pass(n)
	if err != nil {
		b.meter.count()
	}
	return n, err
}

func (b *metered) Close() error {
	b.meter.count()
	return b.ReadCloser.Close()
}

// meteredStream is a connection whose bytes are counted both ways.
type meteredStream struct {
	metered
	to io.Writer
}

func (s *meteredStream) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.meter.pass(n)
	return n, err
}
