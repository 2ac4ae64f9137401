package gateway

import (
	"hash/maphash"
	"sync"
	"time"

	"github.com/gatehouse/gatehouse"
)

// usage counts calls in memory until they are taken to be stored. It is bounded: when a
// part holds all it may, calls that would need another cell are counted together, first
// those of an application's users, then those of an API as a whole; none is left out.
type usage struct {
	seed  maphash.Seed
	parts [64]usagePart
}

// cellsPerPart makes for 32,768 cells, some 10 MiB, between two takings.
const cellsPerPart = 512

type usagePart struct {
	mu    sync.Mutex
	cells map[cellKey]*cell
	_     [64]byte // keeps parts off each other's cache lines
}

// cellKey is a gatehouse.UsageKey that is quick to compare.
type cellKey struct {
	minute                                              int64
	org, api, application, user, method, template, code string
	class                                               uint8
}

type cell struct {
	calls   int64
	took    time.Duration
	latency gatehouse.Latency
}

// count counts a call that is over. Calls of no API are not counted here.
func (u *usage) count(s *seen) {
	d := &s.decision
	if d.API == nil {
		return
	}
	k := cellKey{minute: s.at.Unix() / 60, org: d.API.OrgID, api: d.API.ID, class: uint8(s.status / 100)}
	if d.Client != nil {
		k.application = d.Client.Application.ID
	}
	if a := d.Authorization; a != nil && a.For == gatehouse.ForUser {
		k.user = a.Subject
	}
	if d.Resource != nil {
		k.method, k.template = d.Resource.Method, d.Resource.Template
	}
	if d.Refusal != nil {
		k.code = d.Refusal.Code
	}
	part := &u.parts[maphash.String(u.seed, k.api+k.application)%uint64(len(u.parts))]
	part.mu.Lock()
	defer part.mu.Unlock()
	c := part.cell(k)
	c.calls++
	c.took += s.took
	c.latency.Observe(s.took)
}

// cell finds the cell of k, or of what k is counted with when there is no room.
func (p *usagePart) cell(k cellKey) *cell {
	if c := p.cells[k]; c != nil {
		return c
	}
	if p.cells == nil {
		p.cells = map[cellKey]*cell{}
	}
	if len(p.cells) >= cellsPerPart/2 {
		k.user = ""
	}
	if len(p.cells) >= cellsPerPart {
		k.application, k.method, k.template = "", "", ""
	}
	c := p.cells[k]
	if c == nil {
		c = &cell{}
		p.cells[k] = c
	}
	return c
}

// TakeUsage returns what was counted since it was last called, by the minute.
func (g *Gateway) TakeUsage() []gatehouse.Usage {
	var taken []gatehouse.Usage
	for i := range g.usage.parts {
		p := &g.usage.parts[i]
		p.mu.Lock()
		cells := p.cells
		p.cells = nil
		p.mu.Unlock()
		for k, c := range cells {
			taken = append(taken, gatehouse.Usage{
				UsageKey: gatehouse.UsageKey{
					At: time.Unix(k.minute*60, 0).UTC(), OrgID: k.org, APIID: k.api, ApplicationID: k.application, UserID: k.user,
					Method: k.method, Template: k.template, Class: string('0'+k.class) + "xx", Code: k.code,
				},
				Calls: c.calls, Took: c.took, Latency: c.latency,
			})
		}
	}
	return taken
}
